// Events as HTTP messages: what is written, what is read, what is refused with which words.
#include "virtufin/event/http.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "unit/event/samples.hpp"
#include "virtufin/event/protobuf.hpp"

using namespace virtufin;

namespace {

using Fields = std::vector<HttpField>;

Fields Minimal(const Fields& more = {}) {
  Fields fields = {{"ce-specversion", "1.0"}, {"ce-id", "i"}, {"ce-source", "s"}, {"ce-type", "t"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Result<CloudEvent> Decode(const Fields& fields, std::string_view body = {},
                          NameRule rule = NameRule::kStrict, Validate validate = Validate::kFull) {
  Result<HttpEvents> events = HttpDecoder().Decode(fields, AsBytes(body), rule, validate);
  if (!events.ok()) return events.status();
  CHECK(events->events.size() == 1);
  return events->events.front();
}

std::string ErrorOf(const Fields& fields, std::string_view body = {},
                    NameRule rule = NameRule::kStrict) {
  const auto decoded = Decode(fields, body, rule);
  CHECK(decoded.status().code() == StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

std::string Field(const HttpContent& http, std::string_view name) {
  for (const HttpField& field : http.fields()) {
    if (field.name == name) return std::string(field.value);
  }
  return "absent";
}

CloudEvent With(const NamedValue& extension) {
  CloudEvent::Parts parts = samples::Minimal();
  parts.extensions = {&extension, 1};
  return *CloudEvent::Make(parts, NameRule::kLenient);
}

CloudEvent Typed(std::string_view media_type, DataKind kind, std::string_view data) {
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_content_type = media_type;
  parts.data_kind = kind;
  parts.data = AsBytes(data);
  return *CloudEvent::Make(parts, NameRule::kLenient);
}

std::string WriteError(const CloudEvent& event) {
  const auto http = EncodeHttpBinary(event);
  CHECK(http.status().code() == StatusCode::kInvalidArgument);
  return std::string(http.status().message());
}

}  // namespace

// Pins EV-40.
TEST_CASE("binary mode writes attributes as fields and data as it is") {
  CloudEvent::Parts parts = samples::Minimal();
  parts.subject = "a b";
  parts.data_schema = "x:y";
  parts.data_content_type = "text/plain; charset=utf-8";
  parts.time = *Timestamp::Parse("2018-04-05T17:31:00.5+01:00");
  parts.data_kind = DataKind::kText;
  parts.data = AsBytes("caf\xc3\xa9");
  const CloudEvent event = *CloudEvent::Make(parts);
  const HttpContent http = *EncodeHttpBinary(event);
  CHECK(http.fields()[0].name == "content-type");
  CHECK(Field(http, "content-type") == "text/plain; charset=utf-8");
  CHECK(Field(http, "ce-specversion") == "1.0");
  CHECK(Field(http, "ce-id") == "minimal");
  CHECK(Field(http, "ce-source") == "https://cloudevents.io");
  CHECK(Field(http, "ce-type") == "io.cloudevents.test");
  CHECK(Field(http, "ce-subject") == "a%20b");
  CHECK(Field(http, "ce-dataschema") == "x:y");
  CHECK(Field(http, "ce-time") == "2018-04-05T17:31:00.5+01:00");
  CHECK(http.fields().size() == 8);
  CHECK(AsText(http.body()) == "caf\xc3\xa9");
  CHECK(http.body().data() == event.data().data());
}

// Pins EV-41.
TEST_CASE("values are percent-encoded as the binding says") {
  const auto written = [](const AttributeValue& value) {
    return Field(*EncodeHttpBinary(With({"x", value})), "ce-x");
  };
  CHECK(written(std::string_view("Euro \xe2\x82\xac \xf0\x9f\x98\x80")) ==
        "Euro%20%E2%82%AC%20%F0%9F%98%80");
  CHECK(written(std::string_view("\"a\"%41\\/~!")) == "%22a%22%2541\\/~!");
  CHECK(written(std::string_view("a\r\nb: c\x7f\t", 9)) == "a%0D%0Ab:%20c%7F%09");
  CHECK(written(std::string_view("")) == "");
  CHECK(written(true) == "true");
  CHECK(written(-7) == "-7");
  CHECK(written(AsBytes("\xff\x01")) == "/wE=");
  CHECK(written(Uri{"http://x/ y"}) == "http://x/%20y");
  CHECK(written(*Timestamp::Parse("2018-04-05T17:31:00Z")) == "2018-04-05T17:31:00Z");
}

// Pins EV-42.
TEST_CASE("what no header field can carry is refused when it is written") {
  CHECK(WriteError(With({"a b", true})) ==
        "extension name \"a b\" cannot be the name of a header field");
  for (const std::string_view name : {"Upper", "a\r\nb", "caf\xc3\xa9", "a:b", "a,b"}) {
    CHECK(!WriteError(With({name, true})).empty());
  }
  CHECK(Field(*EncodeHttpBinary(With({"market.world", true})), "ce-market.world") == "true");
  const auto typed = [](std::string_view type) {
    return *CloudEvent::Builder(*CloudEvent::Make(samples::Minimal()))
                .DataContentType(type)
                .Build(NameRule::kLenient);
  };
  CHECK(WriteError(typed("a/b;c\r\nx: y")).find("datacontenttype: expected printable ASCII") == 0);
  CHECK(!WriteError(typed("a/b;\xc3\xa9")).empty());
  CHECK(!WriteError(typed("a/b; ")).empty());
}

// Pins EV-42.
TEST_CASE("a media type of the structured modes is refused in binary mode") {
  const std::string_view inner = R"({"specversion":"1.0","id":"in","source":"s","type":"t"})";
  CHECK(WriteError(Typed("application/cloudevents+json", DataKind::kJson, inner)) ==
        "datacontenttype: expected a type that does not say structured mode, found "
        "\"application/cloudevents+json\"; structured mode carries such an event");
  for (const std::string_view type :
       {"Application/CloudEvents+JSON ; charset=utf-8", "application/cloudevents",
        "application/cloudevents-batch+json", "application/cloudevents+avro"}) {
    CAPTURE(type);
    CHECK(!WriteError(Typed(type, DataKind::kBinary, "[]")).empty());
    const CloudEvent event = Typed(type, DataKind::kBinary, "[]");
    const HttpContent whole = *EncodeHttpStructured(event);
    const HttpEvents read = *HttpDecoder().Decode(whole.fields(), whole.body());
    CHECK(read.events == std::vector{event});
  }
  CHECK(EncodeHttpBinary(Typed("application/cloudeventsx", DataKind::kBinary, "[]")).ok());
}

// Pins EV-42.
TEST_CASE("data of a JSON type that is no JSON is refused in binary mode") {
  CHECK(WriteError(Typed("application/json", DataKind::kBinary, "{nope")) ==
        "data: expected JSON, as datacontenttype \"application/json\" says, found none; structured "
        "mode carries such an event");
  CHECK(!WriteError(Typed("text/json", DataKind::kBinary, "\xff")).empty());
  const HttpContent json = *EncodeHttpBinary(Typed("a/b+json", DataKind::kBinary, "[1]"));
  CHECK(HttpDecoder().Decode(json.fields(), json.body())->events[0].data_text() == "[1]");
  CHECK(EncodeHttpBinary(Typed("application/json", DataKind::kBinary, "")).ok());
  // Without a media type only JSON gets one.
  for (const std::string_view data : {"{nope", "[1]"}) {
    CAPTURE(data);
    const CloudEvent event = Typed({}, data == "[1]" ? DataKind::kJson : DataKind::kBinary, data);
    const HttpContent http = *EncodeHttpBinary(event);
    const auto type = std::find_if(http.fields().begin(), http.fields().end(),
                                   [](const auto& each) { return each.name == "content-type"; });
    REQUIRE((type != http.fields().end()) == (data == "[1]"));
    if (data == "[1]") CHECK(type->value == "application/json");
    CHECK(HttpDecoder().Decode(http.fields(), http.body())->events[0].data_text() == data);
  }
}

// Pins EV-41.
TEST_CASE("fields are read in any case, with white space, escapes and quotes") {
  const CloudEvent event = *Decode({{"Host", "example.com"},
                                    {"CE-SpecVersion", "1.0"},
                                    {"Ce-Id", " i%20\t"},
                                    {"cE-SOURCE", "%2fs%2Ft"},
                                    {"ce-type", "\"a \\\"b\\\\ %41\""},
                                    {"ce-subject", "100%"},
                                    {"ce-NOTE", "%zz%4%e2%82%ac"},
                                    {"ce-raw", "caf\xc3\xa9"},
                                    {"ce-open", "\"a"},
                                    {"ce-inner", "a \"b\" c"},
                                    {"ce-twice", "%2541"},
                                    {"ce-none", ""},
                                    {"ce-", "ignored"},
                                    {"cex", "ignored"}});
  CHECK(event.id() == "i ");
  CHECK(event.source() == "/s/t");
  CHECK(event.type() == "a \"b\\ A");
  CHECK(event.subject() == "100%");
  CHECK(event.ExtensionText("note") == "%zz%4\xe2\x82\xac");
  CHECK(event.ExtensionText("raw") == "caf\xc3\xa9");
  CHECK(event.ExtensionText("open") == "\"a");
  CHECK(event.ExtensionText("inner") == "a \"b\" c");
  CHECK(event.ExtensionText("twice") == "%41");
  CHECK(event.FindExtension("none").has_value());
  CHECK(event.extension_count() == 6);
  CHECK(event.data_kind() == DataKind::kAbsent);
}

// Pins EV-46.
TEST_CASE("extensions of known types become these, others are strings") {
  const CloudEvent event = samples::AllExtensionTypes();
  const HttpContent http = *EncodeHttpBinary(event);
  HttpDecoder typed({{"extinteger", ExtensionType::kInteger},
                     {"extboolean", ExtensionType::kBoolean},
                     {"extbinary", ExtensionType::kBinary},
                     {"exttimestamp", ExtensionType::kTimestamp},
                     {"exturi", ExtensionType::kUri},
                     {"exturiref", ExtensionType::kUriReference}});
  CHECK(typed.Decode(http.fields(), http.body())->events[0] == event);
  const CloudEvent strings = HttpDecoder().Decode(http.fields(), http.body())->events[0];
  CHECK(std::get<std::string_view>(*strings.FindExtension("extinteger")) == "10");
  const auto error = [&](std::string_view name, std::string_view value) {
    return std::string(typed.Decode(Minimal({{name, value}}), {}).status().message());
  };
  CHECK(error("ce-extinteger", "2147483648") ==
        "extinteger: expected a 32-bit integer, found \"2147483648\"");
  CHECK(error("ce-extboolean", "TRUE") == "extboolean: expected a boolean, found \"TRUE\"");
  CHECK(error("ce-extbinary", "a") == "extbinary: expected base64 text, found \"a\"");
  CHECK(error("ce-exttimestamp", "noon").find("exttimestamp: ") == 0);
}

// Pins EV-40.
TEST_CASE("the body is what its Content-Type says") {
  const auto check = [](std::string_view type, std::string_view body, DataKind kind) {
    CAPTURE(type);
    CAPTURE(body);
    const Fields fields = type.empty() ? Minimal() : Minimal({{"Content-Type", type}});
    const CloudEvent event = *Decode(fields, body);
    CHECK(event.data_kind() == kind);
    CHECK(event.data_text() == body);
    CHECK(event.data_content_type() == type);
  };
  check("application/json", "{ \"a\":1}", DataKind::kJson);
  check("Application/VND.x+JSON ; charset=utf-8", "1", DataKind::kJson);
  check("text/plain", "caf\xc3\xa9", DataKind::kText);
  check("text/plain;charset=UTF-8", "caf\xc3\xa9", DataKind::kText);
  check("text/plain; charset=iso-8859-1", "a", DataKind::kBinary);
  check("text/plain", "caf\xe9", DataKind::kBinary);
  check("application/xml", "<a/>", DataKind::kText);
  check("application/octet-stream", "{}", DataKind::kBinary);
  check("application/cloudeventsx", "{}", DataKind::kBinary);
  check("", "[1]", DataKind::kJson);
  check("", "\xff", DataKind::kBinary);
  check("application/json", "", DataKind::kAbsent);
  CHECK(ErrorOf(Minimal({{"Content-Type", "text/json"}}), "{nope") ==
        "data is not JSON: expected a member name at byte 1");
  CHECK(Decode(Minimal({{"Content-Type", "text/json"}}), "{nope", NameRule::kStrict,
               Validate::kTrusted)
            .ok());
  CHECK(Field(*EncodeHttpBinary(*Decode(Minimal(), "[1]")), "content-type") == "application/json");
  CHECK(Field(*EncodeHttpBinary(*Decode(Minimal(), "\xff")), "content-type") == "absent");
}

// Pins EV-45.
TEST_CASE("what is no event is refused with what was expected and found") {
  CHECK(ErrorOf({{"content-type", "text/html"}}, "x") ==
        "expected a field ce-specversion or Content-Type application/cloudevents+json, found "
        "Content-Type \"text/html\"");
  CHECK(ErrorOf({{"ce-specversion", "0.3"}}) == "specversion: expected \"1.0\", found \"0.3\"");
  CHECK(ErrorOf({{"ce-specversion", "1.0"}, {"ce-id", "i"}}) == "source: expected a text");
  CHECK(ErrorOf(Minimal({{"CE-ID", "j"}})) == "id is there twice");
  CHECK(ErrorOf(Minimal({{"ce-a", "1"}, {"CE-A", "1"}})) == "extension \"a\" is there twice");
  CHECK(ErrorOf(Minimal({{"ce-time", "noon"}})).find("time: ") == 0);
  CHECK(ErrorOf(Minimal({{"ce-subject", ""}})) == "subject: expected a text, found an empty one");
  CHECK(Decode(Minimal({{"ce-subject", ""}}), {}, NameRule::kLenient)->subject().empty());
  CHECK(ErrorOf(Minimal({{"ce-a", "%ff"}})) == "a: expected UTF-8");
  CHECK(ErrorOf(Minimal({{"ce-a", "\xff"}})) == "a: expected UTF-8");
  CHECK(ErrorOf(Minimal({{"ce-data", "x"}})) ==
        "extension name \"data\" is the name of a core attribute");
  CHECK(!ErrorOf(Minimal({{"ce-market.world", "x"}})).empty());
  CHECK(Decode(Minimal({{"ce-Market.World", "x"}}), {}, NameRule::kLenient)
            ->ExtensionText("market.world") == "x");
  CHECK(ErrorOf(Minimal({{"content-type", "json"}}), "1") ==
        "datacontenttype: expected type/subtype, found \"json\"");
  CHECK(ErrorOf(Minimal({{"content-type", "a/b"}, {"Content-Type", "a/b"}})) ==
        "Content-Type is there twice");
}

// Pins EV-45.
TEST_CASE("an error shows what was found as one line of UTF-8, cut between characters") {
  CHECK(ErrorOf({{"ce-specversion", "1%0d%0a\x1b[2J\xff\xc2\x85\x7f."}}) ==
        "specversion: expected \"1.0\", found \"1???[2J???.\"");
  const std::string cut = std::string(63, 'x') + "\xc3\xa9";
  CHECK(ErrorOf({{"ce-specversion", cut}}) ==
        "specversion: expected \"1.0\", found \"" + std::string(63, 'x') + "...\"");
  CHECK(ErrorOf({{"ce-specversion", "caf\xc3\xa9"}}) ==
        "specversion: expected \"1.0\", found \"caf\xc3\xa9\"");
}

// Pins EV-45.
TEST_CASE("ce-datacontenttype is refused, unless it repeats Content-Type and the rule is lenient") {
  const Fields same = Minimal({{"ce-datacontenttype", "a/b"}, {"content-type", "a/b"}});
  const Fields other = Minimal({{"ce-datacontenttype", "a/b"}, {"content-type", "a/c"}});
  CHECK(ErrorOf(same) == "ce-datacontenttype: expected Content-Type in its place, found \"a/b\"");
  CHECK(Decode(same, {}, NameRule::kLenient)->data_content_type() == "a/b");
  CHECK(!ErrorOf(other, {}, NameRule::kLenient).empty());
}

// Pins EV-43.
TEST_CASE("structured mode is told by its Content-Type, fields beside it do not count") {
  const CloudEvent event = samples::AllExtensionTypes();
  const HttpContent json = *EncodeHttpStructured(event);
  CHECK(Field(json, "content-type") == "application/cloudevents+json; charset=utf-8");
  CHECK(json.fields().size() == 1);
  CHECK(AsText(json.body()) == AsText(EncodeJson(event)->bytes()));
  const HttpContent proto = *EncodeHttpStructured(event, EventFormat::kProtobuf);
  CHECK(Field(proto, "content-type") == "application/cloudevents+protobuf");

  HttpDecoder decoder({{"extbinary", ExtensionType::kBinary},
                       {"exttimestamp", ExtensionType::kTimestamp},
                       {"exturi", ExtensionType::kUri},
                       {"exturiref", ExtensionType::kUriReference}});
  for (const std::string_view type :
       {"application/cloudevents+json", "Application/CloudEvents+JSON;charset=\"utf-8\"",
        " application/cloudevents+json ; charset=US-ASCII; x=y"}) {
    CAPTURE(type);
    const Fields fields = {{"Content-Type", type}, {"ce-id", "other"}, {"ce-id", "more"}};
    const HttpEvents read = *decoder.Decode(fields, json.body());
    CHECK(read.mode == HttpMode::kStructured);
    CHECK(read.events == std::vector{event});
  }
  CHECK(decoder.Decode(proto.fields(), proto.body())->events == std::vector{event});
  CHECK(ErrorOf({{"content-type", "application/cloudevents+json"}}, "[]").find("not JSON") !=
        std::string::npos);
}

// Pins EV-42, EV-44.
TEST_CASE("text and JSON travel in UTF-8 only") {
  const std::string_view latin = "text/plain; charset=iso-8859-1";
  CHECK(WriteError(Typed(latin, DataKind::kText, "caf\xc3\xa9")) ==
        "datacontenttype: expected charset utf-8 for text and JSON, found \"iso-8859-1\"; "
        "structured mode carries such an event");
  CHECK(!WriteError(Typed(latin, DataKind::kJson, "{}")).empty());
  CHECK(!WriteError(Typed("application/json;charset=utf-16", DataKind::kJson, "{}")).empty());
  CHECK(Field(*EncodeHttpBinary(Typed(latin, DataKind::kBinary, "caf\xe9")), "content-type") ==
        latin);
  CHECK(EncodeHttpBinary(Typed("text/plain;charset=UTF-8", DataKind::kText, "\xc3\xa9")).ok());

  const Fields utf16 = Minimal({{"content-type", "application/json; charset=utf-16"}});
  for (const Validate validate : {Validate::kFull, Validate::kTrusted}) {
    const Status status = Decode(utf16, "{}", NameRule::kStrict, validate).status();
    CHECK(status.code() == StatusCode::kUnimplemented);
    CHECK(status.message() == "Content-Type: expected charset utf-8, found \"utf-16\"");
  }
  CHECK(Decode(utf16).ok());
}

// Pins EV-44.
TEST_CASE("other formats and charsets are unimplemented, and the message names what there is") {
  const auto error = [](std::string_view type) {
    const auto decoded = Decode(Minimal({{"content-type", type}}), "{}");
    CHECK(decoded.status().code() == StatusCode::kUnimplemented);
    return std::string(decoded.status().message());
  };
  CHECK(error("application/cloudevents+avro") ==
        "Content-Type: expected application/cloudevents or application/cloudevents-batch, and "
        "+json or +protobuf, found \"application/cloudevents+avro\"");
  CHECK(!error("application/cloudevents").empty());
  CHECK(!error("application/cloudevents-batch").empty());
  CHECK(!error("application/cloudevents-batch+xml").empty());
  CHECK(error("application/cloudevents+json; charset=utf-16") ==
        "Content-Type: expected charset utf-8, found \"utf-16\"");
}

// Pins EV-43.
TEST_CASE("batch mode carries no, one and many events") {
  const CloudEvent event = *CloudEvent::Make(samples::Minimal());
  for (const EventFormat format : {EventFormat::kJson, EventFormat::kProtobuf}) {
    for (const std::size_t count : {0, 1, 3}) {
      const std::vector<CloudEvent> events(count, event);
      const HttpContent http = *EncodeHttpBatch(events, format);
      const HttpEvents read = *HttpDecoder().Decode(http.fields(), http.body());
      CHECK(read.mode == HttpMode::kBatch);
      CHECK(read.events == events);
    }
  }
  const Fields type = {{"content-type", "application/cloudevents-batch+json"}};
  CHECK(HttpDecoder().Decode(type, AsBytes("[{}]")).status().message() ==
        "event 0 of the batch: specversion: expected \"1.0\", found nothing");
}

TEST_CASE("content may be moved, and one decoder reads many messages") {
  HttpDecoder decoder;
  for (const std::size_t size : {10, 100'000, 20}) {
    const std::string text(size, '"');
    HttpContent http = *EncodeHttpBinary(With({"x", std::string_view(text)}));
    const HttpContent moved = std::move(http);
    const HttpEvents read = *decoder.Decode(moved.fields(), moved.body());
    CHECK(read.events[0].ExtensionText("x") == text);
    CHECK(!decoder.Decode(Minimal({{"ce-id", "twice"}}), {}).ok());
  }
}

// Pins EV-7.
TEST_CASE("sizes are limited") {
  const std::string large(kMaxEventBytes + 1, 'x');
  CHECK(Decode(Minimal(), large).status().code() == StatusCode::kResourceExhausted);
  CHECK(Decode(Minimal({{"ce-x", large}})).status().code() == StatusCode::kResourceExhausted);
  const CloudEvent event = With({"x", std::string_view(large).substr(0, kMaxEventBytes - 100)});
  CHECK(EncodeHttpBinary(event).status().code() == StatusCode::kResourceExhausted);
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= kMaxExtensions; ++i) names.push_back("ce-x" + std::to_string(i));
  Fields fields = Minimal();
  for (const std::string& name : names) fields.push_back({name, "1"});
  CHECK(Decode(fields).status().code() == StatusCode::kResourceExhausted);
  fields.pop_back();
  CHECK(Decode(fields)->extension_count() == kMaxExtensions);
}
