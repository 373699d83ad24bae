// The worker wire: what we write is what the generated code reads, and bad bytes are refused.
#include "virtufin/event/wire.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "unit/event/samples.hpp"
#include "worker_api_generated.h"

using namespace virtufin;
namespace wire = Virtufin::Worker::FlatBuffers;

namespace {

CloudEvent FullEvent() {
  const NamedValue extensions[] = {{"first", std::string_view("1")},
                                   {"flag", false},
                                   {"count", -5},
                                   {"bytes", AsBytes("Ma")},
                                   {"at", *Timestamp::Parse("2023-03-31T15:12:00Z")},
                                   {"correlationid", std::string_view("c")},
                                   {"", std::string_view()}};
  CloudEvent::Parts parts = samples::Minimal();
  parts.subject = "s";
  parts.data_content_type = "application/json";
  parts.data_schema = "a:b";
  parts.time = *Timestamp::Parse("2023-03-31T15:12:00.5+01:00");
  parts.extensions = std::span(extensions).first(6);
  parts.data_kind = DataKind::kJson;
  parts.data = AsBytes("{}");
  return *CloudEvent::Make(parts);
}

std::string Text(const flatbuffers::String* text) { return text->str(); }

// A copy at a multiple of 8.
class Aligned {
 public:
  explicit Aligned(ByteView bytes) : words_(bytes.size() / 8 + 2), size_(bytes.size()) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  ByteView bytes() const { return {reinterpret_cast<const std::uint8_t*>(words_.data()), size_}; }
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(words_.data()); }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_;
};

template <class F>
EncodedBytes Built(F build) {
  flatbuffers::FlatBufferBuilder builder;
  build(builder);
  EncodedBytes bytes = EncodedBytes::WithCapacity(builder.GetSize());
  std::memcpy(bytes.data(), builder.GetBufferPointer(), builder.GetSize());
  bytes.SetSize(builder.GetSize());
  return bytes;
}

// An event of the generated code, all texts absent where null.
flatbuffers::Offset<wire::CloudEvent> Event(flatbuffers::FlatBufferBuilder& b, const char* version,
                                            const char* time = nullptr,
                                            const char* media_type = nullptr,
                                            std::string_view data = {}) {
  const std::vector<std::uint8_t> bytes(data.begin(), data.end());
  return wire::CreateCloudEventDirect(b, "id", "type", "source", version, media_type, nullptr, "",
                                      time, data.data() == nullptr ? nullptr : &bytes);
}

std::string ErrorOf(ByteView bytes) {
  const auto decoded = DecodeCloudEvent(bytes);
  CHECK(decoded.status().code() == StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

}  // namespace

// Pins EV-21.
TEST_CASE("the generated code reads what is written") {
  const EncodedBytes bytes = *EncodeCloudEvent(FullEvent());
  flatbuffers::Verifier verifier(bytes.bytes().data(), bytes.size());
  REQUIRE(verifier.VerifyBuffer<wire::CloudEvent>(nullptr));
  const auto* event = flatbuffers::GetRoot<wire::CloudEvent>(bytes.bytes().data());
  CHECK(Text(event->id()) == "minimal");
  CHECK(Text(event->type()) == "io.cloudevents.test");
  CHECK(Text(event->source()) == "https://cloudevents.io");
  CHECK(Text(event->specversion()) == "1.0");
  CHECK(Text(event->datacontenttype()) == "application/json");
  CHECK(Text(event->dataschema()) == "a:b");
  CHECK(Text(event->subject()) == "s");
  CHECK(Text(event->time()) == "2023-03-31T15:12:00.5+01:00");
  CHECK(std::string(event->data()->begin(), event->data()->end()) == "{}");
  std::vector<std::pair<std::string, std::string>> extensions;
  for (const auto* extension : *event->extensions()) {
    extensions.emplace_back(Text(extension->name()), Text(extension->value()));
  }
  CHECK(extensions == decltype(extensions){{"correlationid", "c"},
                                           {"first", "1"},
                                           {"flag", "false"},
                                           {"count", "-5"},
                                           {"bytes", "TWE="},
                                           {"at", "2023-03-31T15:12:00Z"}});
}

// Pins EV-21.
TEST_CASE("absent attributes are absent on the wire") {
  const EncodedBytes bytes = *EncodeCloudEvent(*CloudEvent::Make(samples::Minimal()));
  const auto* event = flatbuffers::GetRoot<wire::CloudEvent>(bytes.bytes().data());
  CHECK(event->datacontenttype() == nullptr);
  CHECK(event->dataschema() == nullptr);
  CHECK(event->subject() == nullptr);
  CHECK(event->time() == nullptr);
  CHECK(event->data() == nullptr);
  CHECK(event->extensions() == nullptr);
}

// Pins EV-22.
TEST_CASE("a decoded event is the event, its extension values as strings") {
  const CloudEvent event = FullEvent();
  const CloudEvent decoded = *DecodeCloudEvent(EncodeCloudEvent(event)->bytes());
  CHECK(decoded.id() == event.id());
  CHECK(decoded.source() == event.source());
  CHECK(decoded.type() == event.type());
  CHECK(decoded.subject() == "s");
  CHECK(decoded.data_content_type() == "application/json");
  CHECK(decoded.data_schema() == "a:b");
  CHECK(decoded.time_text() == event.time_text());
  CHECK(decoded.time() == event.time());
  CHECK(decoded.data_text() == "{}");
  CHECK(decoded.data_kind() == DataKind::kJson);
  const std::pair<const char*, const char*> texts[] = {
      {"first", "1"},    {"flag", "false"},     {"count", "-5"}, {"at", "2023-03-31T15:12:00Z"},
      {"bytes", "TWE="}, {"correlationid", "c"}};
  CHECK(decoded.extension_count() == std::size(texts));
  for (const auto& one : texts) {
    CAPTURE(one.first);
    CHECK(std::get<std::string_view>(decoded.FindExtension(one.first).value()) == one.second);
  }
  CHECK(*DecodeCloudEvent(EncodeCloudEvent(decoded)->bytes()) == decoded);
}

TEST_CASE("a response carries a reply, an error, both or neither") {
  const CloudEvent event = FullEvent();
  for (const bool with_event : {false, true}) {
    for (const bool with_error : {false, true}) {
      const std::optional<std::string_view> error =
          with_error ? std::optional<std::string_view>("bad \xff") : std::nullopt;
      const EncodedBytes bytes = *EncodeWorkerResponse(with_event ? &event : nullptr, error);
      flatbuffers::Verifier verifier(bytes.bytes().data(), bytes.size());
      CHECK(verifier.VerifyBuffer<wire::WorkerResponse>(nullptr));
      const WorkerResponse response = *DecodeWorkerResponse(bytes.bytes());
      CHECK(response.event.has_value() == with_event);
      if (with_event) {
        CHECK(*response.event == *DecodeCloudEvent(EncodeCloudEvent(event)->bytes()));
      }
      CHECK(response.error == error);
    }
  }
}

// Pins EV-24.
TEST_CASE("the media type tells what data of the wire is") {
  const auto kind = [](const char* media_type, std::string_view data) {
    const EncodedBytes bytes =
        Built([&](auto& b) { b.Finish(Event(b, "1.0", nullptr, media_type, data)); });
    const CloudEvent event = *DecodeCloudEvent(bytes.bytes());
    CHECK(event.data_text() == data);
    return event.data_kind();
  };
  CHECK(kind("application/json", "{}") == DataKind::kJson);
  CHECK(kind("application/json", "") == DataKind::kJson);
  CHECK(kind(nullptr, "{}") == DataKind::kJson);
  CHECK(kind(nullptr, "{") == DataKind::kBinary);
  CHECK(kind("text/plain", "{") == DataKind::kText);
  CHECK(kind("text/plain", "\xff") == DataKind::kBinary);
  CHECK(kind("application/octet-stream", "x") == DataKind::kBinary);
  CHECK(kind("legacy", "x") == DataKind::kBinary);
  CHECK(kind("text/plain", {}) == DataKind::kAbsent);
}

TEST_CASE("an event of the wire without specversion and with empty texts is accepted") {
  const EncodedBytes bytes = Built([](auto& b) { b.Finish(Event(b, nullptr, "")); });
  const CloudEvent event = *DecodeCloudEvent(bytes.bytes());
  CHECK(event.subject().empty());
  CHECK(!event.time().has_value());
}

// Pins EV-23.
TEST_CASE("an illegal event of the wire is refused by name") {
  CHECK(ErrorOf(Built([](auto& b) { b.Finish(Event(b, "0.3")); }).bytes()) ==
        "specversion: expected 1.0, found \"0.3\"");
  CHECK(ErrorOf(Built([](auto& b) { b.Finish(Event(b, "2\n\x1b[31m")); }).bytes()) ==
        "specversion: expected 1.0, found \"2??[31m\"");
  CHECK(ErrorOf(Built([](auto& b) { b.Finish(Event(b, "1.0", "lunchtime")); }).bytes())
            .substr(0, 6) == "time: ");
  CHECK(ErrorOf(Built([](auto& b) { b.Finish(wire::CreateCloudEvent(b)); }).bytes()) ==
        "id: expected a text");
  CHECK(ErrorOf(Built([](auto& b) {
                  std::vector<flatbuffers::Offset<wire::Extension>> twice = {
                      wire::CreateExtensionDirect(b, "a", "1"),
                      wire::CreateExtensionDirect(b, "a", "2")};
                  b.Finish(wire::CreateCloudEventDirect(b, "i", "t", "s", "1.0", nullptr, nullptr,
                                                        nullptr, nullptr, nullptr, &twice));
                }).bytes()) == "extension \"a\" is there twice");
  CHECK(ErrorOf(Built([](auto& b) {
                  std::vector<flatbuffers::Offset<wire::Extension>> unnamed = {
                      wire::CreateExtension(b)};
                  b.Finish(wire::CreateCloudEventDirect(b, "i", "t", "s", "1.0", nullptr, nullptr,
                                                        nullptr, nullptr, nullptr, &unnamed));
                }).bytes()) == "extension name \"\" is empty");
}

// Pins EV-23.
TEST_CASE("bytes that are no such FlatBuffer are refused") {
  CHECK(ErrorOf({}).find("do not verify") != std::string::npos);
  CHECK(ErrorOf(Aligned(AsBytes("hello, world")).bytes()).find("do not verify") !=
        std::string::npos);
  for (const std::string_view none : {"", "hello, world"}) {
    const auto response = DecodeWorkerResponse(Aligned(AsBytes(none)).bytes());
    REQUIRE_FALSE(response.ok());
    CHECK(response.status().message().find("table WorkerResponse") != std::string_view::npos);
  }
  const std::vector<std::uint8_t> large(kMaxEventBytes + 1);
  CHECK(ErrorOf(large) == "expected at most 16777216 bytes, found 16777217");
  const EncodedBytes good = *EncodeCloudEvent(FullEvent());
  Aligned shifted(good.bytes());
  std::memmove(shifted.data() + 4, shifted.data(), good.size());
  CHECK(ErrorOf({shifted.data() + 4, good.size()}).find("misaligned") != std::string::npos);
}

// Pins EV-23.
TEST_CASE("no cut or changed byte of a buffer does harm") {
  const CloudEvent event = FullEvent();
  const EncodedBytes good = *EncodeWorkerResponse(&event, "error");
  for (std::size_t size = 0; size < good.size(); ++size) {
    // A buffer of its own, so that the sanitizers see every byte read beyond.
    const Aligned cut(good.bytes().first(size));
    const auto decoded = DecodeWorkerResponse(cut.bytes());
    // What is left out may be zeros at the end, which mean nothing.
    if (decoded.ok()) CHECK(size + 3 >= good.size());
    if (decoded.ok()) CHECK(decoded->event == DecodeWorkerResponse(good.bytes())->event);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Aligned changed(good.bytes());
      changed.data()[at] = static_cast<std::uint8_t>(value);
      const auto decoded = DecodeWorkerResponse(changed.bytes());
      if (decoded.ok() && decoded->event) CHECK(EncodeCloudEvent(*decoded->event).ok());
    }
  }
}
