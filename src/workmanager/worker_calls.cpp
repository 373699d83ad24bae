// The calls of a worker: one event in, its outcome out, and the watch for one that is overdue.
#include <algorithm>
#include <utility>

#include "virtufin/pubsub/buffered_publisher.hpp"
#include "workmanager/managed_worker.hpp"
#include "workmanager/reply_routing.hpp"

namespace virtufin::inline v0::detail {
namespace {

// A call is overdue when the watch has seen it so often after the first time. Looking now and then
// costs calls nothing; it makes the limit late by one part at most.
constexpr int kTicks = 4;

Status OutOfMemory() {
  return Status(StatusCode::kResourceExhausted, "workmanager", "memory is exhausted");
}

/// What becomes of the event when its reply was published so: again when the bus may not have it.
Delivery AfterPublish(const Status& status) {
  if (status.ok()) return Delivery::kSuccess;
  if (BufferedPublisher::IsAway(status) || BufferedPublisher::Refused(status)) {
    return Delivery::kRetry;
  }
  // Some lag, all others got it: a second one is too many for those. How many they are a publisher
  // is not told: it may be none. The bus counts what was missed, the log names it.
  return status.code() == StatusCode::kResourceExhausted ? Delivery::kSuccess : Delivery::kReject;
}

}  // namespace

std::string ManagedWorker::Abandoned() const {
  return "the call was abandoned when its worker was stopped";
}

Delivery ManagedWorker::AbandonedVerdict() const noexcept {
  return config_.subscribe.group.empty() ? Delivery::kReject : Delivery::kRetry;
}

Delivery ManagedWorker::OnMessage(const Message& message, const DeliveryInfo& info) {
  Load load;
  {
    std::lock_guard lock(mutex_);
    if (!load_.worker) return Delivery::kDrop;
    load = load_;
    busy_ = true;
    inside_ = true;
    input_ = message;
    self_ = shared_from_this();
    ++counters_.calls;
    if (!watching_ && call_timeout_.count() > 0) Watch();
  }
  {
    Executor::CallScope scope(info_.id.c_str());
    try {
      load.worker->Process(message, config_.overlay ? &*config_.overlay : nullptr, load.outcomes);
    } catch (...) {  // memory is exhausted: the call failed
      load.outcomes->OnOutcome({{}, OutOfMemory(), false});
    }
  }
  load.worker.reset();
  Afterwards after;
  Delivery delivery = Delivery::kSuccess;
  {
    std::lock_guard lock(mutex_);
    if (load.outcomes != load_.outcomes) {
      info.Explain(Abandoned());
      return AbandonedVerdict();
    }
    inside_ = false;
    if (input_) {
      outcome_ = info.Defer();
    } else {
      delivery = verdict_;
      if (delivery != Delivery::kSuccess) info.Explain(failure_);
      FinishCall(after);
    }
  }
  // What unloads may take its time: not before the event has its outcome.
  if (after.unload.worker) {
    runtime_.executor.Post([after = std::move(after)]() mutable { after.Do(); });
  } else {
    after.Do();
  }
  return delivery;
}

void ManagedWorker::Outcomes::OnOutcome(CallOutcome outcome) noexcept {
  auto owner = owner_.lock();
  if (!owner) return;
  try {
    owner->OnOutcome(this, std::move(outcome));
  } catch (...) {  // no memory for the reply: the call failed
    owner->OnOutcome(this, {{}, OutOfMemory(), false});
  }
}

void ManagedWorker::OnOutcome(const Outcomes* from, CallOutcome outcome) {
  std::optional<Message> input;
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    if (from != load_.outcomes.get() || !input_) {
      ++counters_.discarded;
      return;
    }
    input = input_;
    late = overdue_;
  }
  if (late) {
    Log(LogLevel::kWarn, "the overdue call has returned, its outcome is discarded");
  } else if (!outcome.status.ok()) {
    LogFailure(*input, outcome.degrades, "failed", outcome.status);
  }
  Delivery verdict = Delivery::kSuccess;
  std::string failure;
  bool published = false;
  if (late) {
    verdict = config_.retry_after_timeout ? Delivery::kRetry : Delivery::kReject;
    failure = Overdue().ToString();
  } else if (outcome.reply) {
    verdict = Publish(*input, outcome, failure, published);
  } else if (!outcome.status.ok()) {
    verdict = Delivery::kRetry;
    failure = outcome.status.ToString();
  }
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (from != load_.outcomes.get()) return;  // abandoned while the reply went out
    input_.reset();
    damaged_ = outcome.degrades;
    verdict_ = verdict;
    failure_ = std::move(failure);
    if (late) ++counters_.discarded;
    if (published) ++counters_.replies;
    if (verdict != Delivery::kSuccess || (outcome.reply && !published)) ++counters_.failed;
    if (!inside_) FinishCall(after);
  }
  after.Do();
}

Status ManagedWorker::Overdue() const {
  return Status(StatusCode::kDeadlineExceeded, "workmanager",
                "still running after " + std::to_string(call_timeout_.count()) + " ms");
}

void ManagedWorker::Watch() {
  watching_ = true;
  watch_timer_ = runtime_.executor.AfterReal(std::max(call_timeout_ / kTicks, Timeout(1)),
                                             [weak = weak_from_this()] {
                                               if (const auto self = weak.lock())
                                                 self->OnWatchTick();
                                             });
}

void ManagedWorker::OnWatchTick() {
  std::optional<Message> input;
  {
    std::lock_guard lock(mutex_);
    watching_ = false;
    if (!input_) return;  // the next call starts the watch again
    if (watched_call_ != counters_.calls) {
      watched_call_ = counters_.calls;
      watched_ticks_ = 0;
      return Watch();
    }
    if (overdue_) return;
    if (++watched_ticks_ < kTicks) return Watch();
    overdue_ = true;
    ++counters_.overdue;
    input = input_;
  }
  LogFailure(*input, true, "overdue", Overdue());
}

void ManagedWorker::FinishCall(Afterwards& after) {
  busy_ = overdue_ = false;
  after.self = std::move(self_);
  after.deferred = std::move(outcome_);
  after.delivery = verdict_;
  if (verdict_ != Delivery::kSuccess && after.deferred) after.reason = failure_;
  if (swap_) FinishSwap({}, after);
  if (state_ == State::kDraining && unsubscribed_) FinishDrain({}, after);
}

void ManagedWorker::LogFailure(const Message& input, bool degrades, std::string_view what,
                               const Status& status) {
  const MonotonicTime now = runtime_.clock.Monotonic();
  std::uint64_t more = 0;
  {
    std::lock_guard lock(mutex_);
    if (failure_logged_ != MonotonicTime() && now - failure_logged_ < std::chrono::seconds(1)) {
      ++failures_unlogged_;
      return;
    }
    failure_logged_ = now;
    more = std::exchange(failures_unlogged_, 0);
  }
  std::string text = "event " + std::string(input.event().id()) + " on " +
                     std::string(input.topic()) + ": " + std::string(what) + ": " +
                     status.ToString();
  if (more != 0) text += " (and " + std::to_string(more) + " failures before it)";
  Log(degrades ? LogLevel::kError : LogLevel::kWarn, text);
}

Delivery ManagedWorker::Publish(const Message& input, const CallOutcome& outcome,
                                std::string& failure, bool& published) {
  const auto routed = RouteReply(input.event(), *outcome.reply);
  const Status status = routed.ok() ? bus_.Publish(*routed) : routed.status();
  published = status.ok();
  if (published) return Delivery::kSuccess;
  const Delivery verdict = routed.ok() ? AfterPublish(status) : Delivery::kReject;
  const bool lags = verdict == Delivery::kSuccess;
  LogFailure(input, false,
             lags ? "not every subscriber got the reply" : "the reply is not published", status);
  if (!lags) failure = "the reply is not published: " + status.ToString();
  return verdict;
}

}  // namespace virtufin::inline v0::detail
