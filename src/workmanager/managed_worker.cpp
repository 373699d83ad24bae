// The state machine of a worker: start, stop, delete, and what is told of it.
#include "workmanager/managed_worker.hpp"

#include <algorithm>
#include <utility>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::chrono::seconds kQuiet{10};  // without an error for so long a worker is online

void Add(const SubscriptionCounters& counters, QueueMetrics& queue) {
  queue.dropped += counters.dropped;
  queue.conflated += counters.conflated;
  queue.missed += counters.missed_lagging;
  queue.retried += counters.retried;
  queue.dead_lettered += counters.dead_lettered;
}

}  // namespace

ManagedWorker::ManagedWorker(WorkerInfo info, CodeSource source, WorkerConfig config,
                             Engine& engine, std::shared_ptr<const WorkerSetting> setting,
                             const Voices& voices)
    : info_(std::move(info)),
      config_(std::move(config)),
      stamps_clock_(info_.config.count("clocktype") != 0),
      engine_(engine),
      setting_(std::move(setting)),
      subject_(std::make_shared<LifecycleSubject>(LifecycleSubject{info_.id, info_.topics})),
      runtime_(setting_->dependencies.runtime),
      bus_(setting_->dependencies.bus),
      source_(std::move(source)) {
  instances_.resize(config_.instances);
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    std::string instance_id = setting_->instance_id;
    if (instances_.size() > 1) instance_id += "-" + std::to_string(i);
    instances_[i].voice = voices[i];
    instances_[i].identity = {info_.id, std::move(instance_id), info_.topics, info_.config};
  }
}

void ManagedWorker::Settlement::Do() { deferred.Settle(delivery, reason); }

void ManagedWorker::Afterwards::Do() {
  settle.Do();  // first: an unload may take its time
  for (Settlement& each : settle_more) each.Do();
  if (!unload.empty()) {
    Executor::BlockingScope blocking;  // a worker's Shutdown may take its time
    unload.clear();
  }
  for (auto& action : run) action();
}

Status ManagedWorker::Error(StatusCode code, const std::string& text) const {
  return Status(code, "workmanager", "worker " + info_.id + ": " + text);
}

void ManagedWorker::Log(LogLevel level, const std::string& text) const {
  if (runtime_.log.Enabled(level)) {
    runtime_.log.Write(level, "workmanager", "worker " + info_.id + ": " + text);
  }
}

WorkerInfo ManagedWorker::Info() const {
  WorkerInfo info = info_;
  std::lock_guard lock(mutex_);
  info.error = error_;
  info.degraded = Degraded();
  if (info.error.empty() && Any(&Instance::overdue)) info.error = Overdue().ToString();
  info.status = Shown();
  info.counters = counters_;
  return info;
}

WorkerMetrics ManagedWorker::Metrics() const {
  WorkerMetrics metrics;
  metrics.id = info_.id;
  metrics.overflow = config_.subscribe.overflow;
  metrics.instances = config_.instances;
  std::lock_guard lock(mutex_);
  metrics.status = Shown();
  metrics.failed = state_ == State::kFailed || (state_ == State::kStopped && !error_.empty());
  metrics.degraded = Degraded();
  metrics.counters = counters_;
  metrics.durations = setting_->clock.Durations(durations_);
  metrics.queue = ended_queues_;
  for (const Instance& instance : instances_) {
    const SubscriptionCounters counters = instance.subscription.counters();
    Add(counters, metrics.queue);
    metrics.queue.depth += counters.queued;
  }
  return metrics;
}

WorkerStatus ManagedWorker::Shown() const noexcept {
  const bool running = state_ == State::kRunning || (state_ == State::kDraining && restart_);
  return running ? WorkerStatus::kRunning : WorkerStatus::kStopped;
}

bool ManagedWorker::Degraded() const noexcept {
  return Any(&Instance::overdue) || Any(&Instance::damaged);
}

bool ManagedWorker::Any(bool Instance::*flag) const noexcept {
  return std::any_of(instances_.begin(), instances_.end(),
                     [flag](const Instance& each) { return each.*flag; });
}

// --- what is told -------------------------------------------------------------------------------

void ManagedWorker::Tell(Lifecycle change, const Status& why) const {
  setting_->events->Tell(subject_, change, why);
}

void ManagedWorker::TellBeat() const {
  const WorkerMetrics now = Metrics();
  if (now.status != WorkerStatus::kRunning) return;
  setting_->events->TellBeat(
      subject_, {now.degraded, now.counters.calls, now.counters.failed, now.queue.depth});
}

void ManagedWorker::TellDegraded(const Status& why) {
  if (std::exchange(degraded_, true)) return;
  online_ = false;
  Tell(Lifecycle::kDegraded, why);
  AwaitQuiet(kQuiet);
}

void ManagedWorker::TellOnline() {
  if (online_ || state_ != State::kRunning) return;
  online_ = true;
  degraded_ = false;
  quiet_timer_ = {};
  Tell(Lifecycle::kOnline);
}

void ManagedWorker::AwaitQuiet(std::chrono::nanoseconds wait) {
  quiet_timer_ = runtime_.executor.After(wait, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnQuiet();
  });
}

void ManagedWorker::OnQuiet() {
  const MonotonicTime now = runtime_.clock.Monotonic();
  std::lock_guard lock(mutex_);
  if (online_ || state_ != State::kRunning) return;
  if (Degraded()) return AwaitQuiet(kQuiet);
  if (failed_at_ && now - *failed_at_ < kQuiet) return AwaitQuiet(*failed_at_ + kQuiet - now);
  TellOnline();
}

// --- lifecycle ----------------------------------------------------------------------------------

Status ManagedWorker::Subscribe(std::unique_lock<std::mutex>& lock) {
  const std::vector<std::string_view> topics(info_.topics.begin(), info_.topics.end());
  SubscribeOptions options = config_.subscribe;
  options.name = "worker " + info_.id;
  Status status;
  for (std::size_t i = 0; i < instances_.size() && status.ok(); ++i) {
    // Each has its share of the subjects; members of a group compete for each event instead.
    if (options.shards > 1) options.shard = static_cast<std::uint32_t>(i);
    auto subscription = bus_.Subscribe(
        topics, options,
        [self = shared_from_this(), i](const Message& message, const DeliveryInfo& info) {
          return self->OnMessage(i, message, info);
        });
    status = subscription.status();
    instances_[i].subscribed = status.ok();
    if (status.ok()) instances_[i].subscription = std::move(*subscription);
  }
  error_ = status.ok() ? std::string() : status.ToString();
  if (!status.ok()) Tell(Lifecycle::kFailed, status);
  if (!instances_[0].subscribed) {
    state_ = State::kStopped;
    return status;
  }
  state_ = State::kRunning;
  if (!status.ok()) {  // without some of its instances it must not run
    constexpr Timeout kUndo{30'000};
    Drain(lock, kUndo, {[](const Status&) {}, {}});
    return status;
  }
  AttachTimers();
  online_ = degraded_ = false;
  started_ = true;
  Tell(Lifecycle::kStarted);
  AwaitQuiet(kQuiet);
  return {};
}

Status ManagedWorker::Start() {
  std::unique_lock lock(mutex_);
  if (state_ != State::kDeleted && state_ != State::kDraining && !deferred_.empty()) {
    deferred_.push_back(StartAgain());  // after what was asked for before
    return {};
  }
  switch (state_) {
    case State::kRunning:
      return {};
    case State::kDeleted:
      return Error(StatusCode::kNotFound, "deleted");
    case State::kDraining:
      if (delete_) return Error(StatusCode::kNotFound, "deleted");
      restart_ = true;
      return {};
    case State::kLoading:
      return {};  // by another Start: runs after the load
    case State::kStopped:
    case State::kFailed:
      break;
  }
  if (instances_[0].load.worker) return Subscribe(lock);
  if (swapping_) {
    restart_ = true;  // with the new code
    return {};
  }
  return LoadAgain(lock);
}

Status ManagedWorker::LoadAgain(std::unique_lock<std::mutex>& lock) {
  state_ = State::kLoading;
  cancelled_ = false;
  const CodeSource source = source_;
  lock.unlock();
  auto loads = LoadFrom(source);
  lock.lock();
  Status status = loads.status();
  if (!status.ok()) {
    state_ = State::kFailed;
    error_ = status.ToString();
    Tell(Lifecycle::kFailed, status);
  } else {
    Install(*loads);
    state_ = State::kStopped;
    status = cancelled_ ? Error(StatusCode::kCancelled, "stopped while it was loading")
                        : Subscribe(lock);
  }
  if (!lock.owns_lock()) lock.lock();
  Afterwards after;
  RunDeferred(after);
  lock.unlock();
  after.Do();
  return status;
}

void ManagedWorker::Stop(Timeout timeout, Done done) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kDeleted) {
    lock.unlock();
    return done(Error(StatusCode::kNotFound, "deleted"));
  }
  if (swapping_ || state_ == State::kLoading) {
    cancelled_ = true;
    deferred_.emplace_back([self = shared_from_this(), timeout, done = std::move(done)]() mutable {
      self->Stop(timeout, std::move(done));
    });
    return;
  }
  if (state_ == State::kStopped || state_ == State::kFailed) {
    state_ = State::kStopped;
    error_.clear();
    lock.unlock();
    return done({});
  }
  restart_ = false;
  Drain(lock, timeout, {std::move(done), {}});
}

void ManagedWorker::Delete(Timeout timeout, std::function<void()> forget, Done done) {
  End(timeout, false, std::move(forget), std::move(done));
}

void ManagedWorker::Unload(Timeout timeout, std::function<void()> forget, Done done) {
  End(timeout, true, std::move(forget), std::move(done));
}

void ManagedWorker::End(Timeout timeout, bool unload, std::function<void()> forget, Done done) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kDeleted) {
    lock.unlock();
    return done(Error(StatusCode::kNotFound, "deleted"));
  }
  if (swapping_ || state_ == State::kLoading) {
    cancelled_ = true;
    deferred_.emplace_back([self = shared_from_this(), timeout, unload, forget = std::move(forget),
                            done = std::move(done)]() mutable {
      self->End(timeout, unload, std::move(forget), std::move(done));
    });
    return;
  }
  if (!delete_) unload_ = unload;
  delete_ = true;
  restart_ = false;
  Drain(lock, timeout, {std::move(done), std::move(forget)});
}

void ManagedWorker::Drain(std::unique_lock<std::mutex>& lock, Timeout timeout, Waiter waiter) {
  waiters_.push_back(std::move(waiter));
  if (state_ == State::kDraining) {  // joins; whoever waits least decides
    if (draining_ && std::chrono::steady_clock::now() + timeout < drain_until_) {
      ArmDrainTimer(timeout);
    }
    return;
  }
  if (state_ != State::kRunning) {
    Afterwards after;
    FinishDrain({}, after);
    lock.unlock();
    return after.Do();
  }
  state_ = State::kDraining;
  quiet_timer_ = {};
  DetachTimers();
  if (started_) Tell(Lifecycle::kStopping);
  ++drain_;
  ArmDrainTimer(timeout);
  Unsubscribe(lock);
}

void ManagedWorker::Unsubscribe(std::unique_lock<std::mutex>& lock) {
  std::vector<Subscription> subscriptions;
  std::vector<SubscriptionCounters> before;
  std::uint64_t queued = 0;
  for (Instance& instance : instances_) {
    if (!std::exchange(instance.subscribed, false)) continue;
    subscriptions.push_back(std::move(instance.subscription));
    before.push_back(subscriptions.back().counters());
    // What a group has queued goes to its other members.
    if (config_.subscribe.group.empty()) queued += before.back().queued;
  }
  subscribed_ = subscriptions.size();
  counters_.dropped += queued;
  const std::uint64_t drain = drain_;
  lock.unlock();
  if (queued != 0) Log(LogLevel::kWarn, std::to_string(queued) + " queued events are dropped");
  QueueMetrics ended;
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < subscriptions.size(); ++i) {
    auto ended_here = [self = shared_from_this(), drain] { self->OnUnsubscribed(drain); };
    subscriptions[i].Unsubscribe(std::move(ended_here));
    const SubscriptionCounters after = subscriptions[i].counters();
    lost += after.dropped - before[i].dropped;  // waited for a retry, and is logged there
    Add(after, ended);
  }
  lock.lock();
  counters_.dropped += lost;
  ended_queues_.dropped += ended.dropped;
  ended_queues_.conflated += ended.conflated;
  ended_queues_.missed += ended.missed;
  ended_queues_.retried += ended.retried;
  ended_queues_.dead_lettered += ended.dead_lettered;
}

void ManagedWorker::ArmDrainTimer(Timeout timeout) {
  draining_ = true;
  drain_until_ = std::chrono::steady_clock::now() + timeout;
  drain_timer_ =
      runtime_.executor.AfterReal(timeout, [self = shared_from_this(), drain = drain_, timeout] {
        self->OnDrainTimeout(drain, timeout);
      });
}

void ManagedWorker::OnUnsubscribed(std::uint64_t drain) {
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (!draining_ || drain != drain_) return;
    if (--subscribed_ == 0 && !Any(&Instance::busy)) FinishDrain({}, after);
  }
  after.Do();
}

std::function<void()> ManagedWorker::StartAgain() {
  return [self = shared_from_this()] {
    if (Status started = self->Start(); !started.ok()) {
      self->Log(LogLevel::kError, "does not start: " + started.ToString());
    }
  };
}

void ManagedWorker::OnDrainTimeout(std::uint64_t drain, Timeout timeout) {
  Afterwards after;
  Status status;
  std::vector<std::pair<std::size_t, Message>> abandoned;
  {
    std::lock_guard lock(mutex_);
    if (!draining_ || drain != drain_) return;
    status = Error(StatusCode::kDeadlineExceeded,
                   "still running after " + std::to_string(timeout.count()) + " ms, abandoned");
    for (std::size_t i = 0; i < instances_.size(); ++i) {
      Instance& instance = instances_[i];
      if (!instance.busy) continue;
      if (instance.input) {  // else its outcome is in and counted
        ++counters_.failed;
        abandoned.emplace_back(i, *instance.input);
      }
      Abandon(instance, after);
    }
    error_ = status.ToString();
    FinishDrain(status, after);
    if (state_ == State::kStopped) state_ = State::kFailed;
    Tell(Lifecycle::kFailed, status);
  }
  for (const auto& [number, input] : abandoned)
    TellFailure(number, input, true, "abandoned", status);
  after.Do();
}

void ManagedWorker::Abandon(Instance& instance, Afterwards& after) {
  instance.busy = instance.inside = instance.overdue = instance.damaged = false;
  instance.input.reset();
  after.self = std::move(instance.self);
  after.settle_more.push_back({std::move(instance.outcome), AbandonedVerdict(), Abandoned()});
  if (instance.load.worker) instance.load.worker->Abandon();
}

void ManagedWorker::FinishDelete(const Status& status) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    state_ = State::kDeleted;
    if (!unload_) Tell(Lifecycle::kDeleted);
    waiters = std::exchange(waiters_, {});
  }
  for (Waiter& waiter : waiters) {
    if (waiter.forget) waiter.forget();
    waiter.done(status);
  }
}

void ManagedWorker::FinishDrain(const Status& status, Afterwards& after) {
  if (std::exchange(started_, false) && status.ok()) Tell(Lifecycle::kStopped);
  drain_timer_ = {};
  draining_ = false;
  if (delete_ || !status.ok()) {
    for (Instance& instance : instances_) {
      after.unload.push_back(std::exchange(instance.load, {}));
    }
  }
  if (delete_) {
    // Draining until the code is gone: whoever asks meanwhile joins.
    state_ = State::kDraining;
    after.run.emplace_back([self = shared_from_this(), status] { self->FinishDelete(status); });
  } else {
    state_ = State::kStopped;
    for (Waiter& waiter : std::exchange(waiters_, {})) {
      after.run.emplace_back([status, done = std::move(waiter.done)] { done(status); });
    }
  }
  if (std::exchange(restart_, false) && !delete_) after.run.push_back(StartAgain());
  RunDeferred(after);
}

void ManagedWorker::RunDeferred(Afterwards& after) {
  for (auto& action : std::exchange(deferred_, {})) after.run.push_back(std::move(action));
}

}  // namespace virtufin::inline v0::detail
