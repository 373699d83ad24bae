// The calls of a worker: one event in, its outcome out, and the watch for one that is overdue.
#include <algorithm>
#include <utility>

#include "virtufin/event/historical.hpp"
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

ManagedWorker::Load ManagedWorker::Begin(Instance& instance, const Message& message) {
  instance.busy = true;
  instance.inside = true;
  instance.input = message;
  instance.self = shared_from_this();
  instance.voice->Begin(stamps_clock_ || IsHistorical(message.event()), instance.attempt);
  instance.began = setting_->clock.Now();
  ++instance.calls;
  ++counters_.calls;
  if (!watching_ && setting_->call_timeout.count() > 0) Watch();
  return instance.load;
}

Delivery ManagedWorker::OnMessage(std::size_t number, const Message& message,
                                  const DeliveryInfo& info) {
  Instance& instance = instances_[number];
  Load load;
  {
    std::lock_guard lock(mutex_);
    if (!instance.load.worker) return Delivery::kDrop;
    instance.attempt = info.attempt;
    if (swap_) {  // others still have an event; this one is for the new code
      instance.held = message;
      instance.outcome = info.Defer();
      return Delivery::kSuccess;
    }
    if (Outdated(instance, message)) return Delivery::kDrop;
    load = Begin(instance, message);
  }
  const auto outcomes = load.outcomes;
  Call(std::move(load), message);
  Afterwards after;
  Delivery delivery = Delivery::kSuccess;
  {
    std::lock_guard lock(mutex_);
    if (outcomes != instance.load.outcomes) {
      info.Explain(Abandoned());
      return AbandonedVerdict();
    }
    instance.inside = false;
    if (instance.input) {
      instance.outcome = info.Defer();
    } else {
      delivery = instance.verdict;
      if (delivery != Delivery::kSuccess) info.Explain(instance.failure);
      FinishCall(instance, after);
    }
  }
  // What unloads may take its time: not before the event has its outcome.
  if (!after.unload.empty()) {
    runtime_.executor.Post([after = std::move(after)]() mutable { after.Do(); });
  } else {
    after.Do();
  }
  return delivery;
}

void ManagedWorker::Call(Load load, const Message& message) const {
  Executor::CallScope scope(info_.id.c_str());
  try {
    load.worker->Process(message, config_.overlay ? &*config_.overlay : nullptr, load.outcomes);
  } catch (...) {  // memory is exhausted: the call failed
    load.outcomes->OnOutcome({{}, OutOfMemory(), false});
  }
}

void ManagedWorker::CallHeld(std::size_t number, std::uint64_t call) {
  Instance& instance = instances_[number];
  Load load;
  std::optional<Message> message;
  {
    std::lock_guard lock(mutex_);
    load = instance.load;
    message = instance.input;
    if (!load.worker || !message || instance.calls != call) return;  // abandoned meanwhile
  }
  const auto outcomes = load.outcomes;
  Call(std::move(load), *message);
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (outcomes != instance.load.outcomes) return;
    instance.inside = false;
    if (!instance.input) FinishCall(instance, after);
  }
  after.Do();
}

void ManagedWorker::Outcomes::OnOutcome(CallOutcome outcome) noexcept {
  auto owner = owner_.lock();
  if (!owner) return;
  try {
    owner->OnOutcome(this, instance_, std::move(outcome));
  } catch (...) {  // no memory for the reply: the call failed
    owner->OnOutcome(this, instance_, {{}, OutOfMemory(), false});
  }
}

void ManagedWorker::OnOutcome(const Outcomes* from, std::size_t number, CallOutcome outcome) {
  const std::uint64_t ended = setting_->clock.Now();
  Instance& instance = instances_[number];
  std::optional<Message> input;
  bool late = false;
  {
    std::lock_guard lock(mutex_);
    if (from != instance.load.outcomes.get() || !instance.input) {
      ++counters_.discarded;
      return;
    }
    input = instance.input;
    late = instance.overdue;
    setting_->clock.Count(instance.began, ended, durations_);
  }
  if (late) {
    Log(LogLevel::kWarn, "the overdue call has returned, its outcome is discarded");
  } else if (!outcome.status.ok()) {
    TellFailure(number, *input, outcome.degrades, "failed", outcome.status);
  }
  Delivery verdict = Delivery::kSuccess;
  std::string failure;
  bool published = false;
  if (late) {
    verdict = config_.retry_after_timeout ? Delivery::kRetry : Delivery::kReject;
    failure = Overdue().ToString();
  } else if (outcome.reply) {
    verdict = Publish(number, *input, outcome, failure, published);
  } else if (!outcome.status.ok()) {
    verdict = Delivery::kRetry;
    failure = outcome.status.ToString();
  }
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (from != instance.load.outcomes.get()) return;  // abandoned while the reply went out
    const bool last = instance.attempt > config_.subscribe.retry.retries;
    if ((verdict != Delivery::kRetry || last) && WorkerTimers::IsTimer(*input)) {
      instance.timers->Finish(*input);
    }
    instance.input.reset();
    instance.damaged = outcome.degrades;
    instance.verdict = verdict;
    instance.failure = std::move(failure);
    if (late) ++counters_.discarded;
    if (published) ++counters_.replies;
    const bool lost = outcome.reply && !published;
    if (verdict != Delivery::kSuccess || lost) {
      ++counters_.failed;
    } else {
      ++counters_.succeeded;
    }
    if (outcome.degrades) TellDegraded(outcome.status);
    if (verdict == Delivery::kSuccess && outcome.status.ok()) TellOnline();
    if (!instance.inside) FinishCall(instance, after);
  }
  after.Do();
}

Status ManagedWorker::Overdue() const {
  return Status(StatusCode::kDeadlineExceeded, "workmanager",
                "still running after " + std::to_string(setting_->call_timeout.count()) + " ms");
}

void ManagedWorker::Watch() {
  watching_ = true;
  watch_timer_ = runtime_.executor.AfterReal(std::max(setting_->call_timeout / kTicks, Timeout(1)),
                                             [weak = weak_from_this()] {
                                               if (const auto self = weak.lock())
                                                 self->OnWatchTick();
                                             });
}

void ManagedWorker::OnWatchTick() {
  std::vector<std::pair<std::size_t, Message>> overdue;
  {
    std::lock_guard lock(mutex_);
    watching_ = false;
    bool wanted = false;  // else the next call starts the watch again
    for (std::size_t i = 0; i < instances_.size(); ++i) {
      Instance& instance = instances_[i];
      if (!instance.input || instance.overdue) continue;
      if (instance.watched_call != instance.calls) {
        instance.watched_call = instance.calls;
        instance.watched_ticks = 0;
        wanted = true;
      } else if (++instance.watched_ticks < kTicks) {
        wanted = true;
      } else {
        instance.overdue = true;
        ++counters_.overdue;
        overdue.emplace_back(i, *instance.input);
        TellDegraded(Overdue());
      }
    }
    if (wanted) Watch();
  }
  for (const auto& [number, input] : overdue)
    TellFailure(number, input, true, "overdue", Overdue());
}

void ManagedWorker::FinishCall(Instance& instance, Afterwards& after) {
  instance.busy = instance.overdue = false;
  after.self = std::move(instance.self);
  after.settle = {std::move(instance.outcome), instance.verdict, {}};
  if (instance.verdict != Delivery::kSuccess && after.settle.deferred) {
    after.settle.reason = instance.failure;
  }
  if (swap_ && !Any(&Instance::busy)) FinishSwap({}, after);
  if (draining_ && subscribed_ == 0 && !Any(&Instance::busy)) FinishDrain({}, after);
}

void ManagedWorker::TellFailure(std::size_t number, const Message& input, bool degrades,
                                std::string_view what, const Status& status) {
  const MonotonicTime now = runtime_.clock.Monotonic();
  FailedCall call;
  {
    std::lock_guard lock(mutex_);
    failed_at_ = now;
    if (failure_told_ && now - *failure_told_ < std::chrono::seconds(1)) {
      ++failures_untold_;
      return;
    }
    failure_told_ = now;
    call.untold = std::exchange(failures_untold_, 0);
    call.attempt = instances_[number].attempt;
  }
  call.replica_id = instances_[number].identity.instance_id;
  call.topic = input.topic();
  call.event_id = input.event().id();
  call.why = status;
  std::string text = "event " + call.event_id + " on " + call.topic + ": " + std::string(what) +
                     ": " + status.ToString();
  if (call.untold != 0) text += " (and " + std::to_string(call.untold) + " failures before it)";
  Log(degrades ? LogLevel::kError : LogLevel::kWarn, text);
  setting_->events->TellFailure(subject_, std::move(call));
}

Delivery ManagedWorker::Publish(std::size_t number, const Message& input,
                                const CallOutcome& outcome, std::string& failure, bool& published) {
  const ExtensionOverlay* const overlay = config_.overlay ? &*config_.overlay : nullptr;
  auto routed = RouteReply(input.event(), overlay, *outcome.reply);
  RepeatableVoice& voice = *instances_[number].voice;
  if (routed.ok() && (voice.replays() || IsHistorical(routed->event()))) {
    const Result<CloudEvent> seen = overlay != nullptr ? input.Stamped(*overlay) : input.event();
    auto said =
        seen.ok() ? voice.Published(&*seen, routed->topic(), routed->event(), runtime_.clock.Now())
                  : Result<CloudEvent>(seen.status());
    routed = said.ok() ? Result<Message>(Message(routed->topic(), *std::move(said)))
                       : Result<Message>(said.status());
  }
  const Status status = routed.ok() ? bus_.Publish(*routed) : routed.status();
  published = status.ok();
  if (published) return Delivery::kSuccess;
  const Delivery verdict = routed.ok() ? AfterPublish(status) : Delivery::kReject;
  const bool lags = verdict == Delivery::kSuccess;
  TellFailure(number, input, false,
              lags ? "not every subscriber got the reply" : "the reply is not published", status);
  if (!lags) failure = "the reply is not published: " + status.ToString();
  return verdict;
}

}  // namespace virtufin::inline v0::detail
