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

/// Answers its timers; a worker of commands all the same.
class Watch final : public CommandWorker<Order> {
 public:
  Watch() : CommandWorker("urn:test:watch", "test.watch") {}

 private:
  Result<std::optional<Json>> HandleCommand(WorkerContext&, const CloudEvent&, Order,
                                            const Json&) override {
    return std::nullopt;
  }
  Result<std::optional<Json>> HandleTimer(WorkerContext& context, const CloudEvent&,
                                          const FiredTimer& timer) override {
    context.Log(LogLevel::kInfo, timer.name);
    if (timer.count == 2) throw std::runtime_error("late");
    if (timer.count == 3) return Status(StatusCode::kUnavailable, "test", "not yet");
    return Json{{"id", timer.id}, {"count", timer.count}, {"missed", timer.missed}};
  }
};

/// Takes commands from the type of the event.
class Typed final : public CommandWorker<Order> {
 public:
  Typed() : CommandWorker("urn:test:typed", "test.typed") {}

 private:
  Result<Order> ExtractCommand(const CloudEvent& event, const Json& payload) override {
    if (event.type() == "close") return Order::kClose;
    return CommandWorker::ExtractCommand(event, payload);
  }
  Result<std::optional<Json>> HandleCommand(WorkerContext&, const CloudEvent&, Order command,
                                            const Json&) override {
    return Response(command, true);
  }
};

template <class Context>
concept ShowsHost = requires(Context& context) {
  context.host();
}
|| requires(Context& context) { context.Host(); };

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

// Pins SDK-66.
TEST_CASE("an event of a timer goes to HandleTimer, which is silent unless it is overridden") {
  const auto fired = [](std::uint64_t count) {
    CloudEvent::Builder builder(InputBuilder().JsonData(R"({"command":"open"})").Build().value());
    builder.Type(kTimerEventType).Subject("pulse");
    builder.TextExtension("timerid", std::uint64_t{1} << 32).TextExtension("timercount", count);
    return builder.TextExtension("timermissed", std::uint64_t{5}).Build().value();
  };
  Door door;
  const auto silence = door.Process(fired(1));
  REQUIRE(silence.ok());
  CHECK_FALSE(silence->has_value());

  RecordingContext context;
  const WorkerContext::Scope scope(&context);
  Watch watch;
  CHECK(DataOf(watch, fired(1)) == R"({"count":1,"id":4294967296,"missed":5})");
  CHECK(context.lines == std::vector<std::string>{"2 pulse"});
  CHECK(DataOf(watch, fired(2)) ==
        R"({"command":"error","message":"Internal error: late","success":false})");
  CHECK(watch.Process(fired(3)).status().code() == StatusCode::kUnavailable);
}

// Pins SDK-15.
TEST_CASE("ExtractCommand may be overridden") {
  Typed worker;
  const CloudEvent input = JsonInput(R"({"command":"open"})");
  CHECK(DataOf(worker, input) == R"({"command":"open","success":true})");
  CHECK(DataOf(worker, CloudEvent::Builder(input).Type("close").Build().value()) ==
        R"({"command":"close","success":true})");
}

TEST_CASE("a context shows no host pointer") { CHECK_FALSE(ShowsHost<WorkerContext>); }
