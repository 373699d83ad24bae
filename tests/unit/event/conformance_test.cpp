// The conformance cases of the CloudEvents JSON format, where they are at hand, and our own.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "support/shared_data.hpp"
#include "unit/event/samples.hpp"
#include "virtufin/event/http.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/protobuf.hpp"

using namespace virtufin;

namespace {

nlohmann::json Cases(const std::string& file) {
  const std::string path = test::SharedData("cloudevents/" + file);
  if (path.empty()) return nlohmann::json::array();
  return nlohmann::json::parse(std::ifstream(path)).at("tests");
}

const JsonDecoder::KnownTypes kSampleTypes = {
    {"extinteger", ExtensionType::kInteger},     {"extboolean", ExtensionType::kBoolean},
    {"extstring", ExtensionType::kString},       {"extbinary", ExtensionType::kBinary},
    {"exttimestamp", ExtensionType::kTimestamp}, {"exturi", ExtensionType::kUri},
    {"exturiref", ExtensionType::kUriReference}};

CloudEvent Sample(const std::string& id) {
  if (id == "allExtensionTypes") {
    return *CloudEvent::Builder(samples::AllExtensionTypes()).Id(id).Build();
  }
  CloudEvent::Parts parts = samples::Minimal();
  parts.id = id;
  if (id == "minimalWithTime" || id == "allCore") {
    parts.time = *Timestamp::Parse("2018-04-05T17:31:00Z");
  }
  if (id == "minimalWithRelativeSource") parts.source = "#fragment";
  if (id == "allCore") {
    parts.data_schema = "https://cloudevents.io/dataschema";
    parts.subject = "tests";
  }
  if (id == "allCore" || id == "simpleTextData") parts.data_content_type = "text/plain";
  if (id == "simpleTextData") {
    parts.data_kind = DataKind::kText;
    parts.data = AsBytes("Simple text");
  }
  return *CloudEvent::Make(parts);
}

std::vector<CloudEvent> SampleBatch(const std::string& id) {
  const std::map<std::string, std::vector<std::string>> batches = {
      {"empty", {}},
      {"minimal", {"minimal"}},
      {"minimal2", {"minimal", "minimal"}},
      {"minimalAndAllCore", {"minimal", "allCore"}},
      {"minimalAndAllExtensionTypes", {"minimal", "allExtensionTypes"}}};
  std::vector<CloudEvent> events;
  for (const std::string& sample : batches.at(id)) events.push_back(Sample(sample));
  return events;
}

// Every other encoding keeps the event, too.
void CheckOtherEncodings(const CloudEvent& event) {
  CHECK(*DecodeProtobuf(EncodeProtobuf(event)->bytes()) == event);
  HttpDecoder decoder(kSampleTypes);
  for (const bool binary : {true, false}) {
    const HttpContent http = *(binary ? EncodeHttpBinary(event) : EncodeHttpStructured(event));
    CHECK(decoder.Decode(http.fields(), http.body())->events.at(0) == event);
  }
}

// The rules of the format, each broken or just kept: members behind a minimal event's.
struct Rule {
  const char* members;
  bool strict;   // read under the strict rule
  bool lenient;  // and under the lenient one
};
const Rule kRules[] = {
    {R"("subject":"s","dataschema":"u:x","datacontenttype":"a/b","time":"2020-02-29T23:59:59Z")",
     true, true},
    {R"("subject":null,"dataschema":null,"datacontenttype":null,"time":null,"x":null)", true, true},
    {R"("subject":"")", false, true},
    {R"("dataschema":"")", false, true},
    {R"("datacontenttype":"")", false, true},
    {R"("datacontenttype":"json")", false, true},
    {R"("datacontenttype":"a/b; c=\"d;e\"")", true, true},
    {R"("datacontenttype":"a b/c")", false, true},
    {R"("time":"2021-02-29T00:00:00Z")", false, false},
    {R"("time":"2020-01-01T24:00:00Z")", false, false},
    {R"("time":"2020-01-01 00:00:00Z")", false, false},
    {R"("time":"2020-01-01T00:00:00")", false, false},
    {R"("time":"2020-01-01T00:00:00.Z")", false, false},
    {R"("time":"2020-01-01T00:00:00.123456789-23:59")", true, true},
    {R"("time":1577836800)", false, false},
    {R"("subject":1)", false, false},
    {R"("subject":["s"])", false, false},
    {R"("ext0":true,"ext1":-5,"ext2":"")", true, true},
    {R"("ext":2147483647)", true, true},
    {R"("ext":2147483648)", false, false},
    {R"("ext":1.0)", false, false},
    {R"("ext":1e2)", false, false},
    {R"("ext":{})", false, false},
    {R"("ext":[])", false, false},
    {R"("Ext":"x")", false, true},
    {R"("ext_ension":"x")", false, true},
    {R"("market.world":"act")", false, true},
    {R"("":"x")", false, false},
    {R"("x":1,"x":1)", false, false},
    {R"("data":null)", true, true},
    {R"("data":{"a":1,"a":2})", true, true},
    {R"("data":123456789012345678901234567890.5e-400)", true, true},
    {R"("data":"\ud83d\ude00\/\b")", true, true},
    {R"("data":"\ud83d")", false, false},
    {R"("data":"\ude00\ud83d")", false, false},
    {R"("data":NaN)", false, false},
    {R"("data":+1)", false, false},
    {R"("data":.5)", false, false},
    {R"("data":{'a':1})", false, false},
    {R"("data":{"a":1}, "data_base64":"")", false, false},
    {R"("data_base64":"TWE=")", true, true},
    {R"("data_base64":"TWF")", false, false},
    {R"("data_base64":{})", false, false},
};

}  // namespace

// Pins EV-13.
TEST_CASE("valid events of the conformance suite are the samples they name") {
  for (const auto& test : Cases("valid-events.json")) {
    CAPTURE(test.at("id").get<std::string>());
    const bool typed = test.value("sampleExtensionAttributes", false);
    JsonDecoder decoder(typed ? kSampleTypes : JsonDecoder::KnownTypes{});
    for (const int indent : {-1, 2}) {
      const Result<CloudEvent> event = decoder.Decode(test.at("event").dump(indent));
      REQUIRE_MESSAGE(event.ok(), event.status().message());
      CHECK(*event == Sample(test.at("sampleId")));
      const EncodedBytes json = *EncodeJson(*event);
      CHECK(*decoder.Decode(AsText(json.bytes())) == *event);
      CheckOtherEncodings(*event);
    }
  }
}

// Pins EV-13.
TEST_CASE("invalid events of the conformance suite are refused") {
  for (const auto& test : Cases("invalid-events.json")) {
    CAPTURE(test.at("id").get<std::string>());
    const std::string event = test.at("event").dump();
    CHECK(JsonDecoder().Decode(event).status().code() == StatusCode::kInvalidArgument);
    CHECK(JsonDecoder().DecodeBatch("[" + event + "]").status().code() ==
          StatusCode::kInvalidArgument);
  }
}

// Pins EV-13, EV-32.
TEST_CASE("valid batches of the conformance suite are the samples they name") {
  for (const auto& test : Cases("valid-batches.json")) {
    CAPTURE(test.at("id").get<std::string>());
    const bool typed = test.value("sampleExtensionAttributes", false);
    JsonDecoder decoder(typed ? kSampleTypes : JsonDecoder::KnownTypes{});
    const std::vector<CloudEvent> expected = SampleBatch(test.at("sampleId"));
    for (const int indent : {-1, 2}) {
      const auto events = decoder.DecodeBatch(test.at("batch").dump(indent));
      REQUIRE_MESSAGE(events.ok(), events.status().message());
      CHECK(*events == expected);
      CHECK(*decoder.DecodeBatch(AsText(EncodeJsonBatch(*events)->bytes())) == expected);
      CHECK(*DecodeProtobufBatch(EncodeProtobufBatch(*events)->bytes()) == expected);
    }
  }
}

// Pins EV-13, EV-33.
TEST_CASE("invalid batches of the conformance suite are refused") {
  for (const auto& test : Cases("invalid-batches.json")) {
    CAPTURE(test.at("id").get<std::string>());
    CHECK(JsonDecoder().DecodeBatch(test.at("batch").dump()).status().code() ==
          StatusCode::kInvalidArgument);
  }
}

// Pins EV-14, EV-32.
TEST_CASE("each rule of the JSON format holds for an event alone and in a batch") {
  for (const Rule& rule : kRules) {
    CAPTURE(rule.members);
    const std::string event = R"({"specversion":"1.0","id":"i","source":"s","type":"t",)" +
                              std::string(rule.members) + "}";
    for (const auto& [name_rule, valid] :
         {std::pair(NameRule::kStrict, rule.strict), std::pair(NameRule::kLenient, rule.lenient)}) {
      JsonDecoder decoder;
      const Result<CloudEvent> alone = decoder.Decode(event, name_rule);
      const auto batch = decoder.DecodeBatch("[" + event + "]", name_rule);
      CHECK(alone.ok() == valid);
      REQUIRE(batch.ok() == valid);
      if (valid) CHECK(batch->at(0) == *alone);
    }
  }
}

// Pins EV-1, EV-16.
TEST_CASE("each required attribute is required, and none may be empty") {
  for (const std::string_view missing : {"specversion", "id", "source", "type"}) {
    CAPTURE(missing);
    nlohmann::json event = {{"specversion", "1.0"}, {"id", "i"}, {"source", "s"}, {"type", "t"}};
    CHECK(JsonDecoder().Decode(event.dump()).ok());
    event[std::string(missing)] = "";
    CHECK(!JsonDecoder().Decode(event.dump()).ok());
    event[std::string(missing)] = nullptr;
    CHECK(!JsonDecoder().Decode(event.dump()).ok());
    event.erase(std::string(missing));
    CHECK(!JsonDecoder().Decode(event.dump()).ok());
  }
}
