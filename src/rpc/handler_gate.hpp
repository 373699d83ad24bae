// Runs handlers that may wait on the executor, so many at a time: calls must not take every thread
// that workers need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

/// What waits has a place in the table of calls, which bounds it. [any]
class HandlerGate : public std::enable_shared_from_this<HandlerGate> {
 public:
  /// `executor` is borrowed until it has stopped.
  HandlerGate(Executor& executor, std::size_t most)
      : executor_(executor), most_(std::max<std::size_t>(most, 1)) {}

  /// Runs `task` when its turn comes, or drops it when the executor drops tasks.
  void Post(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (running_ == most_) return waiting_.push_back(std::move(task));
      ++running_;
    }
    executor_.Post(Turn(shared_from_this(), std::move(task)));
  }

 private:
  // One of the handlers that run; its end, also a dropped one, is the next one's begin.
  class Turn {
   public:
    Turn(std::shared_ptr<HandlerGate> gate, Task task)
        : gate_(std::move(gate)), task_(std::move(task)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (!gate_) return;
      task_ = {};
      ran_ ? gate_->Next() : gate_->Drop();
    }
    void operator()() {
      ran_ = true;
      task_();
    }

   private:
    std::shared_ptr<HandlerGate> gate_;
    Task task_;
    bool ran_ = false;
  };

  void Next() {
    Task next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        --running_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    executor_.Post(Turn(shared_from_this(), std::move(next)));
  }
  // The executor takes nothing any more: what waits would be dropped one inside the other.
  void Drop() {
    std::deque<Task> dropped;  // goes after the lock: what ends there may come back here
    const std::lock_guard lock(mutex_);
    --running_;
    dropped.swap(waiting_);
  }

  Executor& executor_;
  const std::size_t most_;
  std::mutex mutex_;
  std::size_t running_ = 0;
  std::deque<Task> waiting_;
};

}  // namespace virtufin::inline v0::detail
