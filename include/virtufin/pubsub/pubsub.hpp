// PubSub: the bus port. The in-process broker is pubsub/inproc.hpp; other drivers are targets of
// their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {

enum class Delivery : std::uint8_t { kSuccess, kRetry, kDrop };
enum class Dispatch : std::uint8_t { kQueued, kInline };
/// What happens to an event for which a queue has no room.
enum class Overflow : std::uint8_t {
  kBlock,       // publishers wait, at most block_timeout_ms once; then the subscription lags
  kDropOldest,  // the oldest waiting event makes room; counted
};

struct DeliveryInfo {
  std::uint64_t missed = 0;   // events lost to this subscription since the previous delivery
  std::uint32_t attempt = 1;  // 1 to 4
};
using MessageHandler = std::function<Delivery(const Message& message, const DeliveryInfo& info)>;

struct SubscribeOptions {
  Dispatch dispatch = Dispatch::kQueued;
  Overflow overflow = Overflow::kBlock;
  std::size_t capacity = 8192;           // events
  std::int64_t block_timeout_ms = 1000;  // then the subscription lags
  std::string name;                      // shown in errors and counters; default: topic
};

struct SubscriptionCounters {
  std::uint64_t delivered = 0;       // handler runs that ended
  std::uint64_t dropped = 0;         // by DropOldest
  std::uint64_t missed_lagging = 0;  // not queued because the subscription lagged
  std::uint64_t failed = 0;          // handler threw or asked for a retry
  std::size_t queued = 0;            // waiting now
  bool lagging = false;              // publishers do not wait for it now
  std::size_t parked = 0;            // publishing strands parked for it now
};

/// Ends with its destructor, which is Unsubscribe().
class Subscription {
 public:
  Subscription() noexcept;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();
  /// No new handler starts. On a foreign thread: no handler runs any more when this returned; on
  /// executor and callback threads it returns at once, a running handler ends by itself.
  void Unsubscribe();                              // [any] [callback]
  /// The same without waiting: `done` runs exactly once, when no handler runs any more. What is
  /// still queued is dropped.
  void Unsubscribe(std::function<void()> done);    // [any] [callback]
  SubscriptionCounters counters() const;           // [any]

  class Impl;                                      // drivers derive from it
  explicit Subscription(std::shared_ptr<Impl> impl) noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

class PubSub {
 public:
  virtual ~PubSub() = default;

  /// OK: accepted by the broker. Never waits on executor and callback threads; other threads wait at
  /// most block_timeout_ms. [any] [callback]
  /// Errors: RESOURCE_EXHAUSTED naming a lagging subscription (the others got the event) or recursion
  /// over 16; UNAVAILABLE when stopped.
  virtual Status Publish(const Message& message) = 0;

  /// One queue for all `topics`: handlers run in publishing order, one at a time (kInline: on the
  /// publisher, maybe concurrently). Topics are exact and copied; one named twice counts once. [any]
  /// Errors: INVALID_ARGUMENT for no topic, an empty one, or a capacity of 0; UNAVAILABLE when
  /// stopped.
  virtual Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                         const SubscribeOptions& options,
                                         MessageHandler handler) = 0;
  Result<Subscription> Subscribe(std::string_view topic, const SubscribeOptions& options,
                                 MessageHandler handler) {
    return Subscribe(std::span(&topic, 1), options, std::move(handler));
  }
};

}  // namespace virtufin::inline v0
