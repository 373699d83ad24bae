// Waiting until an executor has nothing to do.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

#include "core/executor_state.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);

}  // namespace

// Needs the mutex.
bool ExecutorState::IsQuiet() const noexcept {
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) return true;
  if (!ready.empty() || !held_back.empty() || timers_running > 0) return false;
  return std::none_of(records.begin(), records.end(),
                      [](const auto& record) { return record->in_use && record->running; });
}

// Needs the mutex.
void ExecutorState::TellWhenQuiet() noexcept {
  if (quiet_waiters > 0 && IsQuiet()) quiet.notify_all();
}

// False at the deadline.
bool ExecutorState::AwaitQuiet(std::unique_lock<std::mutex>& lock,
                               std::chrono::milliseconds deadline) {
  ++quiet_waiters;
  const bool reached =
      quiet.wait_for(lock, std::clamp(deadline, std::chrono::milliseconds(0), kLongest),
                     [this] { return IsQuiet(); });
  --quiet_waiters;
  return reached;
}

Status ExecutorState::WaitIdle(std::chrono::milliseconds deadline) {
  std::unique_lock lock(mutex);
  if (phase.load(std::memory_order_relaxed) == Phase::kCreated) {
    return {StatusCode::kFailedPrecondition, "core",
            "expected an executor that was started, found one that was not"};
  }
  if (AwaitQuiet(lock, deadline)) return {};
  return {StatusCode::kDeadlineExceeded, "core",
          "expected nothing queued or running within " + std::to_string(deadline.count()) +
              " ms, found " + std::to_string(ready.size() + held_back.size()) + " queued"};
}

void ExecutorState::Settle() {
  if (!options.repeatable || this_thread.kind != ThreadKind::kForeign) return;
  std::unique_lock lock(mutex);
  if (phase.load(std::memory_order_relaxed) == Phase::kCreated) return;
  (void)AwaitQuiet(lock, kLongest);
}

}  // namespace virtufin::inline v0::detail
