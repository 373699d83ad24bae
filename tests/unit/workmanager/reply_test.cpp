// What becomes of an event whose reply is not published.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "virtufin/pubsub/buffered_publisher.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// A bus of which publishing to `out` is answered as the test says, so often.
class OddBus final : public PubSub {
 public:
  OddBus(PubSub& bus, Status answer, int times)
      : bus_(bus), answer_(std::move(answer)), left_(times) {}

  Status Publish(const Message& message) override {
    if (message.topic() == "out" && left_.fetch_sub(1) > 0) return answer_;
    return bus_.Publish(message);
  }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return bus_.Subscribe(topics, options, std::move(handler));
  }

 private:
  PubSub& bus_;
  const Status answer_;
  std::atomic<int> left_;
};

/// A manager on a bus that answers `answer` to the first `times` replies.
struct OddFixture : ManagerFixture {
  OddFixture(StatusCode code, int times) : odd(bus, Status(code, "test", "not now"), times) {
    WorkManagerOptions options;
    options.retry_base_delay_ms = 1;
    manager = std::make_unique<WorkManager>(
        options, WorkManager::Dependencies{runtime, odd, engines, nullptr});
    Script("w", ReplyWith("{}", "out"));
    id = Run("w", {"in"});
  }
  ~OddFixture() { manager.reset(); }

  WorkerCounters Counters() { return manager->List().at(0).counters; }

  OddBus odd;
  std::string id;
};

}  // namespace

// Pins WM-20.
TEST_CASE("a reply that the broker was away for is made again") {
  OddFixture f(StatusCode::kUnavailable, 2);
  Collector<Message> replies, dead;
  auto watch = f.Watch("out", replies);
  auto letters = f.Watch("in-dead", dead);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  CHECK(f.manager->Stop(f.id).ok());
  CHECK(f.Counters().calls == 3);
  CHECK(f.Counters().failed == 2);
  CHECK(f.Counters().replies == 1);
  CHECK(dead.Items().empty());
}

// Pins WM-20.
TEST_CASE("an event whose reply is refused for good is a dead letter with the broker's answer") {
  OddFixture f(StatusCode::kPermissionDenied, 1);
  Collector<Message> replies, dead;
  auto watch = f.Watch("out", replies);
  auto letters = f.Watch("in-dead", dead);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  const auto letter = dead.WaitFor(1);
  REQUIRE(letter.size() == 1);
  CHECK(letter[0].event().ExtensionText("deadletterreason") ==
        "the reply is not published: PERMISSION_DENIED [test]: not now");
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  CHECK(f.manager->Stop(f.id).ok());
  CHECK(f.Counters().calls == 2);
}

// Pins WM-20.
TEST_CASE("an event whose reply lacks one subscriber that lags is handled") {
  OddFixture f(StatusCode::kResourceExhausted, 1);
  Collector<Message> replies, dead;
  auto watch = f.Watch("out", replies);
  auto letters = f.Watch("in-dead", dead);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  CHECK(f.manager->Stop(f.id).ok());
  CHECK(f.Counters().calls == 2);
  CHECK(f.Counters().failed == 1);
  CHECK(dead.Items().empty());
}

// Pins WM-20.
TEST_CASE("an event whose reply cannot be routed is a dead letter") {
  ManagerFixture f;
  f.Script("w", [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("out").JsonData("{}");
    for (std::size_t i = 0; i < kMaxExtensions; ++i) {
      builder.Extension("e" + std::to_string(i), std::string_view("v"));
    }
    CallOutcome outcome;
    outcome.reply = builder.Build().value();
    done(std::move(outcome));
  });
  Collector<Message> dead;
  auto letters = f.Watch("in-dead", dead);
  REQUIRE(!f.Run("w", {"in"}).empty());
  // One extension more than the reply has room for comes from the input.
  REQUIRE(f.bus.Publish(Message("in", Event("{}", {{"correlationid", "c"}}))).ok());
  const auto letter = dead.WaitFor(1);
  REQUIRE(letter.size() == 1);
  CHECK(letter[0].event().ExtensionText("deadletterreason").find("RESOURCE_EXHAUSTED") !=
        std::string_view::npos);
}

namespace {

/// A bus behind a buffer for one event.
class BufferedBus final : public PubSub {
 public:
  BufferedBus(PubSub& bus, const Runtime& runtime)
      : bus_(bus), publisher_(bus, runtime, {.capacity = 1, .backoff = {100, 5'000}}) {}

  Status Publish(const Message& message) override { return publisher_.Publish(message); }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return bus_.Subscribe(topics, options, std::move(handler));
  }

 private:
  PubSub& bus_;
  BufferedPublisher publisher_;
};

}  // namespace

// Pins WA-50.
TEST_CASE("a worker is told apart what nobody got and what some subscriber missed") {
  ManagerFixture f;
  OddBus away(f.bus, Status(StatusCode::kUnavailable, "test", "away"), 1'000'000);
  BufferedBus buffered(away, f.runtime);
  OddBus lagging(f.bus, Status(StatusCode::kResourceExhausted, "test", "lags"), 1);
  const auto publish_twice = [&](PubSub& bus) {
    Collector<Status> told;
    WorkManager manager({}, WorkManager::Dependencies{f.runtime, bus, f.engines, nullptr});
    f.Script("p", [&](const Message&, const ExtensionOverlay*, WorkerHost& host, test::Done done) {
      for (int i = 0; i < 2; ++i) told.Add(host.Publish("out", Event("{}")));
      done({});
    });
    const auto id = manager.Create({.code = Code("p"), .topics = {"in"}});
    REQUIRE(id.ok());
    REQUIRE(manager.Start(*id).ok());
    REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
    const auto statuses = told.WaitFor(2);
    CHECK(manager.Delete(*id).ok());
    return std::pair(statuses.at(0).code(), statuses.at(1).code());
  };
  CHECK(publish_twice(buffered) == std::pair(StatusCode::kOk, StatusCode::kUnavailable));
  CHECK(publish_twice(lagging) == std::pair(StatusCode::kResourceExhausted, StatusCode::kOk));
}

// Pins WM-21.
TEST_CASE("a worker's topics are patterns when its config says so") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}", "out"));
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  REQUIRE(!f.Run("w", {"in.*"}, {{"virtufin.patterns", "true"}}).empty());
  REQUIRE(f.bus.Publish(Message("in.a", Event("{}"))).ok());
  REQUIRE(f.bus.Publish(Message("in.b", Event("{}"))).ok());
  REQUIRE(f.bus.Publish(Message("in.b.c", Event("{}"))).ok());
  CHECK(replies.WaitFor(2).size() == 2);

  CreateWorkerRequest request{.code = Code("w"), .topics = {"in.>.a"}};
  request.config["virtufin.patterns"] = "true";
  const auto id = f.manager->Create(request);
  REQUIRE(id.ok());
  for (int times = 0; times < 2; ++times) {  // nothing to wait for: it is stopped at once
    CHECK(f.manager->Start(*id).code() == StatusCode::kInvalidArgument);
    CHECK(f.manager->Stop(*id).ok());
  }
  CHECK(f.manager->Start(*id).code() == StatusCode::kInvalidArgument);
  CHECK(f.manager->Delete(*id).ok());

  for (const char* topic : {"in.*", "*", "in.>", "*.in"}) {
    CAPTURE(topic);
    const auto plain = f.manager->Create({.code = Code("w"), .topics = {"in.x", topic}});
    CHECK(plain.status().code() == StatusCode::kInvalidArgument);
  }
  CHECK(f.manager->Create({.code = Code("w"), .topics = {"in.a*"}}).ok());
}
