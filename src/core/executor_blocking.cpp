// What tasks say of themselves: that they block, for which others make room, and whom they call.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "core/executor_state.hpp"

namespace virtufin::inline v0 {
namespace detail {

// Needs the mutex. When as many tasks block as may, a strand that blocked before waits: the threads
// that are left run what the blocked tasks wait for.
bool ExecutorState::MustHoldBack(const Work& work) const noexcept {
  if (work.strand == nullptr || !work.strand->has_blocked) return false;
  const int limit = std::max(1, options.max_blocking_threads);
  if (alive <= limit) return false;  // the usual case: too few threads to matter
  const auto may_block = [](const std::unique_ptr<ThreadRecord>& record) {
    return record->in_use &&
           (record->blocking || (record->strand != nullptr && record->strand->has_blocked));
  };
  return std::count_if(records.begin(), records.end(), may_block) >= limit;
}

// Needs the mutex. True: `work` waits for a task that blocks to end. Without memory to keep it, it
// runs.
bool ExecutorState::HoldBack(Work& work) noexcept try {
  if (!MustHoldBack(work)) return false;
  held_back.Push(std::move(work));
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void ExecutorState::EnterBlocking(ThreadRecord& thread) noexcept {
  if (thread.blocking_depth++ > 0) return;
  Nudge nudge;
  {
    const std::lock_guard lock(mutex);
    if (thread.abandoned) return;
    if (options.repeatable) {
      // The service thread declares it when it finds it here at two ticks: after a whole period.
      thread.in_scope = true;
      thread.seen_sequence = 0;
      return;
    }
    DeclareBlocking(thread);
    if (!ready.empty()) {
      nudge = FindThread();
    } else if (idle.empty() && searching == 0 && MayAddThread()) {
      AddThread();
    }
  }
  nudge.Give();
}

void ExecutorState::LeaveBlocking(ThreadRecord& thread) noexcept {
  if (--thread.blocking_depth > 0) return;
  Nudge nudge;
  {
    const std::lock_guard lock(mutex);
    thread.in_scope = false;
    EndBlocking(thread);
    if (!held_back.empty() && !thread.abandoned) {
      ready.Push(held_back.Pop());
      nudge = FindThread();
    }
  }
  nudge.Give();
}

// Needs the mutex.
void ExecutorState::DeclareBlocking(ThreadRecord& thread) noexcept {
  if (thread.strand != nullptr && !thread.strand->has_blocked) {
    thread.strand->has_blocked = true;
    thread.yield.store(true, std::memory_order_relaxed);  // to be held back before its next task
  }
  if (thread.blocking) return;
  thread.blocking = true;
  ++blocking;
}

// Needs the mutex.
void ExecutorState::EndBlocking(ThreadRecord& thread) noexcept {
  if (!thread.blocking || thread.abandoned) return;
  thread.blocking = false;
  --blocking;
}

}  // namespace detail

Executor::BlockingScope::BlockingScope() noexcept {
  if (auto* thread = detail::this_thread.record) thread->state.EnterBlocking(*thread);
}
Executor::BlockingScope::~BlockingScope() {
  if (auto* thread = detail::this_thread.record) thread->state.LeaveBlocking(*thread);
}

Executor::CallScope::CallScope(const char* what) noexcept : before_(nullptr) {
  detail::ThreadRecord* thread = detail::this_thread.record;
  if (thread == nullptr) return;
  before_ = thread->call.load(std::memory_order_relaxed);
  thread->call.store(what, std::memory_order_release);
}
Executor::CallScope::~CallScope() {
  detail::ThreadRecord* thread = detail::this_thread.record;
  if (thread == nullptr) return;
  // Sequentially consistent with the reader in Stop: it sees `before_`, or we wait for it.
  thread->call.store(before_, std::memory_order_seq_cst);
  while (thread->call_is_read.load(std::memory_order_seq_cst)) std::this_thread::yield();
}

}  // namespace virtufin::inline v0
