// Any bytes for the reader of the worker wire. An event or response that was read comes back from
// the wire and from JSON as it was.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "event/text.hpp"
#include "fuzz/check.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/json.hpp"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

// What JSON keeps of an event: all but white space around JSON data.
CloudEvent AsJsonKeepsIt(const CloudEvent& event) {
  std::string_view data = event.data_text();
  if (event.data_kind() != DataKind::kJson || detail::CheckJson(data).what != nullptr) return event;
  constexpr std::string_view kSpace = " \t\r\n";
  data.remove_prefix(data.find_first_not_of(kSpace));
  data = data.substr(0, data.find_last_not_of(kSpace) + 1);
  return *CloudEvent::Builder(event).JsonData(data).Build();
}

void CheckRoundTrips(const CloudEvent& event) {
  const Result<EncodedBytes> wire = EncodeCloudEvent(event);
  FUZZ_CHECK(wire.ok());
  const Result<CloudEvent> again = DecodeCloudEvent(wire->bytes());
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(*again == event);
  FUZZ_CHECK(again->data_kind() == event.data_kind());
  const Result<EncodedBytes> json = EncodeJson(event);
  FUZZ_CHECK(json.ok());
  const Result<CloudEvent> of_json =
      JsonDecoder().Decode(AsText(json->bytes()), NameRule::kLenient);
  FUZZ_CHECK(of_json.ok());
  FUZZ_CHECK(*of_json == AsJsonKeepsIt(event));
  FUZZ_CHECK(*CloudEvent::Builder(event).Build() == event);
}

}  // namespace

// Pins EV-53.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);  // 16-aligned
  if (size != 0) std::memcpy(exact.get(), data, size);
  const ByteView bytes(exact.get(), size);

  const Result<CloudEvent> event = DecodeCloudEvent(bytes);
  if (event.ok()) CheckRoundTrips(*event);
  const Result<WorkerResponse> response = DecodeWorkerResponse(bytes);
  if (!response.ok()) return 0;
  if (response->event) CheckRoundTrips(*response->event);
  const Result<EncodedBytes> wire =
      EncodeWorkerResponse(response->event ? &*response->event : nullptr, response->error);
  FUZZ_CHECK(wire.ok());
  const Result<WorkerResponse> again = DecodeWorkerResponse(wire->bytes());
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->event == response->event);
  FUZZ_CHECK(again->error == response->error);
  return 0;
}
