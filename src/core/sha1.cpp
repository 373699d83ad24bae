// Sha1 by the book: 80 rounds over a window of 16 words.
#include "core/sha1.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace virtufin::inline v0::detail {
namespace {

std::uint32_t LoadBigEndian(const std::uint8_t* from) noexcept {
  return std::uint32_t{from[0]} << 24 | std::uint32_t{from[1]} << 16 | std::uint32_t{from[2]} << 8 |
         from[3];
}

}  // namespace

void Sha1::Add(const void* bytes, std::size_t size) noexcept {
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  std::size_t used = size_ % kBlock;
  size_ += size;
  while (size > 0) {
    if (used == 0 && size >= kBlock) {
      Mix(from);
      from += kBlock;
      size -= kBlock;
      continue;
    }
    const std::size_t taken = std::min(size, kBlock - used);
    std::memcpy(rest_ + used, from, taken);
    from += taken;
    size -= taken;
    used += taken;
    if (used < kBlock) return;
    Mix(rest_);
    used = 0;
  }
}

std::array<std::uint8_t, 20> Sha1::Finish() noexcept {
  const std::uint64_t bits = size_ * 8;
  constexpr std::uint8_t kEnd = 0x80;
  constexpr std::uint8_t kZeros[kBlock] = {};
  Add(&kEnd, 1);
  Add(kZeros, (kBlock + 56 - size_ % kBlock) % kBlock);
  std::uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  Add(length, sizeof(length));
  std::array<std::uint8_t, 20> digest;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

void Sha1::Mix(const std::uint8_t* block) noexcept {
  std::uint32_t window[16];
  for (int i = 0; i < 16; ++i) window[i] = LoadBigEndian(block + 4 * i);
  auto [a, b, c, d, e] = state_;
  for (int round = 0; round < 80; ++round) {
    std::uint32_t& word = window[round & 15];
    if (round >= 16) {
      word = std::rotl(
          window[(round + 13) & 15] ^ window[(round + 8) & 15] ^ window[(round + 2) & 15] ^ word,
          1);
    }
    std::uint32_t mixed;
    if (round < 20) {
      mixed = ((b & c) | (~b & d)) + 0x5a827999;
    } else if (round < 40) {
      mixed = (b ^ c ^ d) + 0x6ed9eba1;
    } else if (round < 60) {
      mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    } else {
      mixed = (b ^ c ^ d) + 0xca62c1d6;
    }
    mixed += std::rotl(a, 5) + e + word;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = mixed;
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
  state_[4] += e;
}

}  // namespace virtufin::inline v0::detail
