// QueuedSubscription, the handler's side: taking events in batches and running the handler.
#include <chrono>
#include <utility>

#include "pubsub/queued_subscription.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

// A drain gives its thread back after so many events, or after this time when it looks.
constexpr std::uint32_t kEventsPerTurn = 256;
constexpr std::chrono::milliseconds kTurn{1};

}  // namespace

void QueuedSubscription::PostDrain() {
  strand_.Post([self = shared_from_this()] { self->Drain(); });
}

void QueuedSubscription::Drain() {
  if (!Enter()) return;
  const Executor::CallScope call(name().c_str());
  if (DrainSome()) PostDrain();
  Leave();
}

bool QueuedSubscription::DrainSome() {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint32_t count = 1;; ++count) {
    if (resume_.load(std::memory_order_acquire)) {
      if (!Resume()) return false;
    } else {
      DeliveryInfo info;
      const Message* message = Claim(info);
      if (message == nullptr) {
        if (ran_dry_) return false;
        continue;
      }
      info.control = this;
      const Delivery outcome = Run(*message, info);
      Message done = batch_.Pop();
      ++batch_front_;
      if (Done(outcome) && !deferring_) {
        OnHandled();
      } else if (!Unsettled({std::move(done)}, outcome)) {
        return false;
      }
    }
    if (closed()) return false;
    if (Executor::CurrentStrandParked()) return true;
    // Looking at the clock costs as much as a small handler: look after 1, 2, 4, 8 ... events.
    // The turns of a repeatable executor's strands do not depend on time.
    const bool look = (count & (count - 1)) == 0 && !executor_.repeatable();
    if (count == kEventsPerTurn || (look && std::chrono::steady_clock::now() - start > kTurn)) {
      Executor::YieldCurrentStrand();
      return true;
    }
  }
}

Delivery QueuedSubscription::Run(const Message& message, const DeliveryInfo& info) {
  Delivery outcome = Delivery::kSuccess;
  Handle(message, info, [&](Delivery delivery, std::string_view how) noexcept {
    outcome = delivery;
    if (explained_ != delivered_.load(std::memory_order_relaxed) + 1) Explain(how);
  });
  delivered_.store(delivered_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return outcome;
}

const Message* QueuedSubscription::Claim(DeliveryInfo& info) {
  std::uint64_t next = next_.load(std::memory_order_acquire);
  for (;;) {
    if (next >= batch_end_) {
      if (!Refill()) return nullptr;
      next = next_.load(std::memory_order_acquire);
      continue;
    }
    // A publisher that gets stuck sets attention_ and then reads next_; here it is the other way
    // round. One of the two sees the other.
    if (next_.compare_exchange_weak(next, next + 1, std::memory_order_seq_cst)) break;
  }
  for (; batch_front_ < next; ++batch_front_) batch_.Pop();  // revoked
  if (attention_.load(std::memory_order_seq_cst)) {
    Released released;
    {
      Lock lock(mutex_);
      Settle(released);
      if (!lagging_) info.missed = std::exchange(untold_, 0);
      Unattend();
    }
    Finish(released);
  }
  return &batch_.front();
}

bool QueuedSubscription::Refill() {
  batch_.Clear();
  Lock lock(mutex_);
  if (InjectedIsDue()) {
    due_.push_back(std::move(injected_.front().attempt));
    injected_.pop_front();
    resume_.store(true, std::memory_order_relaxed);
    ran_dry_ = false;
    return false;
  }
  ran_dry_ = inbox_.empty() && due_.empty();
  if (ran_dry_) scheduled_ = false;
  if (inbox_.empty()) return false;
  if (overflow_ == Overflow::kConflate) {
    batch_front_ = tail_ - inbox_.size();
    batch_end_ = batch_front_ + 1;
    batch_.Push(PopInbox());
    return true;
  }
  if (!injected_.empty()) {
    batch_front_ = tail_ - inbox_.size();
    batch_end_ = injected_.front().before;
    for (std::uint64_t i = batch_front_; i < batch_end_; ++i) batch_.Push(inbox_.Pop());
    return true;
  }
  inbox_.TakeAll(batch_);
  batch_end_ = tail_;
  batch_front_ = tail_ - batch_.size();
  return true;
}

}  // namespace detail
}  // namespace virtufin::inline v0
