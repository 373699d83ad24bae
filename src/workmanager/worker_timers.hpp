// The timers of one worker: due on the executor, delivered through the worker's own queue.
//
// A timer that is due becomes a message on TopicOf(worker), injected behind what the worker's
// subscription holds. When its turn comes, Claim says whether it is still wanted. Numbers of timers
// carry the number of the load that started them: a timer never outlives its load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0::detail {

/// Everything is [any].
class WorkerTimers : public std::enable_shared_from_this<WorkerTimers> {
 public:
  /// Queues a message for the worker. Called without a lock.
  using Deliver = std::function<Status(const Message&)>;

  /// Topics of timer events; what begins with kPrefix is no event of the bus, but for dead letters.
  static constexpr std::string_view kPrefix = "com.virtufin.worker.timer.";
  static bool IsTimer(const Message& message) noexcept {
    return message.topic().starts_with(kPrefix) && !IsDeadLetterTopic(message.topic());
  }

  /// `name`: of the worker, the same in every replay.
  WorkerTimers(std::string_view worker_id, std::string name, const Runtime& runtime,
               Deliver deliver);

  /// `load`, from 1 and never used again, may start timers until it is closed.
  void Open(std::uint32_t load);
  void Close(std::uint32_t load);
  /// `base` is the time it is for the worker. Errors: as WorkerHost::StartTimer.
  Result<std::uint64_t> Start(std::uint32_t load, const HostTimer& timer, const HostTime& base);
  Status Cancel(std::uint32_t load, std::uint64_t id);

  /// From now on the timers of `load` reach the worker, through a queue that has none of them yet:
  /// those that were due and did not reach it come at once. 0: none does. May be called with the
  /// locks held that `deliver` takes.
  void Attach(std::uint32_t load);
  /// Whether `message`, for which IsTimer holds, is to be given to `load`, now that its turn has
  /// come for the `attempt`th time.
  bool Claim(const Message& message, std::uint32_t load, std::uint32_t attempt);
  /// `message`, which was claimed, comes no more.
  void Finish(const Message& message);

 private:
  struct Entry {
    std::string name;
    HostTime base;
    std::chrono::nanoseconds delay{0}, period{0};
    MonotonicTime due;
    std::uint64_t count = 0;           // how often it was due
    std::uint64_t sent = 0;            // the last that was queued, by count
    std::uint64_t claimed = 0;         // the last that reached the worker
    std::deque<std::uint64_t> queued;  // in the queue, or dropped there
    bool waits = false;                // was due, and is not queued
    bool arrived = false;              // once only, and counts as a timer no more; may be retried
    Executor::Timer timer;
  };

  // The mutex is held.
  void Arm(std::uint64_t id, Entry& entry);
  bool MayQueue(const Entry& entry) const noexcept;
  Result<Message> MessageOf(std::uint64_t id, const Entry& entry) const;

  void OnDue(std::uint64_t id);
  void Send(std::uint64_t id);
  void Flush();

  const std::string topic_;
  const std::string name_;
  const Runtime runtime_;
  const Deliver deliver_;

  std::mutex mutex_;
  std::map<std::uint64_t, Entry> entries_;
  struct Load {
    std::uint32_t last = 0;  // number
    std::size_t timers = 0;
  };
  std::map<std::uint32_t, Load> loads_;
  std::uint32_t attached_ = 0;
};

}  // namespace virtufin::inline v0::detail
