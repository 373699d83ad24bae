// Base64: the texts of RFC 4648, both rules, and every byte.
#include "virtufin/core/base64.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace virtufin;

namespace {

std::string Written(std::string_view bytes) {
  std::string text(Base64Size(bytes.size()), '#');
  const char* const end = WriteBase64(AsBytes(bytes), text.data());
  CHECK(end == text.data() + text.size());
  return text;
}

/// "?" when refused.
std::string Read(std::string_view text, Base64Rule rule = Base64Rule::kStrict) {
  std::string bytes(Base64Bytes(text.size()), '#');
  auto* const start = reinterpret_cast<std::uint8_t*>(bytes.data());
  const std::uint8_t* const end = ReadBase64(text, start, rule);
  if (end == nullptr) return "?";
  bytes.resize(static_cast<std::size_t>(end - start));
  return bytes;
}

}  // namespace

TEST_CASE("the texts of RFC 4648 are written and read") {
  const std::pair<std::string_view, std::string_view> table[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xff\xfe\xfd", "//79"},
                                                                 {"\xfb", "+w=="}};
  for (const auto& [bytes, text] : table) {
    CHECK(Written(bytes) == text);
    CHECK(Read(text) == bytes);
    CHECK(Read(text, Base64Rule::kLenient) == bytes);
  }
}

TEST_CASE("what was written reads back, whatever the bytes") {
  std::mt19937_64 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    REQUIRE(Read(Written(bytes)) == bytes);
  }
}

TEST_CASE("the strict rule refuses what the lenient one reads") {
  for (const std::string_view text : {"Zg", "Zm8", "Zg=", "-_-_", "Zh==", "Zm9="}) {
    CAPTURE(std::string(text));
    CHECK(Read(text) == "?");
    CHECK(Read(text, Base64Rule::kLenient) != "?");
  }
  CHECK(Read("-_-_", Base64Rule::kLenient) == Read("+/+/"));
  CHECK(Read("Zm8", Base64Rule::kLenient) == "fo");
}

TEST_CASE("text that is no base64 is refused by both rules") {
  for (const std::string_view text : {"Z", "Zm9vY", "=", "Zm=8", "Zm8=Zm8=", "Zm 8", "Zg===",
                                      "====", "Z===", "Zm9v=", "Zm9v\n", "=m9v", "Zg==Zg=="}) {
    CAPTURE(std::string(text));
    CHECK(Read(text) == "?");
    CHECK(Read(text, Base64Rule::kLenient) == "?");
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '+' || c == '/';
    const std::string text = std::string("Zm8") + c;
    REQUIRE((Read(text) != "?") == (digit || c == '='));
    REQUIRE((Read(text, Base64Rule::kLenient) != "?") ==
            (digit || c == '-' || c == '_' || c == '='));
  }
}
