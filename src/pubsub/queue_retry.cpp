// QueuedSubscription, events that are not done with: deferred outcomes, retries, the dead letter.
#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "pubsub/queued_subscription.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

/// The delay before the next of the attempts, when so many were made.
std::chrono::milliseconds Delay(const RetryPolicy& policy, std::uint32_t made) {
  std::int64_t delay = policy.first_delay_ms;
  for (std::uint32_t i = 1; i < made && delay < kLongestTimeout.count(); ++i) delay *= 2;
  return std::min(std::chrono::milliseconds(delay), kLongestTimeout);
}

}  // namespace

/// A deferred outcome on its way. It keeps the subscription, which knows what failure means also
/// when it has ended.
class QueuedSubscription::Ticket final : public Deferred::Impl {
 public:
  Ticket(std::shared_ptr<QueuedSubscription> subscription, std::uint64_t deferral) noexcept
      : subscription_(std::move(subscription)), deferral_(deferral) {}
  void Settle(Delivery delivery, std::string_view reason) override {
    subscription_->Settle(deferral_, delivery, reason);
  }

 private:
  const std::shared_ptr<QueuedSubscription> subscription_;
  const std::uint64_t deferral_;
};

// ---- called by the handler ---------------------------------------------------------------------

Deferred QueuedSubscription::Defer() {
  if (std::exchange(deferring_, true)) return {};
  Lock lock(mutex_);
  deferral_ = ++deferrals_;
  settled_.reset();
  deferral_token_ = Executor::ParkCurrentStrand();
  return Deferred(std::make_unique<Ticket>(shared_from_this(), deferral_));
}

void QueuedSubscription::Explain(std::string_view reason) {
  explained_ = delivered_.load(std::memory_order_relaxed) + 1;
  try {
    reason_ = reason;
  } catch (const std::exception&) {  // out of memory: it failed without a reason
    reason_.clear();
  }
}

// ---- of the drain ------------------------------------------------------------------------------

bool QueuedSubscription::Unsettled(Attempt attempt, Delivery outcome) {
  if (std::exchange(deferring_, false)) return AwaitOutcome(std::move(attempt));
  return Fail(std::move(attempt), outcome);
}

bool QueuedSubscription::AwaitOutcome(Attempt attempt) {
  std::uint64_t deferral = 0;
  {
    Lock lock(mutex_);
    in_hand_ = std::move(attempt);
    if (settled_) return true;  // resume_ is set
    held_ = true;
    scheduled_ = false;
    deferral = deferral_;
    if (ended_ || retry_.attempt_timeout_ms == 0) return false;
  }
  const auto limit =
      std::min(std::chrono::milliseconds(retry_.attempt_timeout_ms), kLongestTimeout);
  Executor::Timer timer = executor_.After(limit, [weak = weak_from_this(), deferral, limit] {
    const std::string late = "no outcome within " + std::to_string(limit.count()) + " ms";
    if (const auto self = weak.lock()) self->Settle(deferral, Delivery::kRetry, late);
  });
  Lock lock(mutex_);
  if (in_hand_ && deferral_ == deferral) std::swap(in_hand_->timer, timer);
  return false;
}

void QueuedSubscription::Settle(std::uint64_t deferral, Delivery delivery,
                                std::string_view reason) {
  Executor::ParkToken token;  // let go behind the post
  std::optional<Attempt> left;
  std::optional<Outcome> outcome;
  bool post = false;
  {
    Lock lock(mutex_);
    if (deferral != deferral_ || settled_) return;
    settled_ = outcome = {delivery, std::string(reason)};
    std::swap(token, deferral_token_);
    if (ended_) {
      left = std::exchange(in_hand_, std::nullopt);  // none yet: OnIdle is to come
    } else {
      resume_.store(true, std::memory_order_release);
      if (in_hand_) {
        held_ = false;
        post = !std::exchange(scheduled_, true);
      }
    }
  }
  if (post) PostDrain();
  if (left) SettleEnded(*std::move(left), *outcome);
}

void QueuedSubscription::SettleEnded(Attempt attempt, const Outcome& outcome) {
  if (Done(outcome.delivery)) return;
  if (salvages_) {
    std::vector<Attempt> unhandled;
    unhandled.push_back(std::move(attempt));
    return Salvage(std::move(unhandled));
  }
  CountFailure(outcome.reason);
  if (outcome.delivery == Delivery::kReject) {
    Bury(attempt.message, outcome.reason, attempt.made);
  } else {
    Lose(1, "it ended before its retry");
  }
}

bool QueuedSubscription::Resume() {
  std::optional<Attempt> attempt;
  std::optional<Outcome> outcome;
  {
    Lock lock(mutex_);
    if (in_hand_ && settled_) {
      attempt = std::exchange(in_hand_, std::nullopt);
      outcome = std::exchange(settled_, std::nullopt);
      deferral_ = 0;
    } else if (!due_.empty()) {
      attempt = std::move(due_.front());
      due_.pop_front();
    }
    resume_.store(!due_.empty(), std::memory_order_relaxed);
  }
  if (!attempt) return true;
  attempt->timer = {};
  if (outcome) {
    if (Done(outcome->delivery)) {
      Finished(*attempt);
      return true;
    }
    reason_ = outcome->reason.empty() ? "the handler settled it as failed" : outcome->reason;
    return Fail(std::move(*attempt), outcome->delivery);
  }
  DeliveryInfo info;
  info.attempt = ++attempt->made;
  info.control = this;
  if (info.attempt > 1) retried_.fetch_add(1, std::memory_order_relaxed);
  const Delivery again = Run(attempt->message, info);
  if (!Done(again) || deferring_) {
    return Unsettled(std::move(*attempt), again);
  }
  Finished(*attempt);
  return true;
}

bool QueuedSubscription::Fail(Attempt attempt, Delivery outcome) {
  CountFailure(reason_);
  if (outcome == Delivery::kRetry && attempt.made <= retry_.retries) {
    return Postpone(std::move(attempt));
  }
  Bury(attempt.message, reason_, attempt.made);
  Finished(attempt);
  return true;
}

bool QueuedSubscription::Postpone(Attempt attempt) {
  const auto delay = Delay(retry_, attempt.made);
  std::uint64_t number = 0;
  bool hold = false;
  bool passes = false;
  const char* lost = nullptr;
  {
    Lock lock(mutex_);
    if (ended_ && salvages_) {
      due_.push_back(std::move(attempt));
      return true;
    }
    if (ended_) {
      lost = "it ended while the event was tried";
    } else if (core().stopped.load(std::memory_order_seq_cst)) {
      lost = "the broker is stopped";
    } else {
      hold = ordered_ || waiting_.size() + 1 >= capacity_;
      passes = !hold && std::exchange(attempt.blocks, false);
      number = ++waits_;
      waiting_.emplace_hint(waiting_.end(), number, std::move(attempt));
      if (hold) {
        held_ = true;
        scheduled_ = false;
      }
    }
  }
  if (lost != nullptr) {
    Lose(1, lost);
    Finished(attempt);
    return true;
  }
  if (passes) OnHandled();
  Executor::Timer timer = executor_.After(delay, [weak = weak_from_this(), number] {
    if (const auto self = weak.lock()) self->OnRetryDue(number);
  });
  Lock lock(mutex_);
  const auto waits = waiting_.find(number);
  if (waits != waiting_.end()) std::swap(waits->second.timer, timer);
  return !hold;
}

void QueuedSubscription::OnRetryDue(std::uint64_t number) {
  {
    Lock lock(mutex_);
    if (ended_) return;
    const auto due = waiting_.find(number);
    if (due == waiting_.end()) return;
    due_.push_back(std::move(due->second));
    waiting_.erase(due);
    resume_.store(true, std::memory_order_release);
    if (!Wake()) return;
  }
  PostDrain();
}

void QueuedSubscription::Finished(const Attempt& attempt) {
  if (attempt.blocks) OnHandled();
}

bool QueuedSubscription::Give(Attempt& attempt, std::uint64_t missed) {
  {
    Lock lock(mutex_);
    if (ended_) return false;
    if (missed != 0) {
      untold_ += missed;
      Attend();
    }
    if (attempt.made == 0) {
      Append(attempt.message);
    } else {
      due_.push_back(std::move(attempt));
      resume_.store(true, std::memory_order_release);
    }
    if (!Wake()) return true;
  }
  PostDrain();
  return true;
}

}  // namespace detail
}  // namespace virtufin::inline v0
