// JsonScan: reads JSON text from front to back and checks every byte on the way.
//
// RFC 8259 with valid UTF-8 and no lone surrogates. Why by hand: docs/decisions/0004.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "event/plain_scan.hpp"
#include "event/text.hpp"
#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {

/// Every function that returns bool says whether it went well; after a false, fault() says what was
/// expected where, and nothing more may be read.
class JsonScan {
 public:
  explicit JsonScan(std::string_view json) noexcept
      : begin_(json.data()), at_(json.data()), end_(json.data() + json.size()) {}

  /// The inside of a string as written.
  struct String {
    std::string_view raw;
    bool escapes = false;
    bool plain = true;  // no escapes, and printable ASCII
  };

  const char* at() const noexcept { return at_; }
  JsonFault fault() const noexcept { return {what_, static_cast<std::size_t>(at_ - begin_)}; }

  bool Fail(const char* what) noexcept {
    if (what_ == nullptr) what_ = at_ == end_ ? "the text ends too early" : what;
    return false;
  }

  void SkipSpace() noexcept {
    while (at_ < end_ && IsSpace(*at_)) ++at_;
  }
  bool At(char c) const noexcept { return at_ < end_ && *at_ == c; }
  bool AtEnd() const noexcept { return at_ == end_; }
  /// The next byte, 0 at the end.
  char Peek() const noexcept { return at_ < end_ ? *at_ : '\0'; }
  bool Take(char c, const char* expected) noexcept {
    if (!At(c)) return Fail(expected);
    ++at_;
    return true;
  }

  /// Precondition: At('"').
  bool ReadString(String& out) noexcept {
    const char* const start = ++at_;
    at_ = SkipPlain(at_, end_);
    out = {};
    if (!At('"') && !ReadRest(out)) return false;
    out.raw = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }
  /// "name" and ':'.
  bool ReadName(String& out) noexcept {
    if (!At('"')) return Fail("expected a member name");
    if (!ReadString(out)) return false;
    SkipSpace();
    return Take(':', "expected ':'");
  }
  bool ReadWord(std::string_view word) noexcept {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) !=
        word) {
      return Fail("expected true, false or null");
    }
    at_ += word.size();
    return true;
  }
  bool ReadNumber() noexcept;
  /// One value with all it contains, one level less deep than kMaxJsonDepth: it stands inside an
  /// envelope.
  bool ReadValue() noexcept;
  /// The same for `data` of an envelope that is known to be valid; reads less. `last`: the text
  /// ends with the envelope.
  bool SkipValidData(bool last) noexcept;

 private:
  static constexpr bool IsSpace(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
  }
  bool SkipLastContainer() noexcept;
  bool ReadRest(String& out) noexcept;
  bool ReadEscape() noexcept;
  bool ReadHex(unsigned& unit) noexcept;
  bool ReadScalar() noexcept;
  bool ReadDigits() noexcept {
    const char* const start = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > start;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* what_ = nullptr;
};

/// Writes what the inside of a valid JSON string stands for, at most raw.size() bytes; returns the
/// end.
char* Unescape(std::string_view raw, char* out) noexcept;

}  // namespace virtufin::inline v0::detail
