// Batches of events as JSON: what is read and written, what is refused with which words.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "unit/event/samples.hpp"
#include "virtufin/event/json.hpp"

using namespace virtufin;

namespace {

constexpr std::string_view kMinimal = R"({"specversion":"1.0","id":"i","source":"s","type":"t"})";

// The members of a minimal event, then `members`.
std::string With(std::string_view members) {
  return std::string(kMinimal.substr(0, kMinimal.size() - 1)) + "," + std::string(members) + "}";
}

Result<std::vector<CloudEvent>> Decode(std::string_view json, NameRule rule = NameRule::kStrict,
                                       Validate validate = Validate::kFull) {
  return JsonDecoder().DecodeBatch(json, rule, validate);
}

std::string ErrorOf(std::string_view json) {
  const auto decoded = Decode(json);
  CHECK(decoded.status().code() == StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

std::string Repeated(std::string_view event, std::size_t count) {
  std::string json = "[";
  for (std::size_t i = 0; i < count; ++i) json.append(i == 0 ? "" : ",").append(event);
  return json + "]";
}

}  // namespace

// Pins EV-32.
TEST_CASE("a batch is read in order, with escapes and white space") {
  const std::string json = " [ " + With(R"("a":"\u00e9","data":{"x":[1,{}]})") + " ,\n" +
                           With(R"("a":"b\n","data_base64":"/wE=")") + ",\t" +
                           std::string(kMinimal) + " ] ";
  for (const Validate validate : {Validate::kFull, Validate::kTrusted}) {
    const auto events = *Decode(json, NameRule::kStrict, validate);
    REQUIRE(events.size() == 3);
    CHECK(events[0].ExtensionText("a") == "\xc3\xa9");
    CHECK(events[0].data_text() == R"({"x":[1,{}]})");
    CHECK(events[1].ExtensionText("a") == "b\n");
    CHECK(events[1].data_text() == "\xff\x01");
    CHECK(events[2] == *CloudEvent::Make({.id = "i", .source = "s", .type = "t"}));
  }
}

// Pins EV-32.
TEST_CASE("an empty batch has no events") {
  CHECK(Decode("[]")->empty());
  CHECK(Decode(" [ ] ")->empty());
  CHECK(AsText(EncodeJsonBatch({})->bytes()) == "[]");
}

// Pins EV-32.
TEST_CASE("a batch is written as an array of the events' own JSON") {
  const CloudEvent odd =
      *CloudEvent::Make({.id = "q\"\n", .source = "s", .type = "\xc3\xa9", .subject = "\x01"});
  const CloudEvent events[] = {samples::AllExtensionTypes(), odd,
                               *CloudEvent::Make(samples::Minimal())};
  std::string expected = "[";
  for (const CloudEvent& event : events) {
    expected.append(expected.size() == 1 ? "" : ",").append(AsText(EncodeJson(event)->bytes()));
  }
  const EncodedBytes json = *EncodeJsonBatch(events);
  CHECK(AsText(json.bytes()) == expected + "]");
  CHECK(nlohmann::json::parse(AsText(json.bytes())).size() == 3);
  for (std::size_t i = 0; i < kBufferPadding; ++i) CHECK(json.bytes().data()[json.size() + i] == 0);
}

TEST_CASE("known types hold in a batch") {
  JsonDecoder decoder({{"extbinary", ExtensionType::kBinary},
                       {"exttimestamp", ExtensionType::kTimestamp},
                       {"exturi", ExtensionType::kUri},
                       {"exturiref", ExtensionType::kUriReference}});
  const CloudEvent events[] = {samples::AllExtensionTypes(), samples::AllExtensionTypes()};
  const auto decoded = *decoder.DecodeBatch(AsText(EncodeJsonBatch(events)->bytes()));
  REQUIRE(decoded.size() == 2);
  CHECK(decoded[1] == events[1]);
}

// Pins EV-33.
TEST_CASE("a bad event is named by its index, and nothing is returned") {
  const std::string good(kMinimal);
  CHECK(ErrorOf("[" + good + "," + With(R"("id":"j")") + "]") ==
        "event 1 of the batch: id is there twice");
  CHECK(ErrorOf("[" + good + "," + good + "," + With(R"("my.name":"j")") + "]") ==
        "event 2 of the batch: extension name \"my.name\" has a character other than a-z and 0-9");
  CHECK(ErrorOf("[\"x\"]") ==
        "event 0 of the batch: the event is not JSON: expected '{' at byte 1");
  CHECK(ErrorOf("[" + good + ",]") ==
        "event 1 of the batch: the event is not JSON: expected '{' at byte 56");
  CHECK(ErrorOf("[null]").find("event 0") == 0);
  CHECK(ErrorOf("[[" + good + "]]").find("event 0") == 0);
  const auto too_many = Decode("[" + good + "," + With([] {
                                 std::string members = R"("a":1)";
                                 for (int i = 0; i < 1024; ++i) {
                                   members += ",\"b" + std::to_string(i) + "\":1";
                                 }
                                 return members;
                               }()) +
                               "]");
  CHECK(too_many.status().code() == StatusCode::kResourceExhausted);
  CHECK(too_many.status().message().find("event 1") == 0);
}

// Pins EV-33.
TEST_CASE("malformed data in a batch is refused and hides nothing behind it") {
  for (const std::string_view data : {R"({"x":nope})", R"([1,2})", R"({"x":1]})", "tru", "[1,]"}) {
    CAPTURE(data);
    const std::string bad = With("\"data\":" + std::string(data) + R"(,"subject":"s")");
    CHECK(ErrorOf("[" + std::string(kMinimal) + "," + bad + "," + std::string(kMinimal) + "]")
              .find("event 1 of the batch: data is not JSON") == 0);
  }
}

// Pins EV-33.
TEST_CASE("what is no array of events is refused") {
  for (const std::string_view json : {"", " ", "{}", "1", "null", "[", "]", "[,]", "[1]", "[]]"}) {
    CAPTURE(json);
    CHECK(!ErrorOf(json).empty());
  }
  CHECK(ErrorOf(kMinimal) == "the batch is not JSON: expected '[' at byte 0");
  CHECK(ErrorOf("[] x") == "expected the end behind the batch, found more at byte 3");
  const std::string whole = Repeated(kMinimal, 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(!Decode(whole.substr(0, size)).ok());
    CHECK(!Decode(whole.substr(0, size), NameRule::kLenient, Validate::kTrusted).ok());
  }
}

// Pins EV-19.
TEST_CASE("data may be as deep in a batch as alone") {
  const auto nested = [](std::size_t levels) {
    return With("\"data\":" + std::string(levels, '[') + std::string(levels, ']'));
  };
  CHECK(Decode("[" + nested(kMaxJsonDepth - 1) + "]").ok());
  CHECK(!Decode("[" + nested(kMaxJsonDepth) + "]").ok());
}

// Pins EV-34.
TEST_CASE("a batch has its limits in events and bytes") {
  CHECK(Decode(Repeated(kMinimal, kMaxBatchEvents))->size() == kMaxBatchEvents);
  CHECK(Decode(Repeated(kMinimal, kMaxBatchEvents + 1)).status().code() ==
        StatusCode::kResourceExhausted);
  std::string large = Repeated(kMinimal, 2);
  large.resize(kMaxEventBytes, ' ');
  CHECK(Decode(large).ok());
  CHECK(Decode(large + " ").status().code() == StatusCode::kResourceExhausted);

  const CloudEvent minimal = *CloudEvent::Make(samples::Minimal());
  std::vector<CloudEvent> many(kMaxBatchEvents, minimal);
  CHECK(EncodeJsonBatch(many).ok());
  many.push_back(minimal);
  CHECK(EncodeJsonBatch(many).status().code() == StatusCode::kResourceExhausted);
  const std::string text(kMaxEventBytes / 2, 'x');
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_content_type = "text/plain";
  parts.data_kind = DataKind::kText;
  parts.data = AsBytes(text);
  const CloudEvent half = *CloudEvent::Make(parts);
  CHECK(EncodeJsonBatch(std::vector(1, half)).ok());
  CHECK(EncodeJsonBatch(std::vector(2, half)).status().code() == StatusCode::kResourceExhausted);
}
