// Direct services: requests and answers are the canonical JSON of the platform's messages.
#include "platform/direct_gateway.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "platform/proto_event.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "gateway", std::move(message));
}

/// Refuses what is too deep before it is parsed: the parser recurses.
bool TooDeep(std::string_view json) {
  int depth = 0;
  bool text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (text) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        text = false;
    } else if (c == '"') {
      text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<std::string> DirectGateway::Invoke(std::string_view service, std::string_view method,
                                          std::string_view json) {
  if (service != "virtufin.Pubsub") {
    return Status(StatusCode::kUnimplemented, "gateway",
                  "service " + std::string(service) +
                      ": built without gRPC, only virtufin.Pubsub "
                      "is served");
  }
  if (method != "PublishEvent") {
    return Status(StatusCode::kUnimplemented, "gateway",
                  "virtufin.Pubsub has no method " + std::string(method) + " here: PublishEvent");
  }
  return PublishEvent(json);
}

Result<std::string> DirectGateway::PublishEvent(std::string_view json) {
  if (json.size() > kMaxEventBytes || TooDeep(json)) {
    return Invalid("request: expected at most " + std::to_string(kMaxEventBytes) +
                   " bytes and a depth of " + std::to_string(kMaxJsonDepth));
  }
  const Json request = Json::parse(json, nullptr, false);
  if (!request.is_object()) return Invalid("request: expected a JSON object");
  for (const auto& [member, value] : request.items()) {
    if (member != "topic" && member != "cloudevent") {
      return Invalid("request: expected topic and cloudevent, found " + member);
    }
  }
  const auto topic = request.find("topic");
  if (topic == request.end() || !topic->is_string() ||
      topic->get_ref<const std::string&>().empty()) {
    return Invalid("topic: expected text that is not empty");
  }
  const auto event = request.find("cloudevent");
  if (event == request.end()) return Invalid("cloudevent: expected an object, found nothing");
  auto decoded = EventFromProtoJson(*event);
  if (!decoded.ok()) return decoded.status();
  Status published =
      bus_.Publish(Message(topic->get_ref<const std::string&>(), std::move(*decoded)));
  if (!published.ok()) return published;
  return std::string(R"({"status":{"success":true}})");
}

}  // namespace virtufin::inline v0::detail
