// Decimal: text in.
#include <limits>

#include "core/parse_error.hpp"
#include "core/powers.hpp"
#include "virtufin/core/decimal.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::kPowersOfTen;

constexpr int kFarExponent = 10'000;  // more is the same: no number with it fits

/// The digits of a number without zeros at its end, and how many digits there were.
struct Digits {
  std::uint64_t significand = 0;
  std::size_t end_zeros = 0;  // dropped from the end of the significand
  std::size_t whole = 0;      // digits before the point
  std::size_t fraction = 0;   // digits after it
  bool overflow = false;      // the significand needs more than 64 bits

  void Add(unsigned digit) noexcept {
    if (digit == 0) {
      ++end_zeros;
      return;
    }
    if (significand != 0 || overflow) Multiply(end_zeros + 1);
    end_zeros = 0;
    overflow |= __builtin_add_overflow(significand, digit, &significand);
  }

  void Multiply(std::size_t power) noexcept {
    overflow |= power >= kPowersOfTen.size() ||
                __builtin_mul_overflow(significand, kPowersOfTen[power], &significand);
  }
};

/// The signed coefficient, when it fits.
bool ToCoefficient(std::uint64_t magnitude, bool negative, std::int64_t& out) noexcept {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (magnitude > kMax + (negative ? 1 : 0)) return false;
  out = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

}  // namespace

/// Reads one text from left to right and remembers the first thing that is wrong.
class Decimal::Parser {
 public:
  explicit Parser(std::string_view text) noexcept : text_(text) {}

  bool RunPlain(Decimal& out) noexcept {
    if (!Mantissa()) return false;
    if (at_ != text_.size()) {
      return Fail(digits_.fraction == 0 ? "a digit, '.' or the end" : "a digit or the end");
    }
    return text_.size() <= kMaxTextBytes && MakePlain(out);
  }

  bool RunScientific(Decimal& out) noexcept {
    if (!Mantissa()) return false;
    int exponent = 0;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E') && !Exponent(exponent)) {
      return false;
    }
    if (at_ != text_.size()) return Fail("a digit, an exponent or the end");
    return MakeCanonical(exponent, out);
  }

  /// After a Run that failed.
  Status Error() const {
    if (error_.expected != nullptr) return detail::ParseFailure("decimal", text_, error_);
    std::string message = "decimal " + detail::Quoted(text_);
    message.append(": expected at most 18 fraction digits, a coefficient of 64 bits and 40 bytes");
    return Status(StatusCode::kOutOfRange, "core", std::move(message));
  }

 private:
  bool Fail(const char* expected) noexcept {
    error_ = {at_, expected};
    return false;
  }

  unsigned Digit() const noexcept {
    return at_ < text_.size() ? static_cast<unsigned>(text_[at_]) - '0' : 10u;
  }

  std::size_t Run() noexcept {
    const std::size_t first = at_;
    for (unsigned digit = Digit(); digit <= 9; digit = Digit()) {
      digits_.Add(digit);
      ++at_;
    }
    return at_ - first;
  }

  bool Mantissa() noexcept {
    negative_ = !text_.empty() && text_[0] == '-';
    at_ = negative_ ? 1 : 0;
    while (at_ < text_.size() && text_[at_] == '0') ++at_;
    leading_ = at_ - (negative_ ? 1 : 0);
    digits_.whole = leading_ + Run();
    if (digits_.whole == 0) return Fail(negative_ ? "a digit" : "'-' or a digit");
    if (leading_ == digits_.whole) --leading_;  // the 0 of 0.5 is its whole part
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      digits_.fraction = Run();
      if (digits_.fraction == 0) return Fail("a digit");
    }
    return true;
  }

  bool Exponent(int& exponent) noexcept {
    ++at_;
    const bool signed_ = at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+');
    const bool negative = signed_ && text_[at_] == '-';
    if (signed_) ++at_;
    if (Digit() > 9) return Fail(signed_ ? "a digit" : "'+', '-' or a digit");
    for (unsigned digit = Digit(); digit <= 9; digit = Digit()) {
      if (exponent < kFarExponent) exponent = exponent * 10 + static_cast<int>(digit);
      ++at_;
    }
    if (negative) exponent = -exponent;
    return true;
  }

  bool MakePlain(Decimal& out) noexcept {
    std::size_t trailing = digits_.fraction;
    std::size_t scale = 0;
    if (digits_.significand != 0) {
      if (digits_.end_zeros < digits_.fraction) trailing = digits_.end_zeros;
      scale = digits_.fraction - trailing;
      digits_.Multiply(digits_.end_zeros - trailing);
    }
    std::int64_t coefficient = 0;
    if (digits_.overflow || scale > kMaxScale ||
        !ToCoefficient(digits_.significand, negative_, coefficient)) {
      return false;
    }
    out =
        Decimal(coefficient, static_cast<std::uint8_t>(scale), static_cast<std::uint8_t>(trailing),
                static_cast<std::uint8_t>(leading_), negative_ && coefficient == 0);
    return true;
  }

  bool MakeCanonical(int exponent, Decimal& out) noexcept {
    if (digits_.significand == 0 && !digits_.overflow) {
      out = Decimal();
      return true;
    }
    const std::int64_t power = static_cast<std::int64_t>(digits_.end_zeros) -
                               static_cast<std::int64_t>(digits_.fraction) + exponent;
    if (power < -kMaxScale) return false;
    if (power > 0) digits_.Multiply(static_cast<std::size_t>(power));
    std::int64_t coefficient = 0;
    if (digits_.overflow || !ToCoefficient(digits_.significand, negative_, coefficient)) {
      return false;
    }
    out = Decimal(coefficient, static_cast<std::uint8_t>(power < 0 ? -power : 0), 0, 0, false);
    return true;
  }

  std::string_view text_;
  detail::ParseError error_;
  std::size_t at_ = 0;
  std::size_t leading_ = 0;
  Digits digits_;
  bool negative_ = false;
};

bool Decimal::TryParse(std::string_view text, Decimal& out) noexcept {
  return Parser(text).RunPlain(out);
}

Result<Decimal> Decimal::Parse(std::string_view text) {
  Decimal number;
  if (TryParse(text, number)) return number;
  Parser parser(text);
  if (parser.RunPlain(number)) return number;
  return parser.Error();
}

Result<Decimal> Decimal::ParseScientific(std::string_view text) {
  Parser parser(text);
  Decimal number;
  if (parser.RunScientific(number)) return number;
  return parser.Error();
}

}  // namespace virtufin::inline v0
