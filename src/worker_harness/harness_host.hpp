// What a worker in a harness takes for its host: records, scripted answers, a clock that is moved.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/engine/engine.hpp"
#include "virtufin/engine/host_support.hpp"
#include "virtufin/state/state_store.hpp"
#include "virtufin/worker_harness/worker_harness.hpp"

namespace virtufin::inline v0::detail {

/// What all loads of one harness share. Everything is [any].
class HarnessRecords {
 public:
  explicit HarnessRecords(const WorkerHarnessOptions& options);

  void Answer(std::string_view service, std::string_view method, Result<std::string> answer);
  Result<std::string> Call(std::string_view service, std::string_view method,
                           std::string_view json);
  void AddLog(LogLevel level, std::string_view text);
  void AddPublished(std::string topic, const CloudEvent& event, bool is_reply);

  std::vector<WorkerHarness::Published> published() const;
  std::vector<WorkerHarness::LogLine> log() const;
  std::vector<WorkerHarness::GatewayCall> gateway_calls() const;

  const WorkerHarnessOptions& options() const noexcept { return options_; }
  const std::string& state_service() const noexcept { return state_service_; }
  ManualClock& clock() noexcept { return clock_; }
  StateStore& state() noexcept { return *state_; }

 private:
  const WorkerHarnessOptions options_;
  std::string state_service_ = "workmanager";
  ManualClock clock_;
  const std::unique_ptr<StateStore> state_;
  mutable std::mutex mutex_;
  struct Answers {
    std::deque<Result<std::string>> line;  // never empty
    bool given = false;                    // the first of them
  };
  std::map<std::pair<std::string, std::string>, Answers> answers_;  // by service and method
  std::vector<WorkerHarness::Published> published_;
  std::vector<WorkerHarness::LogLine> log_;
  std::vector<WorkerHarness::GatewayCall> calls_;
};

/// The host of one load. Everything is [any].
class HarnessHost final : public WorkerHost {
 public:
  HarnessHost(std::shared_ptr<HarnessRecords> records, std::uint32_t load);

  /// The event that is handled from now on; nothing: none is.
  void SetCall(std::optional<CloudEvent> event);
  /// The event of the timer that is due first, at `until` or before; the clock is moved to it.
  std::optional<CloudEvent> TakeDue(MonotonicTime until);
  /// The load ends: its timers, too.
  void End();
  std::size_t timers() const;

  void Log(LogLevel level, std::string_view text) noexcept override;
  Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                  std::string_view json) override;
  Status Publish(std::string_view topic, const CloudEvent& event) override;
  Result<HostRecord> GetState(std::string_view key) override;
  Result<std::string> SetState(std::string_view key, std::string_view value,
                               std::optional<std::string_view> etag) override;
  Result<bool> DeleteState(std::string_view key, std::string_view etag) override;
  Result<HostTime> Now() override;
  Result<std::optional<std::chrono::nanoseconds>> TimeLeft() override;
  Result<std::uint64_t> StartTimer(const HostTimer& timer) override;
  Status CancelTimer(std::uint64_t id) override;

 private:
  struct Timer {
    std::string name;
    std::chrono::nanoseconds delay, period;
    HostTime started;
    std::uint64_t count = 0;
  };
  using Due = std::pair<MonotonicTime, std::uint64_t>;  // and its number

  const std::shared_ptr<HarnessRecords> records_;
  const std::uint64_t load_;
  mutable std::mutex mutex_;
  std::optional<CloudEvent> event_;
  std::map<Due, Timer> timers_;
  std::uint64_t arrived_ = 0;  // the one-shot timer whose event is handled and may yet be cancelled
  std::uint32_t last_timer_ = 0;
  bool ended_ = false;
};

}  // namespace virtufin::inline v0::detail
