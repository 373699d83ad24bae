// PubSub: the bus port. The in-process broker is pubsub/inproc.hpp; other drivers are targets of
// their own.
// Specification: docs/openspec/specs/pubsub/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/pubsub/delivery.hpp"

namespace virtufin::inline v0 {

enum class Dispatch : std::uint8_t {
  kQueued,  // own queue, handled on the executor: in order, one at a time
  kInline,  // on the publisher's thread, maybe concurrently; the handler must not block
};

/// What happens to an event for which a queue has no room.
enum class Overflow : std::uint8_t {
  kBlock,       // publishers wait, at most block_timeout_ms once; then the subscription lags
  kDropOldest,  // the oldest waiting event makes room; counted
  kDropNewest,  // it is dropped itself; counted
  kConflate,    // takes the place of a waiting event of the same topic and subject, with or without
                // room; when none waits, as kDropOldest. For events that say all: not for deltas
};

struct SubscribeOptions {
  Dispatch dispatch = Dispatch::kQueued;
  Overflow overflow = Overflow::kBlock;  // kQueued only
  std::size_t capacity = 8192;           // events that may wait; kQueued only
  std::int64_t block_timeout_ms = 1000;  // real time; then the subscription lags; kBlock only
  std::string name = {};                 // shown in errors and logs; default: the first topic
  /// Topics are patterns: a segment `*` is any one segment, a last segment `>` any one or more.
  /// What ends with -dead is matched by name or by `*-dead` and `>-dead` as the last segment, which
  /// match nothing else. At most 64 segments, none empty.
  bool patterns = false;
  /// Not empty: subscriptions of one group compete, each event goes to exactly one of them, and
  /// what is left unhandled by one that leaves goes to the others. Members run side by side: events
  /// of one subject may, too. A retry stays with its member. kQueued only.
  std::string group = {};
  /// Over 1: of the events this one takes those only whose subject falls to `shard` (from 0). So
  /// `shards` subscriptions of the same topics share the work, and each gets all events of its
  /// subjects, in order; what has no subject falls to one of them. kQueued only, without a group.
  std::uint32_t shards = 1;
  std::uint32_t shard = 0;
  /// Of failed events; an inline handler is not called again: its failed events go to the dead
  /// letter at once.
  RetryPolicy retry = {};
  bool ordered = true;  // later events of this handler wait for one that is retried; false: pass
};

struct SubscriptionCounters {
  std::uint64_t delivered = 0;  // handler runs that ended, failed ones included
  std::uint64_t dropped = 0;  // for want of room; refused to an inline handler (recursion); failed
                              // and neither retried nor dead-lettered
  std::uint64_t conflated = 0;       // newer ones took their place
  std::uint64_t missed_lagging = 0;  // not queued because the subscription lagged
  std::uint64_t failed = 0;          // attempts that failed
  std::uint64_t retried = 0;         // attempts after the first
  std::uint64_t dead_lettered = 0;   // events whose dead letter somebody took
  std::size_t queued = 0;            // waiting now; a group's newest member tells of the group's
  std::size_t retrying = 0;          // waiting now for their next attempt or for an outcome
  bool running = false;              // its handler runs now, or is about to
  bool lagging = false;              // publishers do not wait for it now
  std::size_t parked = 0;            // publishing strands parked for it now
};

/// Keeps a handler subscribed while it lives; outlives its bus safely. One thread at a time may use
/// one handle, except counters().
class Subscription {
 public:
  class Impl;

  /// Of nothing: all functions do nothing.
  Subscription() noexcept;
  explicit Subscription(std::shared_ptr<Impl> impl) noexcept;  // for drivers
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;  // ends what it held as the destructor does
  /// Unsubscribe(), unless one of the two forms ran before: then it does not wait. [any] [callback]
  ~Subscription();

  /// No new handler starts; what is queued is dropped. On a foreign thread: no handler runs any
  /// more, and the handler itself is destroyed, when this returned. On executor, net-loop and
  /// callback threads (so from inside the own handler) it returns at once; a handler that runs ends
  /// by itself. [any] [callback]
  void Unsubscribe();
  /// The same and never waits: `done` runs exactly once, when no handler runs any more, maybe
  /// before this returns. [any] [callback]
  void Unsubscribe(std::function<void()> done);
  /// Queues `message` for this handler alone, whatever its topic, behind what waits already; no
  /// policy drops or replaces it. Never waits. [any] [callback] Errors: RESOURCE_EXHAUSTED when
  /// `capacity` such events wait; UNAVAILABLE when it has ended, or the broker is stopped;
  /// UNIMPLEMENTED for an inline handler.
  Status Inject(const Message& message) const;
  SubscriptionCounters counters() const;  // [any] [callback]

 private:
  std::shared_ptr<Impl> impl_;
  bool ended_ = false;
};

/// What a driver implements behind each handle. Everything is [any] [callback].
class Subscription::Impl {
 public:
  virtual ~Impl() = default;
  /// Idempotent. `done` may be empty; else it runs exactly once, when no handler runs any more.
  virtual void Close(std::function<void()> done) = 0;
  /// Waits until no handler runs. Called on foreign threads only, after Close.
  virtual void AwaitIdle() = 0;
  virtual Status Inject(const Message& message) = 0;
  virtual SubscriptionCounters counters() const = 0;
};

class PubSub {
 public:
  virtual ~PubSub() = default;

  /// OK: accepted by the broker. Never waits on executor, net-loop and callback threads; others
  /// wait at most block_timeout_ms. `message` is borrowed during the call. [any] [callback] Errors:
  /// RESOURCE_EXHAUSTED naming a subscription that lags, or an inline handler that publishes in a
  /// recursion over 16: all others got the event, do not retry; INVALID_ARGUMENT for no topic;
  /// UNAVAILABLE when stopped.
  virtual Status Publish(const Message& message) = 0;

  /// One queue for all `topics`: handlers run in publishing order, one at a time (kInline: on the
  /// publisher, maybe concurrently). Topics are copied, and exact unless options.patterns says
  /// otherwise; an event that several of them fit comes once. `handler` is consumed, and destroyed
  /// when the subscription ended. [any] [callback] Errors: INVALID_ARGUMENT for no topic, an empty
  /// one, an illegal pattern, no handler, a capacity of 0 or over kMaxQueueCapacity, a negative
  /// time, a group or shards of inline handlers, a shard that is not one of `shards`; UNIMPLEMENTED
  /// for patterns where the broker has none; UNAVAILABLE when stopped.
  virtual Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                         const SubscribeOptions& options,
                                         MessageHandler handler) = 0;
  Result<Subscription> Subscribe(std::string_view topic, const SubscribeOptions& options,
                                 MessageHandler handler) {
    return Subscribe(std::span(&topic, 1), options, std::move(handler));
  }
  /// `{"a", "b"}`
  Result<Subscription> Subscribe(std::initializer_list<std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) {
    return Subscribe(std::span(topics.begin(), topics.size()), options, std::move(handler));
  }
  Result<Subscription> Subscribe(std::span<const std::string> topics,
                                 const SubscribeOptions& options, MessageHandler handler) {
    const std::vector<std::string_view> views(topics.begin(), topics.end());
    return Subscribe(views, options, std::move(handler));
  }

  static constexpr std::size_t kMaxQueueCapacity = std::size_t{1} << 24;  // events
};

}  // namespace virtufin::inline v0
