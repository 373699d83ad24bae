// Any header fields and body for the reader of HTTP messages: lines "name: value", an empty line,
// the body. An event that was read comes back in every mode.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "fuzz/check.hpp"
#include "virtufin/event/http.hpp"

using namespace virtufin;

namespace {

struct Input {
  std::vector<HttpField> fields;
  ByteView body;
};

// Colons and line ends are the only marks, so that everything else gets into names and values.
Input Split(std::string_view text) {
  Input input;
  while (!text.empty() && text.front() != '\n') {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t colon = std::min(line.find(':'), line.size());
    input.fields.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size()))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  input.body = AsBytes(text.substr(text.empty() ? 0 : 1));
  return input;
}

void CheckFields(const HttpContent& http) {
  for (const HttpField& field : http.fields()) {
    FUZZ_CHECK(!field.name.empty());
    for (const char c : field.name) FUZZ_CHECK(c > 0x20 && c < 0x7F && c != ':');
    for (const char c : field.value) FUZZ_CHECK(c >= 0x20 && c < 0x7F);
  }
}

void CheckRoundTrips(const CloudEvent& event) {
  HttpDecoder decoder;
  // JSON data without a media type gets one in binary mode.
  const bool as_it_was = !event.data_content_type().empty() || event.data_kind() != DataKind::kJson;
  const Result<HttpContent> binary = EncodeHttpBinary(event);
  if (binary.ok()) {
    CheckFields(*binary);
    const auto again = decoder.Decode(binary->fields(), binary->body(), NameRule::kLenient);
    FUZZ_CHECK(again.ok() && again->mode == HttpMode::kBinary);
    FUZZ_CHECK(again->events[0].data_text() == event.data_text());
    // Without a media type only the bytes tell what data is.
    const HttpContent once_more = *EncodeHttpBinary(again->events[0]);
    FUZZ_CHECK(AsText(once_more.body()) == AsText(binary->body()));
    if (as_it_was && once_more.fields().size() == binary->fields().size()) {
      for (std::size_t i = 0; i < once_more.fields().size(); ++i) {
        FUZZ_CHECK(once_more.fields()[i].name == binary->fields()[i].name);
        FUZZ_CHECK(once_more.fields()[i].value == binary->fields()[i].value);
      }
    }
  }
  for (const EventFormat format : {EventFormat::kJson, EventFormat::kProtobuf}) {
    const HttpContent whole = *EncodeHttpStructured(event, format);
    CheckFields(whole);
    const auto again = decoder.Decode(whole.fields(), whole.body(), NameRule::kLenient);
    FUZZ_CHECK(again.ok() && again->mode == HttpMode::kStructured && again->events.size() == 1);
    FUZZ_CHECK(again->events[0].id() == event.id());
    FUZZ_CHECK(again->events[0].extension_count() == event.extension_count());
  }
}

}  // namespace

// Pins EV-53.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const Input input = Split({exact.get(), size});

  HttpDecoder decoder({{"extbinary", ExtensionType::kBinary},
                       {"exttime", ExtensionType::kTimestamp},
                       {"extinteger", ExtensionType::kInteger},
                       {"extboolean", ExtensionType::kBoolean}});
  const auto strict = decoder.Decode(input.fields, input.body);
  const auto lenient = decoder.Decode(input.fields, input.body, NameRule::kLenient);
  if (strict.ok()) {
    FUZZ_CHECK(lenient.ok() && lenient->events == strict->events);
    FUZZ_CHECK(lenient->mode == strict->mode);
  }
  if (!lenient.ok()) return 0;
  FUZZ_CHECK(lenient->mode == HttpMode::kBatch || lenient->events.size() == 1);
  for (const CloudEvent& event : lenient->events) CheckRoundTrips(event);
  return 0;
}
