// Each call in each state of a worker, one by one and all at once.
#include <doctest/doctest.h>

#include <array>
#include <random>
#include <thread>

#include "fixture.hpp"
#include "support/scale.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

enum class In : std::uint8_t { kLoading, kStopped, kRunning, kDraining, kSwapping, kFailed };
constexpr std::array kAll = {In::kLoading,  In::kStopped,  In::kRunning,
                             In::kDraining, In::kSwapping, In::kFailed};

/// A worker brought into one state. What holds it there ends with Release: a load that takes its
/// time, or the event in flight.
struct Staged : ManagerFixture {
  explicit Staged(In state) : ManagerFixture(Quick(60, 0), WallClock(), 4) {
    const auto works = [this](const Message& m, const ExtensionOverlay*, WorkerHost&,
                              test::Done done) {
      seen.Add(std::string(m.event().data_text()));
      if (m.event().data_text() == "1")
        dones.Add(std::move(done));
      else
        done({});
    };
    Script("w", works);
    Script("new", works);
    scripts->before_load = [this](const std::string&) {
      entered.Add(1);
      if (hold) CHECK(leave.Wait());
      return Status();
    };
    id = manager->Create({.code = Code("w"), .topics = {"in"}}).value();
    switch (state) {
      case In::kStopped:
        break;
      case In::kRunning:
        REQUIRE(manager->Start(id).ok());
        break;
      case In::kDraining:
        Hang();
        Stop();
        break;
      case In::kSwapping:
        Hang();
        manager->LoadCode(id, Code("new"), swapped.Done());
        break;
      case In::kFailed:
        Fail();
        break;
      case In::kLoading:
        Fail();
        hold = true;
        starter = std::thread([this] { started.Add(manager->Start(id)); });
        entered.WaitFor(2);
        break;
    }
  }
  ~Staged() {
    Release();
    if (starter.joinable()) starter.join();
    manager.reset();
  }

  struct Answers : Collector<Status> {
    WorkManager::Done Done() {
      return [this](Status status) { Add(std::move(status)); };
    }
    StatusCode Code() { return WaitFor(1).at(0).code(); }
  };
  void Hang() {
    REQUIRE(manager->Start(id).ok());
    Publish("1");
    REQUIRE(dones.WaitFor(1).size() == 1);
  }
  void Fail() {
    Hang();
    CHECK(manager->Stop(id).code() == StatusCode::kDeadlineExceeded);
    CHECK(!Info().error.empty());
  }
  void Stop() { manager->Stop(id, stopped.Done()); }
  void Publish(std::string_view data) { REQUIRE(bus.Publish(Message("in", Event(data))).ok()); }
  /// Ends what holds the worker in its state.
  void Release() {
    leave.Open();
    for (std::size_t i = released; i < dones.Items().size(); ++i) dones.Items()[i]({});
    released = dones.Items().size();
  }
  WorkerInfo Info() { return manager->List().at(0); }
  bool Runs() { return Info().status == WorkerStatus::kRunning; }
  /// It is stopped in the end and gets no event, or runs and does.
  void CheckRuns(bool runs) {
    while (Runs() != runs) std::this_thread::yield();
    const std::size_t before = seen.Items().size();
    if (!runs) {
      Publish("0");
      CHECK(seen.Items().size() == before);
      return;
    }
    while (seen.Items().size() == before) {  // it is subscribed by the thread that drained
      Publish("0");
      std::this_thread::yield();
    }
  }

  std::string id;
  std::atomic<bool> hold{false};
  Gate leave;
  std::thread starter;
  Collector<int> entered;
  Collector<std::string> seen;
  Collector<test::Done> dones;
  std::size_t released = 0;
  Answers started, stopped, swapped, deleted;
};

}  // namespace

// Pins WM-38.
TEST_CASE("Start in each state") {
  for (const In state : kAll) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    CHECK(f.manager->Start(f.id).ok());
    f.Release();
    f.CheckRuns(true);
    if (state == In::kDraining) CHECK(f.stopped.Code() == StatusCode::kOk);
    if (state == In::kSwapping) CHECK(f.swapped.Code() == StatusCode::kOk);
    if (state == In::kLoading) CHECK(f.started.Code() == StatusCode::kOk);
  }
}

// Pins WM-38.
TEST_CASE("Stop in each state") {
  for (const In state : kAll) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    Staged::Answers answer;
    f.manager->Stop(f.id, answer.Done());
    f.Release();
    CHECK(answer.Code() == StatusCode::kOk);
    f.CheckRuns(false);
    if (state == In::kDraining) CHECK(f.stopped.Code() == StatusCode::kOk);
    if (state == In::kSwapping) CHECK(f.swapped.Code() == StatusCode::kOk);
    if (state == In::kLoading) CHECK(f.started.Code() == StatusCode::kCancelled);
    CHECK(f.manager->Start(f.id).ok());
    f.CheckRuns(true);
  }
}

// Pins WM-38.
TEST_CASE("LoadCode in each state") {
  for (const In state : kAll) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    Staged::Answers answer;
    f.manager->LoadCode(f.id, Code("new"), answer.Done());
    const bool refused = state == In::kLoading || state == In::kSwapping;
    if (refused) CHECK(answer.Code() == StatusCode::kFailedPrecondition);
    f.Release();
    if (!refused) CHECK(answer.Code() == StatusCode::kOk);
    const bool runs = state == In::kRunning || state == In::kSwapping || state == In::kLoading;
    f.CheckRuns(runs);
    if (state == In::kFailed) {
      CHECK(f.Info().error.empty());
      CHECK(f.manager->Start(f.id).ok());
      f.CheckRuns(true);
    }
  }
}

// Pins WM-38.
TEST_CASE("Delete in each state, and every call afterwards") {
  for (const In state : kAll) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.manager->Delete(f.id, f.deleted.Done());
    f.Release();
    CHECK(f.deleted.Code() == StatusCode::kOk);
    CHECK(f.manager->List().empty());
    CHECK(f.manager->Start(f.id).code() == StatusCode::kNotFound);
    CHECK(f.manager->Stop(f.id).code() == StatusCode::kNotFound);
    CHECK(f.manager->LoadCode(f.id, Code("new")).code() == StatusCode::kNotFound);
    CHECK(f.manager->Delete(f.id).code() == StatusCode::kNotFound);
    if (state == In::kLoading) CHECK(f.started.Code() == StatusCode::kCancelled);
    CHECK(f.scripts->loads == f.scripts->unloads);
  }
}

// Pins WM-38.
TEST_CASE("a stop and a start while code loads take effect in that order") {
  for (const In state : {In::kLoading, In::kSwapping}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.Stop();
    CHECK(f.manager->Start(f.id).ok());
    f.Release();
    CHECK(f.stopped.Code() == StatusCode::kOk);
    f.CheckRuns(true);
  }
}

// Pins WM-38.
TEST_CASE("a worker that does not load stays failed until a start loads it") {
  Staged f(In::kFailed);
  f.scripts->before_load = [](const std::string&) {
    return Status(StatusCode::kInvalidArgument, "test", "broken");
  };
  CHECK(f.manager->Start(f.id).message() == "broken");
  CHECK(f.Info().error == "INVALID_ARGUMENT [test]: broken");
  CHECK(f.Info().status == WorkerStatus::kStopped);
  CHECK(f.manager->Stop(f.id).ok());
  f.scripts->before_load = nullptr;
  CHECK(f.manager->Start(f.id).ok());
  CHECK(f.Info().error.empty());
  f.CheckRuns(true);
}

// Pins WM-38, WM-12.
TEST_CASE("calls from several threads, with loads and events that are slow, fail or hang") {
  const int rounds = Scaled(20);
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    ManagerFixture f(ManagerFixture::Quick(20, 5), WallClock(), 4);
    std::atomic<unsigned> chance{static_cast<unsigned>(round) * 7919U + 1};
    const auto draw = [&chance](unsigned of) { return (chance.fetch_add(2654435769U) >> 16) % of; };
    Gate leave;
    Collector<test::Done> late;
    const auto script = [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
      CallOutcome outcome;
      const unsigned what = draw(40);
      if (what == 0) return late.Add(std::move(done));  // hangs until it is abandoned
      if (what < 8) outcome.status = Status(StatusCode::kInternal, "test", "no");
      if (what < 12) std::this_thread::yield();
      outcome.degrades = what == 4;
      outcome.reply = Event("{}", {}, "out");
      done(std::move(outcome));
    };
    f.Script("a", script);
    f.Script("b", script);
    f.scripts->before_load = [&](const std::string&) {
      const unsigned what = draw(12);
      if (what == 0) return Status(StatusCode::kInvalidArgument, "test", "no such code");
      for (unsigned i = 0; i < what * 20; ++i) std::this_thread::yield();
      return Status();
    };
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
      CreateWorkerRequest request = {.code = Code("a"), .topics = {"in"}};
      if (i == 1) request.config["virtufin.instances"] = "3";
      if (i == 2) request.config["virtufin.group"] = "g";
      auto id = f.manager->Create(std::move(request));
      if (id.ok()) ids.push_back(*id);
    }
    std::atomic<int> asked{0};
    std::atomic<int> answered{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(round) * 31 + t);
        for (int i = 0; i < 60 && !ids.empty(); ++i) {
          const std::string& id = ids[random() % ids.size()];
          const unsigned what = random() % 16;
          const auto done = [&answered](const Status&) { ++answered; };
          if (what < 5) {
            (void)f.manager->Start(id);
          } else if (what < 9) {
            ++asked;
            f.manager->Stop(id, done);
          } else if (what < 13) {
            ++asked;
            f.manager->LoadCode(id, Code(what % 2 == 0 ? "a" : "b"), done);
          } else if (what == 13 && i > 40) {
            ++asked;
            f.manager->Delete(id, done);
          } else {
            (void)f.bus.Publish(Message("in", Event("{}")));
            (void)f.manager->List();
            (void)f.manager->Metrics();
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    (void)f.manager->Shutdown(std::chrono::milliseconds(20));
    while (answered < asked) std::this_thread::yield();
    CHECK(f.manager->List().empty());
    CHECK(f.scripts->loads == f.scripts->unloads);
    for (auto& done : late.Items()) done({});
  }
}
