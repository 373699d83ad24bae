// Each call in each state of a worker, one by one and all at once.
#include <doctest/doctest.h>

#include <array>
#include <random>
#include <thread>

#include "fixture.hpp"
#include "support/scale.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/state/memory.hpp"
#include "workmanager/worker_record.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// kBringingBack: a start loads the code of a worker that a manager before had.
enum class In : std::uint8_t {
  kLoading,
  kBringingBack,
  kStopped,
  kRunning,
  kDraining,
  kSwapping,
  kFailed
};
constexpr std::array kAll = {In::kLoading,  In::kBringingBack, In::kStopped, In::kRunning,
                             In::kDraining, In::kSwapping,     In::kFailed};
bool Loads(In state) { return state == In::kLoading || state == In::kBringingBack; }

struct StoreOwner {
  std::unique_ptr<StateStore> store = MakeMemoryStore(WallClock());
  Extras Records() const {
    Extras extras;
    extras.records = store.get();
    return extras;
  }
};

/// A worker brought into one state. What holds it there ends with Release: a load that takes its
/// time, or the event in flight.
struct Staged : StoreOwner, ManagerFixture {
  explicit Staged(In state) : ManagerFixture(Quick(60, 0), WallClock(), 4, nullptr, Records()) {
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
      if (!hold) return Status();
      CHECK(leave.Wait());
      return std::exchange(result, Status());
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
        StartHeld();
        break;
      case In::kBringingBack: {
        manager.reset();
        WorkManager::Dependencies dependencies{runtime, bus, engines, nullptr};
        dependencies.records = store.get();
        manager = std::make_unique<WorkManager>(Quick(60, 0), dependencies);
        StartHeld();
        break;
      }
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
  void StartHeld() {
    hold = true;
    starter = std::thread([this] { started.Add(manager->Start(id)); });
    REQUIRE(entered.WaitFor(2).size() == 2);
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
  /// What its record asks for.
  WorkerStatus Kept() {
    const auto item = store->Get("workmanager", WorkerKey(id));
    REQUIRE(item.ok());
    return detail::DecodeRecord(item->value)->status;
  }
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
  Status result;  // of the load that is held; changed before Release
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
    if (Loads(state)) CHECK(f.started.Code() == StatusCode::kOk);
    CHECK(f.Kept() == WorkerStatus::kRunning);
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
    if (Loads(state)) CHECK(f.started.Code() == StatusCode::kCancelled);
    CHECK(f.Kept() == WorkerStatus::kStopped);
    CHECK(f.Info().error.empty());
    CHECK(f.manager->Metrics().failed == 0);
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
    const bool refused = Loads(state) || state == In::kSwapping;
    if (refused) CHECK(answer.Code() == StatusCode::kFailedPrecondition);
    f.Release();
    if (!refused) CHECK(answer.Code() == StatusCode::kOk);
    const bool runs = state == In::kRunning || state == In::kSwapping || Loads(state);
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
    if (Loads(state)) CHECK(f.started.Code() == StatusCode::kCancelled);
    CHECK(f.scripts->loads == f.scripts->unloads);
  }
}

// Pins WM-38.
TEST_CASE("a stop and a start while code loads take effect in that order") {
  for (const In state : {In::kLoading, In::kBringingBack, In::kSwapping}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.Stop();
    CHECK(f.manager->Start(f.id).ok());
    f.Release();
    CHECK(f.stopped.Code() == StatusCode::kOk);
    if (Loads(state)) CHECK(f.started.Code() == StatusCode::kCancelled);
    f.CheckRuns(true);
    CHECK(f.Kept() == WorkerStatus::kRunning);
  }
}

// Pins WM-38.
TEST_CASE("a start while another one loads is OK, and stays asked for when that load fails") {
  for (const In state : {In::kLoading, In::kBringingBack}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.result = Status(StatusCode::kInvalidArgument, "test", "broken");
    CHECK(f.manager->Start(f.id).ok());
    f.Release();
    CHECK(f.started.Code() == StatusCode::kInvalidArgument);
    CHECK(f.Info().error.find("broken") != std::string::npos);
    CHECK(f.manager->Metrics().failed == 1);
    CHECK(f.Kept() == WorkerStatus::kRunning);
    CHECK(f.manager->Start(f.id).ok());
    f.CheckRuns(true);
  }
}

// Pins WM-30.
TEST_CASE("a load that fails is told before the deletion that waited for it") {
  Staged f(In::kBringingBack);
  Collector<Message> told;
  const auto watch = f.Watch("workmanager.lifecycle", told);
  f.result = Status(StatusCode::kInvalidArgument, "test", "broken");
  f.manager->Delete(f.id, f.deleted.Done());
  f.Release();
  CHECK(f.deleted.Code() == StatusCode::kOk);
  CHECK(f.started.Code() == StatusCode::kInvalidArgument);
  const auto all = told.WaitFor(2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].event().type() == "com.virtufin.workmanager.failed");
  CHECK(all[1].event().type() == "com.virtufin.workmanager.deleted");
}

// Pins WM-38.
TEST_CASE("a start that comes after a stop tries again when the load before them fails") {
  for (const In state : {In::kLoading, In::kBringingBack}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.result = Status(StatusCode::kInvalidArgument, "test", "broken");
    f.Stop();
    CHECK(f.manager->Start(f.id).ok());
    f.Release();
    CHECK(f.started.Code() == StatusCode::kInvalidArgument);
    CHECK(f.stopped.Code() == StatusCode::kOk);
    f.CheckRuns(true);
    CHECK(f.Kept() == WorkerStatus::kRunning);
  }
}

// Pins WM-38.
TEST_CASE("of starts that all fail nothing is kept, of one that was answered OK it is") {
  const int rounds = Scaled(50);
  for (const In state : {In::kFailed, In::kBringingBack}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    if (state == In::kBringingBack) {
      f.result = Status(StatusCode::kInvalidArgument, "test", "broken");
      f.Release();
      CHECK(f.started.Code() == StatusCode::kInvalidArgument);
    }
    f.scripts->before_load = [](const std::string&) {
      return Status(StatusCode::kInvalidArgument, "test", "broken");
    };
    for (int round = 0; round < rounds; ++round) {
      CHECK(f.manager->Stop(f.id).ok());
      std::atomic<int> accepted{0};
      std::vector<std::thread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] { accepted += f.manager->Start(f.id).ok() ? 1 : 0; });
      }
      for (std::thread& thread : threads) thread.join();
      CHECK((f.Kept() == WorkerStatus::kRunning) == (accepted > 0));
    }
  }
}

// Pins WM-38.
TEST_CASE("a start that fails leaves the worker as it was asked for before") {
  for (const In state : {In::kLoading, In::kBringingBack}) {
    CAPTURE(static_cast<int>(state));
    Staged f(state);
    f.result = Status(StatusCode::kInvalidArgument, "test", "broken");
    f.Release();
    CHECK(f.started.Code() == StatusCode::kInvalidArgument);
    CHECK(f.Kept() == WorkerStatus::kStopped);
    CHECK(f.manager->Metrics().failed == 1);
    CHECK(f.manager->Stop(f.id).ok());
    CHECK(f.Info().error.empty());
    CHECK(f.manager->Metrics().failed == 0);
    CHECK(f.manager->Metrics().stopped == 1);
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
