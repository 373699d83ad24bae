// Create, start, stop, delete, swap: what they answer and when they take effect.
#include <doctest/doctest.h>

#include <thread>

#include "fixture.hpp"
#include "support/scale.hpp"
#include "virtufin/core/uuid.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

ScriptedEngine::Script Record(Collector<std::string>& seen, std::string name) {
  return [&seen, name](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    seen.Add(name + std::string(m.event().data_text()));
    done({});
  };
}

}  // namespace

// Pins WM-1.
TEST_CASE("Create refuses what it cannot run and names it") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  auto create = [&](auto edit) {
    CreateWorkerRequest request;
    request.code = Code("w");
    request.topics = {"in"};
    edit(request);
    return f.manager->Create(std::move(request)).status();
  };
  auto is = [](const Status& status, std::string_view part) {
    return status.code() == StatusCode::kInvalidArgument &&
           status.message().find(part) != std::string_view::npos;
  };
  CHECK(create([](auto&) {}).ok());
  for (const char* overflow : {"Block", "DropOldest", "DropNewest", "Conflate"}) {
    CHECK(create([&](auto& r) { r.config = {{"virtufin.overflow", overflow}}; }).ok());
  }
  CHECK(is(create([](auto& r) { r.topics.clear(); }), "topics"));
  CHECK(is(create([](auto& r) { r.topics = {""}; }), "topic"));
  CHECK(is(create([](auto& r) { r.code.mime_type = "text/x-cobol"; }), "text/x-cobol"));
  CHECK(is(create([](auto& r) { r.code = Code("nope"); }), "nope"));
  CHECK(is(create([](auto& r) { r.config = {{"Bad Name", "x"}}; }), "Bad Name"));
  CHECK(is(create([](auto& r) { r.config = {{"source", "x"}}; }), "source"));
  CHECK(is(create([](auto& r) { r.config = {{"virtufin.queue", "0"}}; }), "virtufin.queue"));
  CHECK(is(create([](auto& r) { r.config = {{"virtufin.what", "0"}}; }), "virtufin.what"));
  CHECK(is(create([](auto& r) { r.config = {{"virtufin.overflow", "Explode"}}; }), "Explode"));
  CHECK(is(create([](auto& r) { r.tags = {{std::string(129, 'k'), "v"}}; }), "tag"));
}

// Pins WM-1.
TEST_CASE("each worker has a UUID of its own") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  const std::string one = f.Run("w", {"in"});
  const std::string other = f.Run("w", {"in"});
  CHECK(Uuid::Parse(one).ok());
  CHECK(Uuid::Parse(other).ok());
  CHECK(one != other);
}

// Pins WM-2.
TEST_CASE("a worker is stopped after Create, and Start and Stop are idempotent") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", Record(seen, ""));
  CreateWorkerRequest request;
  request.code = Code("w");
  request.topics = {"in"};
  auto id = f.manager->Create(std::move(request));
  REQUIRE(id.ok());
  CHECK(f.manager->List()[0].status == WorkerStatus::kStopped);
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  CHECK(f.manager->Start(*id).ok());
  CHECK(f.manager->Start(*id).ok());
  CHECK(f.manager->List()[0].status == WorkerStatus::kRunning);
  REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
  CHECK(seen.WaitFor(1) == std::vector<std::string>{"2"});
  CHECK(f.manager->Stop(*id).ok());
  CHECK(f.manager->Stop(*id).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("3"))).ok());
  CHECK(f.manager->Start(*id).ok());
  REQUIRE(f.bus.Publish(Message("in", Event("4"))).ok());
  CHECK(seen.WaitFor(2) == std::vector<std::string>{"2", "4"});
}

// Pins WM-3.
TEST_CASE("unknown and deleted workers are NOT_FOUND") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  CHECK(f.manager->Start("nobody").code() == StatusCode::kNotFound);
  CHECK(f.manager->Stop("nobody").code() == StatusCode::kNotFound);
  CHECK(f.manager->LoadCode("nobody", Code("w")).code() == StatusCode::kNotFound);
  const std::string id = f.Run("w", {"in"});
  CHECK(f.manager->Delete(id).ok());
  CHECK(f.manager->Delete(id).code() == StatusCode::kNotFound);
  CHECK(f.manager->List().empty());
  CHECK(f.scripts->loads == f.scripts->unloads);
}

// Pins WM-8.
TEST_CASE("Stop returns after the event in flight") {
  Gate entered, leave;
  std::atomic<bool> left{false};
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    left = true;
    done({});
  });
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  std::thread opener([&] { leave.Open(); });
  CHECK(f.manager->Stop(id).ok());
  CHECK(left);
  opener.join();
}

// Pins WM-8.
TEST_CASE("what Stop drops is counted") {
  Gate entered, leave;
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  for (int i = 0; i < 7; ++i) REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  Collector<Status> stopped;
  f.manager->Stop(id, [&](Status status) { stopped.Add(std::move(status)); });
  leave.Open();
  REQUIRE(stopped.WaitFor(1).size() == 1);
  CHECK(f.manager->List()[0].counters.dropped == 7);
  CHECK(f.manager->List()[0].counters.calls == 1);
}

// Pins WM-11.
TEST_CASE("a shorter deadline wins over a Stop that waits") {
  Gate entered, leave;
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  Collector<Status> stopped;
  f.manager->Stop(id, [&](Status status) { stopped.Add(std::move(status)); });
  const Status status = f.manager->Shutdown(std::chrono::milliseconds(20));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK(status.message().find(id) != std::string_view::npos);
  CHECK(stopped.WaitFor(1)[0].code() == StatusCode::kDeadlineExceeded);
  leave.Open();
}

// Pins WM-13.
TEST_CASE("LoadCode takes the names of its engine and no other") {
  ManagerFixture f;
  f.Script("w", ReplyWith("{}"));
  const std::string id = f.Run("w", {"in"});
  WorkerCode code = Code("w");
  code.mime_type = "Application/X-Scripted";
  CHECK(f.manager->LoadCode(id, code).ok());
  code.mime_type = "text/x-cobol";
  CHECK(f.manager->LoadCode(id, code).code() == StatusCode::kInvalidArgument);
}

// Pins WM-11.
TEST_CASE("a call that does not end is abandoned and the worker can start again") {
  Gate entered, leave, late;
  ManagerFixture f(2, 50);
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    CallOutcome outcome;
    outcome.reply = Event("{}", {}, "late");
    done(std::move(outcome));
    late.Open();
  });
  Collector<Message> replies;
  auto watch = f.Watch("late", replies);
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  const Status stopped = f.manager->Stop(id);
  CHECK(stopped.code() == StatusCode::kDeadlineExceeded);
  CHECK(stopped.message().find(id) != std::string_view::npos);
  CHECK(f.scripts->abandoned == 1);
  CHECK(f.manager->List()[0].status == WorkerStatus::kStopped);
  CHECK(!f.manager->List()[0].error.empty());
  f.Script("w", ReplyWith("{}", "fresh"));
  Collector<Message> fresh;
  auto watch_fresh = f.Watch("fresh", fresh);
  REQUIRE(f.manager->Start(id).ok());
  CHECK(f.manager->List()[0].error.empty());
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(fresh.WaitFor(1).size() == 1);
  leave.Open();
  REQUIRE(late.Wait());
  CHECK(replies.Items().empty());
  CHECK(f.manager->List()[0].counters.discarded == 1);
}

// Pins WM-9.
TEST_CASE("Stop from inside the worker's own call takes effect after its reply") {
  Collector<Status> answers;
  std::string id;
  Gate ready;
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CHECK(ready.Wait());
    CHECK(f.manager->Stop(id).code() == StatusCode::kFailedPrecondition);
    f.manager->Stop(id, [&answers](Status status) { answers.Add(std::move(status)); });
    CHECK(answers.Items().empty());
    CallOutcome outcome;
    outcome.reply = Event("{}", {}, "out");
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  id = f.Run("w", {"in"});
  ready.Open();
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  auto got = answers.WaitFor(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].ok());
  CHECK(f.manager->List()[0].status == WorkerStatus::kStopped);
}

// Pins WM-9.
TEST_CASE("Delete from inside the worker's own call takes effect after its reply") {
  Collector<Status> answers;
  std::string id;
  Gate ready;
  ManagerFixture f;
  f.Script("w", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CHECK(ready.Wait());
    CHECK(f.manager->Delete(id).code() == StatusCode::kFailedPrecondition);
    f.manager->Delete(id, [&answers](Status status) { answers.Add(std::move(status)); });
    CHECK(answers.Items().empty());
    CHECK(f.scripts->unloads == 0);
    CallOutcome outcome;
    outcome.reply = Event("{}", {}, "out");
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  id = f.Run("w", {"in"});
  ready.Open();
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  CHECK(replies.WaitFor(1).size() == 1);
  CHECK(answers.WaitFor(1).at(0).ok());
  CHECK(f.manager->List().empty());
  CHECK(f.scripts->unloads == 1);
}

// Pins WM-9.
TEST_CASE("LoadCode from inside the worker's own call takes effect after its reply") {
  Collector<Status> answers;
  Collector<std::string> seen;
  std::string id;
  Gate ready;
  ManagerFixture f;
  f.Script("new", Record(seen, "new"));
  f.Script("old", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    CHECK(ready.Wait());
    f.manager->LoadCode(id, Code("new"), [&](Status status) { answers.Add(std::move(status)); });
    CHECK(answers.Items().empty());
    seen.Add("old" + std::string(m.event().data_text()));
    CallOutcome outcome;
    outcome.reply = Event("{}", {}, "out");
    done(std::move(outcome));
  });
  Collector<Message> replies;
  auto watch = f.Watch("out", replies);
  id = f.Run("old", {"in"});
  for (const char* data : {"1", "2"}) REQUIRE(f.bus.Publish(Message("in", Event(data))).ok());
  ready.Open();
  CHECK(seen.WaitFor(2) == std::vector<std::string>{"old1", "new2"});
  CHECK(answers.WaitFor(1).at(0).ok());
  CHECK(replies.WaitFor(1).size() == 1);
}

// Pins WM-10.
TEST_CASE("Start while draining runs again once drained") {
  Gate entered, leave;
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("w", [&](const Message& m, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    seen.Add(std::string(m.event().data_text()));
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  const std::string id = f.Run("w", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  REQUIRE(entered.Wait());
  Collector<Status> stopped;
  f.manager->Stop(id, [&](Status status) { stopped.Add(std::move(status)); });
  CHECK(f.manager->Start(id).ok());
  CHECK(f.manager->List()[0].status == WorkerStatus::kRunning);
  leave.Open();
  REQUIRE(stopped.WaitFor(1).size() == 1);
  // Started again by the thread that drained: ask until its subscription is there.
  for (int i = 0; i < 10'000 && seen.Items().size() < 2; ++i) {
    REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
    std::this_thread::yield();
  }
  CHECK(seen.WaitFor(2).size() >= 2);
}

// Pins WM-13.
TEST_CASE("a failed load keeps the old code") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("old", Record(seen, "old"));
  const std::string id = f.Run("old", {"in"});
  const Status status = f.manager->LoadCode(id, Code("missing"));
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message().find("missing") != std::string_view::npos);
  REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
  CHECK(seen.WaitFor(1) == std::vector<std::string>{"old1"});
}

// Pins WM-13.
TEST_CASE("a swap that waits too long for the event in flight keeps the old code") {
  Gate entered, leave;
  ManagerFixture f(2, 50);
  f.Script("old", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
    entered.Open();
    CHECK(leave.Wait());
    done({});
  });
  f.Script("new", ReplyWith("{}"));
  const std::string id = f.Run("old", {"in"});
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  REQUIRE(entered.Wait());
  CHECK(f.manager->LoadCode(id, Code("new")).code() == StatusCode::kDeadlineExceeded);
  CHECK(f.scripts->unloads == 1);
  leave.Open();
  CHECK(f.manager->LoadCode(id, Code("new")).ok());
}

// Pins WM-12.
TEST_CASE("no event is lost, doubled or reordered by swaps under load") {
  Collector<std::string> seen;
  ManagerFixture f;
  for (int i = 0; i < 4; ++i) f.Script("v" + std::to_string(i), Record(seen, ""));
  const std::string id = f.Run("v0", {"in"});
  constexpr int kEvents = 20'000;
  std::thread publisher([&] {
    for (int i = 0; i < kEvents; ++i) {
      CHECK(f.bus.Publish(Message("in", Event(std::to_string(i)))).ok());
    }
  });
  for (int i = 1; i <= 200; ++i) {
    CHECK(f.manager->LoadCode(id, Code("v" + std::to_string(i % 4))).ok());
  }
  publisher.join();
  auto got = seen.WaitFor(kEvents);
  REQUIRE(got.size() == kEvents);
  int wrong = 0;
  for (int i = 0; i < kEvents; ++i) wrong += got[static_cast<std::size_t>(i)] != std::to_string(i);
  CHECK(wrong == 0);
  CHECK(f.scripts->loads == 201);
  CHECK(f.scripts->unloads == 200);
}

// Pins WM-13.
TEST_CASE("no event is lost, doubled or reordered by swaps that fail under load") {
  Collector<std::string> seen;
  ManagerFixture f;
  f.Script("works", Record(seen, ""));
  const std::string id = f.Run("works", {"in"});
  const int events = Scaled(20'000);
  const int swaps = Scaled(200);
  std::thread publisher([&] {
    for (int i = 0; i < events; ++i) {
      CHECK(f.bus.Publish(Message("in", Event(std::to_string(i)))).ok());
    }
  });
  for (int i = 0; i < swaps; ++i) {
    CHECK(f.manager->LoadCode(id, Code("missing")).code() == StatusCode::kInvalidArgument);
    if (i % 10 == 0) CHECK(f.manager->LoadCode(id, Code("works")).ok());
  }
  publisher.join();
  const auto got = seen.WaitFor(static_cast<std::size_t>(events));
  REQUIRE(got.size() == static_cast<std::size_t>(events));
  int wrong = 0;
  for (int i = 0; i < events; ++i) wrong += got[static_cast<std::size_t>(i)] != std::to_string(i);
  CHECK(wrong == 0);
  CHECK(f.scripts->loads - f.scripts->unloads == 1);
}

// Pins WM-12.
TEST_CASE("old code that does not unload holds up no event of the new code") {
  for (const bool later : {false, true}) {
    CAPTURE(later);
    Collector<std::string> seen;
    Collector<test::Done> outcomes;
    Gate loaded, unloading, unloaded;
    ManagerFixture f(4);
    auto held = std::shared_ptr<void>(nullptr, [&](void*) {
      unloading.Open();
      CHECK(unloaded.Wait());
    });
    f.Script("old",
             [&, held](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
               seen.Add("old");
               if (later) return outcomes.Add(std::move(done));
               CHECK(loaded.Wait());
               done({});
             });
    f.Script("new", Record(seen, "new"));
    const std::string id = f.Run("old", {"in"});
    REQUIRE(!id.empty());
    f.Script("old", {});  // the loaded code has the last copy now
    held.reset();
    REQUIRE(f.bus.Publish(Message("in", Event("1"))).ok());
    CHECK(seen.WaitFor(1).size() == 1);
    f.manager->LoadCode(id, Code("new"), [](const Status&) {});
    while (f.scripts->loads < 2) std::this_thread::yield();
    REQUIRE(f.bus.Publish(Message("in", Event("2"))).ok());
    loaded.Open();
    if (later) f.executor.Post([&] { outcomes.WaitFor(1).at(0)({}); });
    CHECK(unloading.Wait());
    CHECK(seen.WaitFor(2).at(1) == "new2");
    unloaded.Open();
  }
}
