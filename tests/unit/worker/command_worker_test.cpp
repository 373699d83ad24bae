// CommandWorker and JsonCodec: names of commands, arguments, exact error texts.
#include <doctest/doctest.h>

#include <array>

#include "unit/worker/typed_worker_fixture.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

enum class Order { kBuy, kSell, kCancelAll };
constexpr auto CommandNames(Order) {
  return std::to_array<CommandName<Order>>({{Order::kBuy, "buy"},
                                            {Order::kSell, "sell"},
                                            {Order::kCancelAll, "cancel-all"},
                                            {Order::kCancelAll, "cancelAll"}});
}
static_assert(FindCommand<Order>("BUY") == Order::kBuy);
static_assert(NameOfCommand(Order::kCancelAll) == "cancel-all");

class Desk final : public CommandWorker<Order> {
 public:
  Desk() : CommandWorker("urn:test:desk", "test.desk") {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext&, const CloudEvent&, Order command,
                                            const Json& payload) override {
    if (command == Order::kCancelAll) return Response(command, true);
    const auto symbol = FindText(payload, "symbol");
    if (!symbol) return std::nullopt;
    return Response(command, true, *symbol, "done");
  }
};

std::string Error(std::string_view message) {
  return Json{{"command", "error"}, {"success", false}, {"message", message}}.dump();
}

}  // namespace

// Pins SDK-9.
TEST_CASE("a command is found by name and alias in any case, and its reply spells it as declared") {
  Desk desk;
  CHECK(DataOf(desk, JsonInput(R"({"command":"Buy","data":{"symbol":"ETH"}})")) ==
        R"({"command":"buy","id":"ETH","message":"done","success":true})");
  for (const char* name : {"cancel-all", "CANCEL-ALL", "cancelall", "cancelAll"}) {
    CHECK(DataOf(desk, JsonInput(Json{{"command", name}}.dump())) ==
          R"({"command":"cancel-all","success":true})");
  }
}

// Pins SDK-10.
TEST_CASE("what names no command is answered with its own words") {
  Desk desk;
  for (const char* name : {"", "hold", "1", "0", "buy,sell", " buy", "buy ", "bu y", "kBuy",
                           "bu\u0178", "\u212Aill"}) {
    CAPTURE(name);
    CHECK(DataOf(desk, JsonInput(Json{{"command", name}}.dump())) ==
          Error("Unknown command: " + std::string(name)));
  }
}

// Pins SDK-11.
TEST_CASE("a command that is absent, null or no string is a missing field") {
  Desk desk;
  for (const char* json :
       {"{}", R"({"command":null})", R"({"command":1})", R"({"command":["buy"]})",
        R"({"command":{}})", R"({"Command":"buy"})", R"({"data":{"command":"buy"}})"}) {
    CAPTURE(json);
    CHECK(DataOf(desk, JsonInput(json)) == Error("Missing 'command' field"));
  }
}

// Pins SDK-12.
TEST_CASE("data that is no JSON object is refused with one text for commands, one for the others") {
  const auto inputs = [] {
    std::vector<CloudEvent> all;
    all.push_back(InputBuilder().Build().value());
    for (const char* json : {"null", "[]", "\"buy\"", "7", "true"}) all.push_back(JsonInput(json));
    all.push_back(InputBuilder()
                      .DataContentType("text/plain")
                      .TextData(R"({"command":"buy"})")
                      .Build()
                      .value());
    all.push_back(InputBuilder().BinaryData(AsBytes("\x01\x02")).Build().value());
    all.push_back(InputBuilder()
                      .DataContentType("application/octet-stream")
                      .BinaryData(AsBytes(R"({"command":"buy"})"))
                      .Build()
                      .value());
    all.push_back(InputBuilder()
                      .DataContentType("application/json")
                      .JsonData("{\"command\":", Validate::kTrusted)
                      .Build()
                      .value());
    all.push_back(InputBuilder().JsonData(R"({"x":1e999})", Validate::kTrusted).Build().value());
    std::string deep;
    for (int i = 0; i < 65; ++i) deep += "{\"a\":";
    deep += "1" + std::string(65, '}');
    all.push_back(InputBuilder().JsonData(deep, Validate::kTrusted).Build().value());
    return all;
  }();
  Desk desk;
  const JsonCodec codec;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    CHECK(DataOf(desk, inputs[i]) == Error("Failed to parse command JSON"));
    const auto payload = codec.DecodePayload(inputs[i]);
    REQUIRE_FALSE(payload.ok());
    CHECK(payload.status().message() == "Failed to parse JSON data");
  }
}

// Pins SDK-13.
TEST_CASE("every JSON media type is read, with any parameters") {
  Desk desk;
  for (const char* type : {"application/json", "text/json", "Application/JSON; charset=utf-8",
                           "application/vnd.desk+json", "application/cloudevents+json;v=1"}) {
    CAPTURE(type);
    const CloudEvent input = InputBuilder()
                                 .DataContentType(type)
                                 .JsonData(R"({"command":"cancel-all"})")
                                 .Build()
                                 .value();
    CHECK(DataOf(desk, input) == R"({"command":"cancel-all","success":true})");
  }
}

// Pins SDK-14.
TEST_CASE("an argument is looked for in data, then beside it") {
  const Json payload = Json::parse(R"({"a":1,"b":"top","data":{"a":2,"n":null}})");
  REQUIRE(FindArgument(payload, "a") != nullptr);
  CHECK(*FindArgument(payload, "a") == 2);
  CHECK(FindText(payload, "b") == "top");
  CHECK(FindArgument(payload, "n")->is_null());
  CHECK(FindArgument(payload, "c") == nullptr);
  CHECK_FALSE(FindText(payload, "a").has_value());
  CHECK(FindArgument(Json::parse(R"({"a":1,"data":[1]})"), "a") != nullptr);
  CHECK(FindArgument(Json::array(), "a") == nullptr);
}

TEST_CASE("brackets within strings do not count as depth") {
  const std::string text = R"({"a":")" + std::string(200, '[') + R"(\"{\\"})";
  CHECK(JsonCodec().DecodePayload(JsonInput(text)).ok());
}

namespace {

/// Commands in a payload that is no JSON: the first letter of the text.
class LetterCodec final : public PayloadCodec<std::string, std::string> {
 public:
  std::string_view ContentType() const noexcept override { return "text/plain"; }
  Result<std::string> DecodePayload(const CloudEvent& event) const override {
    return std::string(event.data_text());
  }
  Result<EncodedPayload> EncodeResponse(const CloudEvent&, const std::string& out) const override {
    return EncodedPayload{out, "text/plain"};
  }
  std::string EncodeError(const CloudEvent&, std::string_view message) const override {
    return "error: " + std::string(message);
  }
};
class Letters final : public CommandWorker<Order, std::string, std::string> {
 public:
  Letters() : CommandWorker("urn:test:letters", "test.letters", std::make_shared<LetterCodec>()) {}

 private:
  Result<Order> ExtractCommand(const CloudEvent&, const std::string& text) override {
    if (text.starts_with('b')) return Order::kBuy;
    return Status(StatusCode::kInvalidArgument, "test", "no such letter");
  }
  Result<std::optional<std::string>> HandleCommand(WorkerContext&, const CloudEvent&, Order command,
                                                   const std::string& text) override {
    return std::string(NameOfCommand(command)) + " " + text;
  }
};

}  // namespace

// Pins SDK-15.
TEST_CASE("commands work with payloads of other types") {
  Letters worker;
  const auto text = [](std::string_view data) {
    return InputBuilder().TextData(data).Build().value();
  };
  CHECK(ReplyOf(worker, text("b3")).data_text() == "buy b3");
  CHECK(ReplyOf(worker, text("x")).data_text() == "error: no such letter");
}
