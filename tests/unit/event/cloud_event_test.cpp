// What an event is: attributes, typed extensions, equality, what Make refuses.
#include "virtufin/event/cloud_event.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "unit/event/samples.hpp"

using namespace virtufin;

// Pins EV-3.
TEST_CASE("an event gives back every attribute it was made of") {
  const Timestamp time = *Timestamp::Parse("2021-10-12T23:59:59.120+02:00");
  const std::string data = R"({"bid":"1.0"})";
  const CloudEvent event = *CloudEvent::Make({.id = "4711",
                                              .source = "urn:source",
                                              .type = "com.example.type",
                                              .subject = "currency_pair/BTCUSDT",
                                              .data_content_type = "application/json",
                                              .data_schema = "https://example.com/schema",
                                              .time = time,
                                              .data_kind = DataKind::kJson,
                                              .data = AsBytes(data)});
  CHECK(event.id() == "4711");
  CHECK(event.source() == "urn:source");
  CHECK(event.type() == "com.example.type");
  CHECK(event.subject() == "currency_pair/BTCUSDT");
  CHECK(event.data_content_type() == "application/json");
  CHECK(event.data_schema() == "https://example.com/schema");
  CHECK(event.time() == time);
  CHECK(event.time_text() == "2021-10-12T23:59:59.120+02:00");
  CHECK(event.data_kind() == DataKind::kJson);
  CHECK(event.data_text() == data);
  CHECK(event.data_text().data() != data.data());
}

// Pins EV-3.
TEST_CASE("optional attributes that were not given are absent") {
  const CloudEvent event = *CloudEvent::Make(samples::Minimal());
  CHECK(event.subject().empty());
  CHECK(event.data_content_type().empty());
  CHECK(event.data_schema().empty());
  CHECK(!event.time().has_value());
  CHECK(event.time_text().empty());
  CHECK(event.data_kind() == DataKind::kAbsent);
  CHECK(event.data().empty());
  CHECK(event.extension_count() == 0);
}

TEST_CASE("the data is followed by readable zeros") {
  for (const std::string_view data : {std::string_view(""), std::string_view("x")}) {
    CloudEvent::Parts parts = samples::Minimal();
    parts.data_kind = DataKind::kBinary;
    parts.data = AsBytes(data);
    const CloudEvent event = *CloudEvent::Make(parts);
    const std::uint8_t* const end = event.data().data() + event.data().size();
    CHECK(std::vector<std::uint8_t>(end, end + kBufferPadding) ==
          std::vector<std::uint8_t>(kBufferPadding, 0));
  }
}

// Pins EV-4.
TEST_CASE("extensions keep their types") {
  const CloudEvent event = samples::AllExtensionTypes();
  CHECK(event.extension_count() == 7);
  CHECK(std::get<std::int32_t>(*event.FindExtension("extinteger")) == 10);
  CHECK(std::get<bool>(*event.FindExtension("extboolean")));
  CHECK(std::get<std::string_view>(*event.FindExtension("extstring")) == "text");
  CHECK(AsText(std::get<ByteView>(*event.FindExtension("extbinary"))) == "Ma");
  CHECK(std::get<Timestamp>(*event.FindExtension("exttimestamp")) ==
        *Timestamp::Parse("2023-03-31T15:12:00Z"));
  CHECK(std::get<Uri>(*event.FindExtension("exturi")).text == "https://cloudevents.io");
  CHECK(std::get<UriReference>(*event.FindExtension("exturiref")).text == "//authority/path");
  CHECK(!event.FindExtension("absent").has_value());
  CHECK(event.extension(0).first == "extinteger");
}

TEST_CASE("the text of an extension is there for strings, URIs and timestamps") {
  const CloudEvent event = samples::AllExtensionTypes();
  CHECK(event.ExtensionText("extstring") == "text");
  CHECK(event.ExtensionText("exturi") == "https://cloudevents.io");
  CHECK(event.ExtensionText("exturiref") == "//authority/path");
  CHECK(event.ExtensionText("exttimestamp") == "2023-03-31T15:12:00Z");
  CHECK(event.ExtensionText("extinteger").empty());
  CHECK(event.ExtensionText("extboolean").empty());
  CHECK(event.ExtensionText("extbinary").empty());
  CHECK(event.ExtensionText("absent").empty());
}

TEST_CASE("the time of an extension is read from a timestamp or from RFC 3339 text") {
  const NamedValue extensions[] = {{"typed", *Timestamp::Parse("2023-03-31T15:12:00Z")},
                                   {"text", std::string_view("2023-03-31T17:12:00+02:00")},
                                   {"other", std::string_view("lunchtime")},
                                   {"number", 7}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.extensions = extensions;
  const CloudEvent event = *CloudEvent::Make(parts);
  CHECK(event.ExtensionTime("typed") == event.ExtensionTime("text"));
  CHECK(event.ExtensionTime("typed").has_value());
  CHECK(!event.ExtensionTime("other").has_value());
  CHECK(!event.ExtensionTime("number").has_value());
  CHECK(!event.ExtensionTime("absent").has_value());
}

TEST_CASE("the number of an extension is read from an integer or from its digits") {
  const NamedValue extensions[] = {{"typed", 7},
                                   {"text", std::string_view("7")},
                                   {"largest", std::string_view("18446744073709551615")},
                                   {"toolarge", std::string_view("18446744073709551616")},
                                   {"below", -1},
                                   {"belowtext", std::string_view("-1")},
                                   {"plus", std::string_view("+1")},
                                   {"tail", std::string_view("7 ")},
                                   {"empty", std::string_view("")},
                                   {"flag", true}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.extensions = extensions;
  const CloudEvent event = *CloudEvent::Make(parts);
  CHECK(event.ExtensionNumber("typed") == 7);
  CHECK(event.ExtensionNumber("text") == 7);
  CHECK(event.ExtensionNumber("largest") == 18446744073709551615u);
  for (const char* none :
       {"toolarge", "below", "belowtext", "plus", "tail", "empty", "flag", "absent"}) {
    CAPTURE(none);
    CHECK(!event.ExtensionNumber(none).has_value());
  }
}

TEST_CASE("an id that is a canonical UUID can be had as one") {
  CloudEvent::Parts parts = samples::Minimal();
  parts.id = "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342";
  CHECK(CloudEvent::Make(parts)->id_uuid() == *Uuid::Parse(parts.id));
  parts.id = "7D3F1C52-9B0E-4A6D-8F21-0C5AD1E7B342";
  CHECK(!CloudEvent::Make(parts)->id_uuid().has_value());
  CHECK(CloudEvent::Make(parts)->id() == parts.id);
}

// Pins EV-9.
TEST_CASE("events are equal by attributes, data bytes and instants") {
  const NamedValue extensions[] = {{"a", std::string_view("1")}, {"b", 2}};
  const NamedValue turned[] = {{"b", 2}, {"a", std::string_view("1")}};
  const NamedValue other_type[] = {{"a", std::string_view("1")}, {"b", std::string_view("2")}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.extensions = extensions;
  parts.time = *Timestamp::Parse("2018-04-05T17:31:00Z");
  parts.data_kind = DataKind::kJson;
  parts.data = AsBytes("1");
  const CloudEvent event = *CloudEvent::Make(parts);
  const auto differs = [&](auto change) {
    CloudEvent::Parts changed = parts;
    change(changed);
    return !(*CloudEvent::Make(changed) == event);
  };
  CHECK(event == *CloudEvent::Make(parts));
  CHECK(!differs([&](auto& p) { p.extensions = turned; }));
  CHECK(!differs([](auto& p) { p.time = *Timestamp::Parse("2018-04-05T18:31:00.000+01:00"); }));
  CHECK(differs([&](auto& p) { p.extensions = other_type; }));
  CHECK(differs([](auto& p) { p.extensions = {}; }));
  CHECK(differs([](auto& p) { p.time = *Timestamp::Parse("2018-04-05T17:31:01Z"); }));
  CHECK(differs([](auto& p) { p.time.reset(); }));
  CHECK(differs([](auto& p) { p.id = "other"; }));
  CHECK(differs([](auto& p) { p.source = "other"; }));
  CHECK(differs([](auto& p) { p.type = "other"; }));
  CHECK(differs([](auto& p) { p.subject = "other"; }));
  CHECK(differs([](auto& p) { p.data_content_type = "text/json"; }));
  CHECK(differs([](auto& p) { p.data_schema = "other:"; }));
  CHECK(differs([](auto& p) { p.data = AsBytes("2"); }));
  CHECK(differs([](auto& p) { p.data_kind = DataKind::kAbsent; }));
}

TEST_CASE("copies share the block, a move leaves nothing to end") {
  const CloudEvent event = *CloudEvent::Make(samples::Minimal());
  CloudEvent copy = event;
  CHECK(copy.id().data() == event.id().data());
  CloudEvent moved = std::move(copy);
  CHECK(moved.id().data() == event.id().data());
  copy = moved;
  CHECK(copy == event);
}

// Pins EV-1, EV-5, EV-11.
TEST_CASE("what is missing or illegal is refused by name") {
  const auto message = [](auto change, NameRule rule = NameRule::kStrict) {
    CloudEvent::Parts parts = samples::Minimal();
    change(parts);
    const Result<CloudEvent> made = CloudEvent::Make(parts, rule);
    CHECK(made.status().code() == StatusCode::kInvalidArgument);
    return std::string(made.status().message());
  };
  CHECK(message([](auto& p) { p.id = ""; }) == "id: expected a text");
  CHECK(message([](auto& p) { p.source = ""; }) == "source: expected a text");
  CHECK(message([](auto& p) { p.type = ""; }) == "type: expected a text");
  CHECK(message([](auto& p) { p.subject = "\xff"; }) == "subject: expected UTF-8");
  CHECK(message([](auto& p) { p.id = "\xed\xa0\x80"; }) == "id: expected UTF-8");
  CHECK(message([](auto& p) { p.data_content_type = "xyz"; }) ==
        "datacontenttype: expected type/subtype, found \"xyz\"");
  const NamedValue dotted[] = {{"market.world", std::string_view("act")}};
  CHECK(message([&](auto& p) { p.extensions = dotted; }) ==
        "extension name \"market.world\" has a character other than a-z and 0-9");
  const NamedValue twice[] = {{"a", 1}, {"a", 2}};
  CHECK(message([&](auto& p) { p.extensions = twice; }) == "extension \"a\" is there twice");
  const NamedValue core[] = {{"data_base64", 1}};
  CHECK(message([&](auto& p) { p.extensions = core; }, NameRule::kLenient) ==
        "extension name \"data_base64\" is the name of a core attribute");
  const NamedValue bad_value[] = {{"a", std::string_view("\x80")}};
  CHECK(message([&](auto& p) { p.extensions = bad_value; }) == "a: expected UTF-8");
  CHECK(message([](auto& p) {
          p.data_kind = DataKind::kJson;
          p.data = AsBytes(R"({"a":nope})");
        }) == "data is not JSON: expected true, false or null at byte 5");
}

// Pins EV-6.
TEST_CASE("legacy names are kept under the lenient rule") {
  const NamedValue dotted[] = {{"market.world", std::string_view("act")}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.extensions = dotted;
  parts.data_content_type = "xyz";
  const Result<CloudEvent> event = CloudEvent::Make(parts, NameRule::kLenient);
  REQUIRE(event.ok());
  CHECK(event->ExtensionText("market.world") == "act");
  CHECK(event->data_content_type() == "xyz");
}

// Pins EV-7.
TEST_CASE("an event above the limits is refused") {
  const std::string large(kMaxEventBytes, 'x');
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_kind = DataKind::kBinary;
  parts.data = AsBytes(large);
  CHECK(CloudEvent::Make(parts).status().code() == StatusCode::kResourceExhausted);
  const std::size_t attributes = parts.id.size() + parts.source.size() + parts.type.size();
  parts.data = parts.data.first(kMaxEventBytes - attributes);
  CHECK(CloudEvent::Make(parts).ok());

  std::vector<std::string> names;
  for (std::size_t i = 0; i <= kMaxExtensions; ++i) names.push_back("e" + std::to_string(i));
  std::vector<NamedValue> extensions;
  for (const std::string& name : names) extensions.emplace_back(name, 1);
  parts = samples::Minimal();
  parts.extensions = extensions;
  CHECK(CloudEvent::Make(parts).status().code() == StatusCode::kResourceExhausted);
  parts.extensions = std::span(extensions).first(kMaxExtensions);
  CHECK(CloudEvent::Make(parts)->extension_count() == kMaxExtensions);
}

// Pins EV-10.
TEST_CASE("text data has a media type, and text of a JSON type is JSON") {
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_kind = DataKind::kText;
  parts.data = AsBytes("plain");
  const CloudEvent text = *CloudEvent::Make(parts);
  CHECK(text.data_content_type() == "text/plain");
  CHECK(text.data_kind() == DataKind::kText);
  parts.data_content_type = "application/json";
  CHECK(!CloudEvent::Make(parts).ok());
  parts.data = AsBytes("[1]");
  CHECK(CloudEvent::Make(parts)->data_kind() == DataKind::kJson);
}
