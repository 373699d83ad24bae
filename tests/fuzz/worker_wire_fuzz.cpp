// Any bytes for the C reader of events: no access outside of them, and what the codec accepts too
// both see alike.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "fuzz/check.hpp"
#include "unit/worker/wire_of_c.h"
#include "virtufin/event/wire.hpp"

using namespace virtufin;

namespace {

std::string_view View(VirtufinWireText text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.size);
}

}  // namespace

// Pins WA-28.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);  // 16-aligned
  if (size != 0) std::memcpy(exact.get(), data, size);
  ReadAllInC(exact.get(), static_cast<std::int32_t>(size));

  const auto event = DecodeCloudEvent({exact.get(), size});
  if (!event.ok()) return 0;
  VirtufinWireEvent read;
  // The C reader also wants the fields within the size that the table says it has.
  if (ReadInC(exact.get(), static_cast<std::int32_t>(size), &read) != VIRTUFIN_WIRE_OK) return 0;
  FUZZ_CHECK(View(read.id) == event->id());
  FUZZ_CHECK(View(read.type) == event->type());
  FUZZ_CHECK(View(read.source) == event->source());
  FUZZ_CHECK(View(read.subject) == event->subject());
  FUZZ_CHECK(View(read.datacontenttype) == event->data_content_type());
  FUZZ_CHECK(AsText({read.data, read.data_size}) == event->data_text());
  FUZZ_CHECK(read.extension_count == event->extension_count());
  return 0;
}
