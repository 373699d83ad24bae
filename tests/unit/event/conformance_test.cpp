// The conformance cases of the CloudEvents JSON format, where they are at hand.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "support/shared_data.hpp"
#include "unit/event/samples.hpp"
#include "virtufin/event/json.hpp"

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
    }
  }
}

// Pins EV-13.
TEST_CASE("invalid events of the conformance suite are refused") {
  for (const auto& test : Cases("invalid-events.json")) {
    CAPTURE(test.at("id").get<std::string>());
    CHECK(JsonDecoder().Decode(test.at("event").dump()).status().code() ==
          StatusCode::kInvalidArgument);
  }
}
