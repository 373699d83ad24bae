// The C wire header reads what the codec writes and writes what the codec reads.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "unit/worker/wire_of_c.h"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

using Random = std::mt19937;

std::size_t Below(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

std::string RandomText(Random& random, std::size_t max) {
  static constexpr std::string_view kPieces[] = {
      "a", "Z", "/", " ", "\"", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  std::string text;
  for (std::size_t left = Below(random, max); left > 0; --left) {
    text += kPieces[Below(random, std::size(kPieces))];
  }
  return text;
}

std::string RandomWord(Random& random) {
  std::string word(1 + Below(random, 12), 'x');
  for (char& c : word) c = static_cast<char>('a' + Below(random, 26));
  return word;
}

CloudEvent RandomEvent(Random& random) {
  CloudEvent::Builder builder;
  builder.Source("urn:" + RandomWord(random)).Type(RandomWord(random));
  if (Below(random, 2) != 0) builder.Id("id " + RandomText(random, 20));
  if (Below(random, 2) != 0) builder.Subject(RandomText(random, 20));
  if (Below(random, 2) != 0) builder.DataSchema("urn:" + RandomWord(random));
  if (Below(random, 2) != 0) builder.Time(Timestamp::FromUnixMillis(1'700'000'000'123));
  switch (Below(random, 4)) {
    case 0:
      builder.JsonData("{\"" + RandomWord(random) + "\":[1,2.5e3,null]}")
          .DataContentType("application/json");
      break;
    case 1:
      builder.TextData(RandomText(random, 500));
      break;
    case 2:
      builder.BinaryData(AsBytes(RandomText(random, 500)));
      break;
    default:
      break;
  }
  for (std::size_t left = Below(random, 8); left > 0; --left) {
    switch (Below(random, 3)) {
      case 0:
        builder.Extension("x" + RandomWord(random), RandomText(random, 30));
        break;
      case 1:
        builder.Extension("x" + RandomWord(random), Below(random, 2) != 0);
        break;
      default:
        builder.Extension("x" + RandomWord(random), static_cast<std::int32_t>(random()));
    }
  }
  auto event = builder.Build();
  REQUIRE_MESSAGE(event.ok(), event.status().ToString());
  return *std::move(event);
}

std::string_view View(VirtufinWireText text) {
  if (text.data == nullptr) return {};
  CHECK(text.data[text.size] == 0);
  return {text.data, text.size};
}

VirtufinWireText Text(std::string_view text) {
  return text.empty() ? VirtufinWireText{nullptr, 0} : VirtufinWireText{text.data(), text.size()};
}

/// The same bytes where every access outside of them is an error under the address sanitizer.
struct Exact {
  explicit Exact(ByteView view) : size(view.size()), bytes(new std::uint8_t[view.size()]) {
    if (!view.empty()) std::memcpy(bytes.get(), view.data(), view.size());
  }
  std::size_t size;
  std::unique_ptr<std::uint8_t[]> bytes;
};

struct Written {
  ~Written() { std::free(buffer); }
  std::uint8_t* buffer = nullptr;
  std::int32_t size = 0;
};

}  // namespace

// Pins WA-28.
TEST_CASE("the C reader sees every event as the codec wrote it") {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const CloudEvent event = RandomEvent(random);
    const auto encoded = EncodeCloudEvent(event);
    REQUIRE(encoded.ok());
    // The codec's own way back is the truth: the wire has no types.
    const auto decoded = DecodeCloudEvent(encoded->bytes());
    REQUIRE_MESSAGE(decoded.ok(), decoded.status().ToString());
    const Exact exact(encoded->bytes());
    VirtufinWireEvent read;
    REQUIRE(ReadInC(exact.bytes.get(), static_cast<std::int32_t>(exact.size), &read) ==
            VIRTUFIN_WIRE_OK);
    CHECK(View(read.id) == decoded->id());
    CHECK(View(read.type) == decoded->type());
    CHECK(View(read.source) == decoded->source());
    CHECK(View(read.specversion) == "1.0");
    CHECK(View(read.datacontenttype) == decoded->data_content_type());
    CHECK(View(read.dataschema) == decoded->data_schema());
    CHECK(View(read.subject) == decoded->subject());
    CHECK(View(read.time) == decoded->time_text());
    CHECK((read.data == nullptr) == (decoded->data_kind() == DataKind::kAbsent));
    CHECK(AsText({read.data, read.data_size}) == decoded->data_text());
    REQUIRE(read.extension_count == decoded->extension_count());
    for (std::uint32_t i = 0; i < read.extension_count; ++i) {
      const VirtufinWireExtension extension = ExtensionInC(&read, i);
      CHECK(View(extension.value) == decoded->ExtensionText(View(extension.name)));
      CHECK(View(FindInC(&read, extension.name.data)) == View(extension.value));
    }
    CHECK(FindInC(&read, "no such").data == nullptr);
    CHECK(ExtensionInC(&read, read.extension_count).name.data == nullptr);
  }
}

// Pins WA-29.
TEST_CASE("the codec reads every response as the C writer wrote it") {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    const CloudEvent event = RandomEvent(random);
    const auto wire = DecodeCloudEvent(EncodeCloudEvent(event)->bytes());
    REQUIRE(wire.ok());
    VirtufinWireReply reply{};
    const std::string id(wire->id());
    reply.id = Text(id);
    reply.type = Text(wire->type());
    reply.source = Text(wire->source());
    reply.datacontenttype = Text(wire->data_content_type());
    reply.dataschema = Text(wire->data_schema());
    reply.subject = Text(wire->subject());
    const std::string time(wire->time_text());
    reply.time = Text(time);
    if (wire->data_kind() != DataKind::kAbsent) {
      reply.data = wire->data().data();
      reply.data_size = wire->data().size();
    }
    std::vector<VirtufinWireExtension> extensions;
    for (std::size_t i = 0; i < wire->extension_count(); ++i) {
      const std::string_view name = wire->extension(i).first;
      const std::string_view value = wire->ExtensionText(name);
      extensions.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
    }
    reply.extensions = extensions.data();
    reply.extension_count = extensions.size();

    const std::string error_text = RandomText(random, 40);
    const char* const error = Below(random, 2) != 0 ? error_text.c_str() : nullptr;
    const bool with_event = error == nullptr || Below(random, 2) != 0;
    Written written;
    REQUIRE(WriteInC(with_event ? &reply : nullptr, error, &written.buffer, &written.size) ==
            VIRTUFIN_WIRE_OK);
    const auto response =
        DecodeWorkerResponse({written.buffer, static_cast<std::size_t>(written.size)});
    REQUIRE_MESSAGE(response.ok(), response.status().ToString());
    CHECK(response->event.has_value() == with_event);
    if (response->event.has_value()) CHECK(*response->event == *wire);
    CHECK(response->error.has_value() == (error != nullptr));
    if (response->error.has_value()) CHECK(*response->error == error_text);
  }
}

// Pins WA-28.
TEST_CASE("the C reader takes any change of any byte without leaving the buffer") {
  Random random(3);
  std::uint64_t sum = 0;
  for (int round = 0; round < 20; ++round) {
    const auto encoded = EncodeCloudEvent(RandomEvent(random));
    REQUIRE(encoded.ok());
    for (std::size_t at = 0; at < encoded->size(); ++at) {
      for (const int change : {0x01, 0x10, 0x80, 0xff}) {
        const Exact exact(encoded->bytes());
        exact.bytes[at] = static_cast<std::uint8_t>(exact.bytes[at] ^ change);
        sum += ReadAllInC(exact.bytes.get(), static_cast<std::int32_t>(exact.size));
      }
      const Exact cut(encoded->bytes().first(at));
      sum += ReadAllInC(cut.bytes.get(), static_cast<std::int32_t>(at));
    }
  }
  CHECK(sum != 0);
}

// Pins WA-28.
TEST_CASE("what is no event is malformed") {
  VirtufinWireEvent event;
  CHECK(ReadInC(nullptr, 10, &event) == VIRTUFIN_WIRE_MALFORMED);
  const std::uint8_t zeros[16] = {};
  CHECK(ReadInC(zeros, 0, &event) == VIRTUFIN_WIRE_MALFORMED);
  CHECK(ReadInC(zeros, -1, &event) == VIRTUFIN_WIRE_MALFORMED);
  CHECK(ReadInC(zeros, 3, &event) == VIRTUFIN_WIRE_MALFORMED);
  CHECK(ReadInC(zeros, 16, &event) == VIRTUFIN_WIRE_MALFORMED);
}

// Pins WA-29.
TEST_CASE("a reply that is not complete or too large is not written") {
  std::uint8_t* buffer = nullptr;
  std::int32_t size = 0;
  VirtufinWireReply reply{};
  reply.type = virtufin_wire_text("t");
  reply.source = virtufin_wire_text("s");
  CHECK(WriteInC(&reply, nullptr, &buffer, &size) == VIRTUFIN_WIRE_INCOMPLETE);
  reply.id = virtufin_wire_text("1");
  const VirtufinWireExtension nameless{{nullptr, 0}, virtufin_wire_text("value")};
  reply.extensions = &nameless;
  reply.extension_count = 1;
  CHECK(WriteInC(&reply, nullptr, &buffer, &size) == VIRTUFIN_WIRE_INCOMPLETE);
  reply.extension_count = 0;
  reply.data = reinterpret_cast<const std::uint8_t*>("x");
  for (const std::size_t data_size :
       {std::size_t{VIRTUFIN_WIRE_MAX_BYTES}, SIZE_MAX, SIZE_MAX - 8}) {
    reply.data_size = data_size;
    CHECK(WriteInC(&reply, nullptr, &buffer, &size) == VIRTUFIN_WIRE_TOO_LARGE);
  }
  CHECK(buffer == nullptr);
  CHECK(WriteInC(nullptr, nullptr, &buffer, &size) == VIRTUFIN_WIRE_OK);
  CHECK(buffer == nullptr);
  CHECK(size == 0);
}

// Pins WA-28.
TEST_CASE("an empty text is present, an absent one is not") {
  CHECK(virtufin_wire_equal(virtufin_wire_text(""), "") == 1);
  CHECK(virtufin_wire_equal(virtufin_wire_text(nullptr), "") == 0);
  CHECK(virtufin_wire_equal(virtufin_wire_text("ab"), "abc") == 0);
  CHECK(virtufin_wire_equal(virtufin_wire_text("abc"), "abc") == 1);
}
