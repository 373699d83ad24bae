// Powers of ten that fit 64 bits.
#pragma once

#include <array>
#include <cstdint>

namespace virtufin::inline v0::detail {

/// kPowersOfTen[n] is 10^n.
inline constexpr std::array<std::uint64_t, 20> kPowersOfTen = [] {
  std::array<std::uint64_t, 20> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}();
static_assert(kPowersOfTen[19] == 10'000'000'000'000'000'000u);

}  // namespace virtufin::inline v0::detail
