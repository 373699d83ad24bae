// Any text for the reader of JSON batches. It reads what the reader of single events reads between
// the commas, and a batch that was read comes back as it was.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "virtufin/event/json.hpp"

using namespace virtufin;

namespace {

void CheckRoundTrip(const std::vector<CloudEvent>& events) {
  const Result<EncodedBytes> json = EncodeJsonBatch(events);
  FUZZ_CHECK(json.ok());
  const std::string_view text = AsText(json->bytes());
  JsonDecoder decoder;
  const auto again = decoder.DecodeBatch(text, NameRule::kLenient);
  FUZZ_CHECK(again.ok() && *again == events);
  const auto trusted = decoder.DecodeBatch(text, NameRule::kLenient, Validate::kTrusted);
  FUZZ_CHECK(trusted.ok() && *trusted == events);
  FUZZ_CHECK(AsText(EncodeJsonBatch(*again)->bytes()) == text);
  std::string joined = "[";
  for (const CloudEvent& event : events) {
    const EncodedBytes one = *EncodeJson(event);
    joined.append(joined.size() == 1 ? "" : ",").append(AsText(one.bytes()));
    const auto alone = decoder.Decode(AsText(one.bytes()), NameRule::kLenient);
    FUZZ_CHECK(alone.ok() && *alone == event);
  }
  FUZZ_CHECK(joined + "]" == text);
}

}  // namespace

// Pins EV-53.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<char[]> exact(new char[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view json(exact.get(), size);

  JsonDecoder decoder(
      {{"extbinary", ExtensionType::kBinary}, {"exttime", ExtensionType::kTimestamp}});
  // Nobody vouches for this text: anything may be made of it, but nothing outside of it is read.
  (void)decoder.DecodeBatch(json, NameRule::kLenient, Validate::kTrusted);
  const auto strict = decoder.DecodeBatch(json);
  const auto lenient = decoder.DecodeBatch(json, NameRule::kLenient);
  if (strict.ok()) FUZZ_CHECK(lenient.ok() && *lenient == *strict);
  // A text is one event or a batch of one, as its brackets say.
  const auto alone = decoder.Decode(json, NameRule::kLenient);
  FUZZ_CHECK(!alone.ok() || !lenient.ok());
  const auto wrapped = decoder.DecodeBatch("[" + std::string(json) + "]", NameRule::kLenient);
  if (alone.ok()) FUZZ_CHECK(wrapped.ok() && wrapped->size() == 1 && wrapped->front() == *alone);
  if (!lenient.ok()) return 0;
  // Without types: what JSON tells apart by itself.
  const auto plain = JsonDecoder().DecodeBatch(json, NameRule::kLenient);
  FUZZ_CHECK(plain.ok());
  CheckRoundTrip(*plain);
  return 0;
}
