// Numbers as venues write them.
#pragma once

#include <cstdint>
#include <string>

namespace virtufin::inline v0::sim {

void AppendInt(std::string& out, std::int64_t value);
/// value x 10^-scale with exactly `digits` fraction digits; more are cut off.
void AppendFixed(std::string& out, std::int64_t value, int scale, int digits);
/// 10^exponent, exponent from 0 to 18.
std::int64_t PowerOfTen(int exponent) noexcept;

}  // namespace virtufin::inline v0::sim
