// CallClock: how long calls take, in a few nanoseconds, counted in buckets.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "virtufin/workmanager/metrics.hpp"

namespace virtufin::inline v0::detail {

/// Calls counted by how long they took: as CallDurations, in ticks.
struct CallTally {
  std::array<std::uint64_t, CallDurations::kUpperSeconds.size() + 1> counts = {};
  std::uint64_t ticks = 0;
};

/// Reads the counter of the processor where it runs at one speed, which takes a third of the time
/// of steady_clock; else steady_clock. Two threads may be a little apart: no duration is negative.
class CallClock {
 public:
  /// Compares the counter with steady_clock, for some 20 us.
  CallClock();

  std::uint64_t Now() const noexcept { return counter_ ? Counter() : SteadyNow(); }  // ticks [any]
  /// Counts a call that took from `began` to `ended`.
  void Count(std::uint64_t began, std::uint64_t ended, CallTally& tally) const noexcept {
    const std::uint64_t ticks = ended > began ? ended - began : 0;
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && ticks > bounds_[bucket]) ++bucket;
    ++tally.counts[bucket];
    tally.ticks += ticks;
  }
  /// How long ago that was. [any]
  std::chrono::nanoseconds Since(std::uint64_t began) const noexcept {
    const std::uint64_t now = Now();
    const std::uint64_t ticks = now > began ? now - began : 0;
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(ticks) * seconds_per_tick_ * 1e9));
  }
  CallDurations Durations(const CallTally& tally) const noexcept {
    return {tally.counts, static_cast<double>(tally.ticks) * seconds_per_tick_};
  }

 private:
  static std::uint64_t SteadyNow() noexcept;
  static std::uint64_t Counter() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t ticks = 0;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return SteadyNow();
#endif
  }
  /// The processor says that its counter runs at one speed, whatever it does.
  static bool HasCounter() noexcept;
  /// Seconds a tick; 0 when the counter does not count.
  static double Compare() noexcept;

  bool counter_ = false;  // the processor's is used
  double seconds_per_tick_ = 1e-9;
  std::array<std::uint64_t, CallDurations::kUpperSeconds.size()> bounds_{};  // in ticks
};

}  // namespace virtufin::inline v0::detail
