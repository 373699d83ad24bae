// Heartbeat: one timer that arms itself again.
#include "workmanager/heartbeat.hpp"

#include <utility>

namespace virtufin::inline v0::detail {

Heartbeat::Heartbeat(Executor& executor, std::chrono::milliseconds interval,
                     std::function<void()> beat)
    : executor_(executor), interval_(interval), beat_(std::move(beat)) {}

void Heartbeat::Start() {
  std::lock_guard lock(mutex_);
  if (started_ || stopped_ || interval_.count() <= 0) return;
  started_ = true;
  Arm();
}

void Heartbeat::Arm() {
  timer_ = executor_.After(interval_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDue();
  });
}

void Heartbeat::OnDue() {
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    beating_ = true;
  }
  try {
    beat_();
  } catch (...) {  // no memory for this one
  }
  std::lock_guard lock(mutex_);
  beating_ = false;
  if (!stopped_) Arm();
  changed_.notify_all();
}

void Heartbeat::Stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  timer_ = {};
  if (CurrentThreadKind() != ThreadKind::kForeign) return;
  changed_.wait(lock, [this] { return !beating_; });
}

}  // namespace virtufin::inline v0::detail
