// Heartbeat: does something again and again, on the Clock, until it is stopped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

/// All functions are [any].
class Heartbeat : public std::enable_shared_from_this<Heartbeat> {
 public:
  /// `executor` is borrowed until Stop returned. `beat` runs on its threads, one at a time.
  Heartbeat(Executor& executor, std::chrono::milliseconds interval, std::function<void()> beat);

  /// The first beat is one interval from now. Idempotent; never with an interval of 0.
  void Start();
  /// No beat starts any more; on a foreign thread none runs any more, either.
  void Stop();

 private:
  void Arm();  // lock held
  void OnDue();

  Executor& executor_;
  const std::chrono::milliseconds interval_;
  const std::function<void()> beat_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  bool beating_ = false;
  bool stopped_ = false;
  Executor::Timer timer_;
};

}  // namespace virtufin::inline v0::detail
