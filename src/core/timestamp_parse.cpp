// Timestamp: RFC 3339 text in.
#include "core/civil.hpp"
#include "core/parse_error.hpp"
#include "core/powers.hpp"
#include "core/words.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {

namespace civil = detail::civil;

/// Reads one text from left to right and remembers the first thing that is wrong.
class Timestamp::Parser {
 public:
  explicit Parser(std::string_view text) noexcept : text_(text) {}

  bool Run(Timestamp& out) noexcept {
    if (!DateAndTime() || !Fraction() || !Zone()) return false;
    if (at_ != text_.size()) return Fail(at_, "the end");
    const std::int64_t local =
        (civil::DayOf({year_, month_, day_}) - civil::kEpochDay) * civil::kSecondsPerDay +
        second_of_day_;
    const std::int64_t seconds = local - std::int64_t{offset_minutes_} * 60;
    if ((spelling_ & civil::kLeapSecond) != 0 && !EndsAMonth(seconds)) {
      return Fail(17, "second 60 only at 23:59:60 UTC at the end of a month, else 00 to 59,");
    }
    if (!civil::InRange(seconds)) return Fail(0, "an instant in years 0001 to 9999 UTC");
    out = Timestamp(seconds, static_cast<std::int32_t>(nanoseconds_), offset_minutes_,
                    fraction_digits_, spelling_);
    return true;
  }

  const detail::ParseError& error() const noexcept { return error_; }

 private:
  static constexpr std::size_t kFixedBytes = 19;

  bool Fail(std::size_t position, const char* expected) noexcept {
    error_ = {position, expected};
    return false;
  }

  /// The part of fixed length, without a branch for each byte.
  bool DateAndTime() noexcept {
    if (text_.size() < kFixedBytes) return FailInPattern();
    const char* const text = text_.data();
    std::uint32_t wrong = (text[4] ^ '-') | (text[7] ^ '-') | ((text[10] | 0x20) ^ 't') |
                          (text[13] ^ ':') | (text[16] ^ ':');
    const auto two = [text, &wrong](std::size_t at) {
      const std::uint32_t tens = static_cast<unsigned char>(text[at]) - std::uint32_t{'0'};
      const std::uint32_t ones = static_cast<unsigned char>(text[at + 1]) - std::uint32_t{'0'};
      wrong |= (tens > 9) | (ones > 9);
      return tens * 10 + ones;
    };
    year_ = two(0) * 100 + two(2);
    month_ = two(5);
    day_ = two(8);
    const std::uint32_t hour = two(11);
    const std::uint32_t minute = two(14);
    const std::uint32_t second = two(17);
    if (wrong != 0) return FailInPattern();
    if (year_ == 0) return Fail(0, "a year from 0001 to 9999");
    if (month_ < 1 || month_ > 12) return Fail(5, "a month from 01 to 12");
    if (day_ < 1 || day_ > civil::DaysInMonth(year_, month_)) return Fail(8, "a day of that month");
    if (hour > 23) return Fail(11, "an hour from 00 to 23");
    if (minute > 59) return Fail(14, "a minute from 00 to 59");
    if (second > 60) return Fail(17, "a second from 00 to 60");
    if (text_[10] == 't') spelling_ |= civil::kLowerT;
    if (second == 60) spelling_ |= civil::kLeapSecond;
    second_of_day_ = hour * 3'600 + minute * 60 + second;
    at_ = kFixedBytes;
    return true;
  }

  /// Finds the first byte that does not have the shape of a date and time.
  bool FailInPattern() noexcept {
    constexpr std::string_view kPattern = "0000-00-00T00:00:00";
    for (std::size_t i = 0; i < kPattern.size(); ++i) {
      const char found = i < text_.size() ? text_[i] : '\0';
      switch (kPattern[i]) {
        case '0':
          if (found < '0' || found > '9') return Fail(i, "a digit");
          break;
        case 'T':
          if (found != 'T' && found != 't') return Fail(i, "'T'");
          break;
        default:
          if (found != kPattern[i]) return Fail(i, kPattern[i] == '-' ? "'-'" : "':'");
      }
    }
    return Fail(0, kPattern.data());
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

  bool Fraction() noexcept {
    if (at_ >= text_.size() || text_[at_] != '.') return true;
    ++at_;
    const std::size_t first = at_;
    std::uint32_t value = 0;
    if (text_.size() - at_ >= 8) {
      const std::uint64_t digits = detail::Load8(text_.data() + at_) ^ detail::Each('0');
      if (detail::NoDigits(digits) == 0) {
        value = static_cast<std::uint32_t>(detail::EightDigits(digits));
        at_ += 8;
      }
    }
    for (; at_ < text_.size(); ++at_) {
      const auto digit = static_cast<unsigned>(text_[at_]) - '0';
      if (digit > 9) break;
      if (at_ - first == 9) return Fail(at_, "at most nine fraction digits");
      value = value * 10 + digit;
    }
    if (at_ == first) return Fail(at_, "a digit");
    fraction_digits_ = static_cast<std::uint8_t>(at_ - first);
    nanoseconds_ =
        value * static_cast<std::uint32_t>(detail::kPowersOfTen[9 - std::size_t{fraction_digits_}]);
    return true;
  }

  bool Zone() noexcept {
    const char sign = at_ < text_.size() ? text_[at_] : '\0';
    if (sign == 'Z' || sign == 'z') {
      if (sign == 'z') spelling_ |= civil::kLowerZ;
      ++at_;
      return true;
    }
    if (sign != '+' && sign != '-') {
      if (fraction_digits_ == 0) return Fail(at_, "'.', 'Z', '+' or '-'");
      return Fail(at_, fraction_digits_ < 9 ? "a digit, 'Z', '+' or '-'" : "'Z', '+' or '-'");
    }
    std::uint32_t hours = 0, minutes = 0;
    if (!Digits(at_ + 1, 2, hours)) return false;
    if (at_ + 3 >= text_.size() || text_[at_ + 3] != ':') return Fail(at_ + 3, "':'");
    if (!Digits(at_ + 4, 2, minutes)) return false;
    if (hours > 23) return Fail(at_ + 1, "an offset hour from 00 to 23");
    if (minutes > 59) return Fail(at_ + 4, "an offset minute from 00 to 59");
    const int offset = static_cast<int>(hours * 60 + minutes);
    if (offset == 0) spelling_ |= sign == '+' ? civil::kPlusZero : civil::kMinusZero;
    offset_minutes_ = static_cast<std::int16_t>(sign == '+' ? offset : -offset);
    at_ += 6;
    return true;
  }

  /// `seconds` is the instant after the leap second: midnight UTC on the first day of a month.
  static bool EndsAMonth(std::int64_t seconds) noexcept {
    return seconds % civil::kSecondsPerDay == 0 && civil::InRange(seconds) &&
           civil::DateOf(
               static_cast<std::uint32_t>(seconds / civil::kSecondsPerDay + civil::kEpochDay))
                   .day == 1;
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

}  // namespace virtufin::inline v0
