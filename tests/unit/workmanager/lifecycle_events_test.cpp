// What is told of workers on the bus: their lives, their failures, their heartbeats.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "fixture.hpp"
#include "virtufin/state/memory.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

using Json = nlohmann::json;

constexpr std::string_view kPrefix = "com.virtufin.workmanager.";

Json DataOf(const Message& message) { return Json::parse(message.event().data_text()); }

/// With a blank between them.
std::string TypesOf(const std::vector<Message>& messages) {
  std::string types;
  for (const Message& message : messages) {
    const std::string_view type = message.event().type();
    REQUIRE(type.starts_with(kPrefix));
    if (!types.empty()) types += ' ';
    types += type.substr(kPrefix.size());
  }
  return types;
}

ScriptedEngine::Script Ok() {
  return [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) { done({}); };
}

ScriptedEngine::Script Fail() {
  return [](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.status = Status(StatusCode::kInternal, "test", "worker returned 3");
    done(std::move(outcome));
  };
}

/// A manager on a clock that stands still, whose events are not retried.
struct StillFixture : ManualClockOwner, ManagerFixture {
  StillFixture() : ManagerFixture(Once(), clock, 2) {}

  static WorkManagerOptions Once() {
    WorkManagerOptions options;
    options.retry_attempts = 0;
    return options;
  }
};

}  // namespace

// Pins WM-30.
TEST_CASE("a worker's life is told in order") {
  ManagerFixture f;
  f.Script("w", Ok());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  const std::string id = f.Run("w", {"a", "b"});
  REQUIRE(f.bus.Publish(Message("a", Event("{}"))).ok());
  CHECK(TypesOf(told.WaitFor(3)) == "created started online");
  CHECK(f.manager->Stop(id).ok());
  CHECK(f.manager->Start(id).ok());
  CHECK(f.manager->Delete(id).ok());
  const auto all = told.WaitFor(9);
  CHECK(TypesOf(all) == "created started online stopping stopped started stopping stopped deleted");
  const Json first = DataOf(all[0]);
  CHECK(first["worker_id"] == id);
  CHECK(first["topics"] == Json({"a", "b"}));
  CHECK(first["replica_id"].get<std::string>().size() == 36);
  CHECK_FALSE(first.contains("error_type"));
  for (const Message& message : all) {
    CHECK(message.event().source() == "urn:com.virtufin:workmanager");
    CHECK(message.event().subject() == "worker/" + id);
    CHECK(message.event().time().has_value());
    CHECK(DataOf(message)["replica_id"] == first["replica_id"]);
  }
}

// Pins WM-30.
TEST_CASE("a shutdown stops workers and does not delete them") {
  ManagerFixture f;
  f.Script("w", Ok());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  REQUIRE(!f.Run("w", {"in"}).empty());
  CHECK(f.manager->Shutdown(std::chrono::seconds(30)).ok());
  CHECK(TypesOf(told.WaitFor(4)) == "created started stopping stopped");
}

// Pins WM-30.
TEST_CASE("a worker without events is online after ten seconds without an error") {
  StillFixture f;
  f.Script("w", Ok());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  REQUIRE(!f.Run("w", {"in"}).empty());
  CHECK(told.WaitFor(2).size() == 2);
  f.clock.Advance(std::chrono::milliseconds(9'999));
  f.clock.Advance(std::chrono::milliseconds(1));
  CHECK(TypesOf(told.WaitFor(3)) == "created started online");
  f.clock.Advance(std::chrono::seconds(60));
  CHECK(told.Items().size() == 3);
}

// Pins WM-30.
TEST_CASE("a worker that fails is online ten seconds after its last error") {
  StillFixture f;
  f.Script("w", Fail());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  REQUIRE(!f.Run("w", {"in"}).empty());
  f.clock.Advance(std::chrono::seconds(5));
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(TypesOf({told.WaitFor(3).back()}) == "error");
  f.clock.Advance(std::chrono::seconds(5));
  f.clock.Advance(std::chrono::milliseconds(4'999));
  CHECK(told.Items().size() == 3);
  f.clock.Advance(std::chrono::milliseconds(1));
  CHECK(TypesOf({told.WaitFor(4).back()}) == "online");
}

// Pins WM-30.
TEST_CASE("a call that is overdue degrades a worker, and the next that succeeds ends it") {
  ManagerFixture f(2, 30'000, nullptr, 40);
  Collector<test::Done> dones;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    if (m.event().data_text() == "2") return done({});
    dones.Add(std::move(done));
  });
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
  const auto late = told.WaitFor(4);
  CHECK(TypesOf(late) == "created started degraded error");
  CHECK(DataOf(late[2])["error_type"] == "DEADLINE_EXCEEDED");
  dones.WaitFor(1).at(0)({});
  CHECK(TypesOf({told.WaitFor(5).back()}) == "online");
}

// Pins WM-30.
TEST_CASE("a worker that cannot run has failed, with why") {
  ManagerFixture f(2, 50);
  Gate entered, leave;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  CHECK(f.manager->Stop(id).code() == StatusCode::kDeadlineExceeded);
  f.scripts->before_load = [](const std::string&) {
    return Status(StatusCode::kInvalidArgument, "test", "no such code");
  };
  CHECK(f.manager->Start(id).code() == StatusCode::kInvalidArgument);
  leave.Open();
  const auto all = told.WaitFor(6);
  REQUIRE(TypesOf(all) == "created started stopping failed error failed");
  CHECK(DataOf(all.at(3))["error_type"] == "DEADLINE_EXCEEDED");
  CHECK(DataOf(all.at(5))["error_type"] == "INVALID_ARGUMENT");
  CHECK(DataOf(all.at(5))["error_message"] == "no such code");
}

// Pins WM-31.
TEST_CASE("an abandoned call is a failed call") {
  ManagerFixture f(4, 50);
  Collector<test::Done> dones;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    dones.Add(std::move(done));
  });
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  const std::string id = f.Run("w", {"in"}, {{"virtufin.instances", "16"}});
  for (std::uint64_t i = 0; dones.Items().size() < 2; ++i) {
    REQUIRE(f.bus.Publish(NumberedAbout("in", std::to_string(i), i)).ok());
  }
  CHECK(f.manager->Stop(id).code() == StatusCode::kDeadlineExceeded);
  const auto all = told.WaitFor(5);
  REQUIRE(TypesOf(all) == "created started stopping failed error");
  const Json error = DataOf(all[4]);
  CHECK(error["worker_id"] == id);
  CHECK(error["topic"] == "in");
  CHECK(error["attempt"] == 1);
  CHECK(error["error_type"] == "DEADLINE_EXCEEDED");
  const WorkerCounters counters = f.manager->List().at(0).counters;
  CHECK(counters.calls >= 2);
  CHECK(counters.failed == counters.calls);
  for (auto& done : dones.WaitFor(counters.calls)) done({});
  CHECK(f.manager->List().at(0).counters.failed == counters.failed);
  CHECK(f.manager->List().at(0).counters.discarded == counters.calls);
}

// Pins WM-30.
TEST_CASE("a worker whose topics cannot be subscribed has failed, until it is stopped") {
  ManagerFixture f;
  f.Script("w", Ok());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  CreateWorkerRequest request{.code = Code("w"), .topics = {"in.>.a"}};
  request.config["virtufin.patterns"] = "true";
  const std::string id = f.manager->Create(request).value();
  const Status refused = f.manager->Start(id);
  CHECK(refused.code() == StatusCode::kInvalidArgument);
  const auto all = told.WaitFor(2);
  REQUIRE(TypesOf(all) == "created failed");
  CHECK(DataOf(all[1])["error_message"] == std::string(refused.message()));
  CHECK(f.manager->Get(id)->error == refused.ToString());
  CHECK(f.manager->Metrics().failed == 1);
  CHECK(f.manager->Stop(id).ok());
  CHECK(f.manager->Get(id)->error.empty());
  CHECK(f.manager->Metrics().failed == 0);
}

// Pins WM-30.
TEST_CASE("a worker is told to be created before anybody can find it") {
  /// Looks for workers whenever its thread asks for the time, as each event that is told does.
  struct LookingClock final : Clock {
    Timestamp Now() const noexcept override {
      if (manager != nullptr && std::this_thread::get_id() == here) {
        found.push_back(manager.load()->List().size());
      }
      return WallClock().Now();
    }
    MonotonicTime Monotonic() const noexcept override { return WallClock().Monotonic(); }
    std::atomic<WorkManager*> manager = nullptr;
    const std::thread::id here = std::this_thread::get_id();
    mutable std::vector<std::size_t> found;
  } clock;
  ManagerFixture f(WorkManagerOptions{}, clock);
  f.Script("w", Ok());
  clock.manager = f.manager.get();
  CHECK(f.manager->Create({.code = Code("w"), .topics = {"in"}}).ok());
  clock.manager = nullptr;
  CHECK(clock.found == std::vector<std::size_t>{0, 0});  // its time of creation, and the event
  CHECK(f.manager->List().size() == 1);
}

// Pins WM-31.
TEST_CASE("an error beside a reply is told once, and the reply published") {
  StillFixture f;
  std::atomic<int> calls{0};
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    ++calls;
    CallOutcome outcome;
    outcome.reply = Event("{}", {}, "half");
    outcome.status = Status(StatusCode::kInternal, "test", "half of it failed");
    done(std::move(outcome));
  });
  Collector<Message> told, replies, dead;
  auto watch = f.Watch("workmanager.lifecycle", told);
  auto answers = f.Watch("half", replies);
  auto letters = f.Watch("in-dead", dead);
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  const auto all = told.WaitFor(3);
  CHECK(TypesOf(all) == "created started error");
  CHECK(DataOf(all[2])["error_message"] == "half of it failed");
  REQUIRE(f.manager->Stop(id).ok());  // whatever a retry would do is done
  CHECK(TypesOf(told.WaitFor(5)) == "created started error stopping stopped");
  CHECK(calls == 1);
  CHECK(replies.Items().size() == 1);
  CHECK(dead.Items().empty());
}

// Pins WM-31.
TEST_CASE("failed calls are told once a second, the others counted") {
  StillFixture f;
  f.Script("w", Fail());
  Collector<Message> told, dead;
  auto watch = f.Watch("workmanager.lifecycle", told);
  auto letters = f.Watch("in-dead", dead);
  const std::string id = f.Run("w", {"in"});
  const CloudEvent event = Event("{}");
  for (std::size_t i = 1; i <= 5; ++i) {
    REQUIRE(f.bus.Publish(Message("in", event)).ok());
    CHECK(dead.WaitFor(i).size() == i);
  }
  f.clock.Advance(std::chrono::seconds(1));
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  const auto all = told.WaitFor(4);
  REQUIRE(TypesOf(all) == "created started error error");
  const Json first = DataOf(all[2]);
  CHECK(first["worker_id"] == id);
  CHECK(first["replica_id"] == DataOf(all[0])["replica_id"]);
  CHECK(first["topic"] == "in");
  CHECK(first["event_id"] == std::string(event.id()));
  CHECK(first["attempt"] == 1);
  CHECK(first["error_type"] == "INTERNAL");
  CHECK(first["error_message"] == "worker returned 3");
  CHECK(first["untold"] == 0);
  CHECK(DataOf(all[3])["untold"] == 4);
}

// Pins WM-31.
TEST_CASE("the error of a retry says which attempt it was") {
  ManualClockOwner owner;
  ManagerFixture f(WorkManagerOptions{}, owner.clock);
  f.Script("w", Fail());
  Collector<Message> told;
  auto watch = f.Watch("workmanager.lifecycle", told);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(told.WaitFor(3).size() == 3);
  std::vector<Message> errors;
  while (errors.size() < 2) {
    owner.clock.Advance(std::chrono::seconds(2));
    errors = told.Items();
    std::erase_if(errors, [](const Message& m) { return !m.event().type().ends_with(".error"); });
  }
  CHECK(DataOf(errors[0])["attempt"] == 1);
  CHECK(DataOf(errors[1])["attempt"].get<int>() > 1);
}

// Pins WM-32.
TEST_CASE("each running worker is told of every ten seconds") {
  StillFixture f;
  f.Script("w", Ok());
  Collector<Message> beats, told;
  auto watch = f.Watch("workmanager.infra.worker", beats);
  auto lives = f.Watch("workmanager.lifecycle", told);
  const std::string first = f.Run("w", {"in"});
  const std::string second = f.Run("w", {"other"});
  CHECK(f.manager->Stop(second).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  while (f.manager->Metrics().workers.size() != 2) std::this_thread::yield();
  told.WaitFor(7);  // online is the last
  f.clock.Advance(std::chrono::seconds(10));
  const auto one = beats.WaitFor(1);
  REQUIRE(one.size() == 1);
  CHECK(one[0].event().type() == "com.virtufin.workmanager.heartbeat");
  const Json data = DataOf(one[0]);
  CHECK(data["worker_id"] == first);
  CHECK(data["status"] == "RUNNING");
  CHECK(data["calls"] == 1);
  CHECK(data["failed"] == 0);
  CHECK(data["degraded"] == false);
  while (beats.Items().size() < 2) f.clock.Advance(std::chrono::seconds(10));
}

// Pins WM-32.
TEST_CASE("a worker that runs without a recovery has heartbeats, too") {
  const auto memory = MakeMemoryStore(WallClock());
  Extras extras;
  extras.records = memory.get();
  std::string id;
  {
    ManagerFixture before(StillFixture::Once(), WallClock(), 2, nullptr, extras);
    before.Script("w", Ok());
    id = before.Run("w", {"in"});
  }
  ManualClockOwner still;
  ManagerFixture f(StillFixture::Once(), still.clock, 2, nullptr, extras);
  f.Script("w", Ok());
  Collector<Message> beats;
  auto watch = f.Watch("workmanager.infra.worker", beats);
  REQUIRE(f.manager->Start(id).ok());
  still.clock.Advance(std::chrono::seconds(10));
  const auto one = beats.WaitFor(1);
  REQUIRE(one.size() == 1);
  CHECK(DataOf(one[0])["worker_id"] == id);
}

// Pins WM-33.
TEST_CASE("nobody who listens to lifecycle events can hold up a worker") {
  ManagerFixture f;
  Collector<std::string> seen;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    seen.Add(std::string(m.event().data_text()));
    done({});
  });
  Gate leave;
  SubscribeOptions one;
  one.capacity = 1;
  one.block_timeout_ms = 60'000;
  auto stuck = f.bus.Subscribe("workmanager.lifecycle", one, [&](const Message&, const auto&) {
    CHECK(leave.Wait());
    return Delivery::kSuccess;
  });
  REQUIRE(stuck.ok());
  const std::string id = f.Run("w", {"in"});
  for (std::size_t i = 1; i <= 50; ++i) {
    REQUIRE(f.bus.Publish(Message("in", Event(std::to_string(i)))).ok());
    CHECK(seen.WaitFor(i).size() == i);
    CHECK(f.manager->Stop(id).ok());
    CHECK(f.manager->Start(id).ok());
  }
  leave.Open();
}

// Pins WM-33.
TEST_CASE("lifecycle events that the bus refuses are counted, and workers run") {
  class Refusing final : public PubSub {
   public:
    explicit Refusing(PubSub& bus) : bus_(bus) {}
    Status Publish(const Message& message) override {
      if (message.topic() == "workmanager.lifecycle") {
        return Status(StatusCode::kUnavailable, "test", "away");
      }
      return bus_.Publish(message);
    }
    Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                   const SubscribeOptions& options,
                                   MessageHandler handler) override {
      return bus_.Subscribe(topics, options, std::move(handler));
    }

   private:
    PubSub& bus_;
  };
  ManagerFixture f;
  Refusing refusing(f.bus);
  f.manager = std::make_unique<WorkManager>(
      WorkManagerOptions{}, WorkManager::Dependencies{f.runtime, refusing, f.engines, nullptr});
  f.Script("w", ReplyWith("{}", "out"));
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  while (f.manager->Metrics().lifecycle_refused < 3) std::this_thread::yield();
  f.manager.reset();
}
