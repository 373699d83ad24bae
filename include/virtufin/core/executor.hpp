// Executor: the one pool of threads of a platform, with strands and timers.
//
// Executor threads never wait: a task that must wait says so with a BlockingScope, and a strand
// that should slow down is parked instead (docs/architecture.md).
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/task.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {

namespace detail {
struct ExecutorState;
struct StrandState;
struct TimerState;
}  // namespace detail

/// What kind of thread runs this code. Only foreign threads may be made to wait.
enum class ThreadKind : std::uint8_t { kForeign, kExecutor, kNetLoop, kCallback };

/// The mark of the calling thread. [any] [callback]
ThreadKind CurrentThreadKind() noexcept;

/// Marks the calling thread while it lives (inline handlers, net loops); restores the mark before.
class [[nodiscard]] ThreadMark {
 public:
  explicit ThreadMark(ThreadKind kind) noexcept;
  ~ThreadMark();
  ThreadMark(const ThreadMark&) = delete;
  ThreadMark& operator=(const ThreadMark&) = delete;

 private:
  ThreadKind before_;
};

struct ExecutorOptions {
  int threads = 0;                      // 0: one per core
  int max_blocking_threads = 64;        // extra threads while tasks are declared blocking
  std::int64_t blocking_after_ms = 10;  // a task that runs longer while others wait for a thread
                                        // is declared blocking
  std::int64_t spin_us = 0;             // one thread spins this long before it sleeps; 0: none does
  /// For replay: one thread, whatever the options above say, and one task at a time, timers inside
  /// an Advance included, in an order that the posts alone decide, however long a task takes. A
  /// task that stays in one BlockingScope for `blocking_after_ms` while others wait is given a
  /// replacement, so that nothing waits for ever; the log says that the order was lost.
  bool repeatable = false;
};

struct ExecutorCounters {
  int threads = 0;              // alive now, extra ones included, abandoned ones not
  int blocking = 0;             // tasks declared blocking now
  std::uint64_t tasks = 0;      // run so far
  std::uint64_t abandoned = 0;  // tasks that did not return before Stop's deadline
};

class Executor {
 public:
  /// Starts nothing. `clock` and `log` are borrowed until the executor is destroyed.
  Executor(const ExecutorOptions& options, Clock& clock, LogSink& log);
  /// Stop with a deadline of 30 s unless stopped; on a thread that is not foreign every running
  /// task is abandoned at once.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Starts the threads, which then run what was posted before. [owner]
  /// Errors: FAILED_PRECONDITION when started or stopped before; INVALID_ARGUMENT naming an option;
  /// RESOURCE_EXHAUSTED when the system gives no thread.
  Status Start();
  /// Runs what is queued and what those tasks post in turn, then ends the threads; parked strands
  /// are waited for. From the call on, Posts of other threads are dropped. At the deadline what is
  /// still queued or parked is dropped, and a task that does not return is abandoned: its thread is
  /// detached and counted, and no task starts any more. A second Stop does nothing. [owner]
  /// Errors: FAILED_PRECONDITION from a thread that is not foreign; DEADLINE_EXCEEDED naming the
  /// abandoned calls and counting the tasks that were dropped.
  Status Stop(std::chrono::milliseconds deadline);

  /// Runs `task` on some executor thread. Before Start it is kept; an empty task is ignored. What
  /// it throws is logged. [any] [callback]
  void Post(Task task);
  ExecutorCounters counters() const;  // [any] [callback]
  bool repeatable() const noexcept;   // as the options say [any] [callback]

  /// Returns when no task is queued or runs, blocking ones and what they post in turn included.
  /// Strands that are parked and timers that are not due do not count: they wait for somebody
  /// else. What other threads post meanwhile is waited for as well.
  /// Errors: FAILED_PRECONDITION from a thread that is not foreign, or before Start;
  /// DEADLINE_EXCEEDED.
  Status WaitIdle(std::chrono::milliseconds deadline = std::chrono::hours(24 * 365));

  /// Keeps a strand from getting its next task while it lives. Copies count; the last one may go on
  /// any thread, also after the executor is gone.
  class [[nodiscard]] ParkToken {
   public:
    ParkToken() noexcept = default;
    explicit operator bool() const noexcept { return hold_ != nullptr; }
    /// Both keep the same strand, or none.
    friend bool operator==(const ParkToken& a, const ParkToken& b) noexcept {
      return a.hold_ == b.hold_;
    }

   private:
    friend class Executor;
    std::shared_ptr<void> hold_;  // points to the strand
  };

  /// Tasks of one strand run in order, one at a time. Copies name the same strand. It may outlive
  /// the executor: its tasks are dropped then.
  class Strand {
   public:
    /// Names no strand: Post drops its task.
    Strand() noexcept = default;
    void Post(Task task);           // as Executor::Post [any] [callback]
    bool Running() const noexcept;  // the calling thread is inside a task of this strand [callback]
    bool Parked() const noexcept;   // [any] [callback]

   private:
    friend class Executor;
    std::shared_ptr<detail::StrandState> state_;
  };
  Strand NewStrand();  // [any] [callback]

  /// The calling thread acts in the name of `strand` while it lives: what parks the current strand
  /// parks that one. For a net loop: it publishes and never waits, stops reading when
  /// CurrentStrandParked() says so, and posts a task to the strand that tells it to read on. It
  /// runs and orders nothing itself; tasks of the strand may run meanwhile. `strand` is borrowed.
  /// No effect on threads of an executor, or for a strand of nothing.
  class [[nodiscard]] StrandScope {
   public:
    explicit StrandScope(const Strand& strand) noexcept;
    ~StrandScope();
    StrandScope(const StrandScope&) = delete;
    StrandScope& operator=(const StrandScope&) = delete;

   private:
    detail::StrandState* before_;
  };

  /// Parks the strand whose task the calling thread runs; empty when it runs none. [callback]
  static ParkToken ParkCurrentStrand();
  /// True when the strand of the calling thread is parked: a task that handles many items stops
  /// after this one and posts itself again. [callback]
  static bool CurrentStrandParked() noexcept;
  /// What else waits for a thread runs before the next task of the calling thread's strand: a task
  /// that has had its share calls this and posts itself again. [callback]
  static void YieldCurrentStrand() noexcept;

  /// Declares the current task blocking while it lives: the pool puts another thread in its place,
  /// at most `max_blocking_threads` of them. While so many block, strands that blocked before get
  /// no thread: what the blocked tasks wait for still does. No effect on other threads.
  class [[nodiscard]] BlockingScope {
   public:
    BlockingScope() noexcept;
    ~BlockingScope();
    BlockingScope(const BlockingScope&) = delete;
    BlockingScope& operator=(const BlockingScope&) = delete;
  };

  /// Names the call that the current task makes, for Stop's error; `what` is borrowed while the
  /// scope lives and may be read by another thread. No effect on other threads than an executor's.
  class [[nodiscard]] CallScope {
   public:
    explicit CallScope(const char* what) noexcept;
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

   private:
    const char* before_;
  };

  /// Cancels when destroyed, on any thread; a task that already runs ends by itself.
  class [[nodiscard]] Timer {
   public:
    Timer() noexcept = default;
    Timer(Timer&&) noexcept = default;
    Timer& operator=(Timer&& other) noexcept;
    ~Timer();

   private:
    friend class Executor;
    std::shared_ptr<detail::TimerState> state_;
  };
  /// Runs `task` once, `delay` later on the Clock's monotonic side: on an executor thread, or
  /// inside the Advance of a manual clock. Dropped when the executor stops before. [any] [callback]
  Timer After(std::chrono::nanoseconds delay, Task task);
  /// The same on real monotonic time and an executor thread, whatever the Clock says: for limits on
  /// waiting. [any] [callback]
  Timer AfterReal(std::chrono::nanoseconds delay, Task task);

 private:
  std::shared_ptr<detail::ExecutorState> state_;
};

/// What every component gets by reference instead of globals. Borrowed until the component is gone.
struct Runtime {
  Executor& executor;
  Clock& clock;
  LogSink& log;
};

}  // namespace virtufin::inline v0
