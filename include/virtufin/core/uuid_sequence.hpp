// UuidSequence: ids that cost a nanosecond, for what is made a million times a second.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "virtufin/core/uuid.hpp"

namespace virtufin::inline v0 {

/// UUIDs of version 4 that count up in their last 56 bits. From a random start they are as unique
/// as random ones, and no secret. [owner]
class UuidSequence {
 public:
  /// Before `start` + 1: Uuid::V4() for ids that nobody else makes.
  explicit UuidSequence(const Uuid& start = Uuid::V4()) noexcept {
    const auto halves = std::bit_cast<Halves>(start);
    upper_ = halves[0];
    lower_ = Swapped(halves[1]);
  }
  Uuid Next() noexcept {
    lower_ = (lower_ & ~kCounted) | ((lower_ + 1) & kCounted);
    return current();
  }
  /// What Next gave last; before that, the start. [any] for what is const.
  Uuid current() const noexcept { return std::bit_cast<Uuid>(Halves{upper_, Swapped(lower_)}); }

 private:
  using Halves = std::array<std::uint64_t, 2>;
  static constexpr std::uint64_t kCounted = (std::uint64_t{1} << 56) - 1;
  /// Most significant byte first, as the bytes of a UUID are.
  static std::uint64_t Swapped(std::uint64_t half) noexcept {
    return std::endian::native == std::endian::little ? __builtin_bswap64(half) : half;
  }

  // Numbers, not bytes: a byte that was just written holds up the load of the whole id.
  std::uint64_t upper_;  // as it lies in memory
  std::uint64_t lower_;
};

}  // namespace virtufin::inline v0
