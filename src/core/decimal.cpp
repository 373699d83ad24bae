// Decimal: text out, order and exact arithmetic.
#include "virtufin/core/decimal.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/powers.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::kPowersOfTen;

Status DoesNotFit(std::string message) {
  message.append(" does not fit: expected at most 18 fraction digits and a coefficient of 64 bits");
  return Status(StatusCode::kOutOfRange, "core", std::move(message));
}

/// Writes `digits` digits of `value`, which has no more, and returns the end.
char* PutDigits(char* out, std::uint64_t value, int digits) noexcept {
  for (int i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

int CountDigits(std::uint64_t value) noexcept {
  int digits = 1;
  while (digits < 20 && value >= kPowersOfTen[static_cast<std::size_t>(digits)]) ++digits;
  return digits;
}

}  // namespace

Result<Decimal> Decimal::FromCoefficient(std::int64_t coefficient, int scale) {
  if (scale < 0 || scale > kMaxScale) {
    return Status(StatusCode::kOutOfRange, "core",
                  "decimal scale " + std::to_string(scale) + ": expected 0 to 18");
  }
  int zeros = 0;
  while (zeros < scale && coefficient % 10 == 0) {
    coefficient /= 10;
    ++zeros;
  }
  return Decimal(coefficient, static_cast<std::uint8_t>(scale - zeros),
                 static_cast<std::uint8_t>(zeros), 0, false);
}

bool Decimal::MakeCanonical(Wide coefficient, int scale, Decimal& out) noexcept {
  while (scale > 0 && coefficient % 10 == 0) {
    coefficient /= 10;
    --scale;
  }
  if (coefficient < std::numeric_limits<std::int64_t>::min() ||
      coefficient > std::numeric_limits<std::int64_t>::max() || scale > kMaxScale) {
    return false;
  }
  out = Decimal(static_cast<std::int64_t>(coefficient), static_cast<std::uint8_t>(scale), 0, 0,
                false);
  return true;
}

Decimal::Wide Decimal::AtScale(int scale) const noexcept {
  // 2^63 x 10^18 is below 2^126: sums of two fit as well.
  return Wide{coefficient_} *
         static_cast<std::int64_t>(kPowersOfTen[static_cast<std::size_t>(scale - scale_)]);
}

std::strong_ordering Decimal::CompareScaled(const Decimal& a, const Decimal& b) noexcept {
  const int scale = std::max(a.scale(), b.scale());
  const Wide left = a.AtScale(scale);
  const Wide right = b.AtScale(scale);
  if (left == right) return std::strong_ordering::equal;
  return left < right ? std::strong_ordering::less : std::strong_ordering::greater;
}

Result<Decimal> Add(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale(), b.scale());
  Decimal sum;
  if (Decimal::MakeCanonical(a.AtScale(scale) + b.AtScale(scale), scale, sum)) return sum;
  return DoesNotFit(a.ToString() + " + " + b.ToString());
}

Result<Decimal> Subtract(const Decimal& a, const Decimal& b) {
  const int scale = std::max(a.scale(), b.scale());
  Decimal difference;
  if (Decimal::MakeCanonical(a.AtScale(scale) - b.AtScale(scale), scale, difference)) {
    return difference;
  }
  return DoesNotFit(a.ToString() + " - " + b.ToString());
}

Result<Decimal> Half(const Decimal& a) {
  const bool even = a.coefficient_ % 2 == 0;
  const Decimal::Wide coefficient =
      even ? Decimal::Wide{a.coefficient_ / 2} : Decimal::Wide{a.coefficient_} * 5;
  Decimal half;
  if (Decimal::MakeCanonical(coefficient, a.scale() + (even ? 0 : 1), half)) return half;
  return DoesNotFit("half of " + a.ToString());
}

std::size_t Decimal::Format(char* out) const noexcept {
  char* at = out;
  if (coefficient_ < 0 || negative_zero_) *at++ = '-';
  const auto bits = static_cast<std::uint64_t>(coefficient_);
  const std::uint64_t magnitude = coefficient_ < 0 ? 0 - bits : bits;
  const std::uint64_t unit = kPowersOfTen[scale_];
  std::memset(at, '0', leading_zeros_);
  at += leading_zeros_;
  const std::uint64_t whole = magnitude / unit;
  at = PutDigits(at, whole, CountDigits(whole));
  if (scale_ + trailing_zeros_ != 0) {
    *at++ = '.';
    at = PutDigits(at, magnitude % unit, scale_);
    std::memset(at, '0', trailing_zeros_);
    at += trailing_zeros_;
  }
  return static_cast<std::size_t>(at - out);
}

std::string Decimal::ToString() const {
  char text[kMaxTextBytes];
  return std::string(text, Format(text));
}

}  // namespace virtufin::inline v0
