// WorkerBase: envelopes of replies, ways to fail, and a payload that is no JSON.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

#include "tick_generated.h"
#include "unit/worker/typed_worker_fixture.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;

namespace {

using Answer = Result<std::optional<Json>>;

/// Does what the test says.
class Scripted final : public WorkerBase<Json, Json> {
 public:
  using Script = std::function<Answer(WorkerContext&, const CloudEvent&, const Json&)>;
  explicit Scripted(Script script, std::string source = "urn:test:worker")
      : WorkerBase(std::move(source), "test.response", std::make_shared<JsonCodec>()),
        script_(std::move(script)) {}

  using WorkerBase::BuildResponse;
  using WorkerBase::Log;
  using WorkerBase::WithCorrelationId;
  using WorkerBase::WithTimestamp;

 private:
  Answer Handle(WorkerContext& context, const CloudEvent& event, const Json& payload) override {
    return script_(context, event, payload);
  }
  const Script script_;
};

Scripted Echoes() {
  return Scripted([](WorkerContext&, const CloudEvent&, const Json& in) -> Answer { return in; });
}

CloudEvent Historical(std::string_view id = "input-1") {
  return InputBuilder()
      .Id(id)
      .Extension("clocktype", "historical")
      .Extension("eventtime", "2021-03-04T05:06:07.089Z")
      .JsonData("{}")
      .Build()
      .value();
}

}  // namespace

// Pins SDK-1.
TEST_CASE("a reply has the worker's source and type, a fresh id, a time and JSON data") {
  Scripted worker = Echoes();
  const CloudEvent input = JsonInput(R"({"a":1})");
  const CloudEvent first = ReplyOf(worker, input);
  CHECK(first.source() == "urn:test:worker");
  CHECK(first.type() == "test.response");
  CHECK(first.data_content_type() == "application/json");
  CHECK(first.data_text() == R"({"a":1})");
  CHECK(first.id_uuid().has_value());
  CHECK(first.id() != ReplyOf(worker, input).id());
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const std::int64_t before = now();
  const std::optional<Timestamp> time = ReplyOf(worker, input).time();
  const std::int64_t after = now();
  REQUIRE(time.has_value());
  CHECK(Timestamp::FromUnixNanos(before) <= *time);
  CHECK(*time <= Timestamp::FromUnixNanos(after));
  CHECK(first.ExtensionText("correlationid").empty());
  CHECK(worker.source() == "urn:test:worker");
  CHECK(worker.response_event_type() == "test.response");
}

// Pins SDK-2.
TEST_CASE("a reply has the correlation id of its input and no reply topic") {
  Scripted worker = Echoes();
  const CloudEvent reply = ReplyOf(worker, InputBuilder()
                                               .Extension("correlationid", "c-7")
                                               .Extension("replytopic", "answers")
                                               .JsonData("{}")
                                               .Build()
                                               .value());
  CHECK(reply.ExtensionText("correlationid") == "c-7");
  CHECK_FALSE(reply.FindExtension("replytopic").has_value());
  const auto with = [](const AttributeValue& id) {
    return InputBuilder().Extension("correlationid", id).JsonData("{}").Build().value();
  };
  const CloudEvent bare = InputBuilder().Id("r").Build().value();
  const CloudEvent number = with(std::int32_t{7});
  const auto seven = ReplyOf(worker, number).FindExtension("correlationid");
  REQUIRE(seven.has_value());
  CHECK(std::get<std::int32_t>(*seven) == 7);
  const CloudEvent by_hand = Scripted::WithCorrelationId(number, bare).value();
  CHECK(std::get<std::int32_t>(by_hand.FindExtension("correlationid").value()) == 7);
  const CloudEvent empty = with(std::string_view(""));
  CHECK(ReplyOf(worker, empty).FindExtension("correlationid").has_value());
  CHECK(Scripted::WithCorrelationId(empty, bare).value().extension_count() == 1);
}

// Pins SDK-3.
TEST_CASE("under the historical clock replies are the same every time") {
  Scripted worker = Echoes();
  const CloudEvent first = ReplyOf(worker, Historical());
  const CloudEvent again = ReplyOf(worker, Historical());
  CHECK(first == again);
  CHECK(first.time_text() == "2021-03-04T05:06:07.089Z");
  // Computed by Python's hashlib, of the bytes that the specification says.
  CHECK(first.id() == "c928a6f3-b774-5c47-8611-f5b80d489e91");
  CHECK(first.id() != ReplyOf(worker, Historical("input-2")).id());
  const CloudEvent elsewhere =
      CloudEvent::Builder(Historical()).Source("urn:test:elsewhere").Build().value();
  CHECK(first.id() != ReplyOf(worker, elsewhere).id());
  Scripted other([](auto&, auto&, const Json& in) -> Answer { return in; }, "urn:test:other");
  CHECK(first.id() != ReplyOf(other, Historical()).id());

  // Two replies of one call differ; the same call again makes the same two.
  std::vector<std::string> ids;
  Scripted* self = nullptr;
  Scripted twice([&](auto&, const CloudEvent& event, const Json& in) -> Answer {
    ids.emplace_back(self->BuildResponse(event, in).value().id());
    ids.emplace_back(self->BuildResponse(event, in).value().id());
    return std::nullopt;
  });
  self = &twice;
  REQUIRE(twice.Process(Historical()).ok());
  REQUIRE(twice.Process(Historical()).ok());
  REQUIRE(ids.size() == 4);
  CHECK(ids[0] == first.id());
  CHECK(ids[1] == "2dbafba7-4929-5d6b-8cd4-2e1f0ea1173a");
  CHECK(ids[0] == ids[2]);
  CHECK(ids[1] == ids[3]);
}

namespace {

/// Answers everything itself, twice: its base is never asked.
class OwnProcess final : public WorkerBase<Json, Json> {
 public:
  OwnProcess() : WorkerBase("urn:test:worker", "test.response", std::make_shared<JsonCodec>()) {}
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    ids.emplace_back(BuildResponse(event, Json::object()).value().id());
    return std::optional<CloudEvent>(BuildResponse(event, Json::object()).value());
  }
  std::vector<std::string> ids;  // of the first replies

 private:
  Answer Handle(WorkerContext&, const CloudEvent&, const Json&) override { return std::nullopt; }
};

}  // namespace

// Pins SDK-3.
TEST_CASE("the number of a reply begins with its call, also where the base's Process is not used") {
  const std::string first = "c928a6f3-b774-5c47-8611-f5b80d489e91";
  const std::string second = "2dbafba7-4929-5d6b-8cd4-2e1f0ea1173a";
  OwnProcess worker;
  RecordingContext context;
  const auto call = [&] {
    const WorkerContext::Scope scope(&context);
    return ReplyOf(worker, Historical());
  };
  CHECK(call().id() == second);
  CHECK(call().id() == second);  // a retry
  std::thread([&] { CHECK(call().id() == second); }).join();
  std::thread([&] { CHECK(call().id() == second); }).join();
  CHECK(worker.ids == std::vector<std::string>(4, first));

  // Without a host: by the input.
  worker.ids.clear();
  CHECK(ReplyOf(worker, Historical()).id() == second);
  CHECK(ReplyOf(worker, Historical("input-2")).id() != second);
  CHECK(ReplyOf(worker, Historical()).id() == second);
}

// Pins SDK-4.
TEST_CASE("what a handler throws becomes an error reply") {
  const CloudEvent input = JsonInput("{}");
  Scripted throws([](auto&, auto&, auto&) -> Answer { throw std::runtime_error("no feed"); });
  CHECK(DataOf(throws, input) ==
        R"({"command":"error","message":"Internal error: no feed","success":false})");
  Scripted odd([](auto&, auto&, auto&) -> Answer { throw 7; });
  CHECK(DataOf(odd, input) ==
        R"({"command":"error","message":"Internal error: an exception of unknown type",)"
        R"("success":false})");
  Scripted garbled([](auto&, auto&, auto&) -> Answer { throw std::runtime_error("at \xc3|\xff"); });
  CHECK(DataOf(garbled, input) == Json{{"command", "error"},
                                       {"message", "Internal error: at \ufffd|\ufffd"},
                                       {"success", false}}
                                      .dump());
  Scripted endless(
      [](auto&, auto&, auto&) -> Answer { throw std::runtime_error(std::string(1 << 20, 'x')); });
  CHECK(DataOf(endless, input).size() < 70'000);
  Scripted wrong_type(
      [](auto&, auto&, const Json& in) -> Answer { return Json(in.at("x").get<int>()); });
  CHECK(ReplyOf(wrong_type, input).data_text().find("Internal error: ") != std::string_view::npos);
}

// Pins SDK-5.
TEST_CASE("a handler that returns a Status takes the failure path, nullopt replies nothing") {
  Scripted fails([](auto&, auto&, auto&) -> Answer {
    return Status(StatusCode::kUnavailable, "test", "the venue is closed");
  });
  const auto failed = fails.Process(JsonInput("{}"));
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.status().code() == StatusCode::kUnavailable);
  CHECK(failed.status().message() == "the venue is closed");

  Scripted silent([](auto&, auto&, auto&) -> Answer { return std::nullopt; });
  const auto nothing = silent.Process(JsonInput("{}"));
  REQUIRE(nothing.ok());
  CHECK_FALSE(nothing->has_value());
}

// Pins SDK-6.
TEST_CASE("what cannot be encoded becomes an error reply") {
  Scripted bad_text([](auto&, auto&, auto&) -> Answer { return Json("\xff"); });
  CHECK(ReplyOf(bad_text, JsonInput("{}")).data_text().find("Internal error: ") !=
        std::string_view::npos);
  Scripted deep([](auto&, auto&, auto&) -> Answer {
    Json value = 1;
    for (int i = 0; i < 70; ++i) value = Json::array({value});
    return value;
  });
  CHECK(DataOf(deep, JsonInput("{}")).find("deeper than 64 levels") != std::string::npos);
}

TEST_CASE("a source that is none fails the call and says so") {
  Scripted nameless([](auto&, auto&, const Json& in) -> Answer { return in; }, "");
  const auto reply = nameless.Process(JsonInput("{}"));
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.status().message().find("source") != std::string_view::npos);
}

// Pins SDK-7.
TEST_CASE("a handler logs and calls through its context; outside of a call there is none") {
  Scripted worker([](WorkerContext& context, auto&, auto&) -> Answer {
    Scripted::Log(LogLevel::kWarn, "thin book");
    const auto answer = context.InvokeGateway("virtufin.State", "GetState", "{}");
    return Json{{"answer", answer.ok() ? *answer : std::string(answer.status().message())}};
  });
  RecordingContext context;
  {
    const WorkerContext::Scope scope(&context);
    CHECK(DataOf(worker, JsonInput("{}")) == R"({"answer":"the host's"})");
  }
  CHECK(context.lines == std::vector<std::string>{"3 thin book"});
  CHECK(context.calls == std::vector<std::string>{"virtufin.State.GetState {}"});
  CHECK(DataOf(worker, JsonInput("{}")) ==
        R"({"answer":"no host to carry the call of virtufin.State.GetState"})");
}

TEST_CASE("replies built by hand get correlation id and time from the input") {
  const CloudEvent input =
      CloudEvent::Builder(Historical()).Extension("correlationid", "c").Build().value();
  const CloudEvent bare = InputBuilder().Id("r").Build().value();
  CHECK(Scripted::WithCorrelationId(input, bare).value().ExtensionText("correlationid") == "c");
  CHECK(Scripted::WithTimestamp(input, bare).value().time_text() == "2021-03-04T05:06:07.089Z");
  CHECK(Scripted::WithCorrelationId(bare, bare).value() == bare);
}

TEST_CASE("data that is encoded already goes out as it is, with its media type") {
  const CloudEvent input =
      CloudEvent::Builder(Historical()).Extension("correlationid", "c").Build().value();
  Scripted worker = Echoes();
  const auto check = [&](std::string data, const char* type, DataKind kind) {
    const CloudEvent reply = worker.BuildResponse(input, data, type).value();
    CHECK(reply.data_text() == data);
    CHECK(reply.data_content_type() == type);
    CHECK(reply.data_kind() == kind);
    CHECK(reply.source() == "urn:test:worker");
    CHECK(reply.ExtensionText("correlationid") == "c");
  };
  check("{\"a\": 1 }", "application/json", DataKind::kJson);
  check("plain", "text/plain", DataKind::kText);
  check("\x01\xff", "application/octet-stream", DataKind::kBinary);
  CHECK_FALSE(worker.BuildResponse(input, "{", "application/json").ok());
}

namespace {

struct TickView {
  double price = 0;
  std::string symbol;
};

/// A table of FlatBuffers both ways.
class TickCodec final : public PayloadCodec<TickView, TickView> {
 public:
  std::string_view ContentType() const noexcept override { return "application/x-flatbuffers"; }
  Result<TickView> DecodePayload(const CloudEvent& event) const override {
    const std::vector<std::uint8_t> data(event.data().begin(), event.data().end());  // aligned
    flatbuffers::Verifier verifier(data.data(), data.size());
    if (event.data_kind() != DataKind::kBinary || !verifier.VerifyBuffer<test_sdk::Tick>()) {
      return Status(StatusCode::kInvalidArgument, "test", "not a Tick");
    }
    const auto* tick = flatbuffers::GetRoot<test_sdk::Tick>(data.data());
    return TickView{tick->price(), tick->symbol() != nullptr ? tick->symbol()->str() : ""};
  }
  Result<EncodedPayload> EncodeResponse(const CloudEvent&, const TickView& tick) const override {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(test_sdk::CreateTick(builder, tick.price, builder.CreateString(tick.symbol)));
    return EncodedPayload{
        {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()},
        std::string(ContentType())};
  }
  TickView EncodeError(const CloudEvent&, std::string_view message) const override {
    return {0, "error: " + std::string(message)};
  }
};

class Halver final : public WorkerBase<TickView, TickView> {
 public:
  Halver() : WorkerBase("urn:test:halver", "test.tick", std::make_shared<TickCodec>()) {}

 private:
  Result<std::optional<TickView>> Handle(WorkerContext&, const CloudEvent&,
                                         const TickView& tick) override {
    return TickView{tick.price / 2, tick.symbol};
  }
};

}  // namespace

// Pins SDK-8.
TEST_CASE("a worker with a table of FlatBuffers as payload works like one with JSON") {
  const TickCodec codec;
  const CloudEvent none = InputBuilder().Build().value();
  const EncodedPayload tick = codec.EncodeResponse(none, {21, "EURUSD"}).value();
  const CloudEvent input = InputBuilder()
                               .DataContentType(tick.content_type)
                               .BinaryData(AsBytes(tick.data))
                               .Build()
                               .value();
  Halver worker;
  const CloudEvent reply = ReplyOf(worker, input);
  CHECK(reply.data_kind() == DataKind::kBinary);
  CHECK(reply.data_content_type() == "application/x-flatbuffers");
  CHECK(codec.DecodePayload(reply).value().price == 10.5);
  CHECK(codec.DecodePayload(ReplyOf(worker, none)).value().symbol == "error: not a Tick");
}
