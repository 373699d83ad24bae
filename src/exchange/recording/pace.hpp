// Plays something item by item at a multiple of its recorded pace.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace virtufin::inline v0::detail {

/// `next_offset_ns()` is an optional time since the first item, nothing at the end; `next()` plays
/// one. Sleeps on the calling thread; a request to stop wakes it.
template <class NextOffset, class Next>
void PlayAtPace(double speed, std::stop_token stop, NextOffset next_offset_ns, Next next) {
  constexpr double kLongestNs = 1e18;  // a pace of nearly nothing: a sum of times stays in range
  const auto start = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    const auto offset = next_offset_ns();
    if (!offset) return;
    if (speed > 0) {
      const double after = std::min(static_cast<double>(*offset) / speed, kLongestNs);
      const auto due = start + std::chrono::nanoseconds(static_cast<std::int64_t>(after));
      std::unique_lock lock(mutex);
      wake.wait_until(lock, stop, due, [] { return false; });
      if (stop.stop_requested()) return;
    }
    next();
  }
}

}  // namespace virtufin::inline v0::detail
