// Events as JSON text.
#include "virtufin/event/json.hpp"

#include <doctest/doctest.h>

#include <string>

#include "unit/event/samples.hpp"

using namespace virtufin;

namespace {

std::string Json(const CloudEvent& event) {
  return std::string(AsText(EncodeJson(event)->bytes()));
}

std::string JsonOf(DataKind kind, std::string_view data, std::string_view media_type = {},
                   Validate validate = Validate::kTrusted) {
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_kind = kind;
  parts.data = AsBytes(data);
  parts.data_content_type = media_type;
  const std::string json = Json(*CloudEvent::Make(parts, NameRule::kStrict, validate));
  const std::string head =
      R"({"specversion":"1.0","id":"minimal","source":"https://cloudevents.io",)"
      R"("type":"io.cloudevents.test")";
  CHECK(json.substr(0, head.size()) == head);
  return json.substr(head.size());
}

}  // namespace

// Pins EV-12.
TEST_CASE("attributes and extensions are members of one object") {
  CHECK(Json(samples::AllExtensionTypes()) ==
        R"({"specversion":"1.0","id":"minimal","source":"https://cloudevents.io",)"
        R"("type":"io.cloudevents.test","extinteger":10,"extboolean":true,"extstring":"text",)"
        R"("extbinary":"TWE=","exttimestamp":"2023-03-31T15:12:00Z",)"
        R"("exturi":"https://cloudevents.io","exturiref":"//authority/path"})");
  CloudEvent::Builder builder(samples::QuoteStream());
  const CloudEvent event = *builder.Id("1")
                                .Time(Timestamp::FromUnixMillis(1))
                                .DataSchema("a:b")
                                .Varying(samples::kSequence, std::uint64_t{3})
                                .JsonData("{ \"a\" : 1.0 }")
                                .Build();
  CHECK(Json(event) ==
        R"({"specversion":"1.0","id":"1","source":"urn:com.virtufin:exchange:binance",)"
        R"("type":"com.virtufin.exchange.binance.quote.updated",)"
        R"("subject":"currency_pair/BTCUSDT","datacontenttype":"application/json",)"
        R"("dataschema":"a:b","time":"1970-01-01T00:00:00.001Z","exchange":"binance",)"
        R"("marketworld":"act","sequence":"3","data":{ "a" : 1.0 }})");
}

// Pins EV-12.
TEST_CASE("data stands as JSON, as a string or as base64") {
  CHECK(JsonOf(DataKind::kAbsent, "") == "}");
  CHECK(JsonOf(DataKind::kJson, "[1]") == R"(,"data":[1]})");
  CHECK(JsonOf(DataKind::kText, "a\"b", "text/plain") ==
        R"(,"datacontenttype":"text/plain","data":"a\"b"})");
  CHECK(JsonOf(DataKind::kBinary, "\xff\x01") == R"(,"data_base64":"/wE="})");
  CHECK(JsonOf(DataKind::kBinary, "") == R"(,"data_base64":""})");
  CHECK(JsonOf(DataKind::kText, "", "text/plain") ==
        R"(,"datacontenttype":"text/plain","data":""})");
}

TEST_CASE("characters that JSON escapes are escaped wherever they stand") {
  const NamedValue extensions[] = {{"quote\"d", std::string_view("b\\\x1f")},
                                   {"u", UriReference{"\t"}}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.id = "\b\f\n\r\t\"\\";
  parts.subject = std::string_view("\0\x7f\xc3\xa9", 4);
  parts.extensions = extensions;
  CHECK(Json(*CloudEvent::Make(parts, NameRule::kLenient)) ==
        "{\"specversion\":\"1.0\",\"id\":\"\\b\\f\\n\\r\\t\\\"\\\\\","
        "\"source\":\"https://cloudevents.io\",\"type\":\"io.cloudevents.test\","
        "\"subject\":\"\\u0000\x7f\xc3\xa9\",\"quote\\\"d\":\"b\\\\\\u001f\",\"u\":\"\\t\"}");
}

// Pins EV-7.
TEST_CASE("an encoded event above the limit is refused") {
  const std::string data(kMaxEventBytes - 100, '"');
  CloudEvent::Parts parts = samples::Minimal();
  parts.data_kind = DataKind::kText;
  parts.data = AsBytes(data);
  const CloudEvent event = *CloudEvent::Make(parts);
  CHECK(EncodeJson(event).status().code() == StatusCode::kResourceExhausted);
}
