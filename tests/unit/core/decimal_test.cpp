// Decimal: text in is text out, comparison by value, exact arithmetic, and what is refused.
#include "virtufin/core/decimal.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>

#include "decimal_reference.hpp"
#include "support/scale.hpp"

using virtufin::Decimal;
using virtufin::StatusCode;
using virtufin::test::Scaled;
namespace reference = decimal_reference;

namespace {

using Random = std::mt19937_64;

std::size_t Below(Random& random, std::size_t limit) { return random() % limit; }

std::string RandomDigits(Random& random, std::size_t count) {
  std::string digits;
  for (std::size_t i = 0; i < count; ++i) {
    digits.push_back(static_cast<char>('0' + Below(random, 10)));
  }
  return digits;
}

/// A legal text of any length: short ones as venues write them, and long ones.
std::string RandomText(Random& random) {
  const bool large = Below(random, 4) == 0;
  std::string text = Below(random, 3) == 0 ? "-" : "";
  text += std::string(Below(random, 4) == 0 ? Below(random, 3) : 0, '0');
  text += RandomDigits(random, 1 + Below(random, large ? 20 : 7));
  const std::size_t fraction = Below(random, large ? 20 : 9);
  const std::size_t zeros = Below(random, large ? 6 : 5);
  if (fraction + zeros > 0) text += "." + RandomDigits(random, fraction) + std::string(zeros, '0');
  return text;
}

/// Anything that a number is made of, mostly no number.
std::string RandomNonsense(Random& random) {
  constexpr std::string_view kAlphabet = "00112345678999.-.";
  constexpr std::string_view kRare = "eE+ \n/:,x\x80\xff";
  std::string text;
  for (std::size_t left = Below(random, Below(random, 8) == 0 ? 48 : 20); left > 0; --left) {
    const bool rare = Below(random, 24) == 0;
    text.push_back(rare ? kRare[Below(random, kRare.size())]
                        : kAlphabet[Below(random, kAlphabet.size())]);
  }
  return text;
}

void CheckAgainstReference(const std::string& text) {
  CAPTURE(text);
  const reference::Number expected = reference::Read(text);
  const auto parsed = Decimal::Parse(text);
  Decimal quick = *Decimal::Parse("77.5");
  REQUIRE(Decimal::TryParse(text, quick) == (expected.verdict == reference::Verdict::kFits));
  switch (expected.verdict) {
    case reference::Verdict::kFits:
      REQUIRE(parsed.ok());
      REQUIRE(parsed->ToString() == text);
      REQUIRE(std::to_string(parsed->coefficient()) == expected.Coefficient());
      REQUIRE(parsed->scale() == expected.scale);
      REQUIRE(quick == *parsed);
      REQUIRE(quick.ToString() == text);
      return;
    case reference::Verdict::kDoesNotFit:
      REQUIRE(parsed.status().code() == StatusCode::kOutOfRange);
      break;
    case reference::Verdict::kInvalid:
      REQUIRE(parsed.status().code() == StatusCode::kInvalidArgument);
      break;
  }
  REQUIRE(quick.ToString() == "77.5");
}

std::string Refusal(std::string_view text) {
  const auto number = Decimal::Parse(text);
  REQUIRE_FALSE(number.ok());
  return number.status().ToString();
}

/// A decimal of any scale and magnitude.
Decimal RandomDecimal(Random& random) {
  const auto bits = static_cast<std::int64_t>(random());
  const auto coefficient = bits >> Below(random, 64);
  return *Decimal::FromCoefficient(coefficient, static_cast<int>(Below(random, 19)));
}

}  // namespace

static_assert(sizeof(Decimal) == 16);
static_assert(std::is_trivially_copyable_v<Decimal>);

// Pins CO-1.
TEST_CASE("a decimal prints the digits it was written with") {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "-0.00",
                           "00",
                           "007",
                           "-007.10",
                           "100.500",
                           "0.35130000",
                           "6195.00000000",
                           "100000000000.00000000",
                           "1",
                           "12",
                           "123",
                           "1234",
                           "12345678",
                           "123456789012345",
                           "1234567890123456",
                           "12345678901234567",
                           "0.000000000000000001",
                           "1.000000000000000000",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "9.223372036854775807",
                           "-9.223372036854775808",
                           "0.00000000000000000100000000000000000000",
                           "1234567890123456.00",
                           "12345678.12345678",
                           "0000000000000000000000000000000000000001"}) {
    CHECK(Decimal::Parse(text)->ToString() == text);
  }
}

TEST_CASE("the default decimal is 0") {
  CHECK(Decimal().ToString() == "0");
  CHECK(Decimal().IsZero());
  CHECK(Decimal() == *Decimal::Parse("-0.00"));
}

TEST_CASE("the coefficient has no zeros that end the fraction") {
  const Decimal volume = *Decimal::Parse("100000000000.00000000");
  CHECK(volume.coefficient() == 100'000'000'000);
  CHECK(volume.scale() == 0);
  const Decimal price = *Decimal::Parse("-0.35130000");
  CHECK(price.coefficient() == -3513);
  CHECK(price.scale() == 4);
  CHECK(Decimal::Parse("0.000")->scale() == 0);
}

TEST_CASE("legal texts of every length agree with the slow reading") {
  Random random(1);
  for (int i = Scaled(200'000); i > 0; --i) CheckAgainstReference(RandomText(random));
}

TEST_CASE("texts made of anything agree with the slow reading") {
  Random random(2);
  for (int i = Scaled(200'000); i > 0; --i) CheckAgainstReference(RandomNonsense(random));
}

TEST_CASE("a legal text with one byte changed agrees with the slow reading") {
  Random random(3);
  for (int i = Scaled(100'000); i > 0; --i) {
    std::string text = RandomText(random);
    text[Below(random, text.size())] = static_cast<char>(Below(random, 256));
    CheckAgainstReference(text);
  }
}

TEST_CASE("every text of up to five of the bytes that matter agrees with the slow reading") {
  constexpr std::string_view kBytes = "019.-/:";
  for (std::size_t length = 0; length <= 5; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= kBytes.size();
    for (std::size_t n = 0; n < count; ++n) {
      std::string text;
      for (std::size_t i = 0, rest = n; i < length; ++i, rest /= kBytes.size()) {
        text.push_back(kBytes[rest % kBytes.size()]);
      }
      CheckAgainstReference(text);
    }
  }
}

TEST_CASE("every byte at every place of texts of 1 to 20 bytes agrees with the slow reading") {
  const std::string digits = "12345678901234567890";
  for (std::size_t length = 1; length <= digits.size(); ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = digits.substr(0, length);
        text[place] = static_cast<char>(byte);
        CheckAgainstReference(text);
        if (length > 4 && place != 2) {
          text[2] = '.';
          CheckAgainstReference(text);
        }
      }
    }
  }
}

// Pins CO-3, CO-4.
TEST_CASE("a text that is no decimal is refused with the position") {
  CHECK(Refusal("") ==
        "INVALID_ARGUMENT [core]: decimal \"\": expected '-' or a digit at position 0, found the "
        "end");
  CHECK(
      Refusal("12x4") ==
      "INVALID_ARGUMENT [core]: decimal \"12x4\": expected a digit, '.' or the end at position 2, "
      "found 'x'");
  CHECK(Refusal("1.2.3").find("expected a digit or the end at position 3, found '.'") !=
        std::string::npos);
  CHECK(Refusal("-").find("expected a digit at position 1, found the end") != std::string::npos);
  CHECK(Refusal("5.").find("expected a digit at position 2, found the end") != std::string::npos);
  CHECK(Refusal(".5").find("expected '-' or a digit at position 0, found '.'") !=
        std::string::npos);
  CHECK(Refusal("+1").find("found '+'") != std::string::npos);
  CHECK(Refusal("1e5").find("position 1, found 'e'") != std::string::npos);
  CHECK(Refusal(std::string_view("1\0", 2)).find("\"1\\x00\"") != std::string::npos);
  CHECK(Refusal("1\"").find("\"1\\\"\"") != std::string::npos);
  CHECK(Refusal(std::string(500, 'x')).size() < 200);
}

// Pins CO-3.
TEST_CASE("a number that does not fit is OUT_OF_RANGE") {
  for (const char* text :
       {"9223372036854775808", "-9223372036854775809", "0.0000000000000000001",
        "9.2233720368547758070001", "99999999999999999999", "100000000000000000000",
        "18446744073709551617", "0.00000000000000000000000000000000000000000"}) {
    CAPTURE(text);
    CHECK(Decimal::Parse(text).status().code() == StatusCode::kOutOfRange);
    Decimal unused;
    CHECK_FALSE(Decimal::TryParse(text, unused));
  }
}

// Pins CO-2.
TEST_CASE("equality and order go by value") {
  CHECK(*Decimal::Parse("1.0") == *Decimal::Parse("1.00"));
  CHECK(*Decimal::Parse("0") == *Decimal::Parse("-0.0"));
  CHECK(*Decimal::Parse("007") == *Decimal::Parse("7"));
  CHECK(*Decimal::Parse("-0.1") < *Decimal::Parse("0.01"));
  CHECK(*Decimal::Parse("9223372036854775807") > *Decimal::Parse("9.223372036854775807"));
  CHECK(*Decimal::Parse("-9223372036854775808") < *Decimal::Parse("-9.223372036854775808"));
  CHECK(*Decimal::Parse("0.999999999999999999") < *Decimal::Parse("1"));
  CHECK((*Decimal::Parse("1.5") <=> *Decimal::Parse("1.50")) == std::strong_ordering::equal);
}

// Pins CO-2.
TEST_CASE("the order of random decimals of all scales agrees with that of their digits") {
  Random random(4);
  for (int i = Scaled(100'000); i > 0; --i) {
    const Decimal a = RandomDecimal(random);
    Decimal b = RandomDecimal(random);
    if (i % 4 == 0) b = *Decimal::FromCoefficient(a.coefficient(), a.scale());
    const int expected =
        reference::Compare(reference::Read(a.ToString()), reference::Read(b.ToString()));
    CAPTURE(a.ToString());
    CAPTURE(b.ToString());
    REQUIRE((a < b) == (expected < 0));
    REQUIRE((a == b) == (expected == 0));
    REQUIRE((a > b) == (expected > 0));
  }
}

TEST_CASE("FromCoefficient writes as many fraction digits as it was told") {
  CHECK(Decimal::FromCoefficient(1500, 3)->ToString() == "1.500");
  CHECK(*Decimal::FromCoefficient(1500, 3) == *Decimal::Parse("1.5"));
  CHECK(Decimal::FromCoefficient(0, 2)->ToString() == "0.00");
  CHECK(Decimal::FromCoefficient(-5, 18)->ToString() == "-0.000000000000000005");
  CHECK(Decimal::FromCoefficient(120, 0)->ToString() == "120");
  CHECK(Decimal::FromCoefficient(std::numeric_limits<std::int64_t>::min(), 18)->ToString() ==
        "-9.223372036854775808");
  CHECK(Decimal::FromCoefficient(1, 19).status().code() == StatusCode::kOutOfRange);
  CHECK(Decimal::FromCoefficient(1, -1).status().message() == "decimal scale -1: expected 0 to 18");
}

TEST_CASE("what FromCoefficient makes is what Parse reads from its text") {
  Random random(5);
  for (int i = Scaled(100'000); i > 0; --i) {
    const Decimal number = RandomDecimal(random);
    const Decimal parsed = *Decimal::Parse(number.ToString());
    REQUIRE(parsed == number);
    REQUIRE(parsed.ToString() == number.ToString());
  }
}
