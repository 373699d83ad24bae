// Sha1: the hash that UUIDs of version 5 are made with. Not for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace virtufin::inline v0::detail {

/// FIPS 180-4. Add any number of times, then Finish once.
class Sha1 {
 public:
  void Add(const void* bytes, std::size_t size) noexcept;
  std::array<std::uint8_t, 20> Finish() noexcept;

 private:
  static constexpr std::size_t kBlock = 64;
  void Mix(const std::uint8_t* block) noexcept;

  std::uint32_t state_[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::uint64_t size_ = 0;
  std::uint8_t rest_[kBlock];  // what came since the last whole block
};

}  // namespace virtufin::inline v0::detail
