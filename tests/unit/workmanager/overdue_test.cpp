// Calls that take longer than they may: reported, never interrupted, their late outcome discarded.
#include <doctest/doctest.h>

#include <thread>

#include "fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

WorkerInfo AwaitInfo(WorkManager& manager, bool (*wanted)(const WorkerInfo&)) {
  for (;;) {
    WorkerInfo info = manager.List().at(0);
    if (wanted(info)) return info;
    std::this_thread::yield();
  }
}

bool Degraded(const WorkerInfo& info) { return info.degraded; }
bool Well(const WorkerInfo& info) { return !info.degraded; }

/// A manager whose calls may take 40 ms.
struct ImpatientFixture : ManagerFixture {
  ImpatientFixture() : ManagerFixture(2, 30'000, nullptr, 40) {}

  /// Calls of events with the data 1 wait for `leave`; all reply with their data.
  void ScriptHanging(const std::string& name) {
    Script(name, [this](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      const std::string data(m.event().data_text());
      if (data == "1") CHECK(leave.Wait());
      CallOutcome outcome;
      outcome.reply = Event(data, {}, "out");
      done(std::move(outcome));
    });
  }
  void Publish(std::string_view data) { REQUIRE(bus.Publish(Message("in", Event(data))).ok()); }

  test::Gate leave;
};

}  // namespace

// Pins WM-14.
TEST_CASE("an overdue call degrades its worker until it returns; its reply is discarded") {
  ImpatientFixture f;
  f.ScriptHanging("w");
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  REQUIRE(!f.Run("w", {"in"}).empty());
  f.Publish("1");
  f.Publish("2");
  const WorkerInfo overdue = AwaitInfo(*f.manager, Degraded);
  CHECK(overdue.error == "DEADLINE_EXCEEDED [workmanager]: still running after 40 ms");
  CHECK(overdue.status == WorkerStatus::kRunning);
  CHECK(overdue.counters.calls == 1);  // the next event waits
  CHECK(overdue.counters.overdue == 1);
  while (!f.log.Has("overdue: DEADLINE_EXCEEDED [workmanager]: still running after 40 ms")) {
    std::this_thread::yield();
  }
  CHECK(replies.Items().empty());
  f.leave.Open();
  const auto got = replies.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].event().data_text() == "2");
  const WorkerInfo info =
      AwaitInfo(*f.manager, [](const WorkerInfo& i) { return i.counters.replies == 1; });
  CHECK_FALSE(info.degraded);
  CHECK(info.error.empty());
  CHECK(info.counters.calls == 2);
  CHECK(info.counters.failed == 1);
  CHECK(info.counters.discarded == 1);
  CHECK(info.counters.overdue == 1);
}

// Pins WM-14.
TEST_CASE("an overdue call of an engine that answers later is reported, too") {
  ImpatientFixture f;
  Collector<test::Done> dones;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    dones.Add(std::move(done));
  });
  REQUIRE(!f.Run("w", {"in"}).empty());
  for (int i = 0; i < 2; ++i) f.Publish("1");
  CHECK(AwaitInfo(*f.manager, Degraded).counters.overdue == 1);
  CHECK(dones.Items().size() == 1);
  dones.Items()[0]({});
  const auto got = dones.WaitFor(2);
  REQUIRE(got.size() == 2);
  got[1]({});
  const WorkerInfo info =
      AwaitInfo(*f.manager, [](const WorkerInfo& i) { return i.counters.calls == 2; });
  CHECK(info.counters.discarded == 1);
}

// Pins WM-14.
TEST_CASE("each overdue call is reported once, also the one after a quick one") {
  ImpatientFixture f;
  Collector<test::Done> dones;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    if (m.event().data_text() == "2") return done({});
    dones.Add(std::move(done));
  });
  REQUIRE(!f.Run("w", {"in"}).empty());
  for (std::size_t round = 1; round <= 3; ++round) {
    f.Publish("1");
    f.Publish("2");
    const WorkerInfo info = AwaitInfo(*f.manager, Degraded);
    CHECK(info.counters.overdue == round);
    CHECK(info.counters.calls == 2 * round - 1);
    dones.WaitFor(round).at(round - 1)({});
    AwaitInfo(*f.manager, Well);
  }
}

// Pins WM-14.
TEST_CASE("without a limit no call is overdue, and what damages a worker degrades it") {
  ManagerFixture f(2, 30'000, nullptr, 0);
  Collector<test::Done> dones;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    dones.Add(std::move(done));
  });
  REQUIRE(!f.Run("w", {"in"}).empty());
  for (int i = 0; i < 2; ++i) REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  CallOutcome thrown;
  thrown.status = Status(StatusCode::kInternal, "test", "exception left Process: x");
  thrown.degrades = true;
  dones.WaitFor(1).at(0)(std::move(thrown));
  dones.WaitFor(2);
  CHECK(f.manager->List().at(0).degraded);
  dones.Items()[1]({});  // the retry
  dones.WaitFor(3).at(2)({});
  const WorkerInfo info = AwaitInfo(*f.manager, Well);
  CHECK(info.counters.failed == 1);
  CHECK(info.counters.overdue == 0);
}

// Pins WM-18.
TEST_CASE("an event whose call was overdue is a dead letter, or is retried where config says so") {
  for (const bool retried : {false, true}) {
    ImpatientFixture f;
    Collector<test::Done> dones;
    f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      dones.Add(std::move(done));
    });
    Collector<Message> dead;
    auto watch = f.Watch("in-dead", dead);
    REQUIRE(
        !f.Run("w", {"in"}, {{"virtufin.retryaftertimeout", retried ? "true" : "false"}}).empty());
    f.Publish("1");
    AwaitInfo(*f.manager, Degraded);
    dones.WaitFor(1).at(0)({});
    if (retried) {
      dones.WaitFor(2).at(1)({});
      AwaitInfo(*f.manager, [](const WorkerInfo& i) { return i.counters.calls == 2; });
      CHECK(dead.Items().empty());
    } else {
      const auto letters = dead.WaitFor(1);
      REQUIRE(letters.size() == 1);
      CHECK(letters[0].event().ExtensionText("deadletterreason") ==
            "DEADLINE_EXCEEDED [workmanager]: still running after 40 ms");
      CHECK(dones.Items().size() == 1);
    }
  }
}
