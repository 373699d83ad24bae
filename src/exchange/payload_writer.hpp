// Writes JSON text without asking for room: every payload reserves the most it can need.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "virtufin/core/decimal.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/exchange/order_book.hpp"

namespace virtufin::inline v0::detail {

/// Room that one of each takes at most.
inline constexpr std::size_t kNumberBytes = 20;
inline constexpr std::size_t kLevelBytes = 2 * Decimal::kMaxTextBytes + 8;
inline constexpr std::size_t kNameBytes = 256;  // more than all names and signs of one payload

inline constexpr std::array<char, 200> kDigitPairs = [] {  // "00" to "99"
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

class PayloadWriter {
 public:
  explicit PayloadWriter(char* at) noexcept : at_(at) {}
  char* at() const noexcept { return at_; }

  template <std::size_t N>
  PayloadWriter& Name(const char (&text)[N]) noexcept {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
    return *this;
  }
  PayloadWriter& Text(std::string_view text) noexcept {
    // Prices and quantities have 8 to 16 bytes as a rule: two words that may overlap.
    if (text.size() >= 8 && text.size() <= 16) {
      std::memcpy(at_, text.data(), 8);
      std::memcpy(at_ + text.size() - 8, text.data() + text.size() - 8, 8);
    } else if (!text.empty()) {
      std::memcpy(at_, text.data(), text.size());
    }
    at_ += text.size();
    return *this;
  }
  PayloadWriter& Number(std::int64_t number) noexcept {
    // Ids have nine to twelve digits: the last eight in pairs, without looking how many there are.
    constexpr std::int64_t kEight = 100'000'000;
    if (number < kEight) {
      at_ = std::to_chars(at_, at_ + kNumberBytes, number).ptr;
      return *this;
    }
    const std::int64_t high = number / kEight;
    auto low = static_cast<std::uint32_t>(number % kEight);
    if (high < 10) {
      *at_++ = static_cast<char>('0' + high);
    } else {
      at_ = std::to_chars(at_, at_ + kNumberBytes, high).ptr;
    }
    for (int pair = 3; pair >= 0; --pair, low /= 100) {
      std::memcpy(at_ + 2 * pair, kDigitPairs.data() + 2 * (low % 100), 2);
    }
    at_ += 8;
    return *this;
  }
  PayloadWriter& Time(const Timestamp& time) noexcept {
    at_ += time.Format(at_);
    return *this;
  }
  template <class Levels>
  PayloadWriter& Array(const Levels& levels) noexcept {
    Name("[");
    bool first = true;
    for (const Level& level : levels) {
      if (!first) Name(",");
      first = false;
      Name("[\"");
      at_ += level.price.Format(at_);
      Name("\",\"");
      at_ += level.quantity.Format(at_);
      Name("\"]");
    }
    return Name("]");
  }
  /// Text that is not known to be plain, escaped: at most JsonBytes. `text` is UTF-8.
  PayloadWriter& Json(std::string_view text) noexcept {
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20) {
        Name("\\u00");
        *at_++ = kHex[static_cast<unsigned char>(c) >> 4];
        *at_++ = kHex[c & 15];
        continue;
      }
      if (c == '"' || c == '\\') *at_++ = '\\';
      *at_++ = c;
    }
    return *this;
  }
  static std::size_t JsonBytes(std::string_view text) noexcept { return 6 * text.size(); }
  /// Reasons may quote what a venue sent: whatever is not plain text is shown as '?'.
  PayloadWriter& Reason(std::string_view reason) noexcept {
    for (const char c : reason) {
      if (c == '"' || c == '\\') *at_++ = '\\';
      *at_++ = c >= ' ' && c < 0x7f ? c : '?';
    }
    return *this;
  }

 private:
  char* at_;
};

}  // namespace virtufin::inline v0::detail
