// Two managers over one store: calls go to the owner, an owner that is gone is replaced.
#include <doctest/doctest.h>

#include <thread>

#include "fixture.hpp"
#include "support/faulty_store.hpp"
#include "virtufin/event/state_key.hpp"
#include "virtufin/state/memory.hpp"
#include "workmanager/instances.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// Calls the manager at an address directly.
class DirectPeers final : public PeerForwarder {
 public:
  void Add(const std::string& address, WorkManager* manager) { managers_[address] = manager; }

  void Forward(const Peer& peer, PeerCall call, std::function<void(Status)> done) override {
    forwarded.Add(peer.instance_id);
    const auto found = managers_.find(peer.address);
    if (found == managers_.end() || found->second == nullptr) {
      return done(Status(StatusCode::kUnavailable, "test", "nobody at " + peer.address));
    }
    WorkManager& manager = *found->second;
    using Kind = PeerCall::Kind;
    switch (call.kind) {
      case Kind::kStart:
        return done(manager.Start(call.worker_id, call.by));
      case Kind::kStop:
        return manager.Stop(call.worker_id, std::move(done), call.by);
      case Kind::kDelete:
        return manager.Delete(call.worker_id, std::move(done), call.by);
      case Kind::kLoadCode:
        return manager.LoadCode(call.worker_id, call.code, std::move(done), call.by);
      case Kind::kSetTag:
        return done(manager.SetTag(call.worker_id, call.tags.begin()->first,
                                   call.tags.begin()->second, call.by));
      case Kind::kSetTags:
        return done(manager.SetTags(call.worker_id, call.tags, call.by));
    }
  }
  Collector<std::string> forwarded;

 private:
  std::map<std::string, WorkManager*> managers_;
};

WorkManagerOptions Named(const std::string& instance_id) {
  WorkManagerOptions options = ManagerFixture::Quick(30'000, 30'000);
  options.instance_id = instance_id;
  return options;
}

struct Two {
  Two() {
    a = Make("a");
    b = Make("b");
    REQUIRE(a->manager->Join("host-a").ok());
    REQUIRE(b->manager->Join("host-b").ok());
  }
  std::unique_ptr<ManagerFixture> Make(const std::string& id) {
    Extras extras;
    extras.records = store.get();
    extras.peers = &peers;
    auto f = std::make_unique<ManagerFixture>(Named(id), WallClock(), 2, nullptr, extras);
    f->Script("one", ReplyWith("\"one\"", "out"));
    f->Script("two", ReplyWith("\"two\"", "out"));
    peers.Add("host-" + id, f->manager.get());
    return f;
  }
  /// The instance ends without a word, as by kill -9.
  void Kill(const std::string& id) {
    REQUIRE(store->Delete("workmanager", HeartbeatKey("workmanager", id)).ok());
    peers.Add("host-" + id, nullptr);
  }

  std::unique_ptr<StateStore> store = MakeMemoryStore(WallClock());
  DirectPeers peers;
  std::unique_ptr<ManagerFixture> a, b;
};

std::string Answer(ManagerFixture& f) {
  Collector<Message> answers;
  const auto watch = f.Watch("out", answers);
  REQUIRE(f.bus.Publish(Message("in", Event("{}"))).ok());
  return std::string(answers.WaitFor(1).at(0).event().data_text());
}

}  // namespace

// Pins WM-50.
TEST_CASE("calls for a worker of another instance take effect there") {
  Two two;
  CreateWorkerRequest request;
  request.code = Code("one");
  request.topics = {"in"};
  const std::string id = *two.a->manager->Create(std::move(request));
  CHECK(two.b->manager->Start(id).ok());
  CHECK(two.a->manager->Get(id)->status == WorkerStatus::kRunning);
  CHECK(two.b->manager->Get(id)->status == WorkerStatus::kRunning);
  CHECK(two.b->manager->LoadCode(id, Code("two")).ok());
  CHECK(two.b->manager->SetTag(id, "env", "prod").ok());
  CHECK(two.b->manager->List({{"env", "prod"}}).size() == 1);
  CHECK(two.b->manager->SetTags(id, {{"desk", "fx"}}).ok());
  CHECK(*two.b->manager->GetTag(id, "desk") == "fx");
  CHECK(two.b->manager->History(id)->size() == 2);
  CHECK(Answer(*two.a) == "\"two\"");
  CHECK(two.b->manager->Stop(id).ok());
  CHECK(two.a->manager->Get(id)->status == WorkerStatus::kStopped);
  CHECK(two.b->manager->LoadCode(id, Code("nope")).code() == StatusCode::kInvalidArgument);
  CHECK(two.peers.forwarded.WaitFor(6).size() >= 6);
  CHECK(two.b->scripts->loads == 0);
  CHECK(two.b->manager->Delete(id).ok());
  CHECK(two.a->manager->List().empty());
  CHECK(two.b->manager->Start(id).code() == StatusCode::kNotFound);
}

// Pins WM-50.
TEST_CASE("the receiver of a call replaces an owner that is gone") {
  Two two;
  const std::string id = two.a->Run("one", {"in"});
  two.peers.Add("host-a", nullptr);
  CHECK(two.b->manager->SetTag(id, "env", "prod").code() == StatusCode::kUnavailable);
  two.Kill("a");
  CHECK(two.b->manager->SetTag(id, "env", "prod").ok());
  CHECK(two.b->manager->Get(id)->status == WorkerStatus::kRunning);
  CHECK(Answer(*two.b) == "\"one\"");
  // The old owner was only away: it learns of it by its next write, and lets go.
  CHECK(two.a->manager->Stop(id).code() == StatusCode::kAborted);
  CHECK(two.a->scripts->loads == two.a->scripts->unloads);
  CHECK(two.b->manager->Get(id)->status == WorkerStatus::kRunning);
}

// Pins WM-50.
TEST_CASE("a call is passed on once, and without peers not at all") {
  Two two;
  const std::string id = two.a->Run("one", {"in"});
  CallContext forwarded;
  forwarded.forwarded = true;
  CHECK(two.b->manager->Start(id, forwarded).code() == StatusCode::kFailedPrecondition);
  Extras extras;
  extras.records = two.store.get();
  ManagerFixture alone(Named("c"), WallClock(), 2, nullptr, extras);
  const Status refused = alone.manager->Start(id);
  CHECK(refused.code() == StatusCode::kFailedPrecondition);
  CHECK(refused.message().find("'a'") != std::string_view::npos);
  CHECK(*alone.manager->Recover() == 0);
}

// Pins WM-48.
TEST_CASE("a record that cannot be read is that of the instance which it names") {
  Two two;
  const std::string id = two.a->Run("one", {"in"});
  const auto write = [&](std::string_view from, std::string_view to) {
    std::string text = two.store->Get("workmanager", WorkerKey(id))->value;
    text.replace(text.find(from), from.size(), to);
    REQUIRE(two.store->Set("workmanager", WorkerKey(id), text).ok());
    return text;
  };
  const auto kept = [&] { return two.store->Get("workmanager", WorkerKey(id))->value; };
  const std::string newer = write("\"version\":1", "\"version\":9");
  CHECK(*two.b->manager->Recover() == 0);
  CHECK(two.b->manager->Start(id).ok());
  CHECK(two.peers.forwarded.Items() == std::vector<std::string>{"a"});
  two.Kill("a");
  for (const Status& refused :
       {two.b->manager->Start(id), two.b->manager->Stop(id), two.b->manager->Delete(id)}) {
    CHECK(refused.code() == StatusCode::kFailedPrecondition);
    CHECK(refused.message().find("newer") != std::string_view::npos);
  }
  CHECK(two.b->manager->List().at(0).error.find("newer") != std::string::npos);
  CHECK(kept() == newer);
  // Nor is it taken for that of an owner which has lost it.
  const std::string others = write("\"instance_id\":\"a\"", "\"instance_id\":\"c\"");
  CHECK(two.a->manager->Delete(id).code() == StatusCode::kAborted);
  CHECK(two.a->scripts->loads == two.a->scripts->unloads);
  CHECK(kept() == others);
}

// Pins WM-48.
TEST_CASE("a record that named nobody and is another instance's by now is let go") {
  Two two;
  const std::string id = two.a->Run("one", {"in"});
  const std::string good = two.store->Get("workmanager", WorkerKey(id))->value;
  REQUIRE(two.store->Set("workmanager", WorkerKey(id), "{}").ok());
  CHECK(*two.b->manager->Recover() == 0);
  CHECK(two.b->manager->Metrics().workers.size() == 1);
  REQUIRE(two.store->Set("workmanager", WorkerKey(id), good).ok());
  CHECK(*two.b->manager->Recover() == 0);
  CHECK(two.b->manager->Metrics().workers.empty());
  CHECK(two.b->manager->SetTag(id, "env", "prod").ok());
  CHECK(two.peers.forwarded.Items() == std::vector<std::string>{"a"});
}

// Pins WM-50.
TEST_CASE("one instance at a time recovers; who is gone holds no lease") {
  Two two;
  auto memory = MakeMemoryStore(WallClock());
  FaultyStore watched(*memory);
  detail::Instances one(*memory, two.a->runtime, "one", [] {});
  detail::Instances other(watched, two.a->runtime, "other", [] {});
  REQUIRE(one.Join("x").ok());
  REQUIRE(other.Join("y").ok());
  auto held = one.AcquireRecovery();
  REQUIRE(held.ok());
  CHECK(one.AcquireRecovery().ok());  // as after its restart
  auto again = one.AcquireRecovery();
  REQUIRE(again.ok());
  const int before = watched.calls();
  std::atomic<bool> acquired{false};
  std::thread waiter([&] {
    CHECK(other.AcquireRecovery().ok());
    acquired = true;
  });
  // It has looked at the lease and at its holder, and again.
  while (!acquired && watched.calls() < before + 4) std::this_thread::yield();
  CHECK_FALSE(acquired);
  { const auto gone = *std::move(again); }
  waiter.join();
  CHECK(acquired);
  auto left = one.AcquireRecovery();
  REQUIRE(left.ok());
  one.Leave();
  CHECK(other.AcquireRecovery().ok());
}

// Pins WM-50.
TEST_CASE("a heartbeat lives 30 s and a lease 300 s") {
  Two two;
  ManualClock clock{Timestamp()};  // of the store alone: nobody beats meanwhile
  auto memory = MakeMemoryStore(clock);
  detail::Instances one(*memory, two.a->runtime, "one", [] {});
  detail::Instances other(*memory, two.a->runtime, "other", [] {});
  REQUIRE(one.Join("x").ok());
  clock.Advance(std::chrono::seconds(29));
  CHECK(other.Find("one")->has_value());
  clock.Advance(std::chrono::seconds(2));
  CHECK_FALSE(other.Find("one")->has_value());

  const auto leased = [&] { return memory->Get("workmanager", kRecoveryLeaderKey).ok(); };
  auto lease = one.AcquireRecovery();
  REQUIRE(lease.ok());
  clock.Advance(std::chrono::seconds(299));
  CHECK(leased());
  clock.Advance(std::chrono::seconds(2));
  CHECK_FALSE(leased());
  REQUIRE(one.Join("x").ok());
  auto next = other.AcquireRecovery();  // although the first one lives
  REQUIRE(next.ok());
  { const auto late = *std::move(lease); }
  CHECK(leased());  // what is over takes nothing from the next
}

// Pins WM-50.
TEST_CASE("a manager does not recover while another instance does") {
  auto memory = MakeMemoryStore(WallClock());
  FaultyStore store(*memory);
  DirectPeers peers;
  Extras extras;
  extras.records = &store;
  extras.peers = &peers;
  std::string id;
  {
    ManagerFixture before(Named("a"), WallClock(), 2, nullptr, extras);
    before.Script("one", ReplyWith("\"one\"", "out"));
    id = before.Run("one", {"in"});
  }
  ManagerFixture f(Named("a"), WallClock(), 2, nullptr, extras);
  f.Script("one", ReplyWith("\"one\"", "out"));
  detail::Instances other(*memory, f.runtime, "other", [] {});
  REQUIRE(other.Join("y").ok());
  auto lease = other.AcquireRecovery();
  REQUIRE(lease.ok());
  const int calls = store.calls();
  std::atomic<bool> recovered{false};
  std::thread recovery([&] {
    CHECK(*f.manager->Recover() == 1);
    recovered = true;
  });
  // Its heartbeat and its place in the list of instances take four calls.
  while (!recovered && store.calls() < calls + 10) std::this_thread::yield();
  CHECK_FALSE(recovered);
  CHECK(f.scripts->loads == 0);
  CHECK_FALSE(f.manager->Health().ready);
  { const auto gone = *std::move(lease); }
  recovery.join();
  CHECK(f.manager->Get(id)->status == WorkerStatus::kRunning);
}

// Pins WM-50.
TEST_CASE("a late heartbeat makes an owner look who has its workers") {
  auto memory = MakeMemoryStore(WallClock());
  FaultyStore store(*memory);
  ManualClock clock{Timestamp()};
  LogLines log;
  Executor executor({.threads = 2}, clock, log);
  REQUIRE(executor.Start().ok());
  Collector<std::string> late;
  {
    detail::Instances instances(store, Runtime{executor, clock, log}, "a",
                                [&] { late.Add("late"); });
    REQUIRE(instances.Join("host-a").ok());
    store.Fail(StatusCode::kUnavailable);
    for (int beat = 0; beat < 8; ++beat) clock.Advance(std::chrono::seconds(10));
    store.Heal();
    clock.Advance(std::chrono::seconds(10));  // no breaker keeps it from beating now
    CHECK(late.WaitFor(1).size() == 1);
    CHECK(instances.Find("a")->has_value());
  }
  CHECK(executor.Stop(std::chrono::seconds(30)).ok());
}

// Pins WM-50.
TEST_CASE("an instance that recovers is not gone, and cannot be reached yet") {
  Two two;
  const std::string id = two.a->Run("one", {"in"});
  two.a->manager.reset();  // leaves its heartbeat to nobody
  two.peers.Add("host-a", nullptr);
  auto again = two.Make("a");
  REQUIRE(*again->manager->Recover() == 1);
  CHECK(two.b->manager->Stop(id).code() == StatusCode::kUnavailable);
  CHECK(again->manager->Get(id)->status == WorkerStatus::kRunning);
  REQUIRE(again->manager->Join("host-a").ok());
  CHECK(two.b->manager->Stop(id).ok());
  CHECK(again->manager->Get(id)->status == WorkerStatus::kStopped);
}
