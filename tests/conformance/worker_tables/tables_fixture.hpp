// One worker that does what its events say, in one of three forms, under a whole WorkManager; and
// all that it publishes, in order.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/worker_tables/tables_worker.hpp"
#include "support/bus.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/state/memory.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::test {

enum class Form { kInProcess, kC, kCpp };
inline constexpr Form kForms[] = {Form::kInProcess, Form::kC, Form::kCpp};
inline const char* NameOf(Form form) {
  return form == Form::kInProcess ? "in process" : form == Form::kC ? "C" : "C++";
}

inline WorkerCode CodeOf(Form form) {
  if (form == Form::kInProcess) return {std::string(kInProcMimeType), {}, {'t'}};
  return {std::string(kNativeMimeType), form == Form::kC ? TABLES_C : TABLES_CPP, {}};
}

class TablesFixture {
 public:
  explicit TablesFixture(Form form, std::int64_t call_timeout_ms = 30'000,
                         std::map<std::string, std::string> config = {})
      : executor({.threads = 2}, clock, log), bus(runtime), state(MakeMemoryStore(clock)) {
    REQUIRE(engines.Register(MakeInProcEngine()).ok());
    REQUIRE(engines.Register(MakeNativeEngine()).ok());
    REQUIRE(
        RegisterWorkerFactory(engines, "t", [] { return std::make_unique<TablesWorker>(); }).ok());
    WorkManagerOptions options;
    options.call_timeout_ms = call_timeout_ms;
    manager = std::make_unique<WorkManager>(
        options, WorkManager::Dependencies{runtime, bus, engines, nullptr, nullptr, state.get()});
    REQUIRE(executor.Start().ok());
    seen = *bus.Subscribe({"tables.reply", "out"}, {},
                          [this](const Message& message, const DeliveryInfo&) {
                            Add(message);
                            return Delivery::kSuccess;
                          });
    CreateWorkerRequest request;
    request.code = CodeOf(form);
    request.topics = {"in"};
    request.config = std::move(config);
    auto created = manager->Create(std::move(request));
    REQUIRE_MESSAGE(created.ok(), created.status().ToString());
    id = *created;
    REQUIRE(manager->Start(id).ok());
  }
  ~TablesFixture() {
    manager.reset();
    (void)bus.Stop(std::chrono::seconds(30));
    (void)executor.Stop(std::chrono::seconds(30));
  }

  /// An event for the worker: commands, or none and a name.
  void Tell(std::string_view commands, std::string_view name = {},
            std::string_view historical_time = {}) {
    CloudEvent::Builder builder;
    builder.Source("urn:test").Type("test.command").Subject(name);
    if (!commands.empty()) builder.BinaryData(AsBytes(commands));
    if (!historical_time.empty()) {
      builder.Extension("clocktype", "historical").Extension("eventtime", historical_time);
    }
    REQUIRE(bus.Publish(Message("in", builder.Build().value())).ok());
  }
  /// What the worker published so far, once it is `count` entries: replies as their text, other
  /// events as "published <subject>".
  std::vector<std::string> Await(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entries_.size() >= count; });
    return entries_;
  }
  /// The reply to `commands`, after all that was published.
  std::string Ask(std::string_view commands, std::string_view historical_time = {}) {
    std::size_t before = 0;
    {
      const std::lock_guard lock(mutex_);
      before = replies_;
    }
    Tell(commands, {}, historical_time);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return replies_ > before; });
    return entries_.back();
  }

  ManualClock clock{Timestamp::FromUnixMillis(1'700'000'000'000)};
  LogLines log;
  Executor executor;
  Runtime runtime{executor, clock, log};
  InprocBroker bus;
  std::unique_ptr<StateStore> state;
  EngineRegistry engines;
  std::unique_ptr<WorkManager> manager;
  std::string id;

 private:
  void Add(const Message& message) {
    const std::lock_guard lock(mutex_);
    const bool is_reply = message.topic() == "tables.reply";
    entries_.push_back(is_reply ? std::string(message.event().data_text())
                                : "published " + std::string(message.event().subject()));
    replies_ += is_reply ? 1 : 0;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> entries_;
  std::size_t replies_ = 0;
  Subscription seen;
};

}  // namespace virtufin::test
