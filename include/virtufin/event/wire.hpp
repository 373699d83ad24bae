// The worker wire: events and responses as FlatBuffers, what native workers read and write.
//
// Schema: src/event/wire/worker_api.fbs, without size prefix and file identifier. The wire has no
// types: extension values that are no strings travel as their JSON text and come back as strings.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <optional>
#include <string_view>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/encoded_bytes.hpp"

namespace virtufin::inline v0 {

/// What a worker answered: a reply, an error text, both, or neither.
struct WorkerResponse {
  std::optional<CloudEvent> event;
  std::optional<std::string_view> error;  // borrowed from the buffer that was decoded
};

/// [any] Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or without memory.
Result<EncodedBytes> EncodeCloudEvent(const CloudEvent& event);

/// `event` may be null. [any] Errors: as EncodeCloudEvent.
Result<EncodedBytes> EncodeWorkerResponse(const CloudEvent* event,
                                          std::optional<std::string_view> error);

/// Verifies, then copies; names as NameRule::kLenient; empty optional texts count as absent.
/// `bytes` is borrowed until this returns. [any] Errors: INVALID_ARGUMENT saying what is wrong (too
/// large, misaligned, no such FlatBuffer, an illegal attribute); RESOURCE_EXHAUSTED above
/// kMaxExtensions or without memory.
Result<CloudEvent> DecodeCloudEvent(ByteView bytes);

/// As DecodeCloudEvent; `bytes` is borrowed as long as the response's error is used. [any]
Result<WorkerResponse> DecodeWorkerResponse(ByteView bytes);

}  // namespace virtufin::inline v0
