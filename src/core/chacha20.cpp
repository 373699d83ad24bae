// ChaCha20, the four blocks side by side in vectors.
#include "core/chacha20.hpp"

#include <cstring>

namespace virtufin::inline v0::detail {
namespace {

using Lanes [[gnu::vector_size(16)]] = std::uint32_t;

constexpr Lanes kBlockNumbers = {0, 1, 2, 3};

constexpr Lanes Spread(std::uint32_t word) noexcept { return Lanes{word, word, word, word}; }

template <int bits>
[[gnu::always_inline]] inline void AddXorRotate(Lanes& a, const Lanes& b, Lanes& c) noexcept {
  a += b;
  c ^= a;
  c = c << bits | c >> (32 - bits);
}

[[gnu::always_inline]] inline void QuarterRound(Lanes& a, Lanes& b, Lanes& c, Lanes& d) noexcept {
  AddXorRotate<16>(a, b, d);
  AddXorRotate<12>(c, d, b);
  AddXorRotate<8>(a, b, d);
  AddXorRotate<7>(c, d, b);
}

}  // namespace

void ChaCha20FourBlocks(const std::uint32_t (&key)[8], std::uint32_t (&out)[64]) noexcept {
  Lanes start[16] = {Spread(0x61707865), Spread(0x3320646e), Spread(0x79622d32),
                     Spread(0x6b206574)};  // "expand 32-byte k"
  for (int i = 0; i < 8; ++i) start[4 + i] = Spread(key[i]);
  start[12] = kBlockNumbers;

  Lanes x[16];
  std::memcpy(x, start, sizeof(x));
  for (int round = 0; round < 20; round += 2) {
    QuarterRound(x[0], x[4], x[8], x[12]);
    QuarterRound(x[1], x[5], x[9], x[13]);
    QuarterRound(x[2], x[6], x[10], x[14]);
    QuarterRound(x[3], x[7], x[11], x[15]);
    QuarterRound(x[0], x[5], x[10], x[15]);
    QuarterRound(x[1], x[6], x[11], x[12]);
    QuarterRound(x[2], x[7], x[8], x[13]);
    QuarterRound(x[3], x[4], x[9], x[14]);
  }
  for (int i = 0; i < 16; ++i) x[i] += start[i];
  std::memcpy(out, x, sizeof(x));
}

}  // namespace virtufin::inline v0::detail
