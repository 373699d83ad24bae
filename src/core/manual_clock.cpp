// A clock that stands still until it is moved, and runs the timers it passes.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {

struct ManualClock::Impl {
  using Sinks = std::vector<std::shared_ptr<TimerSink>>;

  explicit Impl(Timestamp at) : start(at) {}

  // Sinks whose executor still lives, in order of attachment.
  Sinks Alive() {
    Sinks alive;
    const std::lock_guard lock(mutex);
    std::erase_if(sinks, [&alive](const std::weak_ptr<TimerSink>& sink) {
      if (auto held = sink.lock()) alive.push_back(std::move(held));
      return sink.expired();
    });
    return alive;
  }

  const Timestamp start;
  std::atomic<std::int64_t> passed_ns{0};
  std::mutex mutex;
  std::vector<std::weak_ptr<TimerSink>> sinks;  // guarded by mutex
};

namespace {

using Sinks = std::vector<std::shared_ptr<Clock::TimerSink>>;

// The earliest timer's time and its sink; max() and null without one.
std::pair<MonotonicTime, std::shared_ptr<Clock::TimerSink>> Earliest(const Sinks& sinks) {
  std::pair<MonotonicTime, std::shared_ptr<Clock::TimerSink>> earliest(MonotonicTime::max(),
                                                                       nullptr);
  for (const auto& sink : sinks) {
    const MonotonicTime due = sink->EarliestTimer();
    if (due < earliest.first) earliest = {due, sink};
  }
  return earliest;
}

}  // namespace

ManualClock::ManualClock(Timestamp start) : impl_(std::make_unique<Impl>(start)) {}
ManualClock::~ManualClock() = default;

Timestamp ManualClock::Now() const noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t passed = impl_->passed_ns.load(std::memory_order_acquire);
  std::int64_t seconds = impl_->start.unix_seconds() + passed / kSecond;
  std::int64_t nanoseconds = impl_->start.nanoseconds() + passed % kSecond;
  if (nanoseconds >= kSecond) {
    seconds += 1;
    nanoseconds -= kSecond;
  }
  const auto now = Timestamp::FromUnix(seconds, static_cast<std::int32_t>(nanoseconds));
  return now.ok() ? *now : Timestamp::FromUnixMillis(std::numeric_limits<std::int64_t>::max());
}

MonotonicTime ManualClock::Monotonic() const noexcept {
  return MonotonicTime(std::chrono::nanoseconds(impl_->passed_ns.load(std::memory_order_acquire)));
}

bool ManualClock::DrivesTimers(std::weak_ptr<TimerSink> sink) {
  const std::lock_guard lock(impl_->mutex);
  impl_->sinks.push_back(std::move(sink));
  return true;
}

void ManualClock::Advance(std::chrono::nanoseconds by) {
  const auto move_to = [this](MonotonicTime time) {
    const std::int64_t ns = time.time_since_epoch().count();
    // An Advance inside a timer task may have gone further.
    if (ns > impl_->passed_ns.load(std::memory_order_relaxed)) {
      impl_->passed_ns.store(ns, std::memory_order_release);
    }
  };
  const MonotonicTime now = Monotonic();
  const auto room = MonotonicTime::max() - now - std::chrono::nanoseconds(1);
  const MonotonicTime target = now + std::clamp(by, std::chrono::nanoseconds(0), room);
  for (;;) {
    Impl::Sinks sinks = impl_->Alive();
    for (const auto& sink : sinks) sink->Settle();
    const auto [due, next] = Earliest(sinks);
    if (next == nullptr || due > target) break;
    move_to(due);
    next->RunTimer(due);
  }
  move_to(target);
}

MonotonicTime ManualClock::NextTimer() const { return Earliest(impl_->Alive()).first; }

}  // namespace virtufin::inline v0
