// What the executor's threads, strands and timers share; lives until the last of them is gone.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/thread_context.hpp"
#include "virtufin/core/bounded_queue.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

using Tasks = BoundedQueue<Task>;
inline constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

/// A task, or a strand that has some.
struct Work {
  Task task;
  std::shared_ptr<StrandState> strand;
};

/// One thread of the pool. Records are kept and used again, never freed before the state.
struct ThreadRecord {
  explicit ThreadRecord(ExecutorState& owner) : state(owner) {}

  ExecutorState& state;
  // Guarded by the state's mutex.
  std::thread thread;
  std::condition_variable wake;
  bool in_use = false;     // a thread runs with it
  bool notified = false;   // told to stop sleeping
  bool searching = false;  // awake, on its way to the queue
  bool running = false;    // has taken work
  bool blocking = false;   // its task is declared blocking
  bool in_scope = false;   // of a repeatable executor: its task says that it blocks
  bool abandoned = false;
  StrandState* strand = nullptr;    // whose tasks it runs
  std::uint64_t seen_sequence = 0;  // at the monitor's last tick
  // Of the thread itself.
  int blocking_depth = 0;
  // Written by the thread on its own cache line, read by others.
  alignas(64) std::atomic<std::uint64_t> sequence{0};  // odd while a task runs
  std::atomic<bool> yield{false};                      // set by others: a strand's turn is over
  std::atomic<const char*> call{nullptr};
  std::atomic<bool> call_is_read{false};
};

enum class Phase : std::uint8_t {
  kCreated,
  kRunning,
  kDraining,  // foreign Posts are dropped; ends when nothing is queued, parked or running
  kEnding,    // no task starts any more
  kStopped,
};

/// Something to do for the queue once the mutex is free.
class [[nodiscard]] Nudge {
 public:
  Nudge() noexcept = default;
  explicit Nudge(std::condition_variable& sleeper) noexcept : sleeper_(&sleeper) {}
  void Give() const noexcept {
    if (sleeper_ != nullptr) sleeper_->notify_one();
  }

 private:
  std::condition_variable* sleeper_ = nullptr;
};

/// The strands that have tasks and wait for their tokens, which keep them alive. A list through the
/// strands themselves: parking allocates nothing. Guarded by the executor's mutex.
class ParkedStrands {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  std::size_t size() const noexcept { return size_; }
  StrandState& front() const noexcept { return *first_; }
  void Insert(StrandState& strand) noexcept;  // no effect when it is there
  void Erase(StrandState& strand) noexcept;   // no effect when it is not there

 private:
  StrandState* first_ = nullptr;
  std::size_t size_ = 0;
};

struct StrandState : std::enable_shared_from_this<StrandState> {
  explicit StrandState(std::shared_ptr<ExecutorState> owner) : executor(std::move(owner)) {}

  void Post(Task task);
  // Runs some tasks on the calling thread; true when more wait and the strand may go on.
  bool Run(ThreadRecord& thread);
  void Park();
  void Unpark();
  bool IsParked() const noexcept;
  // Destroys its tasks, which nobody will run, and counts them.
  void Discard();

  const std::shared_ptr<ExecutorState> executor;
  // Guarded by the executor's mutex.
  bool has_blocked = false;  // a task of it was declared blocking
  bool listed_parked = false;
  StrandState* parked_before = nullptr;  // in the list of parked ones
  StrandState* parked_after = nullptr;
  std::mutex mutex;           // taken before the executor's
  Tasks queue{kUnlimited};    // guarded by mutex
  bool scheduled = false;     // in the executor's queue, or running; guarded by mutex
  bool kept_parked = false;   // has tasks, waits for its tokens; guarded by mutex
  std::atomic<int> parks{0};  // written under mutex
  Tasks batch{kUnlimited};    // of the thread that runs the strand; when none does, of the mutex

 private:
  bool Empty() const noexcept { return queue.empty() && batch.empty(); }
  void ScheduleIfReady(std::unique_lock<std::mutex> lock);
};

enum class TimerPhase : std::uint8_t { kArmed, kPosted, kDone };
using TimerKey = std::pair<MonotonicTime, std::uint64_t>;  // due, order of creation
using TimerMap = std::map<TimerKey, std::shared_ptr<TimerState>>;

/// Guarded by the executor's mutex.
struct TimerState {
  void Cancel();
  void RunPosted();

  std::shared_ptr<ExecutorState> executor;
  TimerKey key;
  bool on_clock = false;  // in clock_timers, else in real_timers
  TimerPhase phase = TimerPhase::kArmed;
  Task task;
};

struct ExecutorState final : Clock::TimerSink, std::enable_shared_from_this<ExecutorState> {
  ExecutorState(const ExecutorOptions& wanted, Clock& time, LogSink& lines)
      : options(wanted), clock(time), log(&lines) {}

  // executor_threads.cpp: the pool.
  Status StartThreads();
  bool Accepts() const noexcept;  // posts of the calling thread
  void Enqueue(Work work);
  void Resume(std::shared_ptr<StrandState> strand);  // that was kept parked
  // Finds a thread for what is queued. Needs the mutex.
  Nudge FindThread() noexcept;
  void ReservePlace();
  void RunTask(Task& task, ThreadRecord& thread);
  void RunGuarded(Task& task) noexcept;
  void LogThrown(const char* what) noexcept;
  void LogError(std::string_view text);

  // executor_blocking.cpp
  void EnterBlocking(ThreadRecord& thread) noexcept;
  void LeaveBlocking(ThreadRecord& thread) noexcept;

  // executor_stop.cpp: the end.
  Status Stop(std::chrono::milliseconds deadline);
  void StopWithoutWaiting();
  void EndWhenDrained();  // needs the mutex
  void Drop(Work work);
  void CountDropped(std::size_t tasks);
  void ForgetLog();

  // executor_idle.cpp
  Status WaitIdle(std::chrono::milliseconds deadline);
  void Settle() override;

  // executor_timers.cpp
  std::shared_ptr<TimerState> Arm(std::chrono::nanoseconds delay, Task task, bool real);
  MonotonicTime EarliestTimer() const noexcept override;
  bool RunTimer(MonotonicTime now) override;

  // strand.cpp
  bool KeepParked(StrandState& strand, bool was_idle);

  const ExecutorOptions options;
  Clock& clock;  // not used once stopped
  bool clock_drives_timers = false;
  int thread_count = 0;

  mutable std::mutex mutex;
  std::atomic<Phase> phase{Phase::kCreated};  // written under mutex
  // Guarded by mutex from here on.
  // Has a place for each strand that runs, is parked or held back, and for each real timer: what
  // puts them back allocates nothing (ReservePlace).
  BoundedQueue<Work> ready{kUnlimited};
  BoundedQueue<Work> held_back{kUnlimited};  // strands that may block, while enough others do
  std::atomic<bool> ready_hint{false};       // for the thread that spins
  std::vector<std::unique_ptr<ThreadRecord>> records;
  std::vector<ThreadRecord*> idle;  // the last one slept least
  int alive = 0;
  int searching = 0;
  int blocking = 0;
  std::uint64_t abandoned = 0;
  std::uint64_t dropped = 0;  // tasks, by Stop
  bool thread_was_refused = false;
  std::thread last_to_leave;  // joined by the next thread that leaves
  std::condition_variable ended;
  std::condition_variable quiet;  // for who waits until nothing is queued or runs
  int quiet_waiters = 0;
  ParkedStrands parked;

  std::thread service;
  std::condition_variable service_wake;
  bool service_ends = false;
  bool monitor_armed = false;
  bool order_lost = false;  // of a repeatable executor, not logged yet
  TimerMap clock_timers;
  TimerMap real_timers;
  std::uint64_t timers_made = 0;
  int timers_running = 0;  // inside an Advance
  std::uint64_t timers_run = 0;

  std::mutex log_mutex;
  LogSink* log;  // null once the executor is destroyed

 private:
  void Enqueue(std::unique_lock<std::mutex> lock, Work work);
  void ThreadMain(ThreadRecord& thread);
  bool RunWork(Work& work, ThreadRecord& thread);
  void TakeBack(std::unique_lock<std::mutex>& lock, ThreadRecord& thread, Work* again);
  bool SleepUntilNeeded(std::unique_lock<std::mutex>& lock, ThreadRecord& thread);
  bool SpinForWork(std::unique_lock<std::mutex>& lock, ThreadRecord& thread);
  void LeavePool(std::unique_lock<std::mutex>& lock, ThreadRecord& thread);
  ThreadRecord& UnusedRecord();
  bool AddThread() noexcept;
  bool HasTooMany() const noexcept { return alive - blocking > thread_count; }
  bool MayAddThread() const noexcept;
  void StopSearching(ThreadRecord& thread) noexcept;
  // Needs the mutex. A timer inside an Advance is the one task that a repeatable executor runs.
  bool MayTakeWork() const noexcept {
    return !ready.empty() && !(options.repeatable && timers_running > 0);
  }
  bool IsQuiet() const noexcept;
  void TellWhenQuiet() noexcept;
  bool AwaitQuiet(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds deadline);

  bool MustHoldBack(const Work& work) const noexcept;
  bool HoldBack(Work& work) noexcept;
  void DeclareBlocking(ThreadRecord& thread) noexcept;
  void EndBlocking(ThreadRecord& thread) noexcept;

  void EndNow();
  std::string Abandon();
  void DropQueued(std::unique_lock<std::mutex>& lock);
  void Finish(std::unique_lock<std::mutex>& lock);

  // executor_service.cpp: the thread that waits for real timers and watches for tasks that block.
  void ServiceMain();
  void NoteSequences() noexcept;
  void DeclareBlockingTasks();
  bool PostDueTimers(MonotonicTime now);
};

}  // namespace virtufin::inline v0::detail
