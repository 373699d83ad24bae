// UTF-8: ASCII is passed 32 and 8 bytes at a time, the rest character by character.
#include "virtufin/core/utf8.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace virtufin::inline v0 {

namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080u;

bool IsContinuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The first byte from `at` on that is not ASCII; `end` when there is none.
const char* SkipAscii(const char* at, const char* end) noexcept {
  for (; end - at >= 32; at += 32) {
    std::uint64_t words[4];
    std::memcpy(words, at, sizeof(words));
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
  }
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    word &= kHighBits;
    if (word == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return at + std::countr_zero(word) / 8;
    }
    break;
  }
  while (at < end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return at;
}

}  // namespace

std::size_t Utf8Length(const char* at, const char* end) noexcept {
  const auto lead = static_cast<unsigned char>(*at);
  const auto left = static_cast<std::size_t>(end - at);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || left < 2 || !IsContinuation(at[1])) return 0;
  if (lead < 0xE0) return 2;
  const auto second = static_cast<unsigned char>(at[1]);
  if (left < 3 || !IsContinuation(at[2])) return 0;
  if (lead < 0xF0) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (left < 4 || !IsContinuation(at[3]) || lead > 0xF4) return 0;
  const bool overlong = lead == 0xF0 && second < 0x90;
  const bool too_large = lead == 0xF4 && second >= 0x90;
  return overlong || too_large ? 0 : 4;
}

bool IsUtf8(std::string_view text) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    at = SkipAscii(at, end);
    while (at < end && static_cast<unsigned char>(*at) >= 0x80) {
      const std::size_t size = Utf8Length(at, end);
      if (size == 0) return false;
      at += size;
    }
  }
  return true;
}

std::string_view CutUtf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t size = max_bytes;
  // At most three bytes of a character follow its first one; a longer run is no UTF-8.
  for (int i = 0; i < 3 && size > 0 && IsContinuation(text[size]); ++i) --size;
  return text.substr(0, IsContinuation(text[size]) ? max_bytes : size);
}

char* WriteUtf8(char32_t point, char* out) noexcept {
  const auto put = [&out](char32_t byte) { *out++ = static_cast<char>(byte); };
  const auto put_tail = [&](int shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    put(point);
    return out;
  }
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put_tail(12);
    }
    put_tail(6);
  }
  put_tail(0);
  return out;
}

}  // namespace virtufin::inline v0
