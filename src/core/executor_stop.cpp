// The end of an executor: what is queued runs, what does not return is abandoned and named.
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/executor_state.hpp"

namespace virtufin::inline v0::detail {
namespace {

using Milliseconds = std::chrono::milliseconds;

// After the deadline: for threads that are about to return.
constexpr Milliseconds kGrace{20};
constexpr Milliseconds kLongest = std::chrono::hours(24 * 365);

// The text of the CallScope in which the thread is, copied while its owner keeps it.
std::string CallOf(ThreadRecord& thread) {
  thread.call_is_read.store(true, std::memory_order_seq_cst);
  const char* call = thread.call.load(std::memory_order_seq_cst);
  std::string text = call != nullptr ? call : "an unnamed task";
  thread.call_is_read.store(false, std::memory_order_seq_cst);
  return text;
}

std::string WhyUnfinished(Milliseconds deadline, std::uint64_t abandoned, const std::string& calls,
                          std::uint64_t dropped) {
  std::string why = "expected all tasks to end within " + std::to_string(deadline.count()) + " ms";
  if (abandoned > 0) {
    why += ", abandoned " + std::to_string(abandoned) + ": " + calls;
  }
  if (dropped > 0) why += ", dropped " + std::to_string(dropped) + " queued";
  return why;
}

}  // namespace

Status ExecutorState::Stop(Milliseconds deadline) {
  std::unique_lock lock(mutex);
  if (phase.load() == Phase::kStopped) return {};
  if (phase.load() == Phase::kCreated) {
    EndNow();
    Finish(lock);
    return {};
  }
  phase.store(Phase::kDraining);
  EndWhenDrained();
  const auto over = [this] { return alive == 0 && timers_running == 0; };
  if (ended.wait_for(lock, std::clamp(deadline, Milliseconds(0), kLongest), over)) {
    Finish(lock);
    return {};
  }
  EndNow();
  DropQueued(lock);
  const std::string calls = ended.wait_for(lock, kGrace, over) ? "" : Abandon();
  Finish(lock);
  if (abandoned == 0 && dropped == 0) return {};
  return {StatusCode::kDeadlineExceeded, "core",
          WhyUnfinished(deadline, abandoned, calls, dropped)};
}

void ExecutorState::StopWithoutWaiting() {
  std::unique_lock lock(mutex);
  if (phase.load() == Phase::kStopped) return;
  EndNow();
  DropQueued(lock);
  (void)Abandon();
  Finish(lock);
}

// Needs the mutex.
void ExecutorState::EndWhenDrained() {
  if (phase.load(std::memory_order_relaxed) != Phase::kDraining || !ready.empty()) return;
  if (static_cast<int>(idle.size()) != alive || timers_running > 0 || !parked.empty()) return;
  EndNow();
}

// Needs the mutex. No task starts any more.
void ExecutorState::EndNow() {
  phase.store(Phase::kEnding);
  for (const auto& record : records) record->yield.store(true, std::memory_order_relaxed);
  for (ThreadRecord* thread : std::exchange(idle, {})) {
    thread->notified = true;
    thread->wake.notify_one();
  }
  ended.notify_all();
  quiet.notify_all();
}

// Needs the mutex. Detaches the threads that are inside a task; says what they do.
std::string ExecutorState::Abandon() {
  std::string calls;
  const auto add = [&](const std::string& call) {
    calls += calls.empty() ? call : ", " + call;
    ++abandoned;
  };
  for (const auto& record : records) {
    if (!record->in_use || !record->running) continue;
    add(CallOf(*record));
    EndBlocking(*record);
    record->abandoned = true;
    record->in_use = false;
    record->thread.detach();
    --alive;
  }
  for (int i = 0; i < timers_running; ++i) add("a timer task inside Advance");
  return calls;
}

// Joins what has ended and lets go of what will never run.
void ExecutorState::Finish(std::unique_lock<std::mutex>& lock) {
  ended.wait(lock, [this] { return alive == 0; });
  DropQueued(lock);
  phase.store(Phase::kStopped);
  service_ends = true;
  service_wake.notify_one();
  std::vector<std::thread> threads;
  threads.push_back(std::move(service));
  threads.push_back(std::move(last_to_leave));
  for (const auto& record : records) threads.push_back(std::move(record->thread));
  TimerMap timers = std::exchange(real_timers, {});
  timers.merge(std::exchange(clock_timers, {}));
  for (const auto& timer : timers) timer.second->phase = TimerPhase::kDone;
  lock.unlock();
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  timers.clear();
  lock.lock();
}

// Needs the mutex, and lets go of it to destroy what it takes from the queue. No task starts any
// more, so nothing is put in meanwhile.
void ExecutorState::DropQueued(std::unique_lock<std::mutex>& lock) {
  ready_hint.store(false, std::memory_order_relaxed);
  for (;;) {
    Work work;
    if (!ready.empty()) {
      work = ready.Pop();
    } else if (!held_back.empty()) {
      work = held_back.Pop();
    } else if (!parked.empty()) {
      work.strand = parked.front().shared_from_this();
      parked.Erase(*work.strand);
    } else {
      return;
    }
    lock.unlock();
    Drop(std::move(work));
    lock.lock();
  }
}

void ExecutorState::Drop(Work work) {
  if (work.strand != nullptr) {
    work.strand->Discard();
  } else {
    CountDropped(1);
  }
}

void ExecutorState::CountDropped(std::size_t tasks) {
  const std::lock_guard lock(mutex);
  dropped += tasks;
}

void ExecutorState::ForgetLog() {
  const std::lock_guard lock(log_mutex);
  log = nullptr;
}

}  // namespace virtufin::inline v0::detail
