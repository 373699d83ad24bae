// The numbers: outcomes, durations, queues, states, health.
#include <doctest/doctest.h>

#include <thread>

#include "fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// A worker that does not leave its first event: of seven more four wait, three are lost.
struct StuckWorker {
  explicit StuckWorker(const char* overflow) {
    f.Script("w", [this](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      entered.Open();
      CHECK(leave.Wait());
      done({});
    });
    id = f.Run("w", {"in"}, {{"virtufin.queue", "4"}, {"virtufin.overflow", overflow}});
    REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
    REQUIRE(entered.Wait());
    for (int i = 0; i < 7; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  }

  Gate entered, leave;
  ManagerFixture f;
  std::string id;
};

}  // namespace

// Pins WM-34.
TEST_CASE("each call is in one bucket of its worker's durations") {
  ManagerFixture f;
  Gate leave;
  Collector<int> slow;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    if (m.event().data_text() == "1") {
      const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
      while (std::chrono::steady_clock::now() < end) continue;
      slow.Add(1);
    } else if (m.event().data_text() == "2") {
      outcome.status = Status(StatusCode::kInternal, "test", "no");
    }
    done(std::move(outcome));
  });
  const std::string id = f.Run("w", {"in"});
  for (const char* data : {"1", "2", "3", "4"}) {
    REQUIRE(f.bus.Publish(Message("in", Event(data))).ok());
  }
  const auto metrics = [&] { return f.manager->Metrics().workers.at(0); };
  while (metrics().counters.succeeded < 3) std::this_thread::yield();
  const WorkerMetrics now = metrics();
  CHECK(now.id == id);
  CHECK(now.counters.calls == 7);  // one fails with each of its four attempts
  CHECK(now.counters.failed == 4);
  CHECK(now.counters.succeeded == 3);
  CHECK(now.durations.count() == 7);
  CHECK(now.durations.seconds > 2.9e-3);
  std::uint64_t above = 0;
  for (std::size_t i = 0; i < now.durations.counts.size(); ++i) {
    const bool longer =
        i >= CallDurations::kUpperSeconds.size() || CallDurations::kUpperSeconds[i] > 2.6e-3;
    if (longer) above += now.durations.counts[i];
  }
  CHECK(above >= slow.Items().size());
  CHECK(now.queue.retried == 3);
}

// Pins WM-34.
TEST_CASE("queues are counted by worker, also those of subscriptions that ended") {
  StuckWorker stuck("DropOldest");
  ManagerFixture& f = stuck.f;
  WorkerMetrics now = f.manager->Metrics().workers.at(0);
  CHECK(now.overflow == Overflow::kDropOldest);
  CHECK(now.queue.depth == 4);
  CHECK(now.queue.dropped == 3);
  stuck.leave.Open();
  CHECK(f.manager->Stop(stuck.id).ok());
  CHECK(f.manager->Start(stuck.id).ok());
  now = f.manager->Metrics().workers.at(0);
  CHECK(now.queue.depth == 0);
  CHECK(now.queue.dropped >= 3);
}

// Pins WM-34.
TEST_CASE("what queues lost is not forgotten with their worker") {
  StuckWorker stuck("DropNewest");
  ManagerFixture& f = stuck.f;
  const auto lost = [&](Overflow policy) {
    return f.manager->Metrics().queue_dropped[static_cast<std::size_t>(policy)];
  };
  CHECK(f.manager->Metrics().queue_depth == 4);
  CHECK(lost(Overflow::kDropNewest) == 3);
  CHECK(lost(Overflow::kDropOldest) == 0);
  stuck.leave.Open();
  CHECK(f.manager->Delete(stuck.id).ok());
  CHECK(f.manager->Metrics().workers.empty());
  CHECK(f.manager->Metrics().queue_depth == 0);
  CHECK(lost(Overflow::kDropNewest) >= 3);
}

// Pins WM-34.
TEST_CASE("the queue of a group is counted once, and its losses stay when members stop") {
  ManagerFixture f(4);
  Gate leave;
  Collector<int> entered;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Add(1);
    CHECK(leave.Wait());
    done({});
  });
  std::map<std::string, std::string> config = {
      {"virtufin.group", "g"}, {"virtufin.queue", "4"}, {"virtufin.overflow", "DropOldest"}};
  const std::string first = f.Run("w", {"in"}, config);
  const std::string second = f.Run("w", {"in"}, config);
  config["virtufin.instances"] = "2";
  const std::string pool = f.Run("w", {"in"}, config);
  for (std::size_t i = 1; i <= 4; ++i) {
    REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
    REQUIRE(entered.WaitFor(i).size() == i);
  }
  for (int i = 0; i < 12; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  const auto dropped = [&] {
    return f.manager->Metrics().queue_dropped[static_cast<std::size_t>(Overflow::kDropOldest)];
  };
  const std::uint64_t lost = dropped();
  CHECK(lost >= 7);  // one may be on its way to a member
  // An event that moves meanwhile may be counted at both places.
  const auto settles = [&] {
    while (f.manager->Metrics().queue_depth + dropped() != 12) std::this_thread::yield();
  };
  settles();
  Collector<StatusCode> ended;
  const auto note = [&](const Status& status) { ended.Add(status.code()); };
  f.manager->Stop(pool, note);
  CHECK(dropped() == lost);
  settles();
  f.manager->Stop(second, note);
  f.manager->Stop(first, note);
  leave.Open();
  CHECK(ended.WaitFor(3) == std::vector<StatusCode>(3, StatusCode::kOk));
  CHECK(dropped() >= lost);
  for (const WorkerMetrics& worker : f.manager->Metrics().workers) {
    CHECK(worker.counters.dropped <= 12);
  }
}

// Pins WM-34.
TEST_CASE("each call has one outcome, and they add up to the calls") {
  ManagerFixture f(2, 50, nullptr, 1000);
  Gate late, hang;
  Collector<std::string> entered;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    const std::string what(m.event().data_text());
    entered.Add(what);
    CallOutcome outcome;
    if (what == "\"late\"") CHECK(late.Wait());
    if (what == "\"hangs\"") CHECK(hang.Wait());
    if (what == "\"fails\"") outcome.status = Status(StatusCode::kInternal, "test", "no");
    if (what == "\"replies\"") outcome.reply = Event("{}", {}, "out");
    done(std::move(outcome));
  });
  const std::string id = f.Run("w", {"in"}, {{"virtufin.ordered", "true"}});
  const auto counters = [&] { return f.manager->List().at(0).counters; };
  const auto ended = [&] {
    const WorkerCounters now = counters();
    return now.succeeded + now.failed;
  };
  for (const char* data : {"1", "\"replies\"", "\"fails\"", "\"late\""}) {
    REQUIRE(f.bus.Publish(Message("in", Event(data))).ok());
  }
  while (counters().overdue == 0) std::this_thread::yield();
  CHECK(counters().calls == 7);
  CHECK(ended() == 6);
  late.Open();
  while (ended() != 7) std::this_thread::yield();
  REQUIRE(f.bus.Publish(Message("in", Event("\"hangs\""))).ok());
  (void)entered.WaitFor(8);
  CHECK(f.manager->Stop(id).code() == StatusCode::kDeadlineExceeded);
  CHECK(ended() == 8);
  hang.Open();
  while (counters().discarded < 2) std::this_thread::yield();  // that one, and the late one
  const WorkerCounters now = counters();
  CHECK(now.calls == 8);
  CHECK(now.succeeded == 2);
  CHECK(now.failed == 6);  // four attempts, one that was late, one that was abandoned
  CHECK(now.replies == 1);
}

// Pins WM-34, WM-35.
TEST_CASE("workers are counted by what they are, and health says it in words") {
  ManagerFixture f(2, 50, nullptr, 0);
  Gate entered, leave;
  f.Script("hangs", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  f.Script("w", ReplyWith("{}"));
  f.Script("bad", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CallOutcome outcome;
    outcome.status = Status(StatusCode::kInternal, "test", "exception left Process: x");
    outcome.degrades = true;
    done(std::move(outcome));
  });
  REQUIRE(f.manager->Create({.code = Code("w"), .topics = {"a"}}).ok());
  REQUIRE(!f.Run("w", {"b"}).empty());
  CHECK(f.manager->Health().ready);
  CHECK(f.manager->Health().entries.at(0).healthy);
  REQUIRE(!f.Run("bad", {"d"}).empty());
  const std::string failed = f.Run("hangs", {"c"});
  REQUIRE(f.bus.Publish(Message("c", Event("{}"))).ok());
  REQUIRE(f.bus.Publish(Message("d", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  CHECK(f.manager->Stop(failed).code() == StatusCode::kDeadlineExceeded);
  while (f.manager->Metrics().degraded == 0) std::this_thread::yield();
  const WorkManagerMetrics metrics = f.manager->Metrics();
  CHECK(metrics.running == 2);
  CHECK(metrics.degraded == 1);
  CHECK(metrics.stopped == 1);
  CHECK(metrics.failed == 1);
  const WorkManagerHealth health = f.manager->Health();
  CHECK(health.live);
  CHECK(health.ready);
  REQUIRE(health.entries.size() == 2);
  CHECK_FALSE(health.entries[0].healthy);
  CHECK(health.entries[0].detail == "2 running, 1 of them degraded, 1 stopped, 1 failed");
  CHECK(health.entries[1].name == "engine application/x-scripted");
  leave.Open();
  CHECK(f.manager->Shutdown(std::chrono::seconds(30)).ok());
  CHECK_FALSE(f.manager->Health().ready);
}
