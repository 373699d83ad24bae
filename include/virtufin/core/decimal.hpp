// Decimal: an exact decimal number, as venues write prices and quantities.
//
// Text in is text out: the number keeps the digits it was written with, so "100.500" prints as
// "100.500" while it equals "100.5".
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

/// coefficient x 10^-scale. 16 bytes, trivially copyable.
class Decimal {
 public:
  static constexpr std::size_t kMaxTextBytes = 40;

  constexpr Decimal() noexcept = default;
  /// Plain decimals only: an optional '-', digits, an optional fraction. Trailing zeros of the
  /// fraction cost no precision: "100000000000.00000000" fits.
  /// Errors: INVALID_ARGUMENT naming the position; OUT_OF_RANGE when the number has more than 18
  /// fraction digits or its coefficient does not fit 64 bits.
  static Result<Decimal> Parse(std::string_view text);
  /// The same without an error text: false leaves `out` unchanged. For hot paths.
  static bool TryParse(std::string_view text, Decimal& out) noexcept;
  /// Also accepts an exponent ("1.0E-4"), as venues that send doubles do. Canonical form, no
  /// trailing zeros. Errors: as Parse.
  static Result<Decimal> ParseScientific(std::string_view text);
  /// Errors: OUT_OF_RANGE unless 0 <= scale <= 18.
  static Result<Decimal> FromCoefficient(std::int64_t coefficient, int scale);

  /// Without trailing zeros of the fraction.
  constexpr std::int64_t coefficient() const noexcept { return coefficient_; }
  constexpr int scale() const noexcept { return scale_; }            // 0 to 18
  constexpr bool IsZero() const noexcept { return coefficient_ == 0; }

  /// Writes at most kMaxTextBytes, no NUL: the digits as written. Returns the length.
  std::size_t Format(char* out) const noexcept;
  std::string ToString() const;

  /// Exact. Errors: OUT_OF_RANGE.
  friend Result<Decimal> Add(const Decimal& a, const Decimal& b);
  friend Result<Decimal> Subtract(const Decimal& a, const Decimal& b);
  /// Half of the number, exact: the mid of a sum of two prices. Errors: OUT_OF_RANGE.
  friend Result<Decimal> Half(const Decimal& a);

  /// By value: 1.0 == 1.00.
  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) noexcept;
  friend constexpr bool operator==(const Decimal& a, const Decimal& b) noexcept {
    return a.coefficient_ == b.coefficient_ && a.scale_ == b.scale_;
  }

 private:
  std::int64_t coefficient_ = 0;
  std::uint8_t scale_ = 0;
  std::uint8_t trailing_zeros_ = 0;  // zeros of the fraction that were written after the last digit
  bool negative_zero_ = false;       // "-0.0" keeps its sign in the text
  std::uint8_t leading_zeros_ = 0;   // "007" keeps its text
};

Result<Decimal> Add(const Decimal& a, const Decimal& b);
Result<Decimal> Subtract(const Decimal& a, const Decimal& b);
Result<Decimal> Half(const Decimal& a);

}  // namespace virtufin::inline v0
