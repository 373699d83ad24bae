// The workers of docs/guide, built from the pages themselves, do what the pages say.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tick_generated.h"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/worker/json.hpp"
#include "virtufin/worker_harness/worker_harness.hpp"

using namespace virtufin;

namespace {

/// One worker, and a gateway that answers what it is told to.
struct Loaded {
  explicit Loaded(const std::string& name)
      : worker(LoadWorker(*engine, NativeFile(GUIDE_WORKERS "/libguide_" + name + ".so"), host)) {}

  CloudEvent Reply(CloudEvent::Builder& input) {
    CallOutcome outcome =
        Call(*worker, input.Source("urn:test").Extension("correlationid", "c-1").Build().value());
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    REQUIRE(outcome.reply.has_value());
    return *outcome.reply;
  }
  /// The data of the reply to JSON, with members in ascending order.
  std::string Answer(std::string_view json) {
    CloudEvent::Builder input;
    const CloudEvent reply = Reply(input.Type("test").JsonData(json));
    CHECK(reply.ExtensionText("correlationid") == "c-1");
    return Json::parse(reply.data_text()).dump();
  }

  std::vector<std::string> calls;
  Result<std::string> answer = std::string("{}");
  std::shared_ptr<RecordingHost> host =
      std::make_shared<RecordingHost>([this](auto service, auto method, auto json) {
        calls.push_back(std::string(service) + "." + std::string(method) + " " +
                        Json::parse(json).dump());
        return answer;
      });
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::unique_ptr<LoadedWorker> worker;
};

}  // namespace

// Pins SDK-50.
TEST_CASE("the worker in C counts for itself, saves what it counts and answers") {
  Loaded one("seen"), two("seen");
  CHECK(one.Answer("{}") == R"({"seen":1})");
  CHECK(one.Answer("{}") == R"({"seen":2})");
  CHECK(two.Answer("{}") == R"({"seen":1})");
  CHECK(one.calls.back() ==
        R"(virtufin.State.SaveState {"key":"seen","service":"workmanager","value":"2"})");
  CHECK(one.host->lines().empty());
  one.answer = Status(StatusCode::kUnavailable, "test", "no store");
  CHECK(one.Answer("{}") == R"({"seen":3})");
  REQUIRE(one.host->lines().size() == 1);
  CHECK(one.host->lines()[0].find("no store") != std::string::npos);
  CHECK_FALSE(Call(*one.worker, "com.example.ignored").reply.has_value());
}

// Pins SDK-50.
TEST_CASE("a Worker passes on what has a subject") {
  Loaded loaded("forward");
  CloudEvent::Builder input;
  const CloudEvent reply = loaded.Reply(input.Id("i").Type("tick").Subject("BTC").TextData("x"));
  CHECK(reply.type() == "com.example.forwarded");
  CHECK(reply.data_text() == "x");
  CHECK(reply.id() != "i");
  CHECK_FALSE(Call(*loaded.worker, "tick").reply.has_value());
}

// Pins SDK-50.
TEST_CASE("the workers with JSON answer as their page says") {
  Loaded doubler("doubler");
  CHECK(doubler.Answer(R"({"value":1.5})") == R"({"value":3.0})");
  CHECK(doubler.Answer("{}").find("Internal error: ") != std::string::npos);
  Loaded lamp("lamp");
  CHECK(lamp.Answer(R"({"command":"OUT","data":{"room":"hall"}})") ==
        R"({"command":"off","id":"hall","message":"is dark","success":true})");
  CHECK(lamp.Answer(R"({"command":"on"})") ==
        R"({"command":"error","message":"Missing 'room' field","success":false})");
}

// Pins SDK-50.
TEST_CASE("the workers with services call them, and fail as their page says") {
  Loaded lookup("lookup");
  lookup.answer = std::string(R"({"value":"7"})");
  CHECK(lookup.Answer(R"({"key":"a"})") == R"({"value":"7"})");
  CHECK(lookup.calls ==
        std::vector<std::string>{R"(virtufin.State.GetState {"key":"a","service":"workmanager"})"});
  lookup.answer = Status(StatusCode::kNotFound, "test", "no record");
  CHECK(lookup.Answer(R"({"key":"a"})") ==
        R"({"command":"error","message":"no record","success":false})");
  lookup.answer = Status(StatusCode::kUnavailable, "test", "no store");
  const CloudEvent event =
      CloudEvent::Builder().Source("urn:test").Type("t").JsonData(R"({"key":"a"})").Build().value();
  CHECK(Call(*lookup.worker, event).status.ToString().find("no store") != std::string::npos);

  Loaded notes("notes");
  CHECK(notes.Answer(R"({"command":"save","data":{"text":"buy"}})") ==
        R"({"command":"save","success":true})");
  CHECK(notes.calls.back() ==
        R"(virtufin.State.SaveState {"key":"note","service":"workmanager","value":"buy"})");
  notes.answer = std::string(R"({"value":"buy"})");
  CHECK(notes.Answer(R"({"command":"read"})") ==
        R"({"command":"read","success":true,"text":"buy"})");
}

// Pins SDK-50.
TEST_CASE("the workers with other formats read and write them") {
  Loaded halver("halver");
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(example::CreateTick(builder, 21, builder.CreateString("EURUSD")));
  CloudEvent::Builder tick;
  tick.Type("tick").DataContentType("application/x-flatbuffers");
  const CloudEvent half =
      halver.Reply(tick.BinaryData({builder.GetBufferPointer(), builder.GetSize()}));
  const std::vector<std::uint8_t> data(half.data().begin(), half.data().end());
  CHECK(half.data_content_type() == "application/x-flatbuffers");
  CHECK(flatbuffers::GetRoot<example::Tick>(data.data())->price() == 10.5);

  Loaded lift("lift");
  const auto say = [&lift](std::string_view text) {
    CloudEvent::Builder input;
    return std::string(lift.Reply(input.Type("move").TextData(text)).data_text());
  };
  CHECK(say("up") == "floor 1");
  CHECK(say("UP") == "floor 2");
  CHECK(say("down") == "floor 1");
  CHECK(say("left") == "error: expected up or down, found left");
}

// Pins SDK-50, SDK-66.
TEST_CASE("the worker with topics of its own and a timer sends its replies there") {
  const auto harness = WorkerHarness::OfLibrary(GUIDE_WORKERS "/libguide_beacon.so").value();
  CHECK(harness->Send(R"({"command":"light","where":"tower"})").reply.has_value());
  CHECK(harness->Advance(std::chrono::seconds(2)).size() == 1);
  CHECK(harness->Send(R"({"command":"dim"})").reply.has_value());
  const auto published = harness->published();
  REQUIRE(published.size() == 3);
  CHECK(published[0].topic == "lights.tower");
  CHECK(published[0].event.type() == "com.example.beacon.lit");
  CHECK(published[1].topic == "lights.again");
  CHECK(published[1].event.data_text() == R"({"count":1})");
  CHECK(published[2].topic == "response.beacon");
  CHECK(harness->Close().ok());
}
