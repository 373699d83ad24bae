// Events from JSON: what is read, and what is refused with which words.
#include "virtufin/event/json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "unit/event/samples.hpp"

using namespace virtufin;

namespace {

// The members of a minimal event, then `members`.
std::string With(std::string_view members) {
  std::string json = R"({"specversion":"1.0","id":"i","source":"s","type":"t")";
  if (!members.empty()) json.append(",").append(members);
  return json + "}";
}

Result<CloudEvent> Decode(std::string_view json, NameRule rule = NameRule::kStrict,
                          Validate validate = Validate::kFull) {
  return JsonDecoder().Decode(json, rule, validate);
}

std::string ErrorOf(std::string_view json, NameRule rule = NameRule::kStrict) {
  const auto decoded = Decode(json, rule);
  CHECK(decoded.status().code() == StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

}  // namespace

// Pins EV-14.
TEST_CASE("every attribute of the JSON form is read") {
  const CloudEvent event = *Decode(With(
      R"("subject":"a\"b","datacontenttype":"application/json","dataschema":"x:y",)"
      R"("time":"2018-04-05T17:31:00.5+01:00","flag":true,"count":-2147483648,"text":"\u00e9",)"
      R"( "data" : { "a": [1.50 , "x"] } )"));
  CHECK(event.id() == "i");
  CHECK(event.source() == "s");
  CHECK(event.type() == "t");
  CHECK(event.subject() == "a\"b");
  CHECK(event.data_content_type() == "application/json");
  CHECK(event.data_schema() == "x:y");
  CHECK(event.time_text() == "2018-04-05T17:31:00.5+01:00");
  CHECK(std::get<bool>(*event.FindExtension("flag")));
  CHECK(std::get<std::int32_t>(*event.FindExtension("count")) == -2147483648);
  CHECK(std::get<std::string_view>(*event.FindExtension("text")) == "\xc3\xa9");
  CHECK(event.data_kind() == DataKind::kJson);
  CHECK(event.data_text() == R"({ "a": [1.50 , "x"] })");
}

// Pins EV-14.
TEST_CASE("null attributes are absent") {
  const CloudEvent event = *Decode(
      With(R"("subject":null,"time":null,"ext":null,"data_base64":null,"datacontenttype":null)"));
  CHECK(event == *CloudEvent::Make({.id = "i", .source = "s", .type = "t"}));
}

// Pins EV-14.
TEST_CASE("data is text or JSON as datacontenttype says, wherever it stands") {
  const auto check = [](std::string_view members, DataKind kind, std::string_view data) {
    CAPTURE(members);
    const CloudEvent event = *Decode(With(members));
    CHECK(event.data_kind() == kind);
    CHECK(event.data_text() == data);
  };
  check(R"("data":"a\nb","datacontenttype":"text/plain")", DataKind::kText, "a\nb");
  check(R"("datacontenttype":"text/plain","data":"")", DataKind::kText, "");
  check(R"("datacontenttype":"application/xml","data":"<a/>")", DataKind::kText, "<a/>");
  check(R"("data":"a\nb")", DataKind::kJson, R"("a\nb")");
  check(R"("data":"a\nb","datacontenttype":"text/json")", DataKind::kJson, R"("a\nb")");
  check(R"("data": 1e5 ,"datacontenttype":"text/plain")", DataKind::kJson, "1e5");
  check(R"("data":true)", DataKind::kJson, "true");
  check(R"("data":null)", DataKind::kJson, "null");
  check(R"("data":[ ] )", DataKind::kJson, "[ ]");
  check(R"("data_base64":"/wE=")", DataKind::kBinary, "\xff\x01");
  check(R"("data_base64":"")", DataKind::kBinary, "");
  check(R"("data_base64":"e30=","datacontenttype":"application/json")", DataKind::kBinary, "{}");
}

// Pins EV-15.
TEST_CASE("extensions of known types become these") {
  JsonDecoder decoder({{"extinteger", ExtensionType::kInteger},
                       {"extboolean", ExtensionType::kBoolean},
                       {"extstring", ExtensionType::kString},
                       {"extbinary", ExtensionType::kBinary},
                       {"exttimestamp", ExtensionType::kTimestamp},
                       {"exturi", ExtensionType::kUri},
                       {"exturiref", ExtensionType::kUriReference}});
  const CloudEvent event = samples::AllExtensionTypes();
  const EncodedBytes json = *EncodeJson(event);
  CHECK(*decoder.Decode(AsText(json.bytes())) == event);
  const auto error = [&](std::string_view member) {
    return std::string(decoder.Decode(With(member)).status().message());
  };
  CHECK(error(R"("extinteger":"5")") == "extinteger: expected a 32-bit integer, found \"5\"");
  CHECK(error(R"("extinteger":true)") == "extinteger: expected a 32-bit integer, found a boolean");
  CHECK(error(R"("extboolean":1)") == "extboolean: expected a boolean, found a number");
  CHECK(error(R"("extstring":1)") == "extstring: expected a string, found a number");
  CHECK(error(R"("extbinary":"TWE")") == "extbinary: expected base64 text, found \"TWE\"");
  CHECK(error(R"("extbinary":"TWF=")") == "extbinary: expected base64 text, found \"TWF=\"");
  CHECK(error(R"("exttimestamp":"noon")").substr(0, 14) == "exttimestamp: ");
}

TEST_CASE("base64 text may be written with escapes") {
  const std::string bytes(300, 'a');
  std::string base64;
  for (std::size_t i = 0; i < bytes.size(); i += 3) base64 += "YWFh";
  base64.replace(0, 1, R"(\u0059)");
  CHECK(Decode(With("\"data_base64\":\"" + base64 + "\""))->data_text() == bytes);
  JsonDecoder decoder({{"b", ExtensionType::kBinary}});
  const CloudEvent event = *decoder.Decode(With("\"b\":\"" + base64 + "\""));
  CHECK(AsText(std::get<ByteView>(*event.FindExtension("b"))) == bytes);
}

TEST_CASE("one decoder reads many events, small and large, after failures too") {
  JsonDecoder decoder;
  for (const std::size_t size : {10, 100'000, 20, 5'000}) {
    const std::string json = With("\"data\":\"" + std::string(size, 'x') + "\"");
    CHECK(!decoder.Decode(json.substr(0, json.size() / 2)).ok());
    CHECK(decoder.Decode(json)->data().size() == size + 2);
    CHECK(decoder.Decode(With(R"("a":1)"))->extension_count() == 1);
  }
}

// Pins EV-5, EV-6.
TEST_CASE("the strict rule refuses legacy names and empty attributes, the lenient one does not") {
  CHECK(ErrorOf(With(R"("market.world":"act")")) ==
        "extension name \"market.world\" has a character other than a-z and 0-9");
  CHECK(
      Decode(With(R"("market.world":"act")"), NameRule::kLenient)->ExtensionText("market.world") ==
      "act");
  CHECK(ErrorOf(With(R"("subject":"")")) == "subject: expected a text, found an empty one");
  CHECK(Decode(With(R"("subject":"","datacontenttype":"","time":"")"), NameRule::kLenient).ok());
  CHECK(ErrorOf(R"({"specversion":"1.0","id":"","source":"s","type":"t"})", NameRule::kLenient) ==
        "id: expected a text, found an empty one");
}

// Pins EV-16.
TEST_CASE("what is no event is refused with what was expected and found") {
  CHECK(ErrorOf(R"({"id":"i","source":"s","type":"t"})") ==
        "specversion: expected \"1.0\", found nothing");
  CHECK(ErrorOf(R"({"specversion":"0.3","id":"i","source":"s","type":"t"})") ==
        "specversion: expected \"1.0\", found \"0.3\"");
  CHECK(ErrorOf(R"({"specversion":"1.0","source":"s","type":"t"})") == "id: expected a text");
  CHECK(ErrorOf(R"({"specversion":"1.0","id":25,"source":"s","type":"t"})") ==
        "id: expected a string, found a number");
  CHECK(ErrorOf(With(R"("a":{})")) ==
        "a: expected a boolean, an integer or a string, found an object");
  CHECK(ErrorOf(With(R"("a":1.5)")) == "a: expected a 32-bit integer, found 1.5");
  CHECK(ErrorOf(With(R"("a":2147483648)")) == "a: expected a 32-bit integer, found 2147483648");
  CHECK(ErrorOf(With(R"("time":"2018-04-05T18:31Z")")).substr(0, 6) == "time: ");
  CHECK(ErrorOf(With(R"("data":1,"data_base64":"")")) ==
        "expected data or data_base64, found both");
  CHECK(ErrorOf(With(R"("data_base64":"*")")) ==
        "data_base64: expected base64 text, found something else");
  CHECK(ErrorOf(With(R"("datacontenttype":"xyz")")) ==
        "datacontenttype: expected type/subtype, found \"xyz\"");
}

// Pins EV-17.
TEST_CASE("names that are there twice are refused, however they are written") {
  CHECK(ErrorOf(With(R"("id":"j")")) == "id is there twice");
  CHECK(ErrorOf(With(R"("sourc\u0065":"j")")) == "source is there twice");
  CHECK(ErrorOf(With(R"("subject":null,"subject":"x")")) == "subject is there twice");
  CHECK(ErrorOf(With(R"("data":1,"data":1)")) == "data is there twice");
  CHECK(ErrorOf(With(R"("a":1,"b":2,"a":1)")) == "extension \"a\" is there twice");
  CHECK(ErrorOf(With(R"("a":null,"a":"v")")) == "extension \"a\" is there twice");
  CHECK(ErrorOf(With(R"("a":"v","a":null)")) == "extension \"a\" is there twice");
  CHECK(ErrorOf(With(R"("a":null,"b":1,"a":null)")) == "extension \"a\" is there twice");
}

// Pins EV-17.
TEST_CASE("an extension that is null keeps the rules of names and counts") {
  CHECK(ErrorOf(With(R"("X-Bad":null)")).find("extension name \"X-Bad\"") == 0);
  CHECK(Decode(With(R"("market.world":null)"), NameRule::kLenient)->extension_count() == 0);
  std::string nulls;
  for (int i = 0; i < 1024; ++i) nulls.append("\"x").append(std::to_string(i)).append("\":null,");
  CHECK(Decode(With(nulls + R"("data":1)"))->extension_count() == 0);
  CHECK(Decode(With(nulls + R"("y":null)")).status().code() == StatusCode::kResourceExhausted);
}

// Pins EV-17.
TEST_CASE("an error shows a long number cut") {
  CHECK(ErrorOf(With("\"a\":" + std::string(100, '1'))) ==
        "a: expected a 32-bit integer, found " + std::string(64, '1') + "...");
}

// Pins EV-18.
TEST_CASE("bytes behind the event are refused") {
  CHECK(ErrorOf(With("") + "}").find("behind the event") != std::string::npos);
  CHECK(!ErrorOf(With("") + " x").empty());
  CHECK(ErrorOf(With("") + With("")).find("behind the event") != std::string::npos);
  CHECK(Decode(" \n" + With("") + "\r\n\t ").ok());
}

// Pins EV-18.
TEST_CASE("malformed data is refused and never hides an attribute") {
  for (const std::string_view data :
       {R"({"x":nope})", R"({"x":[1,2}})", R"({"x":1]})", R"([1,])", R"({"a" 1})", R"("\x")",
        R"(tru)", R"(01)", R"("\ud800")", R"({"x":"\u12"})", R"({)", R"(])"}) {
    CAPTURE(data);
    CHECK(!Decode(With("\"data\":" + std::string(data) + R"(,"subject":"s")")).ok());
    CHECK(!Decode(With("\"data\":" + std::string(data))).ok());
  }
  CHECK(ErrorOf(With(R"("data":{"x":nope})")) ==
        "data is not JSON: expected true, false or null at byte 66");
}

// Pins EV-18.
TEST_CASE("what is no JSON object is refused") {
  for (const std::string_view json : {"", " ", "[]", "1", "null", "{", "}", "{]", "nonsense", "\"",
                                      "{\"id\"", "{\"id\":", "{\"id\":\"i\"", "{\"id\":\"i\",}",
                                      "{id:1}", "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}"}) {
    CAPTURE(json);
    CHECK(!ErrorOf(json).empty());
  }
  const std::string whole = With(R"("subject":"s","data":{"a":[1]})");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(!Decode(whole.substr(0, size)).ok());
  }
}

// Pins EV-19.
TEST_CASE("depth is limited, the envelope included") {
  const auto nested = [](int levels) {
    return With("\"data\":" + std::string(static_cast<std::size_t>(levels), '[') +
                std::string(static_cast<std::size_t>(levels), ']'));
  };
  CHECK(Decode(nested(kMaxJsonDepth - 1)).ok());
  CHECK(ErrorOf(nested(kMaxJsonDepth)).find("63 levels") != std::string::npos);
  CHECK(!Decode(nested(100'000)).ok());
}

// Pins EV-7.
TEST_CASE("the size is limited") {
  const std::string_view head = R"({"specversion":"1.0","id":"i","source":"s","type":"t","data":")";
  std::string json(head);
  json.append(kMaxEventBytes - head.size() - 2, 'x').append("\"}");
  CHECK(json.size() == kMaxEventBytes);
  CHECK(Decode(json).ok());
  CHECK(Decode(json + " ").status().code() == StatusCode::kResourceExhausted);
}

TEST_CASE("trusted text is read the same way") {
  const CloudEvent event = samples::AllExtensionTypes();
  const EncodedBytes json = *EncodeJson(event);
  CHECK(*Decode(AsText(json.bytes()), NameRule::kStrict, Validate::kTrusted) ==
        *Decode(AsText(json.bytes())));
}
