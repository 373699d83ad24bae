// PlainPrefix: how far a text goes on without a character that JSON or UTF-8 care for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace virtufin::inline v0::detail {

/// Printable ASCII without '"' and '\'.
constexpr bool IsPlain(char c) noexcept {
  return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// The first byte from `at` on that is not plain; `end` when there is none.
inline const char* SkipPlain(const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: control characters and all bytes from 0x80 on are less than a space.
    const __m128i marks =
        _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(marks));
    if (mask != 0) return at + __builtin_ctz(mask);
  }
#else
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    const std::uint64_t control = word - kOnes * 0x20;
    const std::uint64_t quotes = (word ^ (kOnes * '"')) - kOnes;
    const std::uint64_t backslashes = (word ^ (kOnes * '\\')) - kOnes;
    if (((control | quotes | backslashes | word) & (kOnes * 0x80)) != 0) break;
  }
#endif
  while (at < end && IsPlain(*at)) ++at;
  return at;
}

}  // namespace virtufin::inline v0::detail
