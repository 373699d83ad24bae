// QueuedSubscription, the publishers' side: room, waiting, parking, lagging.
#include "pubsub/queued_subscription.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "pubsub/fan_out.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

void Tell(PendingPush& push, Offered outcome) {
  std::lock_guard lock(push.wait->mutex);
  push.outcome = outcome;
  --push.wait->open;
  push.wait->changed.notify_one();  // under the lock: the waiter's stack is gone soon after
}

Status LagStatus(const std::string& name, const SubscribeOptions& options) {
  return {StatusCode::kResourceExhausted, "pubsub",
          "subscription '" + name + "' lags: expected room within " +
              std::to_string(options.block_timeout_ms) + " ms, found its queue of " +
              std::to_string(options.capacity) +
              " events full; it misses events until it is half empty, all others got the event"};
}

// Real time must not decide what a replay loses.
std::chrono::milliseconds BlockTimeout(const SubscribeOptions& options, const Executor& executor) {
  if (executor.repeatable()) return kLongestTimeout;
  return std::min(std::chrono::milliseconds(options.block_timeout_ms), kLongestTimeout);
}

// Who can neither wait nor be parked: a replay loses nothing, a live queue ends at the second half.
std::size_t Places(const SubscribeOptions& options, const Executor& executor) {
  const bool endless = executor.repeatable() && options.overflow == Overflow::kBlock;
  return endless ? std::numeric_limits<std::size_t>::max() : options.capacity * 2;
}

}  // namespace

QueuedSubscription::QueuedSubscription(std::shared_ptr<BrokerCore> core, Executor& executor,
                                       std::string name, TopicNames names, MessageHandler handler,
                                       const SubscribeOptions& options, bool salvages,
                                       std::string group)
    : InprocSubscription(std::move(core), std::move(name), std::move(names), std::move(handler),
                         options.retry.dead_letter),
      salvages_(salvages),
      group_(std::move(group)),
      executor_(executor),
      strand_(executor.NewStrand()),
      overflow_(options.overflow),
      shards_(options.shards),
      shard_(options.shard),
      capacity_(options.capacity),
      block_timeout_(BlockTimeout(options, executor)),
      lag_status_(LagStatus(this->name(), options)),
      retry_(options.retry),
      ordered_(options.ordered),
      inbox_(Places(options, executor)),
      batch_(Places(options, executor)) {
  if (overflow_ == Overflow::kConflate) batch_.Reserve(1);
}

Offered QueuedSubscription::Offer(const Message& message) {
  if (overflow_ == Overflow::kConflate) {
    return OfferConflated(message);
  }
  {
    std::unique_lock lock(mutex_);
    if (ended_) return Offered::kEnded;
    if (overflow_ == Overflow::kDropOldest) {
      DropOldest();
      Append(message);
    } else if (overflow_ == Overflow::kDropNewest) {
      if (DropNewest()) return Offered::kTaken;
      Append(message);
    } else if (calm_ && HasRoom()) {
      Append(message);
    } else {
      lock.unlock();
      return OfferPressed(message);
    }
    if (!Schedule()) return Offered::kTaken;
  }
  PostDrain();
  return Offered::kTaken;
}

Status QueuedSubscription::Inject(const Message& message) {
  if (core().stopped.load(std::memory_order_acquire)) return BrokerStopped();
  {
    Lock lock(mutex_);
    if (ended_) {
      return {StatusCode::kUnavailable, "pubsub", "subscription '" + name() + "' has ended"};
    }
    if (injected_.size() >= capacity_) {
      return {StatusCode::kResourceExhausted, "pubsub",
              "subscription '" + name() + "': " + std::to_string(capacity_) +
                  " injected events wait already"};
    }
    injected_.push_back({tail_, {message, 0, false}});
    if (!Schedule()) return {};
  }
  PostDrain();
  return {};
}

Offered QueuedSubscription::OfferConflated(const Message& message) {
  Message event(message);  // what it replaces is destroyed with it, after unlocking
  const std::size_t hash = ConflationIndex::HashOf(message);
  {
    Lock lock(mutex_);
    if (ended_) return Offered::kEnded;
    Conflate(event, hash);
    if (!Schedule()) return Offered::kTaken;
  }
  PostDrain();
  return Offered::kTaken;
}

Offered QueuedSubscription::OfferPressed(const Message& message) {
  Released released;
  Offered offered = Offered::kTaken;
  {
    Lock lock(mutex_);
    if (ended_) return Offered::kEnded;
    Attend();
    Settle(released);
    const bool own_strand = OnOwnStrand();
    if (lagging_) {
      offered = Miss();
    } else if (!Pressed()) {
      Append(message);
    } else if (CurrentThreadKind() == ThreadKind::kForeign && !executor_.repeatable()) {
      offered = Offered::kFull;
    } else if (Waiting() >= inbox_.capacity()) {
      BeginLag(released);
      offered = Miss();
    } else {
      Append(message);
      // Parked for its own queue it would wait for itself.
      if (!own_strand) Park(released);
    }
    Unattend();
    released.post = Schedule();
  }
  Finish(released);
  return offered;
}

void QueuedSubscription::Await(PendingPush& push) {
  Released released;
  {
    Lock lock(mutex_);
    Attend();
    Settle(released);
    if (ended_) {
      Tell(push, Offered::kEnded);
    } else if (core().stopped.load(std::memory_order_seq_cst)) {
      Miss();
      Tell(push, Offered::kStopped);
    } else if (lagging_) {
      Tell(push, Miss());
    } else if (Pressed()) {
      pending_.push_back(&push);
    } else {
      Append(*push.message);
      Tell(push, Offered::kTaken);
    }
    Unattend();
    released.post = Schedule();
  }
  Finish(released);
}

void QueuedSubscription::GiveUp(const PendingPush& push) {
  Released released;
  {
    Lock lock(mutex_);
    Attend();
    Settle(released);
    const bool waits = std::find(pending_.begin(), pending_.end(), &push) != pending_.end();
    if (waits) BeginLag(released);
    Unattend();
    released.post = Schedule();
  }
  Finish(released);
}

void QueuedSubscription::StopWaiting() {
  std::vector<Attempt> lost;
  bool post = false;
  {
    Lock lock(mutex_);
    Resolve(Offered::kStopped);
    lost = TakeWaiting();
    post = !lost.empty() && Wake();
  }
  Lose(lost.size(), "the broker was stopped before their retry");
  for (const Attempt& attempt : lost) Finished(attempt);
  if (post) PostDrain();
}

void QueuedSubscription::OnParkTimeout(std::uint64_t episode) {
  Released released;
  {
    Lock lock(mutex_);
    if (ended_ || episode != episode_ || parked_.empty()) return;
    Attend();
    Settle(released);
    if (!parked_.empty()) BeginLag(released);
    Unattend();
    released.post = Schedule();
  }
  Finish(released);
}

void QueuedSubscription::OnClosed() {
  Released released;
  BoundedQueue<Message> dropped(capacity_ * 2);
  std::list<Injected> injected;
  std::vector<Attempt> lost;
  {
    Lock lock(mutex_);
    ended_ = true;
    injected.swap(injected_);
    Resolve(Offered::kEnded);
    Unpark(released);
    if (salvages_) return;
    index_.Clear();
    inbox_.TakeAll(dropped);
    lost = TakeWaiting();
  }
  Lose(lost.size(), "it ended before their retry");
}

void QueuedSubscription::OnIdle() {
  std::vector<Attempt> unhandled;
  std::optional<Attempt> settled;
  std::optional<Outcome> outcome;
  {
    Lock lock(mutex_);
    ended_ = true;  // the last handler may return before OnClosed runs: nothing comes after this
    if (in_hand_ && settled_) {
      settled = std::exchange(in_hand_, std::nullopt);
      outcome = settled_;
    }
    if (salvages_) {
      unhandled = TakeWaiting();
      for (; batch_front_ < next_ && !batch_.empty(); ++batch_front_) batch_.Pop();
      while (!batch_.empty()) unhandled.push_back({batch_.Pop(), 0});
      while (!inbox_.empty()) unhandled.push_back({inbox_.Pop(), 0});
    }
  }
  batch_.Clear();
  if (settled) SettleEnded(*std::move(settled), *outcome);
  if (salvages_) Salvage(std::move(unhandled));  // also nothing: what waited for this one goes on
}

SubscriptionCounters QueuedSubscription::counters() const {
  Lock lock(mutex_);
  SubscriptionCounters counters;
  counters.delivered = delivered();
  counters.dropped = dropped_ + lost();
  counters.conflated = conflated_;
  counters.missed_lagging = missed_;
  counters.failed = failed();
  counters.retried = retried_.load(std::memory_order_relaxed);
  counters.dead_lettered = dead_lettered();
  // In the order that an event takes: it is seen somewhere as long as it is not done with.
  if (!ended_) counters.queued = Waiting() + injected_.size();
  counters.running = busy();
  if (ended_) return counters;
  counters.retrying = waiting_.size() + due_.size() + (in_hand_ ? 1 : 0);
  counters.lagging = lagging_;
  counters.parked = parked_.size();
  return counters;
}

// ---- the mutex is held -------------------------------------------------------------------------

bool QueuedSubscription::HasRoom() noexcept {
  // The drain writes next_ all the time: look at it only when the old value does not do.
  if (tail_ - seen_next_ < capacity_) return true;
  seen_next_ = next_.load(std::memory_order_seq_cst);
  return tail_ - seen_next_ < capacity_;
}

void QueuedSubscription::Append(const Message& message) {
  // Never full: what waits is less than its capacity.
  if (inbox_.TryPush(Message(message))) ++tail_;
}

bool QueuedSubscription::DropNewest() noexcept {
  if (HasRoom()) return false;
  Attend();  // before next_ is read for good: the next delivery tells
  if (HasRoom()) {
    Unattend();
    return false;
  }
  ++dropped_;
  ++untold_;
  return true;
}

void QueuedSubscription::DropOldest() noexcept {
  while (!HasRoom()) {
    Attend();  // before next_ moves: the next delivery tells
    std::uint64_t oldest = next_.load(std::memory_order_seq_cst);
    if (oldest == tail_ - inbox_.size()) {
      PopInbox();  // the drain's batch is used up, so nobody else moves next_
      next_.store(oldest + 1, std::memory_order_seq_cst);
    } else if (!next_.compare_exchange_strong(oldest, oldest + 1, std::memory_order_seq_cst)) {
      continue;  // the drain was faster: there is room
    }
    ++dropped_;
    ++untold_;
  }
}

void QueuedSubscription::Conflate(Message& message, std::size_t hash) {
  const std::uint64_t first = tail_ - inbox_.size();
  const auto waiting = index_.Find(hash, [&](std::uint64_t number) {
    return ConflationIndex::SameKey(inbox_[number - first], message);
  });
  if (waiting) {
    Attend();  // the next delivery tells
    std::swap(inbox_[*waiting - first], message);
    ++conflated_;
    ++untold_;
    return;
  }
  DropOldest();
  index_.Reserve();
  Append(message);
  index_.Add(hash, tail_ - 1);
}

Message QueuedSubscription::PopInbox() noexcept {
  if (overflow_ == Overflow::kConflate) {
    index_.Remove(ConflationIndex::HashOf(inbox_.front()), tail_ - inbox_.size());
  }
  return inbox_.Pop();
}

bool QueuedSubscription::Pressed() const noexcept {
  return Waiting() >= capacity_ || !pending_.empty() || !parked_.empty();
}

void QueuedSubscription::Settle(Released& released) {
  if (Waiting() <= capacity_ / 2) {
    Unpark(released);
    if (lagging_) {
      lagging_ = false;
      if (WorthLogging(lags_)) released.lag_ended = lags_;
    }
  }
  // Room goes to waiting publishers in their order; none while strands wait for the queue to empty.
  while (!pending_.empty() && parked_.empty() && Waiting() < capacity_) {
    PendingPush& push = *pending_.front();
    pending_.pop_front();
    Append(*push.message);
    Tell(push, Offered::kTaken);
  }
}

Offered QueuedSubscription::Miss() noexcept {
  ++missed_;
  ++untold_;
  return Offered::kMissed;
}

void QueuedSubscription::BeginLag(Released& released) {
  lagging_ = true;
  if (WorthLogging(++lags_)) released.lag_began = lags_;
  Resolve(Offered::kMissed);
  Unpark(released);
}

void QueuedSubscription::Resolve(Offered outcome) {
  for (PendingPush* push : pending_) {
    if (outcome != Offered::kEnded) Miss();
    Tell(*push, outcome);
  }
  pending_.clear();
}

void QueuedSubscription::Park(Released& released) {
  Executor::ParkToken token = Executor::ParkCurrentStrand();
  if (!token) return;  // no strand to park: an inline handler on a foreign thread, say
  if (std::find(parked_.begin(), parked_.end(), token) != parked_.end()) {
    released.tokens.push_back(std::move(token));
    return;
  }
  if (parked_.empty()) released.arm = ++episode_;
  parked_.push_back(std::move(token));
}

void QueuedSubscription::Unpark(Released& released) {
  if (parked_.empty()) return;
  released.tokens.insert(released.tokens.end(), std::make_move_iterator(parked_.begin()),
                         std::make_move_iterator(parked_.end()));
  parked_.clear();
  released.timer = std::exchange(timer_, {});
}

void QueuedSubscription::Attend() noexcept {
  calm_ = false;
  attention_.store(true, std::memory_order_seq_cst);
}

void QueuedSubscription::Unattend() noexcept {
  calm_ = !lagging_ && untold_ == 0 && pending_.empty() && parked_.empty();
  attention_.store(!calm_, std::memory_order_seq_cst);
}

bool QueuedSubscription::Schedule() noexcept {
  if (scheduled_ || ended_ || held_ || (inbox_.empty() && injected_.empty())) return false;
  scheduled_ = true;
  return true;
}

bool QueuedSubscription::Wake() noexcept {
  if (ended_ || in_hand_) return false;
  held_ = false;
  return !std::exchange(scheduled_, true);
}

std::vector<Attempt> QueuedSubscription::TakeWaiting() {
  std::vector<Attempt> taken(std::make_move_iterator(due_.begin()),
                             std::make_move_iterator(due_.end()));
  due_.clear();
  for (auto& [number, attempt] : waiting_) taken.push_back(std::move(attempt));
  waiting_.clear();
  return taken;
}

// ---- the mutex is not held ---------------------------------------------------------------------

void QueuedSubscription::Finish(Released& released) {
  if (released.post) PostDrain();
  if (released.arm != 0) {
    Executor::Timer timer =
        executor_.AfterReal(block_timeout_, [weak = weak_from_this(), episode = released.arm] {
          if (const auto self = weak.lock()) self->OnParkTimeout(episode);
        });
    Lock lock(mutex_);
    if (!ended_ && episode_ == released.arm && !parked_.empty()) std::swap(timer_, timer);
  }
  if (released.lag_began != 0) {
    core().log.Write(LogLevel::kWarn, std::string(lag_status_.message()) + " (times so far: " +
                                          std::to_string(released.lag_began) + ")");
  }
  if (released.lag_ended != 0) {
    core().log.Write(LogLevel::kInfo, "subscription '" + name() + "' is half empty and live again");
  }
}

}  // namespace detail
}  // namespace virtufin::inline v0
