// websocketmanager_controller: steers connections of the WebSocketManager by commands. Shows an
// ApiCommandWorker: named commands in, calls of a service through the gateway, replies out.
//
// Input, on command.websocketmanagercontroller: {"command", "api_host"?, "data": {...}}
//   create        url, auto_reconnect?      -> id, message "connected"
//   subscribe     id, params[]              sends {"method":"SUBSCRIBE","params":[...],"id":1}
//   unsubscribe   id, params[]
//   publish       id, topic                 its frames become events on the topic
//   stop_publish  id                        also stop-publish
//   send_raw      id, message (base64), content_type?
//   list                                    -> connections
//   disconnect    id
//   stop                                    disconnects all that this worker created
// Replies: {command, success, id?, message?}; a call that fails: {"command":"error",
// "success":false,"message":"Gateway invoke failed: <why>"}.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/base64.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/worker/api_worker.hpp"
#include "virtufin/worker/native_export.hpp"

namespace websocketmanager_controller {

using virtufin::CloudEvent;
using virtufin::ErrorPayload;
using virtufin::FindArgument;
using virtufin::FindText;
using virtufin::Json;
using virtufin::Result;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::WorkerContext;

enum class Command {
  kCreate,
  kSubscribe,
  kUnsubscribe,
  kPublish,
  kStopPublish,
  kSendRaw,
  kList,
  kDisconnect,
  kStop,
};

constexpr auto CommandNames(Command) {
  return std::to_array<virtufin::CommandName<Command>>({{Command::kCreate, "create"},
                                                        {Command::kSubscribe, "subscribe"},
                                                        {Command::kUnsubscribe, "unsubscribe"},
                                                        {Command::kPublish, "publish"},
                                                        {Command::kStopPublish, "stop_publish"},
                                                        {Command::kStopPublish, "stop-publish"},
                                                        {Command::kSendRaw, "send_raw"},
                                                        {Command::kList, "list"},
                                                        {Command::kDisconnect, "disconnect"},
                                                        {Command::kStop, "stop"}});
}

constexpr std::string_view kJson = "application/json";

inline Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "websocketmanager_controller", std::move(message));
}

/// A text argument that must be there.
inline Result<std::string> Need(const Json& payload, std::string_view name) {
  const auto text = FindText(payload, name);
  if (!text || text->empty()) return Invalid("Missing '" + std::string(name) + "' field");
  return std::string(*text);
}

inline std::string ToBase64(std::string_view text) {
  std::string out(virtufin::Base64Size(text.size()), '\0');
  virtufin::WriteBase64(virtufin::AsBytes(text), out.data());
  return out;
}

class WebSocketManagerController final : public virtufin::ApiCommandWorker<Command> {
 public:
  WebSocketManagerController()
      : ApiCommandWorker("urn:com.virtufin.worker.websocketmanagercontroller",
                         "response.websocketmanagercontroller") {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext& /*context*/, const CloudEvent& /*event*/,
                                            Command command, const Json& payload) override {
    if (Status status = ChooseGateway(payload); !status.ok()) return ErrorPayload(status.message());
    const Result<Json> reply = Run(command, payload);
    if (!reply.ok()) return ErrorPayload(reply.status().message());
    return *reply;
  }

  /// "host" is what older senders call "api_host".
  Status ChooseGateway(const Json& payload) {
    const auto host = FindText(payload, "host");
    if (!host || FindText(payload, "api_host")) return EnsureClientFromCommand(payload);
    return EnsureClientFromCommand({{"api_host", *host}});
  }

  Result<Json> Run(Command command, const Json& payload) {
    switch (command) {
      case Command::kCreate:
        return Create(payload);
      case Command::kList:
        return List();
      case Command::kStop:
        return Stop();
      default:
        return Steer(command, payload);
    }
  }

  Result<Json> Create(const Json& payload) {
    const Result<std::string> url = Need(payload, "url");
    if (!url.ok()) return url.status();
    Json request = {{"url", *url}};
    if (const Json* const again = FindArgument(payload, "auto_reconnect")) {
      if (!again->is_boolean()) return Invalid("auto_reconnect: expected true or false");
      request["auto_reconnect"] = *again;
    }
    const Result<Json> answer = Invoke("Connect", request);
    if (!answer.ok()) return answer.status();
    const Result<std::string> id = Need(*answer, "id");
    if (!id.ok()) return Invalid("Gateway invoke failed: Connect: expected an id");
    created_.push_back(*id);
    // With auto_reconnect a connection is made even when its first attempt failed.
    return Response(Command::kCreate, true, *id, FindText(*answer, "status").value_or("connected"));
  }

  Result<Json> List() {
    const Result<Json> answer = Invoke("List", Json::object());
    if (!answer.ok()) return answer.status();
    Json reply = Response(Command::kList, true);
    const Json* const connections = FindArgument(*answer, "connections");
    reply["connections"] = connections != nullptr ? *connections : Json::array();
    return reply;
  }

  Result<Json> Stop() {
    const std::size_t count = created_.size();
    while (!created_.empty()) {
      const Result<Json> answer = Invoke("Disconnect", {{"id", created_.back()}});
      if (!answer.ok() && answer.status().code() != StatusCode::kNotFound) return answer.status();
      created_.pop_back();
    }
    return Response(Command::kStop, true, {}, std::to_string(count) + " disconnected");
  }

  /// The commands that are about one connection.
  Result<Json> Steer(Command command, const Json& payload) {
    const Result<std::string> id = Need(payload, "id");
    if (!id.ok()) return id.status();
    Json request = {{"id", *id}};
    const Result<std::string_view> method = Fill(command, payload, request);
    if (!method.ok()) return method.status();
    const Result<Json> answer = Invoke(*method, request);
    if (!answer.ok()) return answer.status();
    if (command == Command::kDisconnect) std::erase(created_, *id);
    return Response(command, true, *id);
  }

  /// The method that a command calls, and what its request has besides the id.
  static Result<std::string_view> Fill(Command command, const Json& payload, Json& request) {
    if (command == Command::kPublish) {
      const Result<std::string> topic = Need(payload, "topic");
      if (!topic.ok()) return topic.status();
      request["topic"] = *topic;
      return std::string_view("StartPublish");
    }
    if (command == Command::kStopPublish) return std::string_view("StopPublish");
    if (command == Command::kDisconnect) return std::string_view("Disconnect");
    if (command == Command::kSendRaw) {
      const Result<std::string> message = Need(payload, "message");
      if (!message.ok()) return message.status();
      std::string bytes(virtufin::Base64Bytes(message->size()), '\0');
      if (virtufin::ReadBase64(*message, reinterpret_cast<std::uint8_t*>(bytes.data()),
                               virtufin::Base64Rule::kLenient) == nullptr) {
        return Invalid("message: expected base64");
      }
      request["message"] = *message;
      request["content_type"] = FindText(payload, "content_type").value_or(kJson);
      return std::string_view("SendRaw");
    }
    const Json* const params = FindArgument(payload, "params");
    if (params == nullptr || !params->is_array()) return Invalid("Missing 'params' field");
    // The venue reads the members in this order.
    const std::string frame =
        "{\"method\":\"" +
        std::string(command == Command::kSubscribe ? "SUBSCRIBE" : "UNSUBSCRIBE") +
        "\",\"params\":" + params->dump() + ",\"id\":1}";
    request["message"] = ToBase64(frame);
    request["content_type"] = kJson;
    return std::string_view("SendRaw");
  }

  Result<Json> Invoke(std::string_view method, const Json& request) {
    const auto failed = [](const Status& why) {
      return Status(why.code(), why.component(),
                    "Gateway invoke failed: " + std::string(why.message()));
    };
    virtufin::GatewayClient* const gateway = Api();
    if (gateway == nullptr) {
      return failed(Status(StatusCode::kUnavailable, "websocketmanager_controller", "no gateway"));
    }
    const Result<std::string> answer = gateway->Invoke("websocketmanager", method, request.dump());
    if (!answer.ok()) return failed(answer.status());
    Json json = Json::parse(answer->empty() ? "{}" : *answer, nullptr, false);
    if (!json.is_object()) {
      return failed(Invalid(std::string(method) + ": expected a JSON object"));
    }
    return json;
  }

  std::vector<std::string> created_;
};

}  // namespace websocketmanager_controller

VIRTUFIN_EXPORT_WORKER(websocketmanager_controller::WebSocketManagerController)
