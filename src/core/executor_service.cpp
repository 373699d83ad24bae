// The executor's own thread: waits for real timers, and finds tasks that block while others wait.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "core/executor_state.hpp"

namespace virtufin::inline v0::detail {

void ExecutorState::ServiceMain() {
  this_thread.kind = ThreadKind::kExecutor;
  const std::chrono::milliseconds period(options.blocking_after_ms);
  MonotonicTime tick = MonotonicTime::max();
  std::unique_lock lock(mutex);
  while (!service_ends) {
    const MonotonicTime now = std::chrono::steady_clock::now();
    bool changed = PostDueTimers(now);
    if (tick <= now) {
      DeclareBlockingTasks();
      monitor_armed = !ready.empty();
      tick = monitor_armed ? now + period : MonotonicTime::max();
      changed = true;
      if (std::exchange(order_lost, false)) {
        lock.unlock();
        LogError("a task of a repeatable executor waits for others; their order is not repeatable");
        lock.lock();
      }
    } else if (monitor_armed && tick == MonotonicTime::max()) {
      NoteSequences();
      tick = now + period;
    }
    if (changed && !ready.empty()) {
      const Nudge nudge = FindThread();
      lock.unlock();
      nudge.Give();
      lock.lock();
      continue;
    }
    const bool ending = phase.load(std::memory_order_relaxed) >= Phase::kEnding;
    const MonotonicTime due =
        real_timers.empty() || ending ? MonotonicTime::max() : real_timers.begin()->first.first;
    const MonotonicTime next = std::min(tick, due);
    if (next == MonotonicTime::max()) {
      service_wake.wait(lock);
    } else {
      service_wake.wait_until(lock, next);
    }
  }
}

// Needs the mutex.
bool ExecutorState::PostDueTimers(MonotonicTime now) {
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) return false;
  bool any = false;
  while (!real_timers.empty() && real_timers.begin()->first.first <= now) {
    std::shared_ptr<TimerState> timer = std::move(real_timers.begin()->second);
    real_timers.erase(real_timers.begin());
    timer->phase = TimerPhase::kPosted;
    ready.Push({[timer = std::move(timer)] { timer->RunPosted(); }, nullptr});
    any = true;
  }
  if (any) ready_hint.store(true, std::memory_order_relaxed);
  return any;
}

// Needs the mutex.
void ExecutorState::NoteSequences() noexcept {
  for (const auto& record : records) {
    record->seen_sequence = record->sequence.load(std::memory_order_relaxed);
  }
}

// Needs the mutex. A task that has run since the last tick is blocking; strands with many short
// ones make room.
void ExecutorState::DeclareBlockingTasks() {
  for (const auto& record : records) {
    const std::uint64_t sequence = record->sequence.load(std::memory_order_relaxed);
    const bool same_task = sequence % 2 == 1 && sequence == record->seen_sequence;
    record->seen_sequence = sequence;
    if (!record->in_use || !record->running || ready.empty()) continue;
    if (options.repeatable) {
      if (!same_task || !record->in_scope || record->blocking) continue;
      order_lost = true;
      DeclareBlocking(*record);
      continue;
    }
    record->yield.store(true, std::memory_order_relaxed);
    if (same_task) DeclareBlocking(*record);
  }
}

}  // namespace virtufin::inline v0::detail
