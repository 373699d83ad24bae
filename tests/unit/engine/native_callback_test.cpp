// The host's callbacks: during a call, after it, from other threads, and around an abandoned call.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/virtufin_worker_api_c.h"

using namespace virtufin;

namespace {

/// A gateway that holds its callers until it is opened.
struct Gate {
  RecordingHost::Gateway Held() {
    return [this](std::string_view, std::string_view, std::string_view) -> Result<std::string> {
      std::unique_lock lock(mutex);
      ++inside;
      changed.notify_all();
      changed.wait(lock, [this] { return open; });
      return std::string("late");
    };
  }
  void WaitForCaller() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return inside > 0; });
  }
  void Open() {
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool open = false;
};

/// What a test that plays the worker calls.
const VirtufinHost* HostOf(LoadedWorker& worker) {
  const std::string text = Answer(worker, "host");
  return reinterpret_cast<const VirtufinHost*>(std::stoull(text, nullptr, 16));
}

struct GatewayAnswer {
  std::int32_t code;
  std::string body;
};
GatewayAnswer CallGateway(const VirtufinHost* host, const char* service = "s",
                          const char* method = "m", std::int32_t size = 2) {
  std::uint8_t* response = nullptr;
  std::int32_t length = -1;
  const std::int32_t code =
      host->gateway_call(host->engine_ptr, service, method,
                         reinterpret_cast<const std::uint8_t*>("{}"), size, &response, &length);
  REQUIRE(response != nullptr);
  GatewayAnswer answer{
      code, std::string(reinterpret_cast<const char*>(response), static_cast<std::size_t>(length))};
  CHECK(response[length] == 0);
  host->free_response(host->engine_ptr, response);
  return answer;
}

constexpr char kOutside[] =
    R"({"error":{"code":9,"message":"gateway_call outside of a call of this worker"}})";

}  // namespace

// Pins WA-19.
TEST_CASE("a worker's log lines reach the host with their level") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const auto worker = LoadWorker(*engine, NativeFile(MODES_V2), host);
  Call(*worker, "log", "careful", "3");
  Call(*worker, "log", "below", "-7");
  Call(*worker, "log", "above", "99");
  CHECK(host->lines() == std::vector<std::string>{"3 careful", "0 below", "4 above"});
}

// Pins WA-20.
TEST_CASE("gateway_call hands over the service's answer and its errors") {
  std::string asked;
  const auto host =
      std::make_shared<RecordingHost>([&](std::string_view service, std::string_view method,
                                          std::string_view json) -> Result<std::string> {
        asked = std::string(service) + " " + std::string(method) + " " + std::string(json);
        if (service == "missing") return Status(StatusCode::kNotFound, "test", "no \"it\"\n");
        if (service == "throws") throw std::runtime_error("oops");
        return std::string(R"({"ok":true})");
      });
  const auto engine = MakeNativeEngine();
  const auto worker = LoadWorker(*engine, NativeFile(MODES_V2), host);
  CHECK(Answer(*worker, "gateway", "{\"a\":1}", "virtufin.Pubsub") == R"(0 11 {"ok":true})");
  CHECK(asked == "virtufin.Pubsub Method {\"a\":1}");
  CHECK(Answer(*worker, "gateway", "{}", "missing") ==
        R"(5 48 {"error":{"code":5,"message":"no \"it\"\u000a"}})");
  CHECK(Answer(*worker, "gateway", "{}", "throws") ==
        R"(13 38 {"error":{"code":13,"message":"oops"}})");
}

// Pins WA-11, WA-21.
TEST_CASE("callbacks outside of a call are refused, counted, and logged once") {
  const auto engine = MakeNativeEngine();
  const auto recording = std::make_shared<RecordingHost>(
      [](std::string_view, std::string_view, std::string_view) -> Result<std::string> {
        return std::string("never");
      });
  auto worker = LoadWorker(*engine, NativeFile(MODES_V2), recording);
  const VirtufinHost* const host = HostOf(*worker);
  const std::uint64_t before = GetNativeCounters().stray_callbacks;

  host->log(host->engine_ptr, 2, "nobody asked");
  const GatewayAnswer answer = CallGateway(host);
  CHECK(answer.code == 9);
  CHECK(answer.body == kOutside);
  host->log(host->engine_ptr, 2, "nobody asked again");
  CHECK(GetNativeCounters().stray_callbacks == before + 3);
  CHECK(recording->lines() ==
        std::vector<std::string>{
            "3 the worker used log outside of a call: refused, as all that follow"});
  CHECK(virtufin_worker_info(host) != nullptr);

  worker.reset();
  host->log(host->engine_ptr, 2, "after the unload");
  CHECK(CallGateway(host).code == 9);
  CHECK(host->get_extension(host->engine_ptr, VIRTUFIN_EXTENSION_WORKER_1) == nullptr);
  CHECK(host->abi_version == 2);
  CHECK(GetNativeCounters().stray_callbacks == before + 5);
  CHECK(recording->lines().size() == 1);
}

// Pins WA-20.
TEST_CASE("a gateway_call that makes no sense is INVALID_ARGUMENT") {
  // The gateway itself plays the worker that calls again, so that a call of this host runs.
  const VirtufinHost* host = nullptr;
  std::vector<std::int32_t> codes;
  const auto recording = std::make_shared<RecordingHost>(
      [&](std::string_view service, std::string_view, std::string_view) -> Result<std::string> {
        if (service != "outer") return std::string("inner");
        codes.push_back(CallGateway(host, nullptr).code);
        codes.push_back(CallGateway(host, "s", nullptr).code);
        codes.push_back(CallGateway(host, "s", "m", -1).code);
        codes.push_back(CallGateway(host, "s", "m", 0).code);
        codes.push_back(
            host->gateway_call(host->engine_ptr, "s", "m", nullptr, 0, nullptr, nullptr));
        host->free_response(host->engine_ptr, nullptr);
        host->log(host->engine_ptr, 2, nullptr);
        return std::string("done");
      });
  const auto engine = MakeNativeEngine();
  const auto worker = LoadWorker(*engine, NativeFile(MODES_V2), recording);
  host = HostOf(*worker);
  CHECK(Answer(*worker, "gateway", "{}", "outer") == "0 4 done");
  CHECK(codes == std::vector<std::int32_t>{3, 3, 3, 0, 0});
  CHECK(recording->lines().empty());
}

// Pins WA-22.
TEST_CASE("a thread of the worker may use the callbacks while a call runs") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const auto worker = LoadWorker(*engine, NativeFile(MODES_V2), host);
  Call(*worker, "thread");
  CHECK(host->lines() == std::vector<std::string>{"2 from a thread of the worker"});
}

// Pins WA-11.
TEST_CASE("host structs are never given out twice") {
  const auto engine = MakeNativeEngine();
  const auto recording = std::make_shared<RecordingHost>();
  const std::uint64_t before = GetNativeCounters().loads;
  std::set<const VirtufinHost*> seen;
  std::vector<std::unique_ptr<LoadedWorker>> kept;
  for (int i = 0; i < 200; ++i) {
    auto worker = LoadWorker(*engine, NativeFile(MODES_V2), recording);
    CHECK(seen.insert(HostOf(*worker)).second);
    if (i % 3 == 0) kept.push_back(std::move(worker));
  }
  CHECK(GetNativeCounters().loads == before + 200);
  for (const VirtufinHost* host : seen) CHECK(host->engine_ptr == host);
}

// Pins WA-22.
TEST_CASE("callbacks of one load race with its calls and its unload") {
  const auto engine = MakeNativeEngine();
  for (int round = 0; round < 20; ++round) {
    auto worker = LoadWorker(*engine, NativeFile(MODES_V2), std::make_shared<RecordingHost>());
    const VirtufinHost* const host = HostOf(*worker);
    std::atomic<bool> stop{false};
    std::thread stranger([&] {
      while (!stop.load()) {
        host->log(host->engine_ptr, 2, "any time");
        host->free_response(host->engine_ptr, nullptr);
        host->get_extension(host->engine_ptr, VIRTUFIN_EXTENSION_WORKER_1);
        CallGateway(host);
      }
    });
    for (int call = 0; call < 50; ++call) Call(*worker, "echo", "x");
    worker.reset();
    stop.store(true);
    stranger.join();
  }
}

// Pins WA-23.
TEST_CASE("calls of different loads of one library run concurrently") {
  const auto engine = MakeNativeEngine();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&engine, &right] {
      auto worker =
          engine->Load(NativeFile(MODES_V2), TestIdentity(), std::make_shared<RecordingHost>());
      if (!worker.ok()) return;
      const auto sink = std::make_shared<KeepOutcome>();
      for (int call = 1; call <= 200; ++call) {
        (*worker)->Process(Message("topic", EventOf("count", "x")), nullptr, sink);
        if (sink->outcome.reply.has_value() &&
            sink->outcome.reply->data_text() == std::to_string(call)) {
          right.fetch_add(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right.load() == 800);
}

// Pins WA-27.
TEST_CASE("an abandoned call outlives its worker; its late outcome is delivered, its code stays") {
  Gate gate;
  const auto engine = MakeNativeEngine();
  auto recording = std::make_shared<RecordingHost>(gate.Held());
  auto worker = LoadWorker(*engine, NativeFile(MODES_INIT_0), recording);
  const VirtufinHost* const host = HostOf(*worker);
  const VirtufinWorkerInfo1* const info = virtufin_worker_info(host);
  const std::uint64_t before = GetNativeCounters().abandoned;
  const auto sink = std::make_shared<KeepOutcome>();
  LoadedWorker* const called = worker.get();
  std::thread caller([called, sink] {
    called->Process(Message("topic", EventOf("gateway", "{}", "s")), nullptr, sink);
  });
  gate.WaitForCaller();

  worker->Abandon();
  CHECK(CallGateway(host).code == 9);  // the host has given up: also while the call runs
  const std::weak_ptr<RecordingHost> weak = recording;
  worker.reset();
  CHECK(GetNativeCounters().abandoned == before + 1);
  CHECK(recording->lines() ==
        std::vector<std::string>{
            "2 init",
            "3 the worker used gateway_call outside of a call: refused, as all that follow",
            std::string("3 abandoned: ") + MODES_INIT_0 + " stays mapped, a call is inside"});
  CHECK(std::string(info->worker_id) == "6e9f1d3c-0000-4000-8000-000000000001");
  recording.reset();
  CHECK_FALSE(weak.expired());  // the call is inside of it

  gate.Open();
  caller.join();
  CHECK(weak.expired());
  REQUIRE(sink->times == 1);
  REQUIRE(sink->outcome.reply.has_value());
  CHECK(sink->outcome.reply->data_text() == "0 4 late");
  CHECK(std::string(info->worker_id) == "6e9f1d3c-0000-4000-8000-000000000001");
  host->log(host->engine_ptr, 2, "still readable");
}

// Pins WA-27.
TEST_CASE("nothing new is called into an abandoned worker") {
  const auto engine = MakeNativeEngine();
  const auto worker = LoadWorker(*engine, NativeFile(MODES_V2), std::make_shared<RecordingHost>());
  worker->Abandon();
  const CallOutcome outcome = Call(*worker, "echo", "x");
  CHECK_FALSE(outcome.reply.has_value());
  CHECK(outcome.status.code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("the outcome may destroy the worker it came from") {
  struct DestroyWorker final : CallSink {
    void OnOutcome(CallOutcome given) noexcept override {
      worker.reset();
      replied = given.reply.has_value();
    }
    std::unique_ptr<LoadedWorker> worker;
    bool replied = false;
  };
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const auto sink = std::make_shared<DestroyWorker>();
  sink->worker = LoadWorker(*engine, NativeFile(MODES_INIT_0), host);
  sink->worker->Process(Message("topic", EventOf("echo", "x")), nullptr, sink);
  CHECK(sink->replied);
  CHECK(host->lines() == std::vector<std::string>{"2 init", "2 shutdown"});
}

// Pins WA-54.
TEST_CASE("a library whose thread is inside of its host after Shutdown stays mapped") {
  struct HoldingHost final : WorkerHost {
    void Log(LogLevel, std::string_view text) noexcept override { said = std::string(text); }
    Result<std::string> GatewayCall(std::string_view, std::string_view, std::string_view) override {
      return Status(StatusCode::kUnavailable, "test", "none");
    }
    Result<bool> DeleteState(std::string_view, std::string_view) override {
      return gate.Held()({}, {}, {}).ok();
    }
    Gate gate;
    std::string said;
  };
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<HoldingHost>();
  auto worker = LoadWorker(*engine, NativeFile(MODES_V2), host);
  const VirtufinHost* const callbacks = HostOf(*worker);
  const VirtufinState1* const state = virtufin_state(callbacks);
  REQUIRE(state != nullptr);
  std::int32_t code = -1, existed = 0;
  std::thread thread(
      [&] { code = state->remove(callbacks->engine_ptr, "k", nullptr, &existed, nullptr); });
  host->gate.WaitForCaller();
  const auto abandoned = GetNativeCounters().abandoned;
  worker.reset();
  CHECK(GetNativeCounters().abandoned == abandoned + 1);
  CHECK(host->said.find("stays mapped") != std::string::npos);
  host->gate.Open();
  thread.join();
  CHECK(code == 0);
  CHECK(existed == 1);
  CHECK(state->remove(callbacks->engine_ptr, "k", nullptr, nullptr, nullptr) == 9);
}
