// UTF-8: every code point, what breaks RFC 3629, and where text may be cut.
#include "virtufin/core/utf8.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using namespace virtufin;

namespace {

constexpr char32_t kLastPoint = 0x10FFFF;

bool IsSurrogate(char32_t point) { return point >= 0xD800 && point < 0xE000; }

std::string Written(char32_t point) {
  char bytes[4];
  return std::string(bytes, WriteUtf8(point, bytes));
}

std::size_t LengthOf(std::string_view text) {
  return Utf8Length(text.data(), text.data() + text.size());
}

}  // namespace

// Pins CO-15.
TEST_CASE("every code point is written as it is read") {
  std::size_t wrong = 0;
  for (char32_t point = 0; point <= kLastPoint; ++point) {
    if (IsSurrogate(point)) continue;
    const std::string text = Written(point);
    const std::size_t expected = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (text.size() != expected || LengthOf(text) != expected || !IsUtf8(text)) ++wrong;
    if (expected > 1 && LengthOf(text.substr(0, expected - 1)) != 0) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(Written(U'€') == "\xe2\x82\xac");
  CHECK(Written(kLastPoint) == "\xf4\x8f\xbf\xbf");
}

// Pins CO-15.
TEST_CASE("every two bytes, and what follows them, are UTF-8 or not") {
  // A second way to tell, by what a character decodes to.
  const auto is_one = [](std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t size = byte(0) < 0x80         ? 1
                             : byte(0) >> 5 == 0x06 ? 2
                             : byte(0) >> 4 == 0x0E ? 3
                             : byte(0) >> 3 == 0x1E ? 4
                                                    : 0;
    if (size == 0 || size > text.size()) return std::size_t{0};
    if (size == 1) return size;
    char32_t point = byte(0) & (0x7F >> size);
    for (std::size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return std::size_t{0};
      point = point << 6 | (byte(i) & 0x3F);
    }
    if (point > kLastPoint || IsSurrogate(point)) return std::size_t{0};
    return Written(point).size() == size ? size : 0;  // else overlong
  };
  std::size_t wrong = 0;
  for (unsigned bytes = 0; bytes < 0x10000; ++bytes) {
    for (const char* rest : {"", "\x80", "\x80\x80", "\xbf\xbf", "a", "\x80z"}) {
      std::string text{static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
      text += rest;
      if (LengthOf(text) != is_one(text)) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

// Pins CO-15.
TEST_CASE("a bad byte is found wherever it stands") {
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82",
        "\xf0\x9f\x98", "\xc3\x28", "\xff"}) {
    for (std::size_t before = 0; before < 70; ++before) {
      for (const char* between : {"", "\xc3\xa9", "\xf0\x9f\x98\x80"}) {
        const std::string good = std::string(before, 'x') + between;
        CAPTURE(before);
        CHECK(IsUtf8(good));
        CHECK_FALSE(IsUtf8(good + bad));
        CHECK_FALSE(IsUtf8(good + bad + std::string(40, 'y')));
      }
    }
  }
  CHECK(IsUtf8(""));
  CHECK(IsUtf8(std::string_view("a\0b", 3)));
}

// Pins CO-15.
TEST_CASE("text is cut between characters") {
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  const std::size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t most = 0; most < std::size(kept); ++most) {
    CAPTURE(most);
    CHECK(CutUtf8(text, most) == text.substr(0, kept[most]));
  }
  const std::string no_text(20, '\xbf');
  CHECK(CutUtf8(no_text, 10) == no_text.substr(0, 10));
}
