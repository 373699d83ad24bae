// Decimal: text in. Short texts are read eight bytes at a time, others byte by byte.
#include <array>
#include <bit>
#include <limits>

#include "core/parse_error.hpp"
#include "core/powers.hpp"
#include "core/words.hpp"
#include "virtufin/core/decimal.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::Each;
using detail::EightDigits;
using detail::kPowersOfTen;
using detail::Load4;
using detail::Load8;
using detail::NoDigits;

/// 1 to 7 bytes in the lowest bytes of a word; what is above is undefined.
std::uint64_t LoadFew(const char* text, std::size_t size) noexcept {
  if (size >= 4) return Load4(text) | Load4(text + size - 4) << (8 * (size - 4));
  const auto byte = [text](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

/// Marks the bytes of a word of digit values that were '.' in their top bit.
constexpr std::uint64_t Points(std::uint64_t word) noexcept {
  const std::uint64_t x = word ^ Each('.' ^ '0');
  return ~(((x & Each(0x7f)) + Each(0x7f)) | x | Each(0x7f));
}

/// A short text in two words of digit values, each flush with its highest byte, zeros before it.
struct Short {
  std::uint64_t whole, fraction;
  std::size_t whole_digits, fraction_digits;
};

/// Splits what has at most eight digits on each side of the point; false for all other texts.
[[gnu::always_inline]] inline bool Split(const char* text, std::size_t size, Short& out) noexcept {
  if (size == 0) return false;
  std::uint64_t first = 0, last = 0;  // the first and the last eight bytes
  if (size >= 8) {
    first = Load8(text) ^ Each('0');
    last = Load8(text + size - 8) ^ Each('0');
  } else {
    first = LoadFew(text, size) ^ Each('0');
    last = first << (8 * (8 - size));
  }
  if (const std::uint64_t points = Points(last); points != 0) {
    const auto at = static_cast<unsigned>(std::countr_zero(points)) / 8;
    out.fraction = last & ~std::uint64_t{0} << (8 * at) << 8;
    out.fraction_digits = 7 - at;
  } else if (size > 8) {
    if (text[size - 9] != '.') return false;
    out.fraction = last;
    out.fraction_digits = 8;
  } else {
    out = {last, 0, size, 0};
    return true;
  }
  out.whole_digits = size - 1 - out.fraction_digits;
  if (out.whole_digits - 1 > 7 || out.fraction_digits == 0) return false;  // 0 wraps round
  out.whole = first << (8 * (8 - out.whole_digits));
  return true;
}

/// 5^-n modulo 2^64.
constexpr std::array<std::uint64_t, 9> kInversesOfFive = [] {
  std::array<std::uint64_t, 9> inverses{};
  std::uint64_t inverse = 1;
  for (std::uint64_t& entry : inverses) {
    entry = inverse;
    inverse *= 0xcccccccccccccccd;
  }
  return inverses;
}();
static_assert(kInversesOfFive[2] * 25 == 1);

/// value / 10^n for a value that ends in n zeros, n up to 8: no division.
constexpr std::uint64_t DropZeros(std::uint64_t value, std::size_t n) noexcept {
  return (value >> n) * kInversesOfFive[n];
}

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

  /// Reads the common case; false says nothing about the text.
  [[gnu::always_inline]] static bool RunShort(std::string_view text, Decimal& out) noexcept {
    const bool negative = text.starts_with('-');
    const char* const digits = text.data() + (negative ? 1 : 0);
    Short parts;
    if (!Split(digits, text.size() - (negative ? 1 : 0), parts)) return false;
    if ((NoDigits(parts.whole) | NoDigits(parts.fraction)) != 0) return false;
    if (parts.whole_digits > 1 && *digits == '0') return false;
    const std::size_t zeros = parts.fraction == 0
                                  ? parts.fraction_digits
                                  : static_cast<std::size_t>(std::countl_zero(parts.fraction)) / 8;
    const std::uint64_t value = EightDigits(parts.whole) * kPowersOfTen[parts.fraction_digits] +
                                EightDigits(parts.fraction);
    const auto magnitude = static_cast<std::int64_t>(DropZeros(value, zeros));
    out = Decimal(negative ? -magnitude : magnitude,
                  static_cast<std::uint8_t>(parts.fraction_digits - zeros),
                  static_cast<std::uint8_t>(zeros), 0, negative && magnitude == 0);
    return true;
  }

  [[gnu::noinline]] static bool RunLong(std::string_view text, Decimal& out) noexcept {
    return Parser(text).RunPlain(out);
  }

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
  return Parser::RunShort(text, out) || Parser::RunLong(text, out);
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
