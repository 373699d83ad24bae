// Backoff: how long to wait before the next attempt, for whatever connects or fetches again.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <algorithm>
#include <cstdint>

namespace virtufin::inline v0 {

/// Values outside their range are taken as the nearest one inside it.
struct BackoffOptions {
  std::int64_t first_ms = 1000;  // of the first delay; at least 1
  std::int64_t max_ms = 30'000;  // no delay is longer; at least 1
  double jitter = 0.2;           // the share of a delay that chance may take off; 0 to 1
};

/// Delays that double from first_ms up to max_ms, each shortened by chance, so that many who failed
/// together do not come back together. The same seed gives the same delays, on every machine.
/// [owner] [callback]
class Backoff {
 public:
  Backoff(const BackoffOptions& options, std::uint64_t seed) noexcept
      : max_ms_(std::max<std::int64_t>(1, options.max_ms)),
        first_ms_(std::clamp<std::int64_t>(options.first_ms, 1, max_ms_)),
        jitter_(options.jitter > 0 ? std::min(options.jitter, 1.0) : 0),  // NaN is 0
        next_ms_(first_ms_),
        random_(seed) {}

  /// The delay before the next attempt in ms: from (1 - jitter) of the doubled delay to all of it.
  std::int64_t NextMs() noexcept {
    const std::int64_t delay = next_ms_;
    next_ms_ = delay <= max_ms_ / 2 ? delay * 2 : max_ms_;
    // A double above 2^63 would not fit back; a delay of 2^62 ms and one of 2^63 ms are for ever.
    const double most = static_cast<double>(std::min(delay, std::int64_t{1} << 62)) * jitter_;
    const auto span = static_cast<std::uint64_t>(most) + 1;
    return delay - static_cast<std::int64_t>(Random() % span);
  }
  /// The next delay is the first one again: after a connection that held.
  void Reset() noexcept { next_ms_ = first_ms_; }

 private:
  // SplitMix64: short, and its every seed is a good one.
  std::uint64_t Random() noexcept {
    std::uint64_t mixed = random_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
  }

  std::int64_t max_ms_;
  std::int64_t first_ms_;
  double jitter_;
  std::int64_t next_ms_;
  std::uint64_t random_;
};

}  // namespace virtufin::inline v0
