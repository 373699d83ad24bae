// Timestamp: RFC 3339 text out, and instants from numbers.
#include <array>
#include <cstring>

#include "core/civil.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {
namespace {

namespace civil = detail::civil;

constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// `value` is below 100.
void Put2(char* out, std::uint32_t value) noexcept {
  std::memcpy(out, kPairs.data() + 2 * value, 2);
}

/// Writes nine digits, or three when no more are wanted.
void PutFraction(char* out, std::uint32_t nanoseconds, unsigned digits) noexcept {
  const std::uint32_t millis = nanoseconds / 1'000'000;
  out[0] = static_cast<char>('0' + millis / 100);
  Put2(out + 1, millis % 100);
  if (digits <= 3) return;
  const std::uint32_t rest = nanoseconds % 1'000'000;
  Put2(out + 3, rest / 10'000);
  Put2(out + 5, rest / 100 % 100);
  Put2(out + 7, rest % 100);
}

}  // namespace

Result<Timestamp> Timestamp::FromUnix(std::int64_t seconds, std::int32_t nanoseconds,
                                      std::int16_t offset_minutes) {
  const auto fail = [](std::string_view what, std::int64_t found, std::string_view expected) {
    std::string message(what);
    message.append(" ").append(std::to_string(found)).append(": expected ").append(expected);
    return Status(StatusCode::kOutOfRange, "core", std::move(message));
  };
  if (nanoseconds < 0 || nanoseconds > 999'999'999) {
    return fail("nanoseconds", nanoseconds, "0 to 999999999");
  }
  if (offset_minutes < -1'439 || offset_minutes > 1'439) {
    return fail("offset in minutes", offset_minutes, "-1439 to 1439");
  }
  if (!civil::InRange(seconds) || !civil::InRange(seconds + std::int64_t{offset_minutes} * 60)) {
    return fail("unix seconds", seconds, "an instant in years 0001 to 9999");
  }
  std::uint8_t digits = 9;
  if (nanoseconds % 1'000 == 0) digits = 6;
  if (nanoseconds % 1'000'000 == 0) digits = 3;
  if (nanoseconds == 0) digits = 0;
  return Timestamp(seconds, nanoseconds, offset_minutes, digits, 0);
}

Timestamp Timestamp::FromUnixMillis(std::int64_t ms) noexcept {
  if (ms < civil::kMinSeconds * 1'000) ms = civil::kMinSeconds * 1'000;
  if (ms > civil::kMaxSeconds * 1'000 + 999) ms = civil::kMaxSeconds * 1'000 + 999;
  std::int64_t seconds = ms / 1'000;
  std::int64_t rest = ms % 1'000;
  if (rest < 0) {
    rest += 1'000;
    --seconds;
  }
  return Timestamp(seconds, static_cast<std::int32_t>(rest * 1'000'000), 0, 3, 0);
}

Timestamp Timestamp::FromUnixNanos(std::int64_t ns) noexcept {
  std::int64_t seconds = ns / 1'000'000'000;
  std::int64_t rest = ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  return Timestamp(seconds, static_cast<std::int32_t>(rest), 0, 9, 0);
}

std::size_t Timestamp::Format(char* out) const noexcept {
  const std::uint32_t leap = (spelling_ & civil::kLeapSecond) != 0 ? 1 : 0;
  // Counted from 0000-03-01, so that nothing is negative.
  const auto local = static_cast<std::uint64_t>(seconds_ + std::int64_t{offset_minutes_} * 60 -
                                                leap + civil::kEpochDay * civil::kSecondsPerDay);
  const auto day = static_cast<std::uint32_t>(local / civil::kSecondsPerDay);
  const auto second_of_day = static_cast<std::uint32_t>(local % civil::kSecondsPerDay);
  const civil::Date date = civil::DateOf(day);
  const std::uint32_t minute_of_day = second_of_day / 60;
  std::memcpy(out, "0000-00-00T00:00:00.", 20);
  Put2(out, date.year / 100);
  Put2(out + 2, date.year % 100);
  Put2(out + 5, date.month);
  Put2(out + 8, date.day);
  if ((spelling_ & civil::kLowerT) != 0) out[10] = 't';
  Put2(out + 11, minute_of_day / 60);
  Put2(out + 14, minute_of_day % 60);
  Put2(out + 17, second_of_day % 60 + leap);
  char* at = out + 19;
  if (fraction_digits_ != 0) {
    // May write past the fraction: there is room for the longest text.
    PutFraction(at + 1, static_cast<std::uint32_t>(nanoseconds_), fraction_digits_);
    at += 1 + fraction_digits_;
  }
  if (offset_minutes_ == 0 && (spelling_ & (civil::kPlusZero | civil::kMinusZero)) == 0) {
    *at = (spelling_ & civil::kLowerZ) != 0 ? 'z' : 'Z';
    return static_cast<std::size_t>(at + 1 - out);
  }
  *at = offset_minutes_ < 0 || (spelling_ & civil::kMinusZero) != 0 ? '-' : '+';
  const auto offset =
      static_cast<std::uint32_t>(offset_minutes_ < 0 ? -offset_minutes_ : offset_minutes_);
  Put2(at + 1, offset / 60);
  at[3] = ':';
  Put2(at + 4, offset % 60);
  return static_cast<std::size_t>(at + 6 - out);
}

std::string Timestamp::ToString() const {
  char text[kMaxTextBytes];
  return std::string(text, Format(text));
}

}  // namespace virtufin::inline v0
