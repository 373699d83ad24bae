// Events as Protobuf: the bytes that are written, what is read, what is refused with which words.
#include "virtufin/event/protobuf.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "unit/event/samples.hpp"
#include "virtufin/event/json.hpp"

using namespace virtufin;

namespace {

// Messages by hand, apart from the code under test.
std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Bytes(int field, std::string_view bytes) {
  return Varint(static_cast<std::uint64_t>(field) << 3 | 2) + Varint(bytes.size()) +
         std::string(bytes);
}
std::string Number(int field, std::uint64_t value) {
  return Varint(static_cast<std::uint64_t>(field) << 3) + Varint(value);
}
std::string Attribute(std::string_view name, std::string_view value) {
  return Bytes(5, Bytes(1, name) + Bytes(2, value));
}
const std::string kMinimal = Bytes(1, "i") + Bytes(2, "s") + Bytes(3, "1.0") + Bytes(4, "t");

Result<CloudEvent> Decode(std::string_view bytes, NameRule rule = NameRule::kStrict,
                          Validate validate = Validate::kFull) {
  return DecodeProtobuf(AsBytes(bytes), rule, validate);
}

std::string ErrorOf(std::string_view bytes) {
  const auto decoded = Decode(bytes);
  CHECK(decoded.status().code() == StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

CloudEvent WithData(DataKind kind, std::string_view media_type, std::string_view data) {
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_content_type = media_type;
  parts.data_kind = kind;
  parts.data = AsBytes(data);
  return *CloudEvent::Make(parts);
}

std::string Encoded(const CloudEvent& event) {
  return std::string(AsText(EncodeProtobuf(event)->bytes()));
}

}  // namespace

// Pins EV-35.
TEST_CASE("every attribute and type of the Protobuf form is written as its field") {
  const NamedValue extensions[] = {{"b", true},
                                   {"i", -1},
                                   {"s", std::string_view("text")},
                                   {"y", AsBytes("\xff")},
                                   {"u", Uri{"x:y"}},
                                   {"r", UriReference{"/p"}},
                                   {"t", *Timestamp::Parse("1970-01-01T00:00:01.5Z")}};
  CloudEvent::Parts parts;
  parts.id = "id";
  parts.source = "src";
  parts.type = "type";
  parts.subject = "sub";
  parts.data_schema = "d:s";
  parts.data_content_type = "text/plain";
  parts.time = *Timestamp::Parse("1969-12-31T23:59:59+00:00");
  parts.extensions = extensions;
  parts.data_kind = DataKind::kText;
  parts.data = AsBytes("data");
  CHECK(Encoded(*CloudEvent::Make(parts)) ==
        Bytes(1, "id") + Bytes(2, "src") + Bytes(3, "1.0") + Bytes(4, "type") +
            Attribute("time", Bytes(7, Number(1, ~std::uint64_t{0}))) +
            Attribute("subject", Bytes(3, "sub")) +
            Attribute("datacontenttype", Bytes(3, "text/plain")) +
            Attribute("dataschema", Bytes(5, "d:s")) + Attribute("b", Number(1, 1)) +
            Attribute("i", Number(2, ~std::uint64_t{0})) + Attribute("s", Bytes(3, "text")) +
            Attribute("y", Bytes(4, "\xff")) + Attribute("u", Bytes(5, "x:y")) +
            Attribute("r", Bytes(6, "/p")) +
            Attribute("t", Bytes(7, Number(1, 1) + Number(2, 500'000'000))) + Bytes(7, "data"));
}

// Pins EV-35.
TEST_CASE("extensions keep their types") {
  const CloudEvent event = samples::AllExtensionTypes();
  const CloudEvent decoded = *Decode(Encoded(event));
  CHECK(decoded == event);
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    CHECK(decoded.extension(i).second.index() == event.extension(i).second.index());
  }
}

TEST_CASE("strings made of times, numbers and ids travel as strings") {
  CloudEvent::Builder builder(samples::QuoteStream());
  const Timestamp time = *Timestamp::Parse("2026-03-04T05:06:07.089Z");
  const CloudEvent event = *builder.Time(time)
                                .Varying(samples::kEventTime, time)
                                .Varying(samples::kSequence, std::uint64_t{18446744073709551615u})
                                .JsonData("[1]", Validate::kTrusted)
                                .Build();
  const CloudEvent decoded = *Decode(Encoded(event));
  CHECK(decoded == event);
  CHECK(decoded.ExtensionText("eventtime") == "2026-03-04T05:06:07.089Z");
  CHECK(decoded.ExtensionText("sequence") == "18446744073709551615");
}

// Pins EV-36.
TEST_CASE("data keeps its bytes, and its kind as far as media type and field tell it") {
  const auto check = [](const std::string& fields, DataKind kind, std::string_view data) {
    CAPTURE(fields);
    const CloudEvent event = *Decode(kMinimal + fields);
    CHECK(event.data_kind() == kind);
    CHECK(event.data_text() == data);
  };
  const auto typed = [](std::string_view type) {
    return Attribute("datacontenttype", Bytes(3, type));
  };
  check("", DataKind::kAbsent, "");
  check(Bytes(7, "{\"a\": 1}"), DataKind::kJson, "{\"a\": 1}");
  check(Bytes(7, "plain"), DataKind::kText, "plain");
  check(Bytes(7, ""), DataKind::kText, "");
  check(Bytes(7, "1") + typed("text/plain"), DataKind::kText, "1");
  check(Bytes(7, "1") + typed("application/json"), DataKind::kJson, "1");
  check(Bytes(6, "1"), DataKind::kBinary, "1");
  check(Bytes(6, ""), DataKind::kBinary, "");
  check(Bytes(6, "1") + typed("application/json"), DataKind::kJson, "1");
  check(Bytes(6, "nope") + typed("application/json"), DataKind::kBinary, "nope");
  check(Bytes(6, "text") + typed("text/plain"), DataKind::kText, "text");
  check(Bytes(6, "\xff") + typed("text/plain"), DataKind::kBinary, "\xff");
  check(Bytes(6, "t") + typed("text/plain; charset=\"ISO-8859-1\""), DataKind::kBinary, "t");
  CHECK(Decode(kMinimal + Bytes(7, "plain"))->data_content_type() == "text/plain");
  CHECK(ErrorOf(kMinimal + Bytes(7, "nope") + typed("a/b+json")) ==
        "data is not JSON: expected true, false or null at byte 0");
  CHECK(
      Decode(kMinimal + Bytes(7, "nope") + typed("a/b+json"), NameRule::kStrict, Validate::kTrusted)
          .ok());
  CHECK(ErrorOf(kMinimal + Bytes(7, "\xff") + typed("text/plain")) == "data: expected UTF-8");
}

// Pins EV-36.
TEST_CASE("JSON without a media type gets one, data that is no JSON goes as bytes") {
  const std::string json = Encoded(WithData(DataKind::kJson, "", "[1]"));
  CHECK(
      json.ends_with(Attribute("datacontenttype", Bytes(3, "application/json")) + Bytes(7, "[1]")));
  CHECK(Encoded(WithData(DataKind::kBinary, "application/json", "[1]")).ends_with(Bytes(6, "[1]")));
  const CloudEvent unchecked = *CloudEvent::Builder(*CloudEvent::Make(samples::Minimal()))
                                    .JsonData("[1", Validate::kTrusted)
                                    .Build();
  CHECK(Decode(Encoded(unchecked)).status().code() == StatusCode::kInvalidArgument);
}

// Pins EV-36.
TEST_CASE("a message in the data keeps its type URL") {
  const std::string any = Bytes(8, Bytes(1, "type.googleapis.com/a.B") + Bytes(2, "\x08\x01"));
  const CloudEvent event = *Decode(kMinimal + any);
  CHECK(event.data_kind() == DataKind::kBinary);
  CHECK(event.data_text() == "\x08\x01");
  CHECK(event.ExtensionText(kDataTypeUrl) == "type.googleapis.com/a.B");
  CHECK(Encoded(event) == kMinimal + any);
  const std::string schema = Attribute("dataschema", Bytes(5, "x:y"));
  CHECK(Decode(kMinimal + schema + any)->data_schema() == "x:y");
  CHECK(*JsonDecoder().Decode(AsText(EncodeJson(event)->bytes())) == event);
  CHECK(ErrorOf(kMinimal + any + Attribute(kDataTypeUrl, Bytes(3, "other"))) ==
        "extension \"datatypeurl\" is there twice");
  const CloudEvent json = *CloudEvent::Builder(event).JsonData("1").Build();
  CHECK(*Decode(Encoded(*CloudEvent::Builder(json).DataContentType("text/json").Build())) ==
        *CloudEvent::Builder(json).DataContentType("text/json").Build());
}

// Pins EV-37, EV-38.
TEST_CASE("unknown fields are skipped, groups with all they contain") {
  const std::string group = Varint(99 << 3 | 3) + Number(1, 5) + Varint(7 << 3 | 3) +
                            Bytes(1, "x") + Varint(7 << 3 | 4) + Varint(99 << 3 | 4);
  const std::string unknown = Number(100, 1) + Bytes(101, "x") + Varint(102 << 3 | 5) + "1234" +
                              Varint(103 << 3 | 1) + "12345678" + group + Number(1, 7);
  const CloudEvent minimal = *Decode(kMinimal);
  CHECK(*Decode(unknown + kMinimal + unknown) == minimal);
  const std::string value = Bytes(3, "v") + Bytes(99, "x") + Number(3, 1);
  CHECK(Decode(kMinimal + Attribute("a", value))->ExtensionText("a") == "v");
  CHECK(Decode(kMinimal + Bytes(5, Number(9, 9) + Bytes(2, Bytes(3, "v")) + Bytes(1, "a")))
            ->ExtensionText("a") == "v");
  std::string deep, end;
  for (int i = 0; i < 65; ++i) deep += Varint(9 << 3 | 3), end += Varint(9 << 3 | 4);
  CHECK(ErrorOf(kMinimal + deep + end).find("at most 64 levels of groups") != std::string::npos);
  CHECK(Decode(kMinimal + deep.substr(1) + end.substr(1)).ok());
  CHECK(!ErrorOf(kMinimal + Varint(9 << 3 | 3) + Varint(8 << 3 | 4)).empty());
  CHECK(!ErrorOf(kMinimal + Varint(9 << 3 | 4)).empty());
}

// Pins EV-37.
TEST_CASE("attributes are read from the types that other writers choose") {
  CHECK(Decode(kMinimal + Attribute("time", Bytes(3, "2020-01-01T00:00:00+01:00")))->time_text() ==
        "2020-01-01T00:00:00+01:00");
  CHECK(Decode(kMinimal + Attribute("dataschema", Bytes(3, "a")))->data_schema() == "a");
  CHECK(Decode(kMinimal + Attribute("dataschema", Bytes(6, "a")))->data_schema() == "a");
  const CloudEvent event = *Decode(kMinimal + Attribute("n", Number(2, 0xFFFFFFFF)) +
                                   Attribute("z", Number(1, 9)) + Attribute("t", Bytes(7, "")));
  CHECK(std::get<std::int32_t>(*event.FindExtension("n")) == -1);
  CHECK(std::get<bool>(*event.FindExtension("z")));
  CHECK(std::get<Timestamp>(*event.FindExtension("t")) == Timestamp());
}

// Pins EV-38.
TEST_CASE("what breaks a rule of events is refused with what was expected and found") {
  CHECK(ErrorOf("") == "specversion: expected \"1.0\", found nothing");
  CHECK(ErrorOf(Bytes(1, "i") + Bytes(2, "s") + Bytes(3, "0.3") + Bytes(4, "t")) ==
        "specversion: expected \"1.0\", found \"0.3\"");
  CHECK(ErrorOf(Bytes(2, "s") + Bytes(3, "1.0") + Bytes(4, "t")) == "id: expected a text");
  CHECK(ErrorOf(kMinimal + Bytes(1, "i")) == "id is there twice");
  CHECK(ErrorOf(Bytes(1, "")) == "id: expected a text, found an empty one");
  CHECK(ErrorOf(kMinimal + Attribute("source", Bytes(3, "x"))) ==
        "extension name \"source\" is the name of a core attribute");
  CHECK(ErrorOf(kMinimal + Attribute("data", Bytes(3, "x"))) ==
        "extension name \"data\" is the name of a core attribute");
  CHECK(ErrorOf(kMinimal + Attribute("", Bytes(3, "x"))) == "extension name \"\" is empty");
  CHECK(ErrorOf(kMinimal + Attribute("a", Bytes(3, "x")) + Attribute("a", Bytes(3, "x"))) ==
        "extension \"a\" is there twice");
  CHECK(ErrorOf(kMinimal + Attribute("subject", Bytes(3, "x")) +
                Attribute("subject", Bytes(3, "x"))) == "subject is there twice");
  CHECK(ErrorOf(kMinimal + Attribute("subject", Number(1, 1))) ==
        "subject: expected a text, found another type");
  CHECK(ErrorOf(kMinimal + Attribute("time", Number(2, 1))) ==
        "time: expected a timestamp, found another type");
  CHECK(ErrorOf(kMinimal + Attribute("a", "")) ==
        "\"a\": expected a value of a known type, found none");
  CHECK(ErrorOf(kMinimal + Attribute("a", Number(1, 1) + Bytes(3, "x"))) ==
        "\"a\": expected one value, found more");
  CHECK(ErrorOf(kMinimal + Attribute("a", Number(2, std::uint64_t{1} << 40))) ==
        "\"a\": expected a 32-bit integer, found 1099511627776");
  CHECK(ErrorOf(kMinimal + Attribute("a", Bytes(7, Number(2, 1'000'000'000)))) ==
        "\"a\": expected nanoseconds from 0 to 999999999, found 1000000000");
  CHECK(!ErrorOf(kMinimal + Attribute("a", Bytes(7, Number(1, 253'402'300'800)))).empty());
  CHECK(ErrorOf(kMinimal + Attribute("a", Bytes(3, "\xff"))) == "a: expected UTF-8");
  CHECK(ErrorOf(kMinimal + Bytes(6, "") + Bytes(7, "")) ==
        "expected one of binary_data, text_data and proto_data, found more");
  CHECK(ErrorOf(kMinimal + Bytes(5, Bytes(1, "a") + Bytes(1, "b"))) ==
        "attribute \"b\": expected one name and one value, found more");
}

// Pins EV-5, EV-6.
TEST_CASE("the strict rule refuses legacy names and empty attributes, the lenient one does not") {
  const std::string dotted = kMinimal + Attribute("market.world", Bytes(3, "act"));
  CHECK(!ErrorOf(dotted).empty());
  CHECK(Decode(dotted, NameRule::kLenient)->ExtensionText("market.world") == "act");
  const std::string empty = kMinimal + Attribute("subject", Bytes(3, ""));
  CHECK(ErrorOf(empty) == "subject: expected a text, found an empty one");
  CHECK(*Decode(empty, NameRule::kLenient) == *Decode(kMinimal));
}

// Pins EV-38.
TEST_CASE("what is no Protobuf is refused where it stops being one") {
  CHECK(ErrorOf(kMinimal + "\x0a\x05") ==
        "the event is not Protobuf: expected more bytes at byte 16");
  CHECK(ErrorOf("\x02").find("a field number above 0") != std::string::npos);
  CHECK(ErrorOf("\x0f").find("a tag") != std::string::npos);
  CHECK(ErrorOf(std::string(10, '\xff') + "\x01").find("at most 64 bits") != std::string::npos);
  CHECK(ErrorOf("\xff\xff\xff\xff\x7f").find("a tag") != std::string::npos);
  const std::string whole = Encoded(samples::AllExtensionTypes());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = Decode(std::string_view(whole).substr(0, size));
    // A whole message may end where a field does.
    if (cut.ok()) CHECK(cut->extension_count() < 7);
  }
}

// Pins EV-39.
TEST_CASE("a batch is events in order, a bad one is named by its index") {
  const CloudEvent events[] = {samples::AllExtensionTypes(), *Decode(kMinimal)};
  const EncodedBytes bytes = *EncodeProtobufBatch(events);
  CHECK(AsText(bytes.bytes()) == Bytes(1, Encoded(events[0])) + Bytes(1, kMinimal));
  const auto decoded = *DecodeProtobufBatch(bytes.bytes());
  REQUIRE(decoded.size() == 2);
  CHECK(decoded[0] == events[0]);
  CHECK(decoded[1] == events[1]);
  CHECK(DecodeProtobufBatch({})->empty());
  CHECK(EncodeProtobufBatch({})->size() == 0);
  const std::string bad = Number(9, 9) + Bytes(1, kMinimal) + Bytes(1, kMinimal + Bytes(1, "j"));
  CHECK(DecodeProtobufBatch(AsBytes(bad)).status().message() ==
        "event 1 of the batch: id is there twice");
  const std::string cut = Bytes(1, kMinimal) + Bytes(1, kMinimal + "\x0a\x09");
  CHECK(DecodeProtobufBatch(AsBytes(cut)).status().message() ==
        "event 1 of the batch: the event is not Protobuf: expected more bytes at byte 34");
}

// Pins EV-7, EV-34.
TEST_CASE("sizes are limited") {
  std::string many = kMinimal;
  for (std::size_t i = 0; i < kMaxExtensions; ++i) {
    many += Attribute("x" + std::to_string(i), Number(1, 1));
  }
  CHECK(Decode(many)->extension_count() == kMaxExtensions);
  CHECK(Decode(many + Attribute("y", Number(1, 1))).status().code() ==
        StatusCode::kResourceExhausted);
  CHECK(!Decode(kMinimal + Attribute(std::string(kMaxNameBytes + 1, 'a'), Number(1, 1))).ok());

  const std::string text(kMaxEventBytes - kMinimal.size() - 5, 'x');
  const std::string largest = kMinimal + Bytes(6, text);
  CHECK(largest.size() == kMaxEventBytes);
  const CloudEvent event = *Decode(largest);
  CHECK(Encoded(event) == largest);
  CHECK(Decode(largest + Number(9, 9)).status().code() == StatusCode::kResourceExhausted);
  CHECK(EncodeProtobufBatch(std::vector(1, event)).status().code() ==
        StatusCode::kResourceExhausted);
  CHECK(EncodeProtobuf(*CloudEvent::Builder(event).Subject("s").Build()).status().code() ==
        StatusCode::kResourceExhausted);

  std::string batch;
  for (std::size_t i = 0; i < kMaxBatchEvents; ++i) batch += Bytes(1, kMinimal);
  CHECK(DecodeProtobufBatch(AsBytes(batch))->size() == kMaxBatchEvents);
  batch += Bytes(1, kMinimal);
  CHECK(DecodeProtobufBatch(AsBytes(batch)).status().code() == StatusCode::kResourceExhausted);
}
