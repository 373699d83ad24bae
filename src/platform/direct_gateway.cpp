// Direct services: requests and answers are the canonical JSON of the platform's messages.
#include "platform/direct_gateway.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "platform/json_request.hpp"
#include "platform/proto_event.hpp"

namespace virtufin::inline v0::detail {

Result<std::string> DirectGateway::Invoke(std::string_view service, std::string_view method,
                                          std::string_view json) {
  if (service == "virtufin.State") return state_.Invoke(method, json);
  if (service != "virtufin.Pubsub") {
    return Status(StatusCode::kUnimplemented, "gateway",
                  "service " + std::string(service) +
                      ": built without gRPC, only virtufin.Pubsub and virtufin.State are served");
  }
  if (method != "PublishEvent") {
    return Status(StatusCode::kUnimplemented, "gateway",
                  "virtufin.Pubsub has no method " + std::string(method) + " here: PublishEvent");
  }
  return PublishEvent(json);
}

Result<std::string> DirectGateway::PublishEvent(std::string_view json) {
  const auto parsed = ParseRequest(json);
  if (!parsed.ok()) return parsed.status();
  const nlohmann::json& request = *parsed;
  for (const auto& [member, value] : request.items()) {
    if (member != "topic" && member != "cloudevent") {
      return InvalidRequest("request: expected topic and cloudevent, found " + member);
    }
  }
  const auto topic = request.find("topic");
  if (topic == request.end() || !topic->is_string() ||
      topic->get_ref<const std::string&>().empty()) {
    return InvalidRequest("topic: expected text that is not empty");
  }
  const auto event = request.find("cloudevent");
  if (event == request.end())
    return InvalidRequest("cloudevent: expected an object, found nothing");
  auto decoded = EventFromProtoJson(*event);
  if (!decoded.ok()) return decoded.status();
  Status published =
      bus_.Publish(Message(topic->get_ref<const std::string&>(), std::move(*decoded)));
  if (!published.ok()) return published;
  return std::string(R"({"status":{"success":true}})");
}

}  // namespace virtufin::inline v0::detail
