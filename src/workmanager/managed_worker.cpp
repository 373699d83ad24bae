// The state machine of a worker: start, stop, delete, swap.
#include "workmanager/managed_worker.hpp"

#include <utility>

#include "workmanager/code_resolver.hpp"

namespace virtufin::inline v0::detail {

ManagedWorker::ManagedWorker(WorkerInfo info, CodeSource source, WorkerConfig config,
                             std::string instance_id, Engine& engine,
                             const WorkManager::Dependencies& dependencies, Timeout call_timeout)
    : info_(std::move(info)),
      config_(std::move(config)),
      identity_{info_.id, std::move(instance_id), info_.topics, info_.config},
      engine_(engine),
      runtime_(dependencies.runtime),
      bus_(dependencies.bus),
      fetcher_(dependencies.fetcher),
      call_timeout_(call_timeout),
      host_(std::make_shared<ManagedWorkerHost>(info_.id, dependencies.runtime.log,
                                                dependencies.gateway)),
      source_(std::move(source)) {}

void ManagedWorker::Afterwards::Do() {
  deferred.Settle(delivery, reason);  // first: an unload may take its time
  if (unload.worker) {
    Executor::BlockingScope blocking;  // a worker's Shutdown may take its time
    unload.worker.reset();
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
  info.degraded = overdue_ || damaged_;
  if (overdue_ && info.error.empty()) info.error = Overdue().ToString();
  const bool running = state_ == State::kRunning || (state_ == State::kDraining && restart_);
  info.status = running ? WorkerStatus::kRunning : WorkerStatus::kStopped;
  info.counters = counters_;
  return info;
}

// --- code ---------------------------------------------------------------------------------------

Result<ManagedWorker::Load> ManagedWorker::LoadFrom(const CodeSource& source) {
  Executor::BlockingScope blocking;
  auto resolved = ResolveCode(source, fetcher_);
  if (!resolved.ok()) return resolved.status();
  auto loaded = engine_.Load(resolved->code, identity_, host_);
  if (!loaded.ok()) return loaded.status();
  return Load{std::move(*loaded), std::make_shared<Outcomes>(weak_from_this()),
              std::move(resolved->sha256)};
}

Status ManagedWorker::LoadFirst(const Commit& commit) {
  auto loaded = LoadFrom(source_);
  if (!loaded.ok()) return loaded.status();
  if (Status kept = commit(loaded->sha256); !kept.ok()) return kept;
  std::lock_guard lock(mutex_);
  load_ = std::move(*loaded);
  return {};
}

void ManagedWorker::LoadCode(CodeSource source, Commit commit, Timeout timeout, Done done) {
  {
    std::unique_lock lock(mutex_);
    Status refused;
    if (state_ == State::kDeleted || delete_) {
      refused = Error(StatusCode::kNotFound, "deleted");
    } else if (swapping_ || state_ == State::kLoading) {
      refused = Error(StatusCode::kFailedPrecondition, "expected no other load, found one running");
    } else if (!source.mime_type.empty() && source.mime_type != info_.mime_type) {
      refused = Error(StatusCode::kInvalidArgument,
                      "expected code of type " + info_.mime_type + ", found " + source.mime_type);
    }
    if (!refused.ok()) {
      lock.unlock();
      return done(std::move(refused));
    }
    if (state_ == State::kDraining) {
      deferred_.push_back([self = shared_from_this(), source = std::move(source),
                           commit = std::move(commit), timeout, done = std::move(done)]() mutable {
        self->LoadCode(std::move(source), std::move(commit), timeout, std::move(done));
      });
      return;
    }
    swapping_ = true;
  }
  source.mime_type = info_.mime_type;
  auto load = [self = shared_from_this(), source = std::move(source), commit = std::move(commit),
               timeout, done = std::move(done)]() mutable {
    auto loaded = self->LoadFrom(source);
    if (!loaded.ok()) return self->FailLoad(loaded.status(), {}, std::move(done));
    if (Status kept = commit(loaded->sha256); !kept.ok()) {
      return self->FailLoad(kept, std::move(*loaded), std::move(done));
    }
    self->OfferSwap({std::move(*loaded), std::move(source), std::move(done), {}}, timeout);
  };
  const ThreadKind kind = CurrentThreadKind();
  if (kind == ThreadKind::kForeign || kind == ThreadKind::kExecutor) {
    load();
  } else {
    runtime_.executor.Post(std::move(load));
  }
}

void ManagedWorker::FailLoad(const Status& status, Load unload, Done done) {
  Afterwards after;
  after.unload = std::move(unload);
  after.run.push_back([status, done = std::move(done)] { done(status); });
  {
    std::lock_guard lock(mutex_);
    swapping_ = false;
    if (std::exchange(restart_, false)) Restart(after);
    for (auto& action : std::exchange(deferred_, {})) after.run.push_back(std::move(action));
  }
  after.Do();
}

void ManagedWorker::OfferSwap(Swap swap, Timeout timeout) {
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    swap_ = std::move(swap);
    const std::uint64_t number = ++swap_count_;
    if (!busy_) {
      FinishSwap({}, after);
    } else {
      swap_->timer = runtime_.executor.AfterReal(
          timeout,
          [self = shared_from_this(), number, timeout] { self->OnSwapTimeout(number, timeout); });
    }
  }
  after.Do();
}

void ManagedWorker::FinishSwap(const Status& status, Afterwards& after) {
  Swap swap = std::move(*swap_);
  swap_.reset();
  swapping_ = false;
  if (status.ok()) {
    std::swap(load_, swap.load);
    damaged_ = false;
    source_ = std::move(swap.source);
    error_.clear();
    if (state_ == State::kFailed) state_ = State::kStopped;
  }
  if (std::exchange(restart_, false)) Restart(after);
  after.unload = std::move(swap.load);  // the old code, or the new one that came too late
  after.run.push_back([status, done = std::move(swap.done)] { done(status); });
  for (auto& action : std::exchange(deferred_, {})) after.run.push_back(std::move(action));
}

void ManagedWorker::OnSwapTimeout(std::uint64_t swap, Timeout timeout) {
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (!swap_ || swap != swap_count_) return;
    FinishSwap(Error(StatusCode::kDeadlineExceeded, "the event in flight did not end within " +
                                                        std::to_string(timeout.count()) +
                                                        " ms, the old code stays"),
               after);
  }
  after.Do();
}

// --- lifecycle ----------------------------------------------------------------------------------

Status ManagedWorker::Subscribe() {
  std::vector<std::string_view> topics(info_.topics.begin(), info_.topics.end());
  SubscribeOptions options = config_.subscribe;
  options.name = "worker " + info_.id;
  auto subscription =
      bus_.Subscribe(topics, options,
                     [self = shared_from_this()](const Message& message, const DeliveryInfo& info) {
                       return self->OnMessage(message, info);
                     });
  if (!subscription.ok()) return subscription.status();
  subscription_ = std::move(*subscription);
  state_ = State::kRunning;
  return {};
}

Status ManagedWorker::Start() {
  std::unique_lock lock(mutex_);
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
      return Subscribe();
    case State::kFailed:
      break;
  }
  if (swapping_) {
    restart_ = true;  // with the new code
    return {};
  }
  state_ = State::kLoading;
  const CodeSource source = source_;
  lock.unlock();
  auto loaded = LoadFrom(source);
  lock.lock();
  Status status = loaded.status();
  if (status.ok()) {
    load_ = std::move(*loaded);
    error_.clear();
    state_ = State::kStopped;
    status = Subscribe();
  } else {
    state_ = State::kFailed;
    error_ = status.ToString();
  }
  auto deferred = std::exchange(deferred_, {});
  lock.unlock();
  for (auto& action : deferred) action();
  return status;
}

void ManagedWorker::Stop(Timeout timeout, Done done) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kDeleted) {
    lock.unlock();
    return done(Error(StatusCode::kNotFound, "deleted"));
  }
  if (swapping_ || state_ == State::kLoading) {
    deferred_.push_back([self = shared_from_this(), timeout, done = std::move(done)]() mutable {
      self->Stop(timeout, std::move(done));
    });
    return;
  }
  if (state_ == State::kStopped || state_ == State::kFailed) {
    lock.unlock();
    return done({});
  }
  restart_ = false;
  Drain(lock, timeout, {std::move(done), {}});
}

void ManagedWorker::Delete(Timeout timeout, std::function<void()> forget, Done done) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kDeleted) {
    lock.unlock();
    return done(Error(StatusCode::kNotFound, "deleted"));
  }
  if (swapping_ || state_ == State::kLoading) {
    deferred_.push_back([self = shared_from_this(), timeout, forget = std::move(forget),
                         done = std::move(done)]() mutable {
      self->Delete(timeout, std::move(forget), std::move(done));
    });
    return;
  }
  delete_ = true;
  restart_ = false;
  Drain(lock, timeout, {std::move(done), std::move(forget)});
}

void ManagedWorker::Drain(std::unique_lock<std::mutex>& lock, Timeout timeout, Waiter waiter) {
  waiters_.push_back(std::move(waiter));
  if (state_ == State::kDraining) {  // joins; whoever waits least decides
    if (drain_timer_armed_ && std::chrono::steady_clock::now() + timeout < drain_until_) {
      ArmDrainTimer(timeout);
    }
    return;
  }
  Afterwards after;
  if (state_ != State::kRunning) {
    FinishDrain({}, after);
    lock.unlock();
    return after.Do();
  }
  state_ = State::kDraining;
  unsubscribed_ = false;
  const std::uint64_t drain = ++drain_;
  ArmDrainTimer(timeout);
  Subscription subscription = std::move(subscription_);
  // What a group has queued goes to its other members.
  const SubscriptionCounters before = subscription.counters();
  const std::size_t queued = config_.subscribe.group.empty() ? before.queued : 0;
  counters_.dropped += queued;
  lock.unlock();
  if (queued != 0) Log(LogLevel::kWarn, std::to_string(queued) + " queued events are dropped");
  subscription.Unsubscribe([self = shared_from_this(), drain] { self->OnUnsubscribed(drain); });
  // An event that waited for its retry, and is logged there.
  const std::uint64_t lost = subscription.counters().dropped - before.dropped;
  lock.lock();
  counters_.dropped += lost;
  lock.unlock();
}

void ManagedWorker::ArmDrainTimer(Timeout timeout) {
  drain_timer_armed_ = true;
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
    if (state_ != State::kDraining || drain != drain_) return;
    unsubscribed_ = true;
    if (!busy_) FinishDrain({}, after);
  }
  after.Do();
}

void ManagedWorker::Restart(Afterwards& after) {
  after.run.push_back([self = shared_from_this()] {
    if (Status started = self->Start(); !started.ok()) {
      self->Log(LogLevel::kError, "does not start: " + started.ToString());
    }
  });
}

void ManagedWorker::OnDrainTimeout(std::uint64_t drain, Timeout timeout) {
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    if (state_ != State::kDraining || drain != drain_) return;
    const Status status =
        Error(StatusCode::kDeadlineExceeded,
              "still running after " + std::to_string(timeout.count()) + " ms, abandoned");
    busy_ = inside_ = overdue_ = damaged_ = false;
    input_.reset();
    after.self = std::move(self_);
    after.deferred = std::move(outcome_);
    after.delivery = AbandonedVerdict();
    after.reason = Abandoned();
    if (load_.worker) load_.worker->Abandon();
    error_ = status.ToString();
    FinishDrain(status, after);
    if (state_ == State::kStopped) state_ = State::kFailed;
  }
  after.Do();
}

void ManagedWorker::FinishDelete(const Status& status) {
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    state_ = State::kDeleted;
    waiters = std::exchange(waiters_, {});
  }
  for (Waiter& waiter : waiters) {
    if (waiter.forget) waiter.forget();
    waiter.done(status);
  }
}

void ManagedWorker::FinishDrain(const Status& status, Afterwards& after) {
  drain_timer_ = {};
  drain_timer_armed_ = false;
  if (delete_ || !status.ok()) after.unload = std::exchange(load_, {});
  if (delete_) {
    // Draining until the code is gone: whoever asks meanwhile joins.
    state_ = State::kDraining;
    unsubscribed_ = false;
    after.run.push_back([self = shared_from_this(), status] { self->FinishDelete(status); });
  } else {
    state_ = State::kStopped;
    for (Waiter& waiter : std::exchange(waiters_, {})) {
      after.run.push_back([status, done = std::move(waiter.done)] { done(status); });
    }
  }
  if (std::exchange(restart_, false) && !delete_) Restart(after);
  for (auto& action : std::exchange(deferred_, {})) after.run.push_back(std::move(action));
}

}  // namespace virtufin::inline v0::detail
