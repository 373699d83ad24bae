// PayloadReader: reads one JSON object member by member and says what is wrong with it.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "event/plain_scan.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// Every function that returns bool says whether it went well; after a false nothing more may be
/// read. What comes as expected is read in line, all else by JsonScan.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view json) noexcept
      : begin_(json.data()), at_(json.data()), end_(json.data() + json.size()) {}

  const char* at() const noexcept { return at_; }
  /// A member follows.
  bool more() const noexcept { return more_; }

  /// '{' and what follows it up to the first member.
  bool Open() noexcept {
    SkipSpace();
    if (!Take('{')) return false;
    SkipSpace();
    more_ = !Take('}');
    return true;
  }
  /// Behind a member: up to the next one, or the end of the object.
  bool Next() noexcept {
    SkipSpace();
    if (Take(',')) {
      SkipSpace();
      return true;
    }
    more_ = false;
    return Take('}') || Broken("expected ',' or '}'");
  }
  /// Nothing but white space follows the object.
  bool End() noexcept {
    SkipSpace();
    return at_ == end_ || Broken("expected the end of the text");
  }

  /// Takes these very bytes, when they stand here.
  template <std::size_t N>
  bool TakeBytes(const char* bytes) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < N || std::memcmp(at_, bytes, N) != 0) return false;
    at_ += N;
    return true;
  }
  bool Take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  /// "name" and ':', and what follows them up to the value. `name` is borrowed until the next text.
  bool ReadName(std::string_view& name);
  /// The text of a string; false when something else stands here. Borrowed until the next text.
  bool ReadText(std::string_view& text) {
    if (at_ == end_ || *at_ != '"') return false;
    const char* const start = at_ + 1;
    const char* const end = SkipPlain(start, end_);
    if (end == end_ || *end != '"') return ReadOddText(text);
    text = {start, static_cast<std::size_t>(end - start)};
    at_ = end + 1;
    return true;
  }
  /// Without fraction and exponent.
  template <class Integer>
  bool ReadInteger(Integer& out) noexcept {
    const auto [end, error] = std::from_chars(at_, end_, out);
    if (error != std::errc()) return false;
    const char* const digits = at_ + (*at_ == '-' ? 1 : 0);
    if (*digits == '0' && end - digits > 1) return false;
    if (end != end_ && (*end == '.' || *end == 'e' || *end == 'E')) return false;
    at_ = end;
    return true;
  }
  bool SkipValue() noexcept;

  // What went wrong; the first word counts.

  /// The value at `start` is no `expected`. `member` is empty for the object itself; `item` names
  /// one inside the member: "[3]", ".BTCUSDT".
  bool Wrong(std::string_view member, std::string_view expected, const char* start,
             std::string item = {});
  /// The same inside a value whose member is not known yet.
  bool WrongItem(std::string item, std::string_view expected, const char* start) {
    return Wrong({}, expected, start, std::move(item));
  }
  bool Twice(std::string_view member, std::string item = {});
  /// A member's name as an item: ".BTCUSDT".
  static std::string ItemName(std::string_view name);
  /// The place of an item: "[3]".
  static std::string ItemIndex(std::size_t index);
  bool Missing(std::string_view member, std::string_view expected);
  /// The text is no JSON from here on.
  bool Broken(const char* what) noexcept;
  /// The error of a read that failed.
  Status Error(std::string_view payload) const;

 private:
  enum class Fault : std::uint8_t { kNone, kWrong, kTwice, kMissing, kBroken };

  bool ReadOddText(std::string_view& text);
  Status BrokenError(std::string_view payload, const char* what, const char* at) const;

  const char* begin_;
  const char* at_;
  const char* end_;
  bool more_ = false;
  Fault fault_ = Fault::kNone;
  std::string_view member_, expected_;
  std::string item_;
  const char* wrong_at_ = nullptr;
  const char* broken_what_ = nullptr;
  std::string text_;  // of a string with escapes
};

/// Known to Error: a number that Decimal cannot hold is another error than no number.
inline constexpr std::string_view kDecimalExpected = "a decimal in a string";

}  // namespace virtufin::inline v0::detail
