// Timers of an executor: armed on the clock or on real time, run once or cancelled.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "core/executor_state.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

MonotonicTime Later(MonotonicTime now, std::chrono::nanoseconds delay) {
  // max() means "no timer".
  const auto room = MonotonicTime::max() - now - std::chrono::nanoseconds(1);
  return now + std::clamp(delay, std::chrono::nanoseconds(0), room);
}

}  // namespace

std::shared_ptr<TimerState> ExecutorState::Arm(std::chrono::nanoseconds delay, Task task,
                                               bool real) {
  if (!task || !Accepts()) return nullptr;
  auto timer = std::make_shared<TimerState>();
  timer->executor = shared_from_this();
  timer->on_clock = clock_drives_timers && !real;
  timer->task = std::move(task);
  const MonotonicTime now =
      timer->on_clock ? clock.Monotonic() : MonotonicTime(std::chrono::steady_clock::now());
  const std::lock_guard lock(mutex);
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) return nullptr;
  timer->key = {Later(now, delay), ++timers_made};
  if (!timer->on_clock) ReservePlace();
  TimerMap& timers = timer->on_clock ? clock_timers : real_timers;
  const auto at = timers.emplace(timer->key, timer).first;
  if (!timer->on_clock && at == timers.begin()) service_wake.notify_one();
  return timer;
}

void TimerState::Cancel() {
  Task dropped;  // destroyed without the mutex
  std::shared_ptr<TimerState> kept;
  const std::lock_guard lock(executor->mutex);
  if (phase == TimerPhase::kArmed) {
    TimerMap& timers = on_clock ? executor->clock_timers : executor->real_timers;
    if (const auto at = timers.find(key); at != timers.end()) {
      kept = std::move(at->second);
      timers.erase(at);
    }
  }
  phase = TimerPhase::kDone;
  dropped = std::move(task);
}

void TimerState::RunPosted() {
  Task taken;
  {
    const std::lock_guard lock(executor->mutex);
    if (phase != TimerPhase::kPosted) return;
    phase = TimerPhase::kDone;
    taken = std::move(task);
  }
  taken();
}

MonotonicTime ExecutorState::EarliestTimer() const noexcept {
  const std::lock_guard lock(mutex);
  const Phase now = phase.load(std::memory_order_relaxed);
  if (now == Phase::kCreated || now >= Phase::kEnding || clock_timers.empty()) {
    return MonotonicTime::max();
  }
  return clock_timers.begin()->first.first;
}

bool ExecutorState::RunTimer(MonotonicTime now) {
  Task task;
  Settle();
  {
    const std::lock_guard lock(mutex);
    const Phase at = phase.load(std::memory_order_relaxed);
    if (at == Phase::kCreated || at >= Phase::kEnding || clock_timers.empty()) return false;
    const auto earliest = clock_timers.begin();
    if (earliest->first.first > now) return false;
    const std::shared_ptr<TimerState> timer = std::move(earliest->second);
    clock_timers.erase(earliest);
    timer->phase = TimerPhase::kDone;
    task = std::move(timer->task);
    ++timers_running;
  }
  {
    const ThreadContext before =
        std::exchange(this_thread, {ThreadKind::kExecutor, this, nullptr, nullptr});
    RunGuarded(task);
    task = Task();
    this_thread = before;
  }
  Nudge nudge;
  {
    const std::lock_guard lock(mutex);
    --timers_running;
    ++timers_run;
    EndWhenDrained();
    ended.notify_all();
    TellWhenQuiet();
    if (options.repeatable && !ready.empty()) nudge = FindThread();
  }
  nudge.Give();
  return true;
}

}  // namespace detail

Executor::Timer& Executor::Timer::operator=(Timer&& other) noexcept {
  if (state_ != nullptr && this != &other) state_->Cancel();
  state_ = std::move(other.state_);
  return *this;
}
Executor::Timer::~Timer() {
  if (state_ != nullptr) state_->Cancel();
}

Executor::Timer Executor::After(std::chrono::nanoseconds delay, Task task) {
  Timer timer;
  timer.state_ = state_->Arm(delay, std::move(task), false);
  return timer;
}
Executor::Timer Executor::AfterReal(std::chrono::nanoseconds delay, Task task) {
  Timer timer;
  timer.state_ = state_->Arm(delay, std::move(task), true);
  return timer;
}

}  // namespace virtufin::inline v0
