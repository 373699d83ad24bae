// PayloadText: writes JSON text without asking for room; whoever writes has reserved the most it
// can need.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace virtufin::inline v0::detail {

class PayloadText {
 public:
  explicit PayloadText(char* at) noexcept : at_(at) {}
  char* at() const noexcept { return at_; }

  template <std::size_t N>
  void Bytes(const char* bytes) noexcept {
    std::memcpy(at_, bytes, N);
    at_ += N;
  }
  void Char(char c) noexcept { *at_++ = c; }
  void Plain(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  /// The text of something with Format(char*).
  template <class T>
  void Format(const T& value) noexcept {
    at_ += value.Format(at_);
  }
  template <class T>
  void Quoted(const T& value) noexcept {
    Char('"');
    Format(value);
    Char('"');
  }
  /// Ends a list whose items all wrote a comma behind them.
  void CloseList(bool items, char end) noexcept {
    if (items) --at_;
    Char(end);
  }
  static constexpr std::size_t kIntegerBytes = 20;
  template <class Integer>
  void Number(Integer number) noexcept {
    at_ = std::to_chars(at_, at_ + kIntegerBytes, number).ptr;
  }

  /// Quotes included.
  static std::size_t StringBytes(std::string_view text) noexcept { return 6 * text.size() + 2; }
  /// A JSON string; bytes that are no UTF-8 become U+FFFD.
  void String(std::string_view text) noexcept;

 private:
  char* at_;
};

}  // namespace virtufin::inline v0::detail
