// CallClock: how long calls take, in a few nanoseconds, counted in buckets.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "virtufin/workmanager/metrics.hpp"

namespace virtufin::inline v0::detail {

/// Reads the counter of the processor where it runs at one speed, which takes a third of the time
/// of steady_clock; else steady_clock. Two threads may be a little apart: no duration is negative.
class CallClock {
 public:
  /// Compares the counter with steady_clock, for some 20 us.
  CallClock();

  std::uint64_t Now() const noexcept;  // in ticks [any]
  std::chrono::nanoseconds Since(std::uint64_t began) const noexcept {
    const std::uint64_t now = Now();
    const auto ticks = static_cast<double>(now > began ? now - began : 0);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks * seconds_per_tick_ * 1e9));
  }
  /// Counts a call that took from `began` to `ended`.
  void Count(std::uint64_t began, std::uint64_t ended, CallDurations& durations) const noexcept {
    const std::uint64_t ticks = ended > began ? ended - began : 0;
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && ticks > bounds_[bucket]) ++bucket;
    ++durations.counts[bucket];
    durations.seconds += static_cast<double>(ticks) * seconds_per_tick_;
  }

 private:
  bool counter_ = false;  // the processor's is used
  double seconds_per_tick_ = 1e-9;
  std::array<std::uint64_t, CallDurations::kUpperSeconds.size()> bounds_{};  // in ticks
};

}  // namespace virtufin::inline v0::detail
