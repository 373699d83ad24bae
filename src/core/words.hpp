// Text as little-endian words: the first byte is the lowest, on every machine. A word of digit
// values is a word of text XOR Each('0').
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace virtufin::inline v0::detail {

inline std::uint64_t Load8(const char* from) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

inline std::uint64_t Load4(const char* from) noexcept {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

inline void Store4(void* to, std::uint32_t word) noexcept {
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  std::memcpy(to, &word, sizeof(word));
}

/// The byte repeated eight times.
constexpr std::uint64_t Each(std::uint8_t byte) noexcept { return byte * 0x0101010101010101u; }

/// Marks the bytes that are no digit value, and perhaps bytes above such a one.
constexpr std::uint64_t NoDigits(std::uint64_t word) noexcept {
  return ((word + Each(0x76)) | word) & Each(0x80);
}

/// The number that eight digit values spell, the first digit in the lowest byte.
constexpr std::uint64_t EightDigits(std::uint64_t word) noexcept {
  constexpr std::uint64_t kEven = 0x000000ff000000ff;
  word = word * 10 + (word >> 8);
  return ((word & kEven) * (100 + (std::uint64_t{1'000'000} << 32)) +
          (word >> 16 & kEven) * (1 + (std::uint64_t{10'000} << 32))) >>
         32;
}

}  // namespace virtufin::inline v0::detail
