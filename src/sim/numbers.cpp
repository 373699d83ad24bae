// Numbers as venues write them.
#include "sim/numbers.hpp"

#include <charconv>

namespace virtufin::inline v0::sim {

std::int64_t PowerOfTen(int exponent) noexcept {
  std::int64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

void AppendInt(std::string& out, std::int64_t value) {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

void AppendFixed(std::string& out, std::int64_t value, int scale, int digits) {
  if (value < 0) {
    out += '-';
    value = -value;
  }
  const std::int64_t one = PowerOfTen(scale);
  AppendInt(out, value / one);
  if (digits == 0) return;
  out += '.';
  char fraction[20];
  std::int64_t rest = value % one;
  for (int i = scale - 1; i >= 0; --i, rest /= 10) fraction[i] = static_cast<char>('0' + rest % 10);
  const int shown = scale < digits ? scale : digits;
  out.append(fraction, static_cast<std::size_t>(shown));
  out.append(static_cast<std::size_t>(digits - shown), '0');
}

}  // namespace virtufin::inline v0::sim
