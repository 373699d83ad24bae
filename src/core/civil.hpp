// The Gregorian calendar and the marks of spelling that reading and writing of times share.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::detail::civil {

/// Bits of Timestamp::spelling_. At most one of the three zone bits is set; they are only used
/// with offset 0.
enum Spelling : std::uint8_t {
  kLowerZ = 1,
  kPlusZero = 2,   // +00:00
  kMinusZero = 4,  // -00:00
  kLowerT = 8,
  kLeapSecond = 16  // written as second 60
};

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kMinSeconds = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr std::int64_t kEpochDay = 719'468;            // 1970-01-01 counted from 0000-03-01

constexpr bool InRange(std::int64_t seconds) noexcept {
  return seconds >= kMinSeconds && seconds <= kMaxSeconds;
}

struct Date {
  std::uint32_t year, month, day;
};

/// Days are counted from 0000-03-01, in the proleptic Gregorian calendar; year >= 1.
constexpr std::uint32_t DayOf(const Date& date) noexcept {
  const std::uint32_t y = date.month <= 2 ? date.year - 1 : date.year;
  const std::uint32_t m = date.month <= 2 ? date.month + 9 : date.month - 3;  // March is 0
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + date.day - 1;
}
static_assert(DayOf({1970, 1, 1}) == kEpochDay);
static_assert((DayOf({1, 1, 1}) - kEpochDay) * kSecondsPerDay == kMinSeconds);
static_assert((DayOf({9999, 12, 31}) + 1 - kEpochDay) * kSecondsPerDay - 1 == kMaxSeconds);

/// The inverse. After Neri and Schneider, "Euclidean affine functions and their application to
/// calendar algorithms".
constexpr Date DateOf(std::uint32_t day) noexcept {
  const std::uint32_t n1 = 4 * day + 3;
  const std::uint32_t century = n1 / 146'097;
  const std::uint32_t n2 = n1 % 146'097 | 3;
  const std::uint64_t p2 = std::uint64_t{2'939'745} * n2;
  const auto year_of_century = static_cast<std::uint32_t>(p2 >> 32);
  const std::uint32_t day_of_year = static_cast<std::uint32_t>(p2) / 2'939'745 / 4;
  const std::uint32_t n3 = 2'141 * day_of_year + 197'913;
  const std::uint32_t month = n3 >> 16;  // March is 3, January 13
  const std::uint32_t next_year = day_of_year >= 306 ? 1 : 0;
  return {100 * century + year_of_century + next_year, next_year != 0 ? month - 12 : month,
          (n3 & 0xffff) / 2'141 + 1};
}

constexpr std::uint32_t DaysInMonth(std::uint32_t year, std::uint32_t month) noexcept {
  constexpr std::uint8_t kDays[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[month] + (month == 2 && leap ? 1u : 0u);
}

}  // namespace virtufin::inline v0::detail::civil
