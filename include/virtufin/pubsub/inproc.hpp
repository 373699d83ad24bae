// InprocBroker: the bus inside one process. Give it to whatever publishes and subscribes here.
//
// Publish hands the event to each subscription of its topic before it returns: it calls inline
// handlers and fills queues. Events end with the process.
// Specification: docs/openspec/specs/pubsub/spec.md
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {

/// Order per topic and publisher is kept. Two threads that publish at the same time are ordered by
/// each queue for itself. An event published from an inline handler goes out before the outer
/// Publish returns: inline handlers behind the publishing one see it first.
///
/// A full queue (Overflow::kBlock) slows its publishers down. A foreign thread waits for room. A
/// publisher that must not wait may use `capacity` more places; its strand is parked meanwhile,
/// until the queue is half empty. From the first parked strand on, until then, every publisher of
/// that queue waits or is parked, so that none starves. Whatever takes longer than
/// block_timeout_ms, or more places than that, makes the subscription lag: its events are missed
/// and counted, until the queue is half empty; the next delivery tells how many. A handler that
/// fills its own queue is not parked: it would wait for itself.
///
/// Over a repeatable executor (a replay) the block_timeout_ms of a queue does not count, who can be
/// neither parked nor kept waiting uses as many places as it needs, and Publish on a foreign thread
/// returns when everything that followed from the event has been done.
///
/// Members of a group that ask for the same topics with the same queue options share one queue. Its
/// events are started in publishing order, each by the member that is idle longest; a member has
/// one event at a time: one that is stuck, or waits for a retry, holds up nobody else. Members that
/// ask for other topics have another queue; what several of them want goes to the emptiest. What a
/// member leaves unhandled goes to the others, ahead of what is queued; what the last one leaves is
/// dropped, counted and logged.
class InprocBroker final : public PubSub {
 public:
  static constexpr int kMaxInlineDepth = 16;

  /// Starts nothing. What `runtime` refers to is borrowed until the broker is destroyed.
  explicit InprocBroker(const Runtime& runtime);
  /// Ends all subscriptions; does not wait for handlers that run. Their handles stay usable: they
  /// wait as always. No other thread may be inside Publish or Subscribe. [owner]
  ~InprocBroker() override;
  InprocBroker(const InprocBroker&) = delete;
  InprocBroker& operator=(const InprocBroker&) = delete;

  /// From now on Publish and Subscribe answer UNAVAILABLE, also a Publish that waits for room. What
  /// is queued is still handled, but once: what fails, or waits for a retry, is dropped, counted
  /// and logged. Inline subscriptions end: on a foreign thread none of their handlers runs any more
  /// when this returned OK. Elsewhere it does not wait. [any] [callback]
  /// Errors: DEADLINE_EXCEEDED naming the inline subscriptions whose handlers still run.
  Status Stop(std::chrono::milliseconds deadline);

  Status Publish(const Message& message) override;
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override;
  using PubSub::Subscribe;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
