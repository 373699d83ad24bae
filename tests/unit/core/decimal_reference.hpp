// A second, slow reading of decimal texts, on digit strings, to hold Decimal against.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace decimal_reference {

enum class Verdict { kInvalid, kDoesNotFit, kFits };

/// value = (negative ? -1 : 1) x digits x 10^-scale; digits without leading zeros ("0" for zero),
/// scale as small as can be.
struct Number {
  Verdict verdict = Verdict::kInvalid;
  bool negative = false;
  std::string digits;
  int scale = 0;

  std::string Coefficient() const { return (negative && digits != "0" ? "-" : "") + digits; }
};

inline bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Whether a magnitude fits a signed coefficient of 64 bits.
inline bool FitsCoefficient(const std::string& digits, bool negative) {
  const std::string limit = negative ? "9223372036854775808" : "9223372036854775807";
  return digits.size() < limit.size() || (digits.size() == limit.size() && digits <= limit);
}

/// Removes what costs no precision and judges the rest.
inline Number Normal(bool negative, std::string digits, int scale) {
  while (scale > 0 && digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    --scale;
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return {Verdict::kFits, negative, "0", 0};
  const bool fits = scale <= 18 && FitsCoefficient(digits, negative);
  return {fits ? Verdict::kFits : Verdict::kDoesNotFit, negative, digits, scale};
}

inline Number Read(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view body = text.substr(negative ? 1 : 0);
  const std::size_t point = body.find('.');
  const std::string whole(body.substr(0, point));
  const std::string fraction(point == std::string_view::npos ? "" : body.substr(point + 1));
  if (!AllDigits(whole)) return {};
  if (point != std::string_view::npos && !AllDigits(fraction)) return {};
  Number number = Normal(negative, whole + fraction, static_cast<int>(fraction.size()));
  if (text.size() > 40) number.verdict = Verdict::kDoesNotFit;
  return number;
}

/// -1, 0 or 1: the order of two numbers that fit, by their digits written at equal length.
inline int Compare(const Number& a, const Number& b) {
  const auto padded = [](const Number& number) {
    std::string digits =
        number.digits + std::string(static_cast<std::size_t>(18 - number.scale), '0');
    return std::string(40 - digits.size(), '0') + digits;
  };
  const bool a_negative = a.negative && a.digits != "0";
  const bool b_negative = b.negative && b.digits != "0";
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  const int order = padded(a).compare(padded(b));
  const int sign = order < 0 ? -1 : order > 0 ? 1 : 0;
  return a_negative ? -sign : sign;
}

}  // namespace decimal_reference
