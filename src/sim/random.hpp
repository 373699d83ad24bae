// Random: numbers from a seed that are the same on every platform and library.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::sim {

/// splitmix64. [owner]
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t Next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// From 0 to `limit` - 1; 0 when `limit` is below 1.
  std::int64_t Below(std::int64_t limit) noexcept {
    return limit < 1 ? 0 : static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(limit));
  }
  bool Percent(std::int64_t percent) noexcept { return Below(100) < percent; }

 private:
  std::uint64_t state_;
};

}  // namespace virtufin::inline v0::sim
