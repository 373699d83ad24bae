// Timestamp: RFC 3339 text to instant and back, spelling kept.
#include "core/parse_error.hpp"
#include "virtufin/core/time.hpp"

#include <cstring>

namespace virtufin::inline v0 {
namespace {

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
constexpr std::uint32_t kPow10[10] = {1,       10,        100,        1'000,       10'000,
                                      100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

constexpr bool InRange(std::int64_t seconds) noexcept {
  return seconds >= kMinSeconds && seconds <= kMaxSeconds;
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; year >= 1.
constexpr std::int64_t DaysFromCivil(std::uint32_t year, std::uint32_t month,
                                     std::uint32_t day) noexcept {
  const std::uint32_t y = month <= 2 ? year - 1 : year;
  const std::uint32_t m = month <= 2 ? month + 9 : month - 3;  // March is 0
  const std::uint32_t day_of_year = (153 * m + 2) / 5 + day - 1;
  const std::uint32_t days = 365 * y + y / 4 - y / 100 + y / 400 + day_of_year;
  return std::int64_t{days} - kEpochDay;
}
static_assert(DaysFromCivil(1970, 1, 1) == 0);
static_assert(DaysFromCivil(1, 1, 1) * kSecondsPerDay == kMinSeconds);
static_assert((DaysFromCivil(9999, 12, 31) + 1) * kSecondsPerDay - 1 == kMaxSeconds);

struct Civil {
  std::uint32_t year, month, day;
};

/// The inverse of DaysFromCivil, for days that lie in years 0001-9999.
constexpr Civil CivilFromDays(std::int64_t days) noexcept {
  const auto n = static_cast<std::uint32_t>(days + kEpochDay);
  const std::uint32_t era = n / 146'097;
  const std::uint32_t day_of_era = n % 146'097;
  const std::uint32_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint32_t m = (5 * day_of_year + 2) / 153;
  const std::uint32_t day = day_of_year - (153 * m + 2) / 5 + 1;
  const std::uint32_t month = m < 10 ? m + 3 : m - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr std::uint32_t DaysInMonth(std::uint32_t year, std::uint32_t month) noexcept {
  constexpr std::uint8_t kDays[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[month] + (month == 2 && leap ? 1u : 0u);
}

struct DigitPairs {
  char text[200];
};

constexpr DigitPairs MakeDigitPairs() {
  DigitPairs table{};
  for (int i = 0; i < 100; ++i) {
    table.text[2 * i] = static_cast<char>('0' + i / 10);
    table.text[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return table;
}

constexpr DigitPairs kPairs = MakeDigitPairs();

void Put2(char* out, std::uint32_t value) noexcept { std::memcpy(out, kPairs.text + 2 * value, 2); }

/// Writes `digits` (1 to 9) of the fraction and returns the end.
char* PutFraction(char* out, std::uint32_t nanoseconds, unsigned digits) noexcept {
  char nine[10];
  nine[0] = static_cast<char>('0' + nanoseconds / 100'000'000);
  const std::uint32_t rest = nanoseconds % 100'000'000;
  Put2(nine + 1, rest / 1'000'000);
  Put2(nine + 3, rest / 10'000 % 100);
  Put2(nine + 5, rest / 100 % 100);
  Put2(nine + 7, rest % 100);
  std::memcpy(out, nine, digits);
  return out + digits;
}

}  // namespace

/// Reads one text from left to right and remembers the first thing that is wrong.
class Timestamp::Parser {
 public:
  explicit Parser(std::string_view text) noexcept : text_(text) {}

  bool Run(Timestamp& out) noexcept {
    if (!Date() || !TimeOfDay() || !Fraction() || !Zone()) return false;
    if (at_ != text_.size()) return Fail(at_, "the end");
    const std::int64_t local = DaysFromCivil(year_, month_, day_) * kSecondsPerDay + second_of_day_;
    const std::int64_t seconds = local - std::int64_t{offset_minutes_} * 60;
    if ((spelling_ & kLeapSecond) != 0 && !EndsAMonth(seconds)) {
      return Fail(17, "second 60 only at 23:59:60 UTC at the end of a month, else 00 to 59,");
    }
    if (!InRange(seconds)) return Fail(0, "an instant in years 0001 to 9999 UTC");
    out = Timestamp(seconds, static_cast<std::int32_t>(nanoseconds_), offset_minutes_,
                    fraction_digits_, spelling_);
    return true;
  }

  const detail::ParseError& error() const noexcept { return error_; }

 private:
  bool Fail(std::size_t position, const char* expected) noexcept {
    error_ = {position, expected};
    return false;
  }

  bool Digits(std::size_t position, std::size_t count, std::uint32_t& value) noexcept {
    std::uint32_t sum = 0;
    for (std::size_t i = position; i < position + count; ++i) {
      const auto digit = i < text_.size() ? static_cast<unsigned>(text_[i]) - '0' : 10u;
      if (digit > 9) return Fail(i, "a digit");
      sum = sum * 10 + digit;
    }
    value = sum;
    return true;
  }

  bool Byte(std::size_t position, char expected, const char* name) noexcept {
    if (position < text_.size() && text_[position] == expected) return true;
    return Fail(position, name);
  }

  bool Date() noexcept {
    if (!Digits(0, 4, year_) || !Byte(4, '-', "'-'") || !Digits(5, 2, month_) ||
        !Byte(7, '-', "'-'") || !Digits(8, 2, day_)) {
      return false;
    }
    if (year_ == 0) return Fail(0, "a year from 0001 to 9999");
    if (month_ < 1 || month_ > 12) return Fail(5, "a month from 01 to 12");
    if (day_ < 1 || day_ > DaysInMonth(year_, month_)) return Fail(8, "a day of that month");
    return true;
  }

  bool TimeOfDay() noexcept {
    if (text_.size() > 10 && text_[10] == 't') {
      spelling_ |= kLowerT;
    } else if (!Byte(10, 'T', "'T'")) {
      return false;
    }
    std::uint32_t hour = 0, minute = 0, second = 0;
    if (!Digits(11, 2, hour) || !Byte(13, ':', "':'") || !Digits(14, 2, minute) ||
        !Byte(16, ':', "':'") || !Digits(17, 2, second)) {
      return false;
    }
    if (hour > 23) return Fail(11, "an hour from 00 to 23");
    if (minute > 59) return Fail(14, "a minute from 00 to 59");
    if (second > 60) return Fail(17, "a second from 00 to 60");
    if (second == 60) spelling_ |= kLeapSecond;
    second_of_day_ = hour * 3'600 + minute * 60 + second;
    at_ = 19;
    return true;
  }

  bool Fraction() noexcept {
    if (at_ >= text_.size() || text_[at_] != '.') return true;
    ++at_;
    const std::size_t first = at_;
    std::uint32_t value = 0;
    for (; at_ < text_.size(); ++at_) {
      const auto digit = static_cast<unsigned>(text_[at_]) - '0';
      if (digit > 9) break;
      if (at_ - first == 9) return Fail(at_, "at most nine fraction digits");
      value = value * 10 + digit;
    }
    if (at_ == first) return Fail(at_, "a digit");
    fraction_digits_ = static_cast<std::uint8_t>(at_ - first);
    nanoseconds_ = value * kPow10[9 - fraction_digits_];
    return true;
  }

  bool Zone() noexcept {
    const char sign = at_ < text_.size() ? text_[at_] : '\0';
    if (sign == 'Z' || sign == 'z') {
      if (sign == 'z') spelling_ |= kLowerZ;
      ++at_;
      return true;
    }
    if (sign != '+' && sign != '-') {
      if (fraction_digits_ == 0) return Fail(at_, "'.', 'Z', '+' or '-'");
      return Fail(at_, fraction_digits_ < 9 ? "a digit, 'Z', '+' or '-'" : "'Z', '+' or '-'");
    }
    std::uint32_t hours = 0, minutes = 0;
    if (!Digits(at_ + 1, 2, hours) || !Byte(at_ + 3, ':', "':'") || !Digits(at_ + 4, 2, minutes)) {
      return false;
    }
    if (hours > 23) return Fail(at_ + 1, "an offset hour from 00 to 23");
    if (minutes > 59) return Fail(at_ + 4, "an offset minute from 00 to 59");
    const int offset = static_cast<int>(hours * 60 + minutes);
    if (offset == 0) spelling_ |= sign == '+' ? kPlusZero : kMinusZero;
    offset_minutes_ = static_cast<std::int16_t>(sign == '+' ? offset : -offset);
    at_ += 6;
    return true;
  }

  /// `seconds` is the instant after the leap second: midnight UTC on the first day of a month.
  static bool EndsAMonth(std::int64_t seconds) noexcept {
    return seconds % kSecondsPerDay == 0 && InRange(seconds) &&
           CivilFromDays(seconds / kSecondsPerDay).day == 1;
  }

  std::string_view text_;
  detail::ParseError error_;
  std::size_t at_ = 0;
  std::uint32_t year_ = 0, month_ = 0, day_ = 0, second_of_day_ = 0, nanoseconds_ = 0;
  std::int16_t offset_minutes_ = 0;
  std::uint8_t fraction_digits_ = 0, spelling_ = 0;
};

bool Timestamp::TryParse(std::string_view rfc3339, Timestamp& out) noexcept {
  return Parser(rfc3339).Run(out);
}

Result<Timestamp> Timestamp::Parse(std::string_view rfc3339) {
  Parser parser(rfc3339);
  Timestamp time;
  if (parser.Run(time)) return time;
  return detail::ParseFailure("timestamp", rfc3339, parser.error());
}

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
  if (!InRange(seconds) || !InRange(seconds + std::int64_t{offset_minutes} * 60)) {
    return fail("unix seconds", seconds, "an instant in years 0001 to 9999");
  }
  std::uint8_t digits = 9;
  if (nanoseconds % 1'000 == 0) digits = 6;
  if (nanoseconds % 1'000'000 == 0) digits = 3;
  if (nanoseconds == 0) digits = 0;
  return Timestamp(seconds, nanoseconds, offset_minutes, digits, 0);
}

Timestamp Timestamp::FromUnixMillis(std::int64_t ms) noexcept {
  if (ms < kMinSeconds * 1'000) ms = kMinSeconds * 1'000;
  if (ms > kMaxSeconds * 1'000 + 999) ms = kMaxSeconds * 1'000 + 999;
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
  const std::uint32_t leap = (spelling_ & kLeapSecond) != 0 ? 1 : 0;
  // Counted from 0000-03-01, so that nothing is negative.
  const auto local = static_cast<std::uint64_t>(seconds_ + std::int64_t{offset_minutes_} * 60 -
                                                leap + kEpochDay * kSecondsPerDay);
  const auto days = static_cast<std::int64_t>(local / kSecondsPerDay);
  const auto second_of_day = static_cast<std::uint32_t>(local % kSecondsPerDay);
  const Civil date = CivilFromDays(days - kEpochDay);
  Put2(out, date.year / 100);
  Put2(out + 2, date.year % 100);
  out[4] = '-';
  Put2(out + 5, date.month);
  out[7] = '-';
  Put2(out + 8, date.day);
  out[10] = (spelling_ & kLowerT) != 0 ? 't' : 'T';
  Put2(out + 11, second_of_day / 3'600);
  out[13] = ':';
  Put2(out + 14, second_of_day / 60 % 60);
  out[16] = ':';
  Put2(out + 17, second_of_day % 60 + leap);
  char* at = out + 19;
  if (fraction_digits_ != 0) {
    *at = '.';
    at = PutFraction(at + 1, static_cast<std::uint32_t>(nanoseconds_), fraction_digits_);
  }
  if (offset_minutes_ == 0 && (spelling_ & (kPlusZero | kMinusZero)) == 0) {
    *at = (spelling_ & kLowerZ) != 0 ? 'z' : 'Z';
    return static_cast<std::size_t>(at + 1 - out);
  }
  *at = offset_minutes_ < 0 || (spelling_ & kMinusZero) != 0 ? '-' : '+';
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
