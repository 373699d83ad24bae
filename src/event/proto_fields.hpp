// Field numbers of io.cloudevents.v1, of google.protobuf.Any and of google.protobuf.Timestamp.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::detail::proto {

/// CloudEvent.
enum : std::uint32_t {
  kId = 1,
  kSource = 2,
  kSpecVersion = 3,
  kType = 4,
  kAttributes = 5,  // a map
  kBinaryData = 6,
  kTextData = 7,
  kProtoData = 8,
};
/// CloudEventAttributeValue.
enum : std::uint32_t {
  kBoolean = 1,
  kInteger = 2,
  kString = 3,
  kBytes = 4,
  kUri = 5,
  kUriRef = 6,
  kTimestamp = 7,
};
inline constexpr std::uint32_t kMapKey = 1, kMapValue = 2;
inline constexpr std::uint32_t kSeconds = 1, kNanos = 2;
inline constexpr std::uint32_t kTypeUrl = 1, kAnyValue = 2;
inline constexpr std::uint32_t kEvents = 1;  // CloudEventBatch

}  // namespace virtufin::inline v0::detail::proto
