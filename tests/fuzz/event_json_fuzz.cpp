// Any text for the reader of JSON events. What it takes for JSON another parser does too, and an
// event that was read comes back from both codecs as it was.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "event/text.hpp"
#include "fuzz/check.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

// Of a text that is JSON.
int DepthOf(std::string_view json) {
  int depth = 0, deepest = 0;
  bool string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (string) {
      if (c == '\\') ++i;
      if (c == '"') string = false;
    } else if (c == '"') {
      string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

// The other parser refuses numbers that no double can hold.
bool MayHaveHugeNumber(std::string_view json) {
  return json.size() > 300 || json.find_first_of("eE") != std::string_view::npos;
}

void CompareWithOtherParser(std::string_view json) {
  const bool ours = detail::CheckJson(json).what == nullptr;
  const bool theirs = nlohmann::json::accept(json.begin(), json.end());
  // They skip a byte order mark and end at a NUL.
  const bool odd = json.starts_with("\xef\xbb\xbf") || json.find('\0') != json.npos;
  if (ours) FUZZ_CHECK(theirs || MayHaveHugeNumber(json));
  if (theirs && !odd && DepthOf(json) < kMaxJsonDepth) FUZZ_CHECK(ours);
}

void CheckRoundTrips(const CloudEvent& event) {
  const Result<EncodedBytes> json = EncodeJson(event);
  FUZZ_CHECK(json.ok());
  const std::string_view text = AsText(json->bytes());
  FUZZ_CHECK(nlohmann::json::accept(text.begin(), text.end()) || MayHaveHugeNumber(text));
  const Result<CloudEvent> again = JsonDecoder().Decode(text, NameRule::kLenient);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(*again == event);
  FUZZ_CHECK(AsText(EncodeJson(*again)->bytes()) == text);
  const Result<EncodedBytes> wire = EncodeCloudEvent(event);
  FUZZ_CHECK(wire.ok());
  FUZZ_CHECK(DecodeCloudEvent(wire->bytes()).ok());
  FUZZ_CHECK(*CloudEvent::Builder(event).Build() == event);
}

}  // namespace

// Pins EV-53.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view json(exact.get(), size);

  CompareWithOtherParser(json);
  JsonDecoder decoder;
  const Result<CloudEvent> strict = decoder.Decode(json);
  const Result<CloudEvent> lenient = decoder.Decode(json, NameRule::kLenient);
  const Result<CloudEvent> trusted = decoder.Decode(json, NameRule::kLenient, Validate::kTrusted);
  if (strict.ok()) FUZZ_CHECK(lenient.ok() && *lenient == *strict);
  if (!lenient.ok()) return 0;
  FUZZ_CHECK(trusted.ok() && *trusted == *lenient);
  FUZZ_CHECK(nlohmann::json::accept(json.begin(), json.end()) || MayHaveHugeNumber(json));
  CheckRoundTrips(*lenient);
  return 0;
}
