// websocketmanager_controller: its nine commands as calls of the gateway service, with a gateway
// that the test answers for. And the wire names of the reference workers.
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "../../../examples/workers/echo.cpp"
#include "../../../examples/workers/websocketmanager_controller.cpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;

namespace {

template <class Command>
std::vector<std::string> WireNames() {
  std::vector<std::string> names;
  for (const auto& row : CommandNames(Command{})) names.emplace_back(row.name);
  return names;
}

/// The worker, loaded from its library, and what it calls.
struct Loaded {
  /// What the command is answered; the answers of the gateway come from `answers`, "{}" else.
  Json Send(std::string_view command) {
    const CloudEvent input = CloudEvent::Builder()
                                 .Source("urn:test")
                                 .Type("command")
                                 .Extension("correlationid", "c-9")
                                 .JsonData(command)
                                 .Build()
                                 .value();
    CallOutcome outcome = Call(*worker, input);
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    REQUIRE(outcome.reply.has_value());
    CHECK(outcome.reply->type() == "response.websocketmanagercontroller");
    CHECK(outcome.reply->source() == "urn:com.virtufin.worker.websocketmanagercontroller");
    CHECK(outcome.reply->ExtensionText("correlationid") == "c-9");
    return Json::parse(outcome.reply->data_text());
  }

  std::vector<std::string> calls;
  std::deque<Result<std::string>> answers;
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::unique_ptr<LoadedWorker> worker = LoadWorker(
      *engine, NativeFile(WORKERS "/libwebsocketmanager_controller.so"),
      std::make_shared<RecordingHost>([this](auto service, auto method, auto json) {
        calls.push_back(std::string(service) + "." + std::string(method) + " " + std::string(json));
        if (answers.empty()) return Result<std::string>("{}");
        Result<std::string> answer = std::move(answers.front());
        answers.pop_front();
        return answer;
      }));
};

Json ErrorReply(std::string_view message) {
  return {{"command", "error"}, {"success", false}, {"message", message}};
}

}  // namespace

// Pins SDK-40.
TEST_CASE("the wire names of the reference workers are the contract's") {
  CHECK(WireNames<echo::Command>() == std::vector<std::string>{"start", "stop", "echo"});
  CHECK(WireNames<websocketmanager_controller::Command>() ==
        std::vector<std::string>{"create", "subscribe", "unsubscribe", "publish", "stop_publish",
                                 "stop-publish", "send_raw", "list", "disconnect", "stop"});
}

// Pins SDK-41.
TEST_CASE("each command of the controller is one call of the gateway service") {
  struct Row {
    const char* command;
    const char* answer;  // of the gateway
    const char* call;    // "<method> <request>"
    const char* reply;
  };
  // {"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}, then UNSUBSCRIBE, in base64.
  const Row rows[] = {
      {R"({"command":"create","data":{"url":"wss://venue/ws","auto_reconnect":true}})",
       R"({"id":"i-1","status":"connected"})",
       R"(Connect {"auto_reconnect":true,"url":"wss://venue/ws"})",
       R"({"command":"create","id":"i-1","message":"connected","success":true})"},
      {R"({"command":"create","url":"wss://away","host":"elsewhere"})",
       R"({"id":"i-2","status":"reconnecting"})", R"(Connect {"url":"wss://away"})",
       R"({"command":"create","id":"i-2","message":"reconnecting","success":true})"},
      {R"({"command":"subscribe","data":{"id":"i-1","params":["btcusdt@depth"]}})", "{}",
       R"(SendRaw {"content_type":"application/json","id":"i-1",)"
       R"("message":"eyJtZXRob2QiOiJTVUJTQ1JJQkUiLCJwYXJhbXMiOlsi)"
       R"(YnRjdXNkdEBkZXB0aCJdLCJpZCI6MX0="})",
       R"({"command":"subscribe","id":"i-1","success":true})"},
      {R"({"command":"unsubscribe","data":{"id":"i-1","params":["btcusdt@depth"]}})", "{}",
       R"(SendRaw {"content_type":"application/json","id":"i-1",)"
       R"("message":"eyJtZXRob2QiOiJVTlNVQlNDUklCRSIsInBhcmFtcyI6)"
       R"(WyJidGN1c2R0QGRlcHRoIl0sImlkIjoxfQ=="})",
       R"({"command":"unsubscribe","id":"i-1","success":true})"},
      {R"({"command":"publish","data":{"id":"i-1","topic":"act.raw"}})", "",
       R"(StartPublish {"id":"i-1","topic":"act.raw"})",
       R"({"command":"publish","id":"i-1","success":true})"},
      {R"({"command":"stop-publish","data":{"id":"i-1"}})", "{}", R"(StopPublish {"id":"i-1"})",
       R"({"command":"stop_publish","id":"i-1","success":true})"},
      {R"({"command":"STOP_PUBLISH","id":"i-1"})", "{}", R"(StopPublish {"id":"i-1"})",
       R"({"command":"stop_publish","id":"i-1","success":true})"},
      {R"({"command":"send_raw","data":{"id":"i-1","message":"AAE=",)"
       R"("content_type":"application/octet-stream"}})",
       "{}", R"(SendRaw {"content_type":"application/octet-stream","id":"i-1","message":"AAE="})",
       R"({"command":"send_raw","id":"i-1","success":true})"},
      {R"({"command":"list"})", R"({"connections":[{"id":"i-1"},{"id":"i-2"}]})", "List {}",
       R"({"command":"list","connections":[{"id":"i-1"},{"id":"i-2"}],"success":true})"},
      {R"({"command":"list"})", "{}", "List {}",
       R"({"command":"list","connections":[],"success":true})"},
      {R"({"command":"disconnect","data":{"id":"i-1"}})", "{}", R"(Disconnect {"id":"i-1"})",
       R"({"command":"disconnect","id":"i-1","success":true})"},
      {R"({"command":"stop"})", "{}", R"(Disconnect {"id":"i-2"})",
       R"({"command":"stop","message":"1 disconnected","success":true})"},
  };
  Loaded loaded;
  for (const Row& row : rows) {
    CAPTURE(row.command);
    loaded.calls.clear();
    loaded.answers = {std::string(row.answer)};
    CHECK(loaded.Send(row.command).dump() == row.reply);
    CHECK(loaded.calls == std::vector<std::string>{std::string("websocketmanager.") + row.call});
  }
}

// Pins SDK-42.
TEST_CASE("a command that cannot be carried out says why, and calls nothing it should not") {
  Loaded loaded;
  loaded.answers = {Status(StatusCode::kUnavailable, "ws", "no route to venue")};
  CHECK(loaded.Send(R"({"command":"create","url":"wss://venue"})") ==
        ErrorReply("Gateway invoke failed: no route to venue"));
  loaded.answers = {std::string("[]")};
  CHECK(loaded.Send(R"({"command":"list"})") ==
        ErrorReply("Gateway invoke failed: List: expected a JSON object"));
  loaded.answers = {std::string("{}")};
  CHECK(loaded.Send(R"({"command":"create","url":"wss://venue"})") ==
        ErrorReply("Gateway invoke failed: Connect: expected an id"));
  loaded.calls.clear();
  CHECK(loaded.Send(R"({"command":"create"})") == ErrorReply("Missing 'url' field"));
  CHECK(loaded.Send(R"({"command":"create","url":"wss://venue","auto_reconnect":"yes"})") ==
        ErrorReply("auto_reconnect: expected true or false"));
  for (const char* command : {"subscribe", "publish", "stop_publish", "send_raw", "disconnect"}) {
    CHECK(loaded.Send(Json{{"command", command}}.dump()) == ErrorReply("Missing 'id' field"));
  }
  CHECK(loaded.Send(R"({"command":"subscribe","id":"i"})") == ErrorReply("Missing 'params' field"));
  CHECK(loaded.Send(R"({"command":"publish","id":"i"})") == ErrorReply("Missing 'topic' field"));
  CHECK(loaded.Send(R"({"command":"send_raw","id":"i"})") == ErrorReply("Missing 'message' field"));
  CHECK(loaded.Send(R"({"command":"send_raw","id":"i","message":"?"})") ==
        ErrorReply("message: expected base64"));
  CHECK(loaded.Send(R"({"command":"resume"})") == ErrorReply("Unknown command: resume"));
  CHECK(loaded.Send(R"({"command":"list","api_host":"a:0"})")["message"] ==
        "api_host: expected host or host:port, found 'a:0'");
  CHECK(loaded.calls.empty());
}

TEST_CASE("stop goes on behind a connection that is gone, and keeps those it could not end") {
  Loaded loaded;
  for (const char* id : {"a", "b", "c"}) {
    loaded.answers.push_back(Json{{"id", id}}.dump());
    loaded.Send(R"({"command":"create","url":"wss://venue"})");
  }
  loaded.answers = {Status(StatusCode::kNotFound, "ws", "no such connection"),
                    Status(StatusCode::kUnavailable, "ws", "away")};
  CHECK(loaded.Send(R"({"command":"stop"})") == ErrorReply("Gateway invoke failed: away"));
  loaded.calls.clear();
  loaded.answers.clear();
  CHECK(loaded.Send(R"({"command":"stop"})")["message"] == "2 disconnected");
  CHECK(loaded.calls == std::vector<std::string>{R"(websocketmanager.Disconnect {"id":"b"})",
                                                 R"(websocketmanager.Disconnect {"id":"a"})"});
}

namespace {

/// A gateway elsewhere, whose connections are named after it.
class Elsewhere final : public GatewayClient {
 public:
  explicit Elsewhere(std::string name) : name_(std::move(name)) {}
  Result<std::string> Invoke(std::string_view service, std::string_view method,
                             std::string_view) override {
    return Json{{"id", name_ + " " + std::string(service) + "." + std::string(method)}}.dump();
  }

 private:
  const std::string name_;
};

}  // namespace

// Pins SDK-17, SDK-41.
TEST_CASE("on a platform that dials, the controller reaches the gateway that a command names") {
  PlatformOptions options;
  options.executor.threads = 2;
  options.gateway_clients = [](std::string_view host, std::uint16_t port) {
    return std::make_unique<Elsewhere>(std::string(host) + ":" + std::to_string(port));
  };
  const std::unique_ptr<Platform> platform = Platform::Create(std::move(options)).value();
  REQUIRE(RegisterWorkerFactory(platform->engines(), "controller", [] {
            return std::make_unique<websocketmanager_controller::WebSocketManagerController>();
          }).ok());
  REQUIRE(platform->Start().ok());
  CreateWorkerRequest request;
  const std::string name = "controller";
  request.code.mime_type = kInProcMimeType;
  request.code.content.assign(name.begin(), name.end());
  request.topics = {"commands"};
  const auto id = platform->workers().Create(std::move(request));
  REQUIRE_MESSAGE(id.ok(), id.status().ToString());
  REQUIRE(platform->workers().Start(*id).ok());
  const auto ask = [&](std::string_view command) {
    std::promise<Json> reply;
    const auto watch =
        platform->bus().Subscribe("response.websocketmanagercontroller", {},
                                  [&](const Message& message, const DeliveryInfo&) {
                                    reply.set_value(Json::parse(message.event().data_text()));
                                    return Delivery::kSuccess;
                                  });
    const CloudEvent event =
        CloudEvent::Builder().Source("urn:test").Type("c").JsonData(command).Build().value();
    REQUIRE(platform->bus().Publish(Message("commands", event)).ok());
    return reply.get_future().get();
  };
  CHECK(
      ask(R"({"command":"create","url":"wss://venue"})")["message"].get<std::string>().starts_with(
          "Gateway invoke failed: "));  // the platform's own
  CHECK(ask(R"({"command":"create","url":"wss://venue","api_host":"away:7"})")["id"] ==
        "away:7 websocketmanager.Connect");
  CHECK(ask(R"({"command":"create","url":"wss://venue"})")["id"] ==
        "away:7 websocketmanager.Connect");
  CHECK(ask(R"({"command":"create","url":"wss://venue","host":"near"})")["id"] ==
        "near:5002 websocketmanager.Connect");
  CHECK(platform->Stop(std::chrono::seconds(30)).ok());
}
