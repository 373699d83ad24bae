// The code of a worker: its first load, and the swap for new code between two events.
#include <utility>

#include "workmanager/code_resolver.hpp"
#include "workmanager/managed_worker.hpp"
#include "workmanager/may_wait.hpp"

namespace virtufin::inline v0::detail {

Result<ManagedWorker::Loads> ManagedWorker::LoadFrom(const CodeSource& source) {
  Executor::BlockingScope blocking;
  auto resolved = ResolveCode(source, setting_->dependencies.fetcher);
  if (!resolved.ok()) return resolved.status();
  Loads loads;
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    std::uint32_t number = 0;
    {
      std::lock_guard lock(mutex_);
      number = ++loads_;
    }
    auto loaded = engine_.Load(resolved->code, instances_[i].identity, NewHost(i, number));
    if (!loaded.ok()) return loaded.status();
    loads.each.push_back(
        {std::move(*loaded), std::make_shared<Outcomes>(weak_from_this(), i), number});
  }
  loads.sha256 = std::move(resolved->sha256);
  return loads;
}

void ManagedWorker::Install(Loads& loads) {
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    std::swap(instances_[i].load, loads.each[i]);
    instances_[i].damaged = false;
  }
  error_.clear();
  if (state_ == State::kRunning) AttachTimers();
}

Status ManagedWorker::LoadFirst(const Commit& commit) {
  auto loads = LoadFrom(source_);
  Status status = loads.ok() ? commit(loads->sha256) : loads.status();
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    Install(*loads);
  } else {
    state_ = State::kFailed;
    error_ = status.ToString();
  }
  return status;
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
    auto loads = self->LoadFrom(source);
    if (!loads.ok()) return self->FailLoad(loads.status(), {}, std::move(done));
    if (Status kept = commit(loads->sha256); !kept.ok()) {
      return self->FailLoad(kept, std::move(*loads), std::move(done));
    }
    self->OfferSwap({std::move(*loads), std::move(source), std::move(done), {}}, timeout);
  };
  if (MayWait()) {
    load();
  } else {
    runtime_.executor.Post(std::move(load));
  }
}

void ManagedWorker::FailLoad(const Status& status, Loads unload, Done done) {
  Afterwards after;
  after.unload = std::move(unload.each);
  after.run.push_back([status, done = std::move(done)] { done(status); });
  {
    std::lock_guard lock(mutex_);
    swapping_ = false;
    if (std::exchange(restart_, false)) after.run.push_back(StartAgain());
    RunDeferred(after);
  }
  after.Do();
}

void ManagedWorker::OfferSwap(Swap swap, Timeout timeout) {
  Afterwards after;
  {
    std::lock_guard lock(mutex_);
    swap_ = std::move(swap);
    const std::uint64_t number = ++swap_count_;
    if (!Any(&Instance::busy)) {
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
    Install(swap.loads);
    source_ = std::move(swap.source);
    if (state_ == State::kFailed) state_ = State::kStopped;
  }
  BeginHeld(after);
  if (std::exchange(restart_, false)) after.run.push_back(StartAgain());
  after.unload = std::move(swap.loads.each);  // the old code, or the new one that came too late
  after.run.push_back([status, done = std::move(swap.done)] { done(status); });
  RunDeferred(after);
}

void ManagedWorker::BeginHeld(Afterwards& after) {
  for (std::size_t i = 0; i < instances_.size(); ++i) {
    Instance& instance = instances_[i];
    if (!instance.held) continue;
    const Message message = std::move(*instance.held);
    instance.held.reset();
    if (Outdated(instance, message)) {
      after.settle_more.push_back({std::move(instance.outcome), Delivery::kDrop, {}});
      continue;
    }
    (void)Begin(instance, message);
    runtime_.executor.Post(
        [self = shared_from_this(), i, call = instance.calls] { self->CallHeld(i, call); });
  }
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

}  // namespace virtufin::inline v0::detail
