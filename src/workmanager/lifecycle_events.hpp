// LifecycleEvents: tells the bus what becomes of workers, without ever making one wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0::detail {

enum class Lifecycle : std::uint8_t {
  kCreated,
  kStarted,
  kOnline,
  kDegraded,
  kStopping,
  kStopped,
  kFailed,
  kDeleted,
};

/// The worker that an event is about.
struct LifecycleSubject {
  std::string worker_id;
  std::vector<std::string> topics;
};

/// One failed call, and how many before it were not told.
struct FailedCall {
  std::string replica_id;
  std::string topic;
  std::string event_id;
  std::uint32_t attempt = 1;
  std::uint64_t untold = 0;
  Status why = {};
};

/// How a worker that runs is.
struct WorkerBeat {
  bool degraded = false;
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;
  std::size_t queued = 0;
};

/// Events are handed over at once and published in order by a strand of their own; at most kRoom
/// wait for it, more are dropped and counted, and so is what the bus refuses. All functions are
/// [any] and may be called under locks. Tasks share it.
class LifecycleEvents : public std::enable_shared_from_this<LifecycleEvents> {
 public:
  using Subject = std::shared_ptr<const LifecycleSubject>;
  static constexpr std::size_t kRoom = 8192;

  /// `runtime` and `bus` are borrowed until Close returned.
  LifecycleEvents(const Runtime& runtime, PubSub& bus, std::string replica_id);

  void Tell(Subject subject, Lifecycle change, Status why = {}) noexcept;
  void TellFailure(Subject subject, FailedCall call) noexcept;
  void TellBeat(Subject subject, WorkerBeat beat) noexcept;
  /// The bus is not used any more afterwards. On a foreign thread what was told is published first,
  /// if that takes no longer than `patience`; on others it is dropped, and what is just being
  /// published ends by itself.
  void Close(std::chrono::milliseconds patience);

  struct Counters {
    std::uint64_t dropped = 0;  // for want of room
    std::uint64_t refused = 0;  // by the bus
  };
  Counters counters() const;

 private:
  class Place;
  struct Content {
    std::string_view topic;
    std::string_view type;  // behind com.virtufin.workmanager.
    std::string json;
  };
  /// `content` is called with nothing, on the strand.
  template <class Make>
  void Hand(Subject subject, Make content) noexcept;
  void Publish(const LifecycleSubject& subject, Timestamp at, const Content& content);

  Runtime runtime_;
  PubSub& bus_;
  const std::string replica_id_;
  Executor::Strand strand_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0;
  bool publishing_ = false;
  bool closed_ = false;
  Counters counters_;
};

}  // namespace virtufin::inline v0::detail
