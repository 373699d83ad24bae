// What the platform's DevKit promises of the class hierarchy, and what becomes of a reply around a
// handler. docs/devkit-map.md names the test of each promise.
#include <doctest/doctest.h>

#include <array>
#include <type_traits>

#include "unit/worker/typed_worker_fixture.hpp"
#include "virtufin/worker/api_worker.hpp"

using namespace virtufin;

namespace {

enum class Order { kOpen, kClose };
constexpr auto CommandNames(Order) {
  return std::to_array<CommandName<Order>>({{Order::kOpen, "open"}, {Order::kClose, "close"}});
}

/// Counts, and answers through the gateway.
class Counter final : public ApiWorker {
 public:
  Counter() : ApiWorker("urn:test:counter", "test.counter") {}
  int processed = 0;

  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    ++processed;
    Result<std::optional<CloudEvent>> reply = ApiWorker::Process(event);
    if (!reply.ok() || !reply->has_value()) return reply;
    auto routed = CloudEvent::Builder(**reply).Extension("publishtopic", "counted").Build();
    if (!routed.ok()) return routed.status();
    return std::optional<CloudEvent>(*std::move(routed));
  }

 private:
  Result<std::optional<Json>> Handle(WorkerContext&, const CloudEvent&, const Json& in) override {
    if (!in.contains("ask")) return std::nullopt;
    const auto answer = Api()->Invoke("service", "Method", in.at("ask").dump());
    return Json{{"answer", answer.ok() ? *answer : std::string(answer.status().message())}};
  }
};

/// Opens; of closing it says nothing.
class Door final : public ApiCommandWorker<Order> {
 public:
  Door() : ApiCommandWorker("urn:test:door", "test.door") {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext&, const CloudEvent&, Order command,
                                            const Json&) override {
    if (command == Order::kClose) return std::nullopt;
    return Response(command, true, "d-1", "Opened");
  }
};

class Thrower final : public ApiWorker {
 public:
  Thrower() : ApiWorker("urn:test:thrower", "test.thrower") {}

 private:
  Result<std::optional<Json>> Handle(WorkerContext&, const CloudEvent&, const Json&) override {
    throw std::runtime_error("no door");
  }
};

}  // namespace

// Pins SDK-48.
TEST_CASE("the classes are made of each other as those of the DevKit") {
  CHECK(std::is_abstract_v<Worker>);
  CHECK(std::is_base_of_v<Worker, WorkerBase<int, int>>);
  CHECK(std::is_base_of_v<WorkerBase<int, int>, CommandWorker<Order, int, int>>);
  CHECK(std::is_base_of_v<WorkerBase<Json, Json>, CommandWorker<Order>>);
  CHECK(std::is_base_of_v<WorkerBase<Json, Json>, ApiWorker>);
  CHECK(std::is_base_of_v<CommandWorker<Order>, ApiCommandWorker<Order>>);
  CHECK(std::is_same_v<CommandWorker<Order>, CommandWorker<Order, Json, Json>>);
  CHECK(std::is_base_of_v<PayloadCodec<Json, Json>, JsonCodec>);
}

// Pins SDK-48.
TEST_CASE("the names of attributes and the JSON media type are the platform's") {
  using Base = WorkerBase<Json, Json>;
  CHECK(Base::kCorrelationId == "correlationid");
  CHECK(Base::kReplyTopic == "replytopic");
  CHECK(Base::kFieldError == "error");
  CHECK(Base::kJsonContentType == "application/json");
  CHECK(JsonCodec().ContentType() == Base::kJsonContentType);
}

// Pins SDK-49.
TEST_CASE("an ApiWorker answers JSON without a command, through the host's gateway") {
  RecordingContext context;
  const WorkerContext::Scope scope(&context);
  Counter worker;
  CHECK(DataOf(worker, JsonInput(R"({"ask":{"x":1}})")) == R"({"answer":"the host's"})");
  CHECK(context.calls == std::vector<std::string>{R"(service.Method {"x":1})"});
  const auto nothing = worker.Process(JsonInput("{}"));
  REQUIRE(nothing.ok());
  CHECK_FALSE(nothing->has_value());
  CHECK(DataOf(worker, InputBuilder().TextData("{}").Build().value()) ==
        R"({"command":"error","message":"Failed to parse JSON data","success":false})");
}

// Pins SDK-49.
TEST_CASE("Process may be overridden around the one of the base") {
  RecordingContext context;
  const WorkerContext::Scope scope(&context);
  Counter worker;
  const CloudEvent reply = ReplyOf(worker, JsonInput(R"({"ask":1})"));
  CHECK(reply.ExtensionText("publishtopic") == "counted");
  CHECK(reply.source() == "urn:test:counter");
  CHECK(worker.processed == 1);
}

// Pins SDK-9.
TEST_CASE("a command is answered with id and message, or not at all") {
  Door door;
  CHECK(DataOf(door, JsonInput(R"({"command":"open"})")) ==
        R"({"command":"open","id":"d-1","message":"Opened","success":true})");
  const auto nothing = door.Process(JsonInput(R"({"command":"close"})"));
  REQUIRE(nothing.ok());
  CHECK_FALSE(nothing->has_value());
}

// Pins SDK-4.
TEST_CASE("an error reply is an ordinary reply: same type, source, correlation and time") {
  const CloudEvent input = InputBuilder()
                               .Extension("correlationid", "c-5")
                               .Extension("clocktype", "historical")
                               .Extension("eventtime", "2021-03-04T05:06:07Z")
                               .JsonData("{}")
                               .Build()
                               .value();
  Thrower thrower;
  const CloudEvent reply = ReplyOf(thrower, input);
  CHECK(reply.type() == "test.thrower");
  CHECK(reply.source() == "urn:test:thrower");
  CHECK(reply.ExtensionText("correlationid") == "c-5");
  CHECK(reply.time_text() == "2021-03-04T05:06:07Z");
  CHECK(reply.data_content_type() == "application/json");
  Door door;
  const CloudEvent unknown =
      ReplyOf(door, CloudEvent::Builder(input).JsonData(R"({"command":"knock"})").Build().value());
  CHECK(unknown.type() == "test.door");
  CHECK(unknown.ExtensionText("correlationid") == "c-5");
}
