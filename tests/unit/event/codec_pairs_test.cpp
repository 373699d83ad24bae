// Random events through every codec and then through every other one: nothing is lost but what the
// target has no room for.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/scale.hpp"
#include "unit/event/random_event.hpp"
#include "virtufin/core/base64.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/http.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/protobuf.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

const int kEvents = virtufin::test::Scaled(300);

constexpr ExtensionType kTypes[] = {ExtensionType::kBoolean,  ExtensionType::kInteger,
                                    ExtensionType::kString,   ExtensionType::kBinary,
                                    ExtensionType::kUri,      ExtensionType::kUriReference,
                                    ExtensionType::kTimestamp};

// What is kept of an event, as the table in docs/events.md says.
struct Keeps {
  bool types = true;          // of extensions, where the reader is not told them
  bool kind = true;           // of the data; else the media type and the bytes decide
  bool empty_data = true;     // apart from absent data
  bool media_type = true;     // being absent for JSON data; else it says application/json
  bool time_spelling = true;  // offset and digits
};

struct Codec {
  const char* name;
  Keeps keeps;
  std::function<CloudEvent(const CloudEvent&, const JsonDecoder::KnownTypes&)> through;
};

JsonDecoder::KnownTypes TypesOf(const CloudEvent& event) {
  JsonDecoder::KnownTypes types;
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    const auto [name, value] = event.extension(i);
    types.emplace_back(std::string(name), kTypes[value.index()]);
  }
  return types;
}

template <class T>
T Must(Result<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.status().message());
  return *std::move(result);
}

CloudEvent ThroughHttp(const HttpContent& http, const JsonDecoder::KnownTypes& types,
                       HttpMode mode) {
  HttpDecoder decoder(types);
  HttpEvents read = Must(decoder.Decode(http.fields(), http.body(), NameRule::kLenient));
  CHECK(read.mode == mode);
  return read.events.back();
}

const Codec kCodecs[] = {
    {"JSON",
     {},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       const EncodedBytes json = *EncodeJson(event);
       return Must(JsonDecoder(types).Decode(AsText(json.bytes()), NameRule::kLenient));
     }},
    {"JSON, trusted",
     {},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       const EncodedBytes json = *EncodeJson(event);
       return Must(
           JsonDecoder(types).Decode(AsText(json.bytes()), NameRule::kLenient, Validate::kTrusted));
     }},
    {"JSON batch",
     {},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       const CloudEvent twice[] = {event, event};
       const EncodedBytes json = *EncodeJsonBatch(twice);
       JsonDecoder decoder(types);
       const auto trusted =
           Must(decoder.DecodeBatch(AsText(json.bytes()), NameRule::kLenient, Validate::kTrusted));
       const auto events = Must(decoder.DecodeBatch(AsText(json.bytes()), NameRule::kLenient));
       CHECK(trusted == events);
       CHECK(events.at(0) == events.at(1));
       return events.at(1);
     }},
    {"HTTP binary",
     {.types = false, .kind = false, .empty_data = false, .media_type = false},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       return ThroughHttp(*EncodeHttpBinary(event), types, HttpMode::kBinary);
     }},
    {"HTTP structured",
     {},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       return ThroughHttp(*EncodeHttpStructured(event), types, HttpMode::kStructured);
     }},
    {"HTTP batch",
     {},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes& types) {
       return ThroughHttp(*EncodeHttpBatch({&event, 1}), types, HttpMode::kBatch);
     }},
    {"Protobuf",
     {.kind = false, .media_type = false, .time_spelling = false},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes&) {
       return Must(DecodeProtobuf(EncodeProtobuf(event)->bytes(), NameRule::kLenient));
     }},
    {"Protobuf batch",
     {.kind = false, .media_type = false, .time_spelling = false},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes&) {
       const CloudEvent twice[] = {event, event};
       const EncodedBytes bytes = *EncodeProtobufBatch(twice);
       return Must(DecodeProtobufBatch(bytes.bytes(), NameRule::kLenient)).at(1);
     }},
    {"worker wire",
     {.types = false, .kind = false},
     [](const CloudEvent& event, const JsonDecoder::KnownTypes&) {
       return Must(DecodeCloudEvent(EncodeCloudEvent(event)->bytes()));
     }},
};

// An extension's value as the encodings without types write it.
std::string TextOf(const AttributeValue& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int32_t v) const { return std::to_string(v); }
    std::string operator()(std::string_view v) const { return std::string(v); }
    std::string operator()(ByteView v) const {
      std::string text(Base64Size(v.size()), ' ');
      WriteBase64(v, text.data());
      return text;
    }
    std::string operator()(Uri v) const { return std::string(v.text); }
    std::string operator()(UriReference v) const { return std::string(v.text); }
    std::string operator()(const Timestamp& v) const { return v.ToString(); }
  };
  return std::visit(Visitor{}, value);
}

bool IsEmpty(const CloudEvent& event) {
  return event.data_kind() != DataKind::kAbsent && event.data().empty();
}

// Whether `after` is what `codec` keeps of `before`. `typed`: the codec's reader knew the types.
void CheckKept(const Codec& codec, const CloudEvent& before, const CloudEvent& after, bool typed) {
  const Keeps& keeps = codec.keeps;
  CHECK(after.id() == before.id());
  CHECK(after.source() == before.source());
  CHECK(after.type() == before.type());
  CHECK(after.subject() == before.subject());
  CHECK(after.data_schema() == before.data_schema());
  CHECK(after.time() == before.time());
  if (keeps.time_spelling) CHECK(after.time_text() == before.time_text());
  CHECK(after.data_text() == before.data_text());
  if (!keeps.empty_data && IsEmpty(before)) {
    CHECK(after.data_kind() == DataKind::kAbsent);
  } else {
    CHECK((after.data_kind() == DataKind::kAbsent) == (before.data_kind() == DataKind::kAbsent));
    if (keeps.kind) CHECK(after.data_kind() == before.data_kind());
  }
  const bool says_json = !keeps.media_type && before.data_content_type().empty() &&
                         before.data_kind() == DataKind::kJson;
  CHECK(after.data_content_type() == (says_json ? "application/json" : before.data_content_type()));
  REQUIRE(after.extension_count() == before.extension_count());
  for (std::size_t i = 0; i < before.extension_count(); ++i) {
    const auto [name, value] = before.extension(i);
    const auto found = after.FindExtension(name);
    REQUIRE(found.has_value());
    if (keeps.types || typed) CHECK(found->index() == value.index());
    const auto* time = std::get_if<Timestamp>(&*found);
    if (time != nullptr && !keeps.time_spelling) {
      CHECK(*time == std::get<Timestamp>(value));
    } else {
      CHECK(TextOf(*found) == TextOf(value));
    }
  }
}

// Names that a header field can carry; other encodings take any (round_trip_test.cpp).
CloudEvent Portable(std::uint64_t seed) {
  random_event::Sample sample(seed);
  std::size_t kept = 0;
  for (const NamedValue& extension : sample.extensions) {
    if (extension.first.find('.') == std::string_view::npos) sample.extensions[kept++] = extension;
  }
  sample.extensions.resize(kept);
  return sample.Event();
}

}  // namespace

// Pins EV-20, EV-22, EV-35, EV-36, EV-40, EV-43, EV-52.
TEST_CASE("an event through one codec and then another loses only what these do not keep") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = Portable(static_cast<std::uint64_t>(seed));
    const JsonDecoder::KnownTypes types = TypesOf(event);
    for (const Codec& first : kCodecs) {
      CAPTURE(first.name);
      const bool wire = std::string_view(first.name) == "worker wire";
      const CloudEvent once = first.through(event, types);
      CheckKept(first, event, once, !wire);
      for (const Codec& second : kCodecs) {
        CAPTURE(second.name);
        const CloudEvent twice = second.through(once, TypesOf(once));
        CheckKept(second, once, twice, std::string_view(second.name) != "worker wire");
        // What has been through it once comes back as it was.
        CHECK(second.through(twice, TypesOf(twice)) == twice);
      }
    }
  }
}

// Pins EV-15, EV-46.
TEST_CASE("readers that know no types make strings of what the encoding cannot tell") {
  for (int seed = 0; seed < kEvents; ++seed) {
    CAPTURE(seed);
    const CloudEvent event = Portable(static_cast<std::uint64_t>(seed));
    for (const Codec& codec : kCodecs) {
      CAPTURE(codec.name);
      const CloudEvent read = codec.through(event, {});
      for (std::size_t i = 0; i < event.extension_count(); ++i) {
        const auto [name, value] = event.extension(i);
        const auto found = read.FindExtension(name);
        REQUIRE(found.has_value());
        const bool protobuf = std::string_view(codec.name).starts_with("Protobuf");
        const bool json_scalar = codec.keeps.types && value.index() < 2;
        CHECK(found->index() == (protobuf || json_scalar ? value.index() : 2));
        if (!protobuf) CHECK(TextOf(*found) == TextOf(value));
      }
    }
  }
}
