// Any bytes for the readers of Protobuf events and batches. An event that was read comes back from
// Protobuf as it was, and from JSON as JSON keeps it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "fuzz/check.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/protobuf.hpp"

using namespace virtufin;

namespace {

void CheckRoundTrips(const CloudEvent& event) {
  const Result<EncodedBytes> bytes = EncodeProtobuf(event);
  FUZZ_CHECK(bytes.ok());
  const Result<CloudEvent> again = DecodeProtobuf(bytes->bytes(), NameRule::kLenient);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->data_text() == event.data_text());
  FUZZ_CHECK(again->data_kind() == event.data_kind());
  FUZZ_CHECK(again->extension_count() == event.extension_count());
  const Result<EncodedBytes> once_more = EncodeProtobuf(*again);
  FUZZ_CHECK(once_more.ok());
  // JSON data without a media type gets one on the way.
  const bool as_it_was = !event.data_content_type().empty() || event.data_kind() != DataKind::kJson;
  FUZZ_CHECK(!as_it_was || *again == event);
  // With it, proto_data or not, the bytes stay.
  FUZZ_CHECK(AsText(once_more->bytes()) == AsText(bytes->bytes()));
  const Result<EncodedBytes> json = EncodeJson(*again);
  FUZZ_CHECK(json.ok());
  FUZZ_CHECK(JsonDecoder().Decode(AsText(json->bytes()), NameRule::kLenient).ok());
}

}  // namespace

// Pins EV-53.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const ByteView bytes(exact.get(), size);

  const Result<CloudEvent> strict = DecodeProtobuf(bytes);
  const Result<CloudEvent> lenient = DecodeProtobuf(bytes, NameRule::kLenient);
  const Result<CloudEvent> trusted = DecodeProtobuf(bytes, NameRule::kLenient, Validate::kTrusted);
  if (strict.ok()) FUZZ_CHECK(lenient.ok() && *lenient == *strict);
  if (lenient.ok()) {
    FUZZ_CHECK(trusted.ok() && *trusted == *lenient);
    CheckRoundTrips(*lenient);
  }
  const auto batch = DecodeProtobufBatch(bytes, NameRule::kLenient);
  if (!batch.ok()) return 0;
  for (const CloudEvent& event : *batch) CheckRoundTrips(event);
  const Result<EncodedBytes> encoded = EncodeProtobufBatch(*batch);
  FUZZ_CHECK(encoded.ok());
  const auto again = DecodeProtobufBatch(encoded->bytes(), NameRule::kLenient);
  FUZZ_CHECK(again.ok() && again->size() == batch->size());
  return 0;
}
