// Checks ASCII 32 bytes at a time, the rest character by character.
#include "net/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace virtufin::inline v0::net {
namespace {

bool Tail(unsigned char c) { return (c & 0xc0) == 0x80; }

/// The length of the character at `p`, 0 when it is none.
std::size_t Character(const unsigned char* p, std::size_t left) {
  const unsigned char c = p[0];
  if (c < 0x80) return 1;
  if (c < 0xc2) return 0;
  if (c < 0xe0) return left >= 2 && Tail(p[1]) ? 2 : 0;
  if (c < 0xf0) {
    if (left < 3 || !Tail(p[1]) || !Tail(p[2])) return 0;
    if (c == 0xe0 && p[1] < 0xa0) return 0;  // overlong
    if (c == 0xed && p[1] > 0x9f) return 0;  // a surrogate
    return 3;
  }
  if (c > 0xf4 || left < 4 || !Tail(p[1]) || !Tail(p[2]) || !Tail(p[3])) return 0;
  if (c == 0xf0 && p[1] < 0x90) return 0;  // overlong
  if (c == 0xf4 && p[1] > 0x8f) return 0;  // above U+10FFFF
  return 4;
}

}  // namespace

bool IsUtf8(std::string_view text) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    while (left >= 32) {
      std::uint64_t words[4];
      std::memcpy(words, p, sizeof(words));
      if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) != 0) break;
      p += 32;
      left -= 32;
    }
    // At most a block by hand: what follows a foreign character is often ASCII again.
    for (int i = 0; i < 32 && left > 0; ++i) {
      const std::size_t length = Character(p, left);
      if (length == 0) return false;
      p += length;
      left -= length;
    }
  }
  return true;
}

std::string_view CutUtf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t size = max_bytes;
  while (size > 0 && Tail(static_cast<unsigned char>(text[size]))) --size;
  return text.substr(0, size);
}

}  // namespace virtufin::inline v0::net
