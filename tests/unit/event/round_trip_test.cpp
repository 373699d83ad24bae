// Random events through JSON and the worker wire and back.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/scale.hpp"
#include "unit/event/random_event.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/wire.hpp"
#include "worker_api_generated.h"

using namespace virtufin;

namespace {

const int kEvents = virtufin::test::Scaled(3000);

JsonDecoder::KnownTypes TypesOf(const CloudEvent& event) {
  constexpr ExtensionType kTypes[] = {ExtensionType::kBoolean,  ExtensionType::kInteger,
                                      ExtensionType::kString,   ExtensionType::kBinary,
                                      ExtensionType::kUri,      ExtensionType::kUriReference,
                                      ExtensionType::kTimestamp};
  JsonDecoder::KnownTypes types;
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    const auto [name, value] = event.extension(i);
    types.emplace_back(std::string(name), kTypes[value.index()]);
  }
  return types;
}

}  // namespace

// Pins EV-20.
TEST_CASE("an event comes back from JSON as it was") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = random_event::Sample(static_cast<std::uint64_t>(seed)).Event();
    const EncodedBytes json = *EncodeJson(event);
    JsonDecoder decoder(TypesOf(event));
    const Result<CloudEvent> decoded = decoder.Decode(AsText(json.bytes()), NameRule::kLenient);
    REQUIRE_MESSAGE(decoded.ok(), decoded.status().message());
    CHECK(*decoded == event);
    CHECK(decoded->data_kind() == event.data_kind());
    CHECK(decoded->time_text() == event.time_text());
    CHECK(AsText(EncodeJson(*decoded)->bytes()) == AsText(json.bytes()));
    // Another reader agrees that it is JSON, and on a text in it.
    const auto document = nlohmann::json::parse(AsText(json.bytes()));
    CHECK(document.at("id").get<std::string>() == event.id());
  }
}

// Pins EV-22.
TEST_CASE("an event comes back from the worker wire as it was, its extensions as strings") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = random_event::Sample(static_cast<std::uint64_t>(seed), true).Event();
    const EncodedBytes bytes = *EncodeCloudEvent(event);
    flatbuffers::Verifier verifier(bytes.bytes().data(), bytes.size());
    CHECK(verifier.VerifyBuffer<Virtufin::Worker::FlatBuffers::CloudEvent>(nullptr));
    const Result<CloudEvent> decoded = DecodeCloudEvent(bytes.bytes());
    REQUIRE_MESSAGE(decoded.ok(), decoded.status().message());
    CHECK(*decoded == event);
    CHECK(decoded->data_kind() == event.data_kind());
    const EncodedBytes response = *EncodeWorkerResponse(&event, "error");
    CHECK(*DecodeWorkerResponse(response.bytes())->event == event);
  }
}

// Pins EV-22.
TEST_CASE("an event of any types survives the wire as texts that stay") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = random_event::Sample(static_cast<std::uint64_t>(seed)).Event();
    const CloudEvent once = *DecodeCloudEvent(EncodeCloudEvent(event)->bytes());
    CHECK(once.extension_count() == event.extension_count());
    CHECK(*DecodeCloudEvent(EncodeCloudEvent(once)->bytes()) == once);
    CHECK(*CloudEvent::Builder(event).Build(NameRule::kLenient) == event);
  }
}
