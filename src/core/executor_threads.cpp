// The pool: how its threads start, sleep, wake, take work and leave.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>

#include "core/executor_state.hpp"

namespace virtufin::inline v0::detail {
namespace {

// A thread that is one too many leaves after this time without work.
constexpr std::chrono::milliseconds kExtraThreadIdle{250};
// A thread that spins tries so often to lock before it waits.
constexpr int kTries = 64;

// Threads made while it lives take no signal that the host may handle; those that a thread raises
// itself stay, so that the host's crash handler works.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t most;
    sigfillset(&most);
    for (int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
      sigdelset(&most, raised);
    }
    pthread_sigmask(SIG_SETMASK, &most, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

void RelaxCpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Status ExecutorState::StartThreads() {
  std::unique_lock lock(mutex);
  phase.store(Phase::kRunning);
  try {
    const SignalsBlocked blocked;
    service = std::thread([self = shared_from_this()] {
      pthread_setname_np(pthread_self(), "vf-timer");
      self->ServiceMain();
    });
  } catch (const std::exception&) {
    thread_was_refused = true;
  }
  while (!thread_was_refused && alive < thread_count) AddThread();
  if (!thread_was_refused) return {};
  const int got = alive;
  EndNow();
  Finish(lock);
  return {StatusCode::kResourceExhausted, "core",
          "expected " + std::to_string(thread_count) + " executor threads, the system gave " +
              std::to_string(got)};
}

bool ExecutorState::Accepts() const noexcept {
  switch (phase.load(std::memory_order_acquire)) {
    case Phase::kCreated:
    case Phase::kRunning:
      return true;
    case Phase::kDraining:
    case Phase::kEnding:  // for Stop to count what is dropped
      return this_thread.executor == this;
    case Phase::kStopped:
      break;
  }
  return false;
}

void ExecutorState::Enqueue(Work work) {
  std::unique_lock lock(mutex);
  ReservePlace();
  Enqueue(std::move(lock), std::move(work));
}

// Needs the mutex. Makes room for one more of what may come to the queue.
void ExecutorState::ReservePlace() {
  constexpr std::size_t kFirst = 64;
  const std::size_t places = ready.size() + held_back.size() + parked.size() + real_timers.size() +
                             static_cast<std::size_t>(alive) + 1;
  ready.Reserve(std::max(places, kFirst));
}

void ExecutorState::Resume(std::shared_ptr<StrandState> strand) {
  std::unique_lock lock(mutex);
  parked.Erase(*strand);
  Enqueue(std::move(lock), {Task(), std::move(strand)});
}

void ExecutorState::Enqueue(std::unique_lock<std::mutex> lock, Work work) {
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) {
    lock.unlock();
    Drop(std::move(work));
    return;
  }
  ready.Push(std::move(work));
  ready_hint.store(true, std::memory_order_relaxed);
  const Nudge nudge = FindThread();
  lock.unlock();
  nudge.Give();
}

// A thread that searches calls this again when it leaves work behind, so one at a time is enough.
Nudge ExecutorState::FindThread() noexcept {
  const Phase now = phase.load(std::memory_order_relaxed);
  if (searching > 0 || now == Phase::kCreated || now >= Phase::kEnding) return {};
  if (!MayTakeWork()) return {};
  if (!idle.empty()) {
    ThreadRecord& thread = *idle.back();
    idle.pop_back();
    thread.notified = true;
    thread.searching = true;
    ++searching;
    return Nudge(thread.wake);
  }
  if (MayAddThread() && AddThread()) return {};
  if (monitor_armed) return {};
  monitor_armed = true;
  return Nudge(service_wake);
}

bool ExecutorState::MayAddThread() const noexcept {
  return alive - blocking < thread_count && alive < thread_count + options.max_blocking_threads;
}

ThreadRecord& ExecutorState::UnusedRecord() {
  for (auto& record : records) {
    if (!record->in_use && !record->abandoned) return *record;
  }
  return *records.emplace_back(std::make_unique<ThreadRecord>(*this));
}

// Needs the mutex: the thread must not end before its handle is in its record.
bool ExecutorState::AddThread() noexcept try {
  ThreadRecord& record = UnusedRecord();
  idle.reserve(records.size());
  const SignalsBlocked blocked;
  record.thread = std::thread([self = shared_from_this(), &record] {
    pthread_setname_np(pthread_self(), "vf-executor");
    self->ThreadMain(record);
  });
  record.in_use = true;
  record.searching = true;
  ++searching;
  ++alive;
  return true;
} catch (const std::exception&) {  // of the system, or for want of memory
  thread_was_refused = true;
  return false;
}

void ExecutorState::StopSearching(ThreadRecord& thread) noexcept {
  if (!thread.searching) return;
  thread.searching = false;
  --searching;
}

void ExecutorState::ThreadMain(ThreadRecord& thread) {
  this_thread = {ThreadKind::kExecutor, this, &thread, nullptr};
  std::unique_lock lock(mutex);
  const auto ending = [this] { return phase.load(std::memory_order_relaxed) >= Phase::kEnding; };
  while ((MayTakeWork() && !ending()) || SleepUntilNeeded(lock, thread)) {
    if (!MayTakeWork() || ending()) continue;
    Work work = ready.Pop();
    ready_hint.store(!ready.empty(), std::memory_order_relaxed);
    if (HoldBack(work)) continue;
    StopSearching(thread);
    thread.running = true;
    thread.strand = work.strand.get();
    const Nudge nudge = ready.empty() ? Nudge() : FindThread();
    lock.unlock();
    nudge.Give();
    const bool again = RunWork(work, thread);
    lock.lock();
    if (thread.abandoned) {
      lock.unlock();
      if (again) work.strand->Discard();
      return;
    }
    TakeBack(lock, thread, again ? &work : nullptr);
  }
  LeavePool(lock, thread);
}

bool ExecutorState::RunWork(Work& work, ThreadRecord& thread) {
  if (work.strand != nullptr) return work.strand->Run(thread);
  RunTask(work.task, thread);
  work.task = Task();
  return false;
}

// Needs the mutex. The thread has run its work; `again` is a strand that has more, or null.
void ExecutorState::TakeBack(std::unique_lock<std::mutex>& lock, ThreadRecord& thread,
                             Work* again) {
  thread.running = false;
  thread.strand = nullptr;
  thread.yield.store(false, std::memory_order_relaxed);
  EndBlocking(thread);
  if (phase.load(std::memory_order_relaxed) < Phase::kEnding) {
    if (!held_back.empty()) ready.Push(held_back.Pop());
    if (again != nullptr) ready.Push(std::move(*again));
    ready_hint.store(!ready.empty(), std::memory_order_relaxed);
  } else if (again != nullptr) {
    lock.unlock();
    again->strand->Discard();
    lock.lock();
  }
}

// Needs the mutex. False when the thread is to leave.
bool ExecutorState::SleepUntilNeeded(std::unique_lock<std::mutex>& lock, ThreadRecord& thread) {
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) return false;
  StopSearching(thread);
  const bool spins = options.spin_us > 0 && !options.repeatable;
  if (spins && searching == 0 && SpinForWork(lock, thread)) return true;
  thread.notified = false;
  idle.push_back(&thread);
  EndWhenDrained();
  TellWhenQuiet();
  const auto needed = [&thread] { return thread.notified; };
  if (!HasTooMany()) {
    thread.wake.wait(lock, needed);
  } else if (!thread.wake.wait_for(lock, kExtraThreadIdle, needed)) {
    std::erase(idle, &thread);
    return !HasTooMany();
  }
  return true;
}

// Counts as searching meanwhile, so that nobody pays for waking a thread.
bool ExecutorState::SpinForWork(std::unique_lock<std::mutex>& lock, ThreadRecord& thread) {
  thread.searching = true;
  ++searching;
  lock.unlock();
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(options.spin_us);
  do {
    for (int i = 0; i < 16 && !ready_hint.load(std::memory_order_relaxed); ++i) RelaxCpu();
  } while (!ready_hint.load(std::memory_order_relaxed) &&
           phase.load(std::memory_order_relaxed) == Phase::kRunning &&
           std::chrono::steady_clock::now() < until);
  // Whoever queued the work still holds the mutex as a rule, for nanoseconds: to fall asleep at it
  // would cost both microseconds.
  for (int i = 0; i < kTries && !lock.try_lock(); ++i) RelaxCpu();
  if (!lock.owns_lock()) lock.lock();
  if (!ready.empty()) return true;
  StopSearching(thread);
  return false;
}

void ExecutorState::LeavePool(std::unique_lock<std::mutex>& lock, ThreadRecord& thread) {
  StopSearching(thread);
  --alive;
  thread.in_use = false;
  if (phase.load(std::memory_order_relaxed) >= Phase::kEnding) {
    ended.notify_all();
    return;
  }
  EndWhenDrained();
  std::thread before = std::exchange(last_to_leave, std::move(thread.thread));
  lock.unlock();
  if (before.joinable()) before.join();
}

void ExecutorState::RunTask(Task& task, ThreadRecord& thread) {
  const std::uint64_t sequence = thread.sequence.load(std::memory_order_relaxed);
  thread.sequence.store(sequence + 1, std::memory_order_relaxed);
  RunGuarded(task);
  thread.sequence.store(sequence + 2, std::memory_order_relaxed);
}

void ExecutorState::RunGuarded(Task& task) noexcept {
  try {
    task();
  } catch (const std::exception& error) {
    LogThrown(error.what());
  } catch (...) {
    LogThrown("something that is no std::exception");
  }
}

void ExecutorState::LogThrown(const char* what) noexcept {
  try {
    LogError(std::string("an executor task threw: ") + what);
  } catch (...) {  // memory is exhausted
    LogError("an executor task threw");
  }
}

void ExecutorState::LogError(std::string_view text) {
  const std::lock_guard lock(log_mutex);
  if (log != nullptr && log->Enabled(LogLevel::kError)) log->Write(LogLevel::kError, "core", text);
}

}  // namespace virtufin::inline v0::detail
