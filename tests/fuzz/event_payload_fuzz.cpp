// Any text for the readers of payloads. What one takes is JSON, and comes back from its writer. The
// first byte chooses the kind.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "event/payload/every.hpp"
#include "event/text.hpp"
#include "fuzz/check.hpp"
#include "virtufin/event/payload.hpp"
#include "virtufin/event/topic.hpp"

using namespace virtufin;

namespace {

template <class T>
void Read(std::string_view json) {
  T payload;
  const Status status = ReadPayload(json, payload);
  FUZZ_CHECK(status.ok() == CheckPayload(T::kKind, json).ok());
  if (!status.ok()) {
    // The error can be shown: it is one line of UTF-8.
    FUZZ_CHECK(status.message().starts_with(PayloadInfoOf(T::kKind).name));
    FUZZ_CHECK(status.message().size() < 1000);
    return;
  }
  const std::string written = WritePayload(payload);
  FUZZ_CHECK(detail::CheckJson(written).what == nullptr);
  T again;
  FUZZ_CHECK(ReadPayload(written, again).ok());
  FUZZ_CHECK(again == payload);
  FUZZ_CHECK(WritePayload(again) == written);
}

template <class... T>
void ReadAs(detail::PayloadTypes<T...>, std::uint8_t kind, std::string_view json) {
  (void)((static_cast<std::uint8_t>(T::kKind) == kind && (Read<T>(json), true)) || ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65536) return 0;
  const std::unique_ptr<char[]> exact(new char[size - 1]);
  if (size > 1) std::memcpy(exact.get(), data + 1, size - 1);
  const std::string_view text(exact.get(), size - 1);
  ReadAs(detail::EveryPayload(), static_cast<std::uint8_t>(data[0] % kPayloadKinds), text);

  const TopicParts parts = SplitTopic(text);
  FUZZ_CHECK(parts.axis != TopicAxis::kOther || parts.owner.empty());
  FUZZ_CHECK(TopicName(TopicSegment(text)) == text);
  (void)FindPayload(text);
  return 0;
}
