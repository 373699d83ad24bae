// Decimal: an exact decimal number, as venues write prices and quantities.
//
// Text in is text out: the number keeps the digits it was written with, so "100.500" prints as
// "100.500" while it equals "100.5".
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

/// coefficient x 10^-scale, and how it was written. 16 bytes, trivially copyable. Const functions
/// are [any].
class Decimal {
 public:
  static constexpr std::size_t kMaxTextBytes = 40;  ///< Longest text.
  static constexpr int kMaxScale = 18;              ///< Most fraction digits that are not zeros.

  /// "0".
  constexpr Decimal() noexcept = default;
  /// Plain decimals only: an optional '-', digits, and optionally '.' and digits. Zeros that end
  /// the fraction cost no precision: "100000000000.00000000" fits. Errors: INVALID_ARGUMENT naming
  /// the position, from 0; OUT_OF_RANGE when the text is longer than kMaxTextBytes, the number
  /// needs more than 18 fraction digits or its coefficient does not fit 64 bits. [any]
  static Result<Decimal> Parse(std::string_view text);
  /// The same without an error text: false leaves `out` unchanged. For hot paths. [any]
  static bool TryParse(std::string_view text, Decimal& out) noexcept;
  /// Also accepts an exponent ("1.0E-4"), as venues that send doubles do. Canonical form: no zeros
  /// that end the fraction or lead the number, no sign on zero. Errors: as Parse. [any]
  static Result<Decimal> ParseScientific(std::string_view text);
  /// Written with `scale` fraction digits: 1500 and 3 is "1.500".
  /// Errors: OUT_OF_RANGE unless 0 <= scale <= 18. [any]
  static Result<Decimal> FromCoefficient(std::int64_t coefficient, int scale);

  /// The value is coefficient() x 10^-scale(), with the smallest scale() that holds it: 1.50 and
  /// 1.5 have 15 and 1, 100.00 has 100 and 0.
  constexpr std::int64_t coefficient() const noexcept { return coefficient_; }
  /// 0 to kMaxScale.
  constexpr int scale() const noexcept { return scale_; }
  /// 0, 0.00 and -0.
  constexpr bool IsZero() const noexcept { return coefficient_ == 0; }

  /// Writes the digits as written to `out`, which has room for kMaxTextBytes, without NUL; returns
  /// their number.
  std::size_t Format(char* out) const noexcept;
  /// The text that Format writes.
  std::string ToString() const;

  /// Exact, in canonical form. Errors: OUT_OF_RANGE when the sum does not fit. [any]
  friend Result<Decimal> Add(const Decimal& a, const Decimal& b);
  /// Exact, in canonical form. Errors: OUT_OF_RANGE when the difference does not fit. [any]
  friend Result<Decimal> Subtract(const Decimal& a, const Decimal& b);
  /// Half of the number, exact, in canonical form: the mid of a sum of two prices.
  /// Errors: OUT_OF_RANGE when it does not fit. [any]
  friend Result<Decimal> Half(const Decimal& a);

  /// By value, exact: 1.0 == 1.00 and 0 == -0.
  friend constexpr bool operator==(const Decimal& a, const Decimal& b) noexcept {
    return a.coefficient_ == b.coefficient_ && a.scale_ == b.scale_;
  }
  /// By value, exact, whatever the scales.
  friend constexpr std::strong_ordering operator<=>(const Decimal& a, const Decimal& b) noexcept {
    if (a.scale_ == b.scale_) return a.coefficient_ <=> b.coefficient_;
    return CompareScaled(a, b);
  }

 private:
  class Parser;
  __extension__ using Wide = __int128;

  constexpr Decimal(std::int64_t coefficient, std::uint8_t scale, std::uint8_t trailing_zeros,
                    std::uint8_t leading_zeros, bool negative_zero) noexcept
      : coefficient_(coefficient),
        scale_(scale),
        trailing_zeros_(trailing_zeros),
        leading_zeros_(leading_zeros),
        negative_zero_(negative_zero) {}
  static std::strong_ordering CompareScaled(const Decimal& a, const Decimal& b) noexcept;
  static bool MakeCanonical(Wide coefficient, int scale, Decimal& out) noexcept;
  Wide AtScale(int scale) const noexcept;  // scale >= scale_

  std::int64_t coefficient_ = 0;
  std::uint8_t scale_ = 0;
  std::uint8_t trailing_zeros_ = 0;  // zeros written at the end of the fraction
  std::uint8_t leading_zeros_ = 0;   // "007" keeps its text: 2
  bool negative_zero_ = false;       // "-0.0" keeps its sign in the text
};
static_assert(sizeof(Decimal) == 16);

Result<Decimal> Add(const Decimal& a, const Decimal& b);
Result<Decimal> Subtract(const Decimal& a, const Decimal& b);
Result<Decimal> Half(const Decimal& a);

}  // namespace virtufin::inline v0
