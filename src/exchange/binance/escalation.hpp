// Escalation: how often something drastic may be done about one thing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace virtufin::inline v0::detail {

/// At most once in a cool-down, and so often an hour. Times are monotonic and never go back.
/// [owner]
class Escalation {
 public:
  Escalation(std::int64_t cool_down_ms, std::int64_t per_hour) noexcept
      : cool_down_ns_(cool_down_ms * 1'000'000),
        per_hour_(static_cast<std::size_t>(std::max<std::int64_t>(1, per_hour))) {}

  /// True: it is done now, and counts.
  bool TryTake(std::int64_t now_ns) {
    if (now_ns < NextNs()) return false;
    if (taken_.size() == per_hour_) taken_.pop_front();
    taken_.push_back(now_ns);
    return true;
  }
  /// From when on TryTake is true.
  std::int64_t NextNs() const noexcept {
    if (taken_.empty()) return INT64_MIN;
    const std::int64_t cool = taken_.back() + cool_down_ns_;
    return taken_.size() < per_hour_ ? cool : std::max(cool, taken_.front() + kHourNs);
  }

 private:
  static constexpr std::int64_t kHourNs = 3'600'000'000'000;

  std::int64_t cool_down_ns_;
  std::size_t per_hour_;
  std::deque<std::int64_t> taken_;  // the last ones
};

}  // namespace virtufin::inline v0::detail
