// Decimal: exact sums, differences and halves, and texts with an exponent.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "decimal_reference.hpp"
#include "support/scale.hpp"
#include "virtufin/core/decimal.hpp"

using virtufin::Add;
using virtufin::Decimal;
using virtufin::Half;
using virtufin::Result;
using virtufin::StatusCode;
using virtufin::Subtract;
using virtufin::test::Scaled;
namespace reference = decimal_reference;

namespace {

__extension__ using Wide = __int128;
using Random = std::mt19937_64;

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

Decimal Read(std::string_view text) { return *Decimal::Parse(text); }

/// The number times 10^18.
Wide AtScale18(const Decimal& number) {
  Wide wide = number.coefficient();
  for (int scale = number.scale(); scale < 18; ++scale) wide *= 10;
  return wide;
}

/// What a result that is worth `wide` x 10^-18 must be.
void CheckExact(const Result<Decimal>& result, Wide wide) {
  const bool negative = wide < 0;
  std::string digits;
  for (Wide rest = negative ? -wide : wide; rest != 0; rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  if (digits.empty()) digits = "0";
  const reference::Number expected = reference::Normal(negative, digits, 18);
  CAPTURE(digits);
  REQUIRE(result.ok() == (expected.verdict == reference::Verdict::kFits));
  if (!result.ok()) {
    REQUIRE(result.status().code() == StatusCode::kOutOfRange);
    return;
  }
  REQUIRE(std::to_string(result->coefficient()) == expected.Coefficient());
  REQUIRE(result->scale() == expected.scale);
  // Canonical: the shortest text of this value.
  REQUIRE(*result == Read(result->ToString()));
  REQUIRE(result->ToString() ==
          Decimal::FromCoefficient(result->coefficient(), result->scale())->ToString());
}

Decimal RandomDecimal(Random& random) {
  const auto coefficient = static_cast<std::int64_t>(random()) >> (random() % 64);
  return *Decimal::FromCoefficient(coefficient, static_cast<int>(random() % 19));
}

}  // namespace

TEST_CASE("sums and differences of prices are exact and canonical") {
  CHECK(Add(Read("1.10"), Read("2.05"))->ToString() == "3.15");
  CHECK(Add(Read("0.1"), Read("0.2"))->ToString() == "0.3");
  CHECK(Add(Read("1.50"), Read("1.50"))->ToString() == "3");
  CHECK(Subtract(Read("0.35290000"), Read("0.35170000"))->ToString() == "0.0012");
  CHECK(Subtract(Read("1"), Read("1.000"))->ToString() == "0");
  CHECK(Subtract(Read("007"), Read("-0.0"))->ToString() == "7");
}

TEST_CASE("the mid of two prices is half of their sum") {
  CHECK(Half(*Add(Read("0.35170000"), Read("0.35290000")))->ToString() == "0.3523");
  CHECK(Half(Read("3"))->ToString() == "1.5");
  CHECK(Half(Read("-0.25"))->ToString() == "-0.125");
  CHECK(Half(Read("-0.0"))->ToString() == "0");
}

TEST_CASE("what does not fit after arithmetic is OUT_OF_RANGE and names the operation") {
  const Decimal largest = *Decimal::FromCoefficient(kMax, 0);
  const Decimal smallest = *Decimal::FromCoefficient(kMin, 0);
  const Decimal finest = *Decimal::FromCoefficient(1, 18);
  CHECK(Add(largest, Read("1")).status().code() == StatusCode::kOutOfRange);
  CHECK(Add(largest, Read("1")).status().message() ==
        "9223372036854775807 + 1 does not fit: expected at most 18 fraction digits and a "
        "coefficient of 64 bits");
  CHECK(Subtract(smallest, Read("1")).status().code() == StatusCode::kOutOfRange);
  CHECK(Subtract(Read("0"), smallest).status().code() == StatusCode::kOutOfRange);
  CHECK(Add(largest, finest).status().code() == StatusCode::kOutOfRange);
  CHECK(Half(finest).status().code() == StatusCode::kOutOfRange);
  CHECK(Half(largest).status().code() == StatusCode::kOutOfRange);
  CHECK(Subtract(smallest, smallest)->IsZero());
  CHECK(*Add(*Add(largest, smallest), Read("1")) == Read("0"));
}

TEST_CASE("random sums, differences and halves agree with 128-bit integers") {
  Random random(11);
  for (int i = Scaled(100'000); i > 0; --i) {
    const Decimal a = RandomDecimal(random);
    const Decimal b = RandomDecimal(random);
    CAPTURE(a.ToString());
    CAPTURE(b.ToString());
    CheckExact(Add(a, b), AtScale18(a) + AtScale18(b));
    CheckExact(Subtract(a, b), AtScale18(a) - AtScale18(b));
    const Result<Decimal> half = Half(a);
    if (half.ok()) {
      REQUIRE(*Add(*half, *half) == a);
    } else {
      // Odd: the half ends in 5 and needs one digit more.
      REQUIRE(a.coefficient() % 2 != 0);
      REQUIRE((a.scale() == 18 || std::abs(a.coefficient() / 2) > kMax / 10));
    }
  }
}

// Pins CO-4.
TEST_CASE("a text with an exponent becomes the canonical plain decimal") {
  const auto read = [](std::string_view text) {
    return Decimal::ParseScientific(text)->ToString();
  };
  CHECK(read("1.0E-4") == "0.0001");
  CHECK(read("1e5") == "100000");
  CHECK(read("1.25E+2") == "125");
  CHECK(read("-12.50") == "-12.5");
  CHECK(read("1200e-2") == "12");
  CHECK(read("1200e-3") == "1.2");
  CHECK(read("0012") == "12");
  CHECK(read("-0.0") == "0");
  CHECK(read("0e999999999999999999999") == "0");
  CHECK(read("1e18") == "1000000000000000000");
  CHECK(read("1e-18") == "0.000000000000000001");
  CHECK(read("1000000000000000000000e-21") == "1");
  CHECK(read("0.00000000000000000000000000000000000000000000001e47") == "1");
  CHECK(read("-9.223372036854775808e18") == "-9223372036854775808");
}

TEST_CASE("a text with an exponent that does not fit or is broken is refused") {
  const auto code = [](std::string_view text) {
    return Decimal::ParseScientific(text).status().code();
  };
  CHECK(code("1e19") == StatusCode::kOutOfRange);
  CHECK(code("1e-19") == StatusCode::kOutOfRange);
  CHECK(code("1.7976931348623157E308") == StatusCode::kOutOfRange);
  CHECK(code("1e2147483648") == StatusCode::kOutOfRange);
  CHECK(code("1e-99999999999999999999") == StatusCode::kOutOfRange);
  CHECK(code("9.223372036854775808e18") == StatusCode::kOutOfRange);
  for (const char* text : {"", "e5", "1e", "1e+", "1e-", "1e5x", "1e5.0", "NaN", "Infinity", "-inf",
                           "1 e5", "0x10", "1.e5"}) {
    CAPTURE(text);
    CHECK(code(text) == StatusCode::kInvalidArgument);
  }
  CHECK(Decimal::ParseScientific("1e+x").status().message() ==
        "decimal \"1e+x\": expected a digit at position 3, found 'x'");
}

TEST_CASE("random texts with an exponent mean what the same digits shifted mean") {
  Random random(12);
  for (int i = Scaled(50'000); i > 0; --i) {
    const Decimal number = RandomDecimal(random);
    const int shift = static_cast<int>(random() % 60) - 30;
    const auto parsed =
        Decimal::ParseScientific(number.ToString() + (i % 2 == 0 ? "e" : "E") +
                                 (shift >= 0 && i % 3 == 0 ? "+" : "") + std::to_string(shift));
    std::string digits = std::to_string(number.coefficient());
    const bool negative = digits[0] == '-';
    if (negative) digits.erase(0, 1);
    const int scale = number.scale() - shift;
    if (scale < 0) digits.append(static_cast<std::size_t>(-scale), '0');
    const auto expected = reference::Normal(negative, digits, scale < 0 ? 0 : scale);
    CAPTURE(number.ToString());
    CAPTURE(shift);
    REQUIRE(parsed.ok() == (expected.verdict == reference::Verdict::kFits));
    if (parsed.ok()) {
      REQUIRE(std::to_string(parsed->coefficient()) == expected.Coefficient());
      REQUIRE(parsed->scale() == expected.scale);
    }
  }
}
