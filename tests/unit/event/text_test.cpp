// The private checks: what is JSON and what only looks like it, text and media types.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "event/json_scan.hpp"
#include "event/text.hpp"

using namespace virtufin;
using namespace virtufin::detail;

namespace {

std::string Nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') +
         std::string(static_cast<std::size_t>(levels), ']');
}

}  // namespace

TEST_CASE("JSON values are JSON") {
  for (const std::string& json :
       {std::string("{}"), std::string("[]"), std::string("null"), std::string(" true "),
        std::string("-0"), std::string("0.5e-10"), std::string("1E+2"), std::string("\"\""),
        std::string(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")"), std::string("\"\xc3\xa9\""),
        std::string("\"\x7f\""), std::string(R"({"a":{"b":[1,2,{"c":[[]]}]},"":{}})"),
        std::string("[1,[2,{}],\"x\" , null\n]"), Nested(kMaxJsonDepth - 1)}) {
    CAPTURE(json);
    CHECK(CheckJson(json).what == nullptr);
  }
}

TEST_CASE("what is no JSON value is refused where it goes wrong") {
  const struct {
    std::string json;
    std::size_t offset;
  } cases[] = {{"", 0},
               {"   ", 3},
               {"{", 1},
               {"{\"a\":nope}", 5},
               {"{\"x\":[1,2}}", 9},
               {"{}}", 2},
               {"[1,]", 3},
               {"[,1]", 1},
               {"{,}", 1},
               {"{\"a\":1,}", 7},
               {"{\"a\" 1}", 5},
               {"{a:1}", 1},
               {"{'a':1}", 1},
               {"01", 1},
               {"-", 1},
               {"+1", 0},
               {".5", 0},
               {"1.", 2},
               {"1e", 2},
               {"1 2", 2},
               {"nul", 0},
               {"truex", 4},
               {"NaN", 0},
               {"\"", 1},
               {"\"\\\"", 3},
               {"\"\\x\"", 2},
               {"\"\\u12g4\"", 5},
               {"\"\\ud800\"", 7},
               {"\"\\ud800\\n\"", 8},
               {"\"\\ude00\"", 7},
               {"\"\\ud800\\u0041\"", 13},
               {"\"\n\"", 1},
               {"\"\xff\"", 1},
               {"\"\xed\xa0\x80\"", 1},
               {"\xef\xbb\xbf{}", 0},
               {"[\"a\"]x", 5},
               {Nested(kMaxJsonDepth), static_cast<std::size_t>(kMaxJsonDepth) - 1}};
  for (const auto& bad : cases) {
    CAPTURE(bad.json);
    const JsonFault fault = CheckJson(bad.json);
    CHECK(fault.what != nullptr);
    CHECK(fault.offset == bad.offset);
  }
}

TEST_CASE("every prefix of a JSON object is refused") {
  const std::string json = R"({"a":[1.5e3,"x\u00e9",true,false,null,{"b":-0}]})";
  for (std::size_t size = 0; size < json.size(); ++size) {
    CAPTURE(size);
    CHECK(CheckJson(std::string_view(json).substr(0, size)).what != nullptr);
  }
}

TEST_CASE("text is classified by what JSON has to do with it") {
  for (std::size_t before : {0, 1, 7, 8, 9, 20}) {
    const auto with = [&](std::string_view part) {
      std::string text(before, 'x');
      text.append(part);
      text.append("yyyyyyyyy");
      return ClassifyText(text.substr(0, before + part.size())) == ClassifyText(text)
                 ? ClassifyText(text)
                 : TextClass::kInvalid;
    };
    CAPTURE(before);
    CHECK(with("a~ z") == TextClass::kPlain);
    CHECK(with("\"") == TextClass::kUtf8);
    CHECK(with("\\") == TextClass::kUtf8);
    CHECK(with("\n") == TextClass::kUtf8);
    CHECK(with(std::string_view("\0", 1)) == TextClass::kUtf8);
    CHECK(with("\xc3\xa9") == TextClass::kUtf8);
    CHECK(with("\xe2\x82\xac") == TextClass::kUtf8);
    CHECK(with("\xf0\x9f\x98\x80") == TextClass::kUtf8);
    CHECK(with("\x80") == TextClass::kInvalid);
    CHECK(with("\xc0\xaf") == TextClass::kInvalid);
    CHECK(with("\xe0\x80\xaf") == TextClass::kInvalid);
    CHECK(with("\xf4\x90\x80\x80") == TextClass::kInvalid);
    CHECK(with("\xf5\x80\x80\x80") == TextClass::kInvalid);
    CHECK(with("\xc3") == TextClass::kInvalid);
    CHECK(with("\xe2\x82") == TextClass::kInvalid);
  }
}

TEST_CASE("media types are told apart whatever their case and parameters") {
  CHECK(IsMediaType("application/json"));
  CHECK(IsMediaType("text/plain; charset=utf-8"));
  CHECK(!IsMediaType("xyz"));
  CHECK(!IsMediaType("/json"));
  CHECK(!IsMediaType("text/"));
  CHECK(!IsMediaType("text/pl ain"));
  CHECK(IsJsonMediaType("Application/JSON ;charset=utf-8"));
  CHECK(IsJsonMediaType("text/json"));
  CHECK(IsJsonMediaType("application/vnd.api+JSON"));
  CHECK(!IsJsonMediaType("application/jsonlines"));
  CHECK(IsTextMediaType("TEXT/html"));
  CHECK(IsTextMediaType("image/svg+xml"));
  CHECK(!IsTextMediaType("application/octet-stream"));
}

TEST_CASE("an escaped string stands for its characters") {
  const auto unescaped = [](std::string_view raw) {
    std::string out(raw.size(), '?');
    out.resize(static_cast<std::size_t>(Unescape(raw, out.data()) - out.data()));
    return out;
  };
  CHECK(unescaped("") == "");
  CHECK(unescaped(R"(a\"\\\/\b\f\n\r\tz)") == "a\"\\/\b\f\n\r\tz");
  CHECK(unescaped(R"(\u0041\u00e9\u20AC\uFFFF)") == "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf");
  CHECK(unescaped(R"(x\ud83d\ude00y)") == "x\xf0\x9f\x98\x80y");
  CHECK(unescaped(R"(\u0000)") == std::string(1, '\0'));
}

TEST_CASE("valid data is skipped as a whole, last or not") {
  for (const std::string_view value :
       {"{}", "[]", "{\"a\":[1,{\"]\":\"\\\"}\"}]}", "\"}\"", "12.5", "null", "[[],[]]"}) {
    for (const std::string_view after : {",\"x\":1}", " ,\"x\":\"}\"}\n", "}", " } "}) {
      const std::string text = std::string(value) + std::string(after);
      CAPTURE(text);
      JsonScan scan(text);
      CHECK(scan.SkipValidData(true));
      CHECK(scan.at() == text.data() + value.size());
    }
  }
  for (const std::string_view text : {"", "{", "[1", "\"a", "}", "[}}"}) {
    CAPTURE(text);
    JsonScan scan(text);
    (void)scan.SkipValidData(true);  // may accept nonsense, never reads beyond it
    CHECK(scan.at() <= text.data() + text.size());
  }
}
