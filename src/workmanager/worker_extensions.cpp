// What the loads of a worker are offered: a host each, the call it runs, its timers' way in.
#include <utility>

#include "workmanager/managed_worker.hpp"

namespace virtufin::inline v0::detail {

std::shared_ptr<WorkerHost> ManagedWorker::NewHost(std::size_t number, std::uint32_t load) {
  const WorkManager::Dependencies& needed = setting_->dependencies;
  const auto service = info_.config.find("stateservice");
  std::shared_ptr<WorkerTimers> timers;
  std::shared_ptr<RepeatableVoice> voice;
  {
    std::lock_guard lock(mutex_);
    Instance& instance = instances_[number];
    voice = instance.voice;
    if (!instance.timers) {
      auto deliver = [weak = weak_from_this(), number](const Message& message) {
        const auto self = weak.lock();
        return self ? self->Inject(number, message)
                    : Status(StatusCode::kUnavailable, "workmanager", "the worker is gone");
      };
      instance.timers = std::make_shared<WorkerTimers>(info_.id, instance.voice->name(), runtime_,
                                                       std::move(deliver));
    }
    timers = instance.timers;
  }
  auto current_call = [weak = weak_from_this(), number, load]() -> std::optional<CurrentCall> {
    const auto self = weak.lock();
    return self ? self->CallOf(number, load) : std::nullopt;
  };
  ManagedWorkerHost::Parts parts{info_.id,
                                 service == info_.config.end() ? "workmanager" : service->second,
                                 runtime_,
                                 bus_,
                                 needed.gateway,
                                 needed.state,
                                 std::move(timers),
                                 load,
                                 std::move(current_call),
                                 std::move(voice)};
  return std::make_shared<ManagedWorkerHost>(std::move(parts));
}

std::optional<CurrentCall> ManagedWorker::CallOf(std::size_t number, std::uint32_t load) const {
  std::optional<Message> input;
  std::optional<std::chrono::nanoseconds> left;
  {
    std::lock_guard lock(mutex_);
    const Instance& instance = instances_[number];
    if (!instance.input || instance.load.number != load) return std::nullopt;
    input = instance.input;
    if (setting_->call_timeout.count() > 0) {
      left = setting_->call_timeout - setting_->clock.Since(instance.began);
    }
  }
  if (config_.overlay) {
    if (const auto stamped = input->Stamped(*config_.overlay); stamped.ok()) {
      return CurrentCall{*stamped, left};
    }
  }
  return CurrentCall{input->event(), left};
}

Status ManagedWorker::Inject(std::size_t number, const Message& message) const {
  std::lock_guard lock(mutex_);
  if (state_ != State::kRunning) return Error(StatusCode::kUnavailable, "not running");
  return instances_[number].subscription.Inject(message);
}

void ManagedWorker::AttachTimers() {
  for (const Instance& instance : instances_) instance.timers->Attach(instance.load.number);
}

void ManagedWorker::DetachTimers() {
  for (const Instance& instance : instances_) instance.timers->Attach(0);
}

bool ManagedWorker::Outdated(const Instance& instance, const Message& message) const {
  return WorkerTimers::IsTimer(message) &&
         !instance.timers->Claim(message, instance.load.number, instance.attempt);
}

}  // namespace virtufin::inline v0::detail
