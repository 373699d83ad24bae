// Many calls at once, calls that their clients give up, servers that stop while they are busy.
#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

#include "rpc/handler_gate.hpp"
#include "support/scale.hpp"
#include "unit/rpc/fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

const int kUnavailableCode = Number(StatusCode::kUnavailable);

std::string WithId(const std::string& id) {
  lite::StartWorkerRequest request;
  request.set_id(id);
  return request.SerializeAsString();
}

// Starts a call; the server has it, and no other, when this returns.
std::shared_ptr<GrpcClient::Call> StartAlone(RpcFixture& fixture, const std::string& method,
                                             const std::string& body) {
  const std::uint64_t before = fixture.server->counters().calls;
  auto call = fixture.client->Start("/virtufin.WorkManager/" + method, body);
  for (;;) {
    const RpcServerCounters counters = fixture.server->counters();
    if (counters.calls > before && counters.open == 1) return call;
    std::this_thread::yield();
  }
}

// One life of a worker; false when a call failed.
bool OneLife(GrpcClient& client, const std::string& creation) {
  const std::string service = "/virtufin.WorkManager/";
  lite::CreateWorkerResponse created;
  if (!created.ParseFromString(client.Unary(service + "CreateWorker", creation).body)) return false;
  lite::LoadCodeRequest load;
  load.set_id(created.id());
  load.mutable_code_source()->set_content("two");
  for (const auto& [method, body] :
       {std::pair<std::string, std::string>("StartWorker", WithId(created.id())),
        {"LoadCode", load.SerializeAsString()},
        {"GetTags", WithId(created.id())},
        {"ListWorkers", ""},
        {"StopWorker", WithId(created.id())},
        {"DeleteWorker", WithId(created.id())}}) {
    if (client.Unary(service + method, body).code != kOkCode) return false;
  }
  return true;
}

}  // namespace

// Pins WM-68.
TEST_CASE("64 calls in flight each get their own answer") {
  RpcFixture fixture;
  for (const char* name : {"one", "two"}) fixture.ScriptNothing(name);
  const std::string creation = RpcFixture::Creation("one").SerializeAsString();
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      // Eight connections.
      GrpcClient own(fixture.Target());
      GrpcClient& client = i % 8 == 0 ? own : *fixture.client;
      for (int n = 0; n < Scaled(20); ++n) {
        if (!OneLife(client, creation)) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(fixture.workers.manager->List().empty());
  CHECK(fixture.workers.scripts->loads == fixture.workers.scripts->unloads);
  const RpcServerCounters counters = fixture.server->counters();
  CHECK(counters.calls == static_cast<std::uint64_t>(64 * 7 * Scaled(20)));
  CHECK(counters.refused == 0);
}

// Pins WM-68.
TEST_CASE("calls that are cancelled end at once and cost the others nothing") {
  RpcFixture fixture;
  for (const char* name : {"one", "two"}) fixture.ScriptNothing(name);
  const std::string creation = RpcFixture::Creation("one").SerializeAsString();
  std::mt19937 random(5);
  int cancelled = 0, answered = 0;
  for (int round = 0; round < Scaled(40); ++round) {
    std::vector<std::shared_ptr<GrpcClient::Call>> calls;
    for (int i = 0; i < 64; ++i) {
      calls.push_back(fixture.client->Start("/virtufin.WorkManager/CreateWorker", creation));
      if (random() % 2 == 0) calls[random() % calls.size()]->Cancel();
    }
    for (const auto& call : calls) {
      const GrpcReply reply = call->Wait();
      if (reply.code == kOkCode) {
        ++answered;
      } else {
        CHECK(reply.code == Number(StatusCode::kCancelled));
        ++cancelled;
      }
    }
    CHECK(OneLife(*fixture.client, creation));
  }
  CHECK(cancelled > 0);
  CHECK(answered > 0);
}

// Pins WM-68.
TEST_CASE("a cancelled call ends although what it waits for does not") {
  RpcFixture fixture;
  Gate inside, leave;
  fixture.workers.Script(
      "slow", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
        inside.Open();
        CHECK(leave.Wait());
        done({});
      });
  const std::string id = fixture.Create("slow");
  REQUIRE(fixture.CallOf("StartWorker", id).code == kOkCode);
  (void)fixture.workers.bus.Publish(Message("in", Event("1")));
  REQUIRE(inside.Wait());
  const auto stop = StartAlone(fixture, "StopWorker", WithId(id));
  stop->Cancel();
  CHECK(stop->Wait().code == Number(StatusCode::kCancelled));
  leave.Open();
  CHECK(fixture.CallOf("DeleteWorker", id).code == kOkCode);
}

// Pins WM-63.
TEST_CASE("a cancelled call keeps its place until its work has ended") {
  RpcServerOptions options;
  options.max_calls = 1;
  RpcFixture fixture(options);
  Gate inside, leave;
  fixture.workers.Script(
      "slow", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
        inside.Open();
        CHECK(leave.Wait());
        done({});
      });
  const std::string id = fixture.workers.Run("slow", {"in"});
  (void)fixture.workers.bus.Publish(Message("in", Event("1")));
  REQUIRE(inside.Wait());
  const auto stop = StartAlone(fixture, "StopWorker", WithId(id));
  // Until it has begun: what has not ends with its call.
  while (fixture.workers.manager->Get(id)->status == WorkerStatus::kRunning) {
    std::this_thread::yield();
  }
  stop->Cancel();
  CHECK(stop->Wait().code == Number(StatusCode::kCancelled));
  CHECK(fixture.CallOf("GetTags", id).code == Number(StatusCode::kResourceExhausted));
  leave.Open();
  while (fixture.server->counters().open != 0) std::this_thread::yield();
  CHECK(fixture.CallOf("GetTags", id).code == kOkCode);
}

// Pins WM-68.
TEST_CASE("handlers that wait leave threads to others, and more of them wait their turn") {
  ManagerFixture threads(2);
  const auto gate = std::make_shared<detail::HandlerGate>(threads.executor, 2);
  Gate leave, other;
  Collector<int> begun;
  std::atomic<int> inside{0}, most{0};
  for (int i = 0; i < 20; ++i) {
    gate->Post([&, i] {
      const int now = ++inside;
      int before = most.load();
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
      begun.Add(i);
      {
        const Executor::BlockingScope blocking;
        CHECK(leave.Wait());
      }
      --inside;
      if (i == 7) throw std::runtime_error("a handler that throws passes its turn on");
    });
  }
  CHECK(begun.WaitFor(2).size() == 2);
  threads.executor.Post([&] { other.Open(); });
  CHECK(other.Wait());
  CHECK(begun.Items().size() == 2);
  leave.Open();
  CHECK(begun.WaitFor(20).size() == 20);
  CHECK(most == 2);
  CHECK(threads.executor.Stop(std::chrono::seconds(30)).ok());
  // What is posted to an executor that has ended is dropped, not kept.
  const auto held = std::make_shared<int>(0);
  for (int i = 0; i < 5; ++i) gate->Post([held] {});
  CHECK(held.use_count() == 1);
}

// Pins WM-69.
TEST_CASE("a server that stops lets calls end, and cuts those that do not") {
  RpcFixture fixture;
  Gate inside, leave;
  fixture.workers.Script(
      "slow", [&](const Message&, const ExtensionOverlay*, WorkerHost&, test::Done done) {
        inside.Open();
        CHECK(leave.Wait());
        done({});
      });
  const std::string id = fixture.Create("slow");
  REQUIRE(fixture.CallOf("StartWorker", id).code == kOkCode);
  (void)fixture.workers.bus.Publish(Message("in", Event("1")));
  REQUIRE(inside.Wait());
  const auto waiting = StartAlone(fixture, "StopWorker", WithId(id));
  // Until it has begun: a call without its request is cut at once.
  while (fixture.workers.manager->Get(id)->status == WorkerStatus::kRunning) {
    std::this_thread::yield();
  }
  SUBCASE("within the deadline") {
    std::thread stopper([&] { CHECK(fixture.server->Stop(std::chrono::seconds(60)).ok()); });
    auto watch = fixture.client->Open("/grpc.health.v1.Health/Watch");
    std::string bytes;
    while (watch->Write("") && watch->Read(bytes)) {  // until the server has begun to stop
    }
    leave.Open();
    stopper.join();
    CHECK(waiting->Wait().code == kOkCode);
  }
  SUBCASE("after it") {
    const Status stopped = fixture.server->Stop(std::chrono::milliseconds(10));
    CHECK(stopped.code() == StatusCode::kDeadlineExceeded);
    CHECK(stopped.message().find("UNAVAILABLE: 1") != std::string_view::npos);
    CHECK(waiting->Wait().code == kUnavailableCode);
    leave.Open();
  }
  CHECK(fixture.server->Stop(std::chrono::seconds(1)).ok());
  CHECK(fixture.CallOf("GetTags", id).code == kUnavailableCode);
}

// Pins WM-69.
TEST_CASE("a call that never sends its request does not hold up a server that stops") {
  RpcFixture fixture;
  const auto silent = fixture.client->Open("/virtufin.WorkManager/ListWorkers");
  const auto health = fixture.client->Open("/grpc.health.v1.Health/Check");
  while (fixture.server->counters().open != 2) std::this_thread::yield();
  CHECK(fixture.server->Stop(std::chrono::seconds(50)).ok());
  for (const auto& call : {silent.get(), health.get()}) {
    std::string bytes;
    CHECK_FALSE(call->Read(bytes));
    CHECK(call->Finish().code == kUnavailableCode);
  }
}

// Pins WM-69.
TEST_CASE("a server stopped in the middle of a crowd answers every call") {
  for (int round = 0; round < Scaled(20); ++round) {
    RpcFixture fixture;
    for (const char* name : {"one", "two"}) fixture.ScriptNothing(name);
    const std::string creation = RpcFixture::Creation("one").SerializeAsString();
    std::atomic<int> ended{0};
    Gate busy;
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < 200; ++n) {
          std::vector<std::shared_ptr<GrpcClient::Call>> calls;
          for (int k = 0; k < 4; ++k) {
            calls.push_back(fixture.client->Start("/virtufin.WorkManager/CreateWorker", creation));
          }
          if (i % 4 == 0) calls[1]->Cancel();
          bool stopped = false;
          for (const auto& call : calls) {
            const int code = call->Wait().code;
            CHECK((code == kOkCode || code == kUnavailableCode ||
                   code == Number(StatusCode::kCancelled)));
            stopped = stopped || code == kUnavailableCode;
          }
          if (++ended > 20) busy.Open();
          if (stopped) return;
        }
      });
    }
    REQUIRE(busy.Wait());
    (void)fixture.server->Stop(std::chrono::milliseconds(round % 3));
    for (std::thread& thread : threads) thread.join();
  }
}

// Pins WM-69.
TEST_CASE("a call whose task the executor drops is answered") {
  RpcFixture fixture;
  fixture.ScriptNothing("one");
  (void)fixture.Create("one");
  CHECK(fixture.workers.executor.Stop(std::chrono::seconds(30)).ok());
  lite::ListWorkersResponse list;
  const GrpcReply reply = fixture.Call("ListWorkers", lite::ListWorkersRequest(), list);
  CHECK(reply.code == kUnavailableCode);
  CHECK(reply.message.find("process is stopping") != std::string::npos);
}
