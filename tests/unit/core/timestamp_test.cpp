// Timestamp: RFC 3339 text in is text out, instants compare, and what is refused. The wall clock.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <type_traits>

#include "support/scale.hpp"
#include "virtufin/core/time.hpp"

using virtufin::StatusCode;
using virtufin::Timestamp;
using virtufin::test::Scaled;

namespace {

using Random = std::mt19937_64;
namespace chrono = std::chrono;

constexpr std::int64_t kFirst = -62'135'596'800;
constexpr std::int64_t kLast = 253'402'300'799;

Timestamp Read(std::string_view text) { return *Timestamp::Parse(text); }

/// Seconds since 1970 of a civil time, by the standard library's calendar.
std::int64_t Seconds(int year, unsigned month, unsigned day, int hour, int minute, int second) {
  const chrono::sys_days date = chrono::year(year) / chrono::month(month) / chrono::day(day);
  return date.time_since_epoch().count() * std::int64_t{86'400} + hour * 3'600 + minute * 60 +
         second;
}

std::string TwoDigits(std::int64_t value) {
  return std::string(value < 10 ? "0" : "") + std::to_string(value);
}

/// The text of an instant by the standard library's calendar.
std::string Spell(std::int64_t seconds, std::string_view fraction, int offset,
                  std::string_view zone, char t) {
  const std::int64_t local = seconds + offset * 60;
  std::int64_t day = local / 86'400;
  if (local % 86'400 < 0) --day;
  const std::int64_t of_day = local - day * 86'400;
  const chrono::year_month_day date{chrono::sys_days{chrono::days{day}}};
  std::string year = std::to_string(static_cast<int>(date.year()));
  year.insert(0, 4 - year.size(), '0');
  std::string text = year + "-" + TwoDigits(static_cast<unsigned>(date.month())) + "-" +
                     TwoDigits(static_cast<unsigned>(date.day())) + t + TwoDigits(of_day / 3'600) +
                     ":" + TwoDigits(of_day / 60 % 60) + ":" + TwoDigits(of_day % 60);
  if (!fraction.empty()) text.append(".").append(fraction);
  return text.append(zone);
}

std::string OffsetText(int offset) {
  const int size = offset < 0 ? -offset : offset;
  return (offset < 0 ? "-" : "+") + TwoDigits(size / 60) + ":" + TwoDigits(size % 60);
}

struct Sample {
  std::string text;
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;
  int offset = 0;
};

Sample RandomSample(Random& random) {
  Sample sample;
  sample.seconds =
      kFirst + 86'400 + static_cast<std::int64_t>(random() % (kLast - kFirst - 2 * 86'400));
  const std::size_t digits = random() % 10;
  std::string fraction = std::to_string(1'000'000'000 + random() % 1'000'000'000).substr(1, digits);
  if (random() % 8 == 0) fraction.assign(digits, random() % 2 == 0 ? '0' : '9');
  std::string nanoseconds = fraction;
  nanoseconds.resize(9, '0');
  sample.nanoseconds = std::stoi(nanoseconds);
  constexpr const char* kZones[] = {"Z", "z", "+00:00", "-00:00"};
  std::string zone = kZones[random() % 4];
  if (random() % 2 == 0) {
    do sample.offset = static_cast<int>(random() % 2'879) - 1'439;
    while (sample.offset == 0);
    zone = OffsetText(sample.offset);
  }
  sample.text = Spell(sample.seconds, fraction, sample.offset, zone, random() % 4 == 0 ? 't' : 'T');
  return sample;
}

std::string Refusal(std::string_view text) {
  const auto time = Timestamp::Parse(text);
  REQUIRE_FALSE(time.ok());
  REQUIRE(time.status().code() == StatusCode::kInvalidArgument);
  Timestamp unchanged = Read("2001-02-03T04:05:06Z");
  REQUIRE_FALSE(Timestamp::TryParse(text, unchanged));
  REQUIRE(unchanged.ToString() == "2001-02-03T04:05:06Z");
  return std::string(time.status().message());
}

}  // namespace

static_assert(sizeof(Timestamp) == 16);
static_assert(std::is_trivially_copyable_v<Timestamp>);

// Pins CO-5.
TEST_CASE("the text that was read is the text that is written") {
  for (const char* text :
       {"2018-04-05T17:31:00Z", "2018-04-05t17:31:00z", "2018-04-05T17:31:00.000000000Z",
        "2018-04-05T18:31:00+01:00", "2018-04-05T16:31:00-01:00", "2021-10-12T23:59:59.100Z",
        "2021-10-12T23:59:59.123456789+00:00", "2021-10-12t23:59:59.1-00:00",
        "2020-02-29T00:00:00-23:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
        "1969-12-31T23:59:59.9Z", "2000-01-01T12:00:00+05:30"}) {
    CHECK(Read(text).ToString() == text);
  }
  CHECK(Timestamp().ToString() == "1970-01-01T00:00:00Z");
}

TEST_CASE("random instants in every spelling round-trip and mean the right instant") {
  Random random(31);
  for (int i = Scaled(200'000); i > 0; --i) {
    const Sample sample = RandomSample(random);
    CAPTURE(sample.text);
    const auto time = Timestamp::Parse(sample.text);
    REQUIRE(time.ok());
    REQUIRE(time->unix_seconds() == sample.seconds);
    REQUIRE(time->nanoseconds() == sample.nanoseconds);
    REQUIRE(time->offset_minutes() == sample.offset);
    char out[Timestamp::kMaxTextBytes];
    REQUIRE(std::string_view(out, time->Format(out)) == sample.text);
  }
}

TEST_CASE("every day of years 0001 to 9999 has its date") {
  char expected[32];
  int year = 1;
  unsigned month = 1, day = 1;
  std::int64_t wrong = 0, days = 0;
  for (std::int64_t seconds = kFirst; seconds <= kLast; seconds += 86'400, ++days) {
    char out[Timestamp::kMaxTextBytes];
    const std::size_t length = Timestamp::FromUnix(seconds, 0)->Format(out);
    const auto digits = [&](char* to, unsigned value, int count) {
      for (int i = count; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
    };
    std::string_view("0000-00-00T00:00:00Z").copy(expected, 20);
    digits(expected, static_cast<unsigned>(year), 4);
    digits(expected + 5, month, 2);
    digits(expected + 8, day, 2);
    Timestamp back;
    if (std::string_view(out, length) != std::string_view(expected, 20)) ++wrong;
    if (!Timestamp::TryParse({out, length}, back) || back.unix_seconds() != seconds) ++wrong;
    const auto last = chrono::year_month_day_last(chrono::year(year),
                                                  chrono::month_day_last(chrono::month(month)));
    if (++day > static_cast<unsigned>(last.day())) {
      day = 1;
      if (++month > 12) {
        month = 1;
        ++year;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(days == 3'652'059);
  CHECK(year == 10'000);
}

// Pins CO-7.
TEST_CASE("a text that is no RFC 3339 time is refused with the position") {
  CHECK(Refusal("") == "timestamp \"\": expected a digit at position 0, found the end");
  CHECK(Refusal("lunchtime").find("expected a digit at position 0, found 'l'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31Z").find("expected ':' at position 16, found 'Z'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05 18:31:00Z").find("expected 'T' at position 10, found ' '") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00X")
            .find("expected '.', 'Z', '+' or '-' at position 19, found 'X'") != std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00.5")
            .find("expected a digit, 'Z', '+' or '-' at position 21, found the end") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00+25:00").find("expected an offset hour from 00 to 23") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00+01:60").find("offset minute from 00 to 59 at position 23") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00+xx:00").find("expected a digit at position 20, found 'x'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00+05").find("expected ':' at position 22, found the end") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00+0500").find("expected ':' at position 22, found '0'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00.Z").find("expected a digit at position 20, found 'Z'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00,5Z").find("found ','") != std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00Zx").find("expected the end at position 20, found 'x'") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:00.1234567891Z")
            .find("expected at most nine fraction digits at position 29, found '1'") !=
        std::string::npos);
}

// Pins CO-7.
TEST_CASE("a date or time that does not exist is refused") {
  CHECK(Refusal("0000-01-01T00:00:00Z").find("a year from 0001 to 9999 at position 0") !=
        std::string::npos);
  CHECK(Refusal("2018-00-05T18:31:00Z").find("a month from 01 to 12 at position 5") !=
        std::string::npos);
  CHECK(Refusal("2018-13-05T18:31:00Z").find("a month from 01 to 12") != std::string::npos);
  for (const char* text : {"2018-04-00T18:31:00Z", "2018-04-31T18:31:00Z", "2019-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z", "2000-02-30T00:00:00Z"}) {
    CHECK(Refusal(text).find("a day of that month at position 8") != std::string::npos);
  }
  CHECK(Read("2000-02-29T00:00:00Z").unix_seconds() == Seconds(2000, 2, 29, 0, 0, 0));
  CHECK(Refusal("2018-04-05T24:00:00Z").find("an hour from 00 to 23 at position 11") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:60:00Z").find("a minute from 00 to 59 at position 14") !=
        std::string::npos);
  CHECK(Refusal("2018-04-05T18:31:61Z").find("a second from 00 to 60 at position 17") !=
        std::string::npos);
}

// Pins CO-7.
TEST_CASE("an instant outside years 0001 to 9999 UTC is refused") {
  CHECK(Refusal("0001-01-01T00:00:00+00:01").find("an instant in years 0001 to 9999 UTC") !=
        std::string::npos);
  Refusal("9999-12-31T23:59:59-00:01");
  Refusal("9999-12-31T23:59:60Z");
  CHECK(Read("0001-01-01T00:01:00+00:01").unix_seconds() == kFirst);
  CHECK(Read("9999-12-31T23:58:59-00:01").unix_seconds() == kLast);
}

// Pins CO-6.
TEST_CASE("a leap second is read where one can be and is the same instant as the next second") {
  const Timestamp leap = Read("2016-12-31T23:59:60Z");
  CHECK(leap == Read("2017-01-01T00:00:00Z"));
  CHECK(leap.ToString() == "2016-12-31T23:59:60Z");
  CHECK(leap > Read("2016-12-31T23:59:59.999999999Z"));
  const Timestamp west = Read("1990-12-31T15:59:60.5-08:00");
  CHECK(west == Read("1991-01-01T00:00:00.5Z"));
  CHECK(west.ToString() == "1990-12-31T15:59:60.5-08:00");
  CHECK(Read("2017-01-01T05:29:60+05:30").ToString() == "2017-01-01T05:29:60+05:30");
  for (const char* text : {"2016-12-30T23:59:60Z", "2016-12-31T23:58:60Z", "2016-12-31T22:59:60Z",
                           "2016-12-31T23:59:60+01:00", "2017-01-01T00:00:60Z"}) {
    CHECK(Refusal(text).find("second 60 only at 23:59:60 UTC at the end of a month") !=
          std::string::npos);
  }
}

// Pins CO-6.
TEST_CASE("equality and order compare the instant only") {
  CHECK(Read("2018-04-05T18:31:00+01:00") == Read("2018-04-05T17:31:00.000Z"));
  CHECK(Read("2018-04-05T18:31:00+01:00") < Read("2018-04-05T18:31:00Z"));
  CHECK(Read("2018-04-05T18:31:00.000000001Z") > Read("2018-04-05T18:31:00Z"));
  CHECK(Read("1969-12-31T23:59:59.9Z") < Read("1970-01-01T00:00:00Z"));
}

TEST_CASE("texts with changed bytes are refused or round-trip") {
  Random random(32);
  constexpr std::string_view kBytes = "0123456789-+:.TZtz 6";
  int accepted = 0;
  for (int i = Scaled(300'000); i > 0; --i) {
    std::string text = RandomSample(random).text;
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t place = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[place] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(place, 1);
          break;
        case 2:
          text.insert(place, 1, kBytes[random() % kBytes.size()]);
          break;
        default:
          text[place] = kBytes[random() % kBytes.size()];
      }
    }
    const auto time = Timestamp::Parse(text);
    if (!time.ok()) continue;
    ++accepted;
    CAPTURE(text);
    REQUIRE(time->ToString() == text);
  }
  CHECK(accepted > Scaled(10'000));
}

TEST_CASE("random bytes never end in anything but a refusal or a round trip") {
  Random random(33);
  constexpr std::string_view kBytes = "0123456789-+:.TZ";
  for (int i = Scaled(300'000); i > 0; --i) {
    std::string text(random() % 48, '\0');
    const bool any = i % 2 == 0;
    for (char& byte : text) byte = static_cast<char>(any ? random() : kBytes[random() % 16]);
    const auto time = Timestamp::Parse(text);
    if (time.ok()) REQUIRE(time->ToString() == text);
  }
}

TEST_CASE("FromUnix writes as few fraction digits as are exact, in its offset") {
  CHECK(Timestamp::FromUnix(1'522'949'460, 0)->ToString() == "2018-04-05T17:31:00Z");
  CHECK(Timestamp::FromUnix(0, 500'000'000)->ToString() == "1970-01-01T00:00:00.500Z");
  CHECK(Timestamp::FromUnix(0, 1'000)->ToString() == "1970-01-01T00:00:00.000001Z");
  CHECK(Timestamp::FromUnix(-1, 1)->ToString() == "1969-12-31T23:59:59.000000001Z");
  CHECK(Timestamp::FromUnix(0, 0, -90)->ToString() == "1969-12-31T22:30:00-01:30");
  const auto code = [](const auto& result) { return result.status().code(); };
  CHECK(code(Timestamp::FromUnix(kLast + 1, 0)) == StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(kFirst - 1, 0)) == StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(kLast, 0, 1)) == StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(std::numeric_limits<std::int64_t>::max(), 0, 1'439)) ==
        StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(0, 1'000'000'000)) == StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(0, -1)) == StatusCode::kOutOfRange);
  CHECK(code(Timestamp::FromUnix(0, 0, 1'440)) == StatusCode::kOutOfRange);
  CHECK(Timestamp::FromUnix(0, 0, -1'440).status().message() ==
        "offset in minutes -1440: expected -1439 to 1439");
}

TEST_CASE("milliseconds and nanoseconds since 1970 keep their digits, before 1970 too") {
  CHECK(Timestamp::FromUnixMillis(1'633'998'512'068).ToString() == "2021-10-12T00:28:32.068Z");
  CHECK(Timestamp::FromUnixMillis(-1).ToString() == "1969-12-31T23:59:59.999Z");
  CHECK(Timestamp::FromUnixMillis(std::numeric_limits<std::int64_t>::max()).ToString() ==
        "9999-12-31T23:59:59.999Z");
  CHECK(Timestamp::FromUnixMillis(std::numeric_limits<std::int64_t>::min()).ToString() ==
        "0001-01-01T00:00:00.000Z");
  CHECK(Timestamp::FromUnixNanos(1).ToString() == "1970-01-01T00:00:00.000000001Z");
  CHECK(Timestamp::FromUnixNanos(-1'000'000'000).ToString() == "1969-12-31T23:59:59.000000000Z");
  CHECK(Timestamp::FromUnixNanos(std::numeric_limits<std::int64_t>::min()).ToString() ==
        "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("the wall clock is one object that follows the system's clocks") {
  virtufin::Clock& clock = virtufin::WallClock();
  CHECK(&clock == &virtufin::WallClock());
  const auto system = [] {
    return Timestamp::FromUnixNanos(
        chrono::duration_cast<chrono::nanoseconds>(chrono::system_clock::now().time_since_epoch())
            .count());
  };
  const auto before = system();
  const auto now = clock.Now();
  const auto after = system();
  CHECK(before <= now);
  CHECK(now <= after);
  const auto steady_before = chrono::steady_clock::now();
  const auto steady = clock.Monotonic();
  CHECK(steady_before <= steady);
  CHECK(steady <= chrono::steady_clock::now());
}
