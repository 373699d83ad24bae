// A WorkManager over the real executor and broker, with scripted workers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/bus.hpp"
#include "support/gate.hpp"
#include "support/scripted_engine.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::test {

/// What a manager may have besides.
struct Extras {
  CodeFetcher* fetcher = nullptr;
  StateStore* records = nullptr;
  PeerForwarder* peers = nullptr;
};

struct ManagerFixture {
  explicit ManagerFixture(int threads = 2, std::int64_t stop_timeout_ms = 30'000,
                          GatewayClient* gateway = nullptr, std::int64_t call_timeout_ms = 30'000,
                          const Extras& extras = {})
      : ManagerFixture(Quick(stop_timeout_ms, call_timeout_ms), WallClock(), threads, gateway,
                       extras) {}
  ManagerFixture(const WorkManagerOptions& options, Clock& clock, int threads = 2,
                 GatewayClient* gateway = nullptr, const Extras& extras = {})
      : executor({.threads = threads, .repeatable = !options.replay_run.empty()}, clock, log),
        runtime{executor, clock, log},
        bus(runtime) {
    (void)engines.Register(std::make_unique<ScriptedEngine>(scripts));
    WorkManager::Dependencies dependencies{runtime, bus, engines, gateway};
    dependencies.fetcher = extras.fetcher;
    dependencies.records = extras.records;
    dependencies.peers = extras.peers;
    manager = std::make_unique<WorkManager>(options, dependencies);
    (void)executor.Start();
  }
  ~ManagerFixture() {
    manager.reset();
    (void)bus.Stop(std::chrono::seconds(30));
    (void)executor.Stop(std::chrono::seconds(30));
  }

  static WorkManagerOptions Quick(std::int64_t stop_timeout_ms, std::int64_t call_timeout_ms) {
    WorkManagerOptions options;
    options.stop_timeout_ms = stop_timeout_ms;
    options.call_timeout_ms = call_timeout_ms;
    options.retry_base_delay_ms = 1;
    return options;
  }
  void Script(const std::string& name, ScriptedEngine::Script script) {
    std::lock_guard lock(scripts->mutex);
    scripts->scripts[name] = std::move(script);
  }
  /// Creates and starts a worker; its id.
  std::string Run(const std::string& name, std::vector<std::string> topics,
                  std::map<std::string, std::string> config = {}) {
    CreateWorkerRequest request;
    request.code = Code(name);
    request.topics = std::move(topics);
    request.config = std::move(config);
    auto id = manager->Create(std::move(request));
    if (!id.ok() || !manager->Start(*id).ok()) return {};
    return *id;
  }
  /// Collects "topic data" of what arrives on `topic`.
  Subscription Watch(const std::string& topic, Collector<Message>& into) {
    auto subscription = bus.Subscribe(topic, {}, [&into](const Message& m, const DeliveryInfo&) {
      into.Add(m);
      return Delivery::kSuccess;
    });
    return std::move(*subscription);
  }

  std::shared_ptr<ScriptedEngine::State> scripts = std::make_shared<ScriptedEngine::State>();
  LogLines log;
  Executor executor;
  Runtime runtime;
  InprocBroker bus;
  EngineRegistry engines;
  std::unique_ptr<WorkManager> manager;
};

}  // namespace virtufin::test
