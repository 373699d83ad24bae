// QueuedSubscription: a bounded queue in front of a handler that runs on the executor.
//
// Publishers push into `inbox_` under the mutex. The drain, a task of the subscription's strand,
// takes the whole inbox as its batch and works through it without the mutex. Events are numbered;
// `next_` is the number of the first that waits, whether it lies in the batch or in the inbox. The
// drain claims an event by moving `next_`; DropOldest moves `next_` as well and so revokes an event
// that the drain has in its batch. What waits is therefore exact: `tail_ - next_`. With Conflate
// the drain takes single events, so that all others can still be replaced.
//
// Injected events wait in a list of their own, each for the event it comes before: no policy drops
// or replaces them, and the drain's batch ends where one is due.
//
// An event whose handler failed, or defers its outcome, leaves the batch. While it has to be waited
// for, the drain is held: it ends, nobody posts it, and whoever brings the outcome, or the time of
// the next attempt, posts it again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/conflation_index.hpp"
#include "pubsub/inproc_subscription.hpp"
#include "virtufin/core/bounded_queue.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// What became of an event at one subscription.
enum class Offered : std::uint8_t {
  kTaken,    // queued, or dropped as the policy says
  kEnded,    // the subscription has ended
  kMissed,   // the subscription lags: counted
  kStopped,  // the broker stopped while the publisher waited: counted
  kFull,     // the publisher has to wait
};

/// A foreign publisher that waits for room at some subscriptions at once; on its stack.
struct PublishWait {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;  // pushes without an outcome
};

/// One event that waits for room at one subscription; on the publisher's stack.
struct PendingPush {
  const Message* message = nullptr;
  PublishWait* wait = nullptr;
  Offered outcome = Offered::kFull;  // guarded by wait->mutex
};

/// An event that was taken out of a queue and is not done with.
struct Attempt {
  Message message;
  std::uint32_t made = 1;      // attempts so far
  bool blocks = true;          // OnHandled is still to come
  Executor::Timer timer = {};  // of the next attempt, or of the outcome
};

constexpr bool Done(Delivery delivery) noexcept {
  return delivery == Delivery::kSuccess || delivery == Delivery::kDrop;
}

class QueuedSubscription : public InprocSubscription,
                           public std::enable_shared_from_this<QueuedSubscription>,
                           private DeliveryControl {
 public:
  QueuedSubscription(std::shared_ptr<BrokerCore> core, Executor& executor, std::string name,
                     TopicNames names, MessageHandler handler, const SubscribeOptions& options,
                     bool salvages = false, std::string group = {});

  /// Never waits. kFull for foreign threads only; then Await.
  Offered Offer(const Message& message);
  /// Queues the push when there is room, else keeps it until there is: its outcome is set, and
  /// `wait` told, later. `push` stays until it has an outcome.
  void Await(PendingPush& push);
  /// The publisher of `push` waits no longer: without an outcome yet, the subscription lags.
  void GiveUp(const PendingPush& push);
  /// All waiting pushes get the outcome kStopped; events that wait for a retry are lost.
  void StopWaiting() override;

  std::chrono::milliseconds block_timeout() const noexcept { return block_timeout_; }
  /// RESOURCE_EXHAUSTED naming the subscription: what a publisher is told while it lags.
  const Status& lag_status() const noexcept { return lag_status_; }
  Status Inject(const Message& message) override;
  SubscriptionCounters counters() const override;
  /// One of several that share the events by subject.
  bool sharded() const noexcept { return shards_ > 1; }
  /// A subject of that hash falls to it.
  bool Wants(std::uint32_t subject_hash) const noexcept {
    return (std::uint64_t{subject_hash} * shards_) >> 32 == shard_;
  }
  /// The group whose members compete for each event; empty: none.
  const std::string& group() const noexcept { return group_; }

 protected:
  /// Queues an event past all limits; the next delivery tells of `missed`. False when ended.
  bool Give(Attempt& attempt, std::uint64_t missed);
  /// The calling thread runs a task of this subscription.
  virtual bool OnOwnStrand() const noexcept { return strand_.Running(); }
  /// The next event may be given. Without the mutex, inside the drain.
  virtual void OnHandled() {}
  /// Once, when no handler runs any more, if `salvages`: what nobody handled, oldest first. And
  /// later, when a deferred outcome comes and is a failure.
  virtual void Salvage(std::vector<Attempt>) {}
  void OnClosed() override;

  const bool salvages_;
  const std::string group_;

 private:
  /// What is let go after unlocking: it calls the executor, or frees memory.
  struct Released {
    std::vector<Executor::ParkToken> tokens;
    Executor::Timer timer;
    bool post = false;            // a drain is wanted
    std::uint64_t arm = 0;        // a timer is wanted, for this episode
    std::uint64_t lag_began = 0;  // how often by now, when this is worth a log line
    std::uint64_t lag_ended = 0;
  };
  using Lock = std::lock_guard<std::mutex>;
  class Ticket;
  struct Injected {
    std::uint64_t before;  // the number of the event that comes after it
    Attempt attempt;
  };
  /// What was settled before the drain asked for it.
  struct Outcome {
    Delivery delivery;
    std::string reason;
  };

  void OnIdle() override;

  // The mutex is held.
  bool InjectedIsDue() const noexcept {
    return !injected_.empty() && injected_.front().before <= tail_ - inbox_.size();
  }
  std::uint64_t Waiting() const noexcept { return tail_ - next_.load(std::memory_order_seq_cst); }
  bool HasRoom() noexcept;
  void Append(const Message& message);
  bool DropNewest() noexcept;
  void DropOldest() noexcept;
  void Conflate(Message& message, std::size_t hash);
  Message PopInbox() noexcept;
  bool Pressed() const noexcept;
  void Settle(Released& released);
  Offered Miss() noexcept;
  void BeginLag(Released& released);
  void Park(Released& released);
  void Unpark(Released& released);
  void Resolve(Offered outcome);
  void Attend() noexcept;
  void Unattend() noexcept;
  bool Schedule() noexcept;
  bool Wake() noexcept;
  std::vector<Attempt> TakeWaiting();

  // The mutex is not held.
  Offered OfferPressed(const Message& message);
  Offered OfferConflated(const Message& message);
  void Finish(Released& released);
  void OnParkTimeout(std::uint64_t episode);
  void PostDrain();
  void Drain();
  bool DrainSome();
  const Message* Claim(DeliveryInfo& info);
  bool Refill();
  Delivery Run(const Message& message, const DeliveryInfo& info);

  // Of the drain, for events that are not done with; false: it is held.
  bool Unsettled(Attempt attempt, Delivery outcome);
  bool AwaitOutcome(Attempt attempt);
  bool Fail(Attempt attempt, Delivery outcome);
  bool Postpone(Attempt attempt);
  bool Resume();
  void Finished(const Attempt& attempt);
  void OnRetryDue(std::uint64_t number);
  void Settle(std::uint64_t deferral, Delivery delivery, std::string_view reason);
  void SettleEnded(Attempt attempt, const Outcome& outcome);
  // Called by the handler, on the drain's thread.
  Deferred Defer() override;
  void Explain(std::string_view reason) override;

  Executor& executor_;  // not used once closed
  Executor::Strand strand_;
  const Overflow overflow_;
  const std::uint32_t shards_;
  const std::uint32_t shard_;
  const std::uint64_t capacity_;
  const std::chrono::milliseconds block_timeout_;
  const Status lag_status_;
  const RetryPolicy retry_;
  const bool ordered_;

  // The publishers' lines.
  alignas(64) mutable std::mutex mutex_;
  BoundedQueue<Message> inbox_;
  ConflationIndex index_;  // of the inbox; kConflate only
  std::list<Injected> injected_;
  std::uint64_t tail_ = 0;       // number of the next event pushed
  std::uint64_t seen_next_ = 0;  // some older value of next_
  bool calm_ = true;             // attention_ is not set
  bool scheduled_ = false;       // a drain is posted or runs
  bool ended_ = false;
  bool lagging_ = false;
  std::list<PendingPush*> pending_;          // oldest first
  std::vector<Executor::ParkToken> parked_;  // one a strand
  std::uint64_t episode_ = 0;                // counts the times the first strand was parked
  Executor::Timer timer_;                    // of this episode
  std::uint64_t untold_ = 0;                 // missed or dropped and not told to the handler
  std::uint64_t dropped_ = 0;
  std::uint64_t conflated_ = 0;
  std::uint64_t missed_ = 0;
  std::uint64_t lags_ = 0;
  bool held_ = false;                         // the drain waits for a retry or an outcome
  std::map<std::uint64_t, Attempt> waiting_;  // by number of the wait; at most capacity_
  std::list<Attempt> due_;                    // to be tried again now
  std::uint64_t waits_ = 0;                   // counts waiting_
  std::optional<Attempt> in_hand_;            // its outcome is deferred
  std::uint64_t deferral_ = 0;                // the number of the one that is open; 0: none
  std::uint64_t deferrals_ = 0;
  Executor::ParkToken deferral_token_;  // of the strand: it gets no next task before the outcome
  std::optional<Outcome> settled_;      // of deferral_

  // The drain's line. Publishers write it when they drop the oldest or get stuck.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> attention_{false};  // the drain settles after its next claim
  BoundedQueue<Message> batch_;
  std::uint64_t batch_front_ = 0;  // number of the event in front of the batch
  std::uint64_t batch_end_ = 0;
  std::atomic<bool> resume_{false};  // something is due or settled; written under the mutex
  bool ran_dry_ = false;             // Refill found nothing
  bool deferring_ = false;           // the handler that runs called Defer
  std::uint64_t explained_ = 0;      // the delivery, by number, that reason_ is of
  std::string reason_;
  std::atomic<std::uint64_t> retried_{0};
};

}  // namespace detail
}  // namespace virtufin::inline v0
