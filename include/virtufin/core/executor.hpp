// Executor: the one pool of threads of a platform, with strands and timers.
//
// Executor threads never wait: a task that must wait says so with a BlockingScope, and a strand that
// should slow down is parked instead (docs/architecture.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {

/// What kind of thread runs this code. Only foreign threads may be made to wait.
enum class ThreadKind : std::uint8_t { kForeign, kExecutor, kNetLoop, kCallback };

/// The mark of the calling thread. [any]
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
  std::int64_t blocking_after_ms = 10;  // a task that runs longer is declared blocking
  std::int64_t spin_us = 0;             // spin this long before sleeping; 0: sleep at once
};

struct ExecutorCounters {
  int threads = 0;               // alive now, extra ones included
  int blocking = 0;              // tasks declared blocking now
  std::uint64_t tasks = 0;       // run so far
  std::uint64_t abandoned = 0;   // tasks that did not return before Stop's deadline
};

class Executor {
 public:
  using Task = std::function<void()>;

  /// Starts nothing. `clock` and `log` are borrowed until the executor is destroyed.
  Executor(const ExecutorOptions& options, Clock& clock, LogSink& log);
  ~Executor();  // Stop with a deadline of 30 s unless stopped
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Errors: FAILED_PRECONDITION when started before. [owner]
  Status Start();
  /// Runs what is queued, then ends the threads; later Posts are dropped. A task that does not
  /// return in time is abandoned: its thread is detached and counted. [owner]
  /// Errors: FAILED_PRECONDITION from a thread that is not foreign; DEADLINE_EXCEEDED naming the
  /// abandoned calls.
  Status Stop(std::chrono::milliseconds deadline);

  /// Runs `task` on some executor thread. Before Start it is kept. What it throws is logged.
  /// [any] [callback]
  void Post(Task task);
  ExecutorCounters counters() const;  // [any]

  struct State;  // private

  /// Keeps a strand from getting its next task while it lives. Copies count.
  class [[nodiscard]] ParkToken {
   public:
    ParkToken() noexcept = default;
    explicit operator bool() const noexcept { return strand_ != nullptr; }

   private:
    friend class Executor;
    std::shared_ptr<void> strand_;
  };

  /// Tasks of one strand run in order, one at a time. Copies name the same strand.
  class Strand {
   public:
    Strand() noexcept = default;
    void Post(Task task);                 // [any] [callback]
    bool Running() const noexcept;        // the calling thread is inside a task of this strand
    bool Parked() const noexcept;         // [any]

   private:
    friend class Executor;
    struct Impl;
    std::shared_ptr<Impl> impl_;
  };
  Strand NewStrand();  // [any]

  /// Parks the strand whose task the calling thread runs; empty when it runs none. [callback]
  static ParkToken ParkCurrentStrand() noexcept;
  /// True when the strand of the calling thread is parked: a task that handles many items stops
  /// after this one and posts itself again. [callback]
  static bool CurrentStrandParked() noexcept;

  /// Declares the current task blocking while it lives: the pool puts another thread in its place,
  /// at most `max_blocking_threads` of them. No effect on a thread that is not an executor's.
  class [[nodiscard]] BlockingScope {
   public:
    BlockingScope() noexcept;
    ~BlockingScope();
    BlockingScope(const BlockingScope&) = delete;
    BlockingScope& operator=(const BlockingScope&) = delete;

   private:
    bool counted_;
  };

  /// Names the call that the current task makes, for Stop's error; `what` is borrowed while it
  /// lives and may be read by another thread.
  class [[nodiscard]] CallScope {
   public:
    explicit CallScope(const char* what) noexcept;
    ~CallScope();
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;

   private:
    const char* before_;
  };

  /// Cancels when destroyed; a task that already runs ends by itself.
  class [[nodiscard]] Timer {
   public:
    Timer() noexcept;
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;
    ~Timer();

   private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
    friend class Executor;
  };
  /// Runs `task` once, `delay` later on the Clock's monotonic side. [any] [callback]
  Timer After(std::chrono::nanoseconds delay, Task task);
  /// The same on real monotonic time, whatever the Clock says: for limits on waiting. [any] [callback]
  Timer AfterReal(std::chrono::nanoseconds delay, Task task);

 private:
  std::shared_ptr<State> state_;
};

/// What every component gets by reference instead of globals. Borrowed until the component is gone.
struct Runtime {
  Executor& executor;
  Clock& clock;
  LogSink& log;
};

}  // namespace virtufin::inline v0
