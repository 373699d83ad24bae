// Events as Protobuf: io.cloudevents.v1.CloudEvent and CloudEventBatch, written and read by hand.
//
// Nothing here links or registers with Protobuf. Extensions keep their types. JSON and text travel
// as text_data, bytes as binary_data. A time loses its offset and the way it was written, not the
// instant; JSON data without a datacontenttype says application/json from here on.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/encoded_bytes.hpp"

namespace virtufin::inline v0 {

/// The string extension that holds the type URL of proto_data: such data is kept as the bytes of
/// the message inside the Any. Binary data with this extension is written as proto_data.
inline constexpr std::string_view kDataTypeUrl = "datatypeurl";

/// [any] Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or without memory.
Result<EncodedBytes> EncodeProtobuf(const CloudEvent& event);

/// A CloudEventBatch. `events` is borrowed until this returns. [any]
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or kMaxBatchEvents, or without memory.
Result<EncodedBytes> EncodeProtobufBatch(std::span<const CloudEvent> events);

/// `bytes` is borrowed until this returns. Unknown fields are skipped. text_data is JSON where
/// datacontenttype says so, or where there is none and it is a JSON value; other text without one
/// gets text/plain, and JSON under a text type becomes text: its bytes stay. binary_data is what
/// datacontenttype says, as other writers put JSON there, too. Under kFull text_data that should be
/// JSON is walked. [any]
/// Errors: INVALID_ARGUMENT saying what was expected and found, for what is no such message, for
/// an attribute or data that is there twice and for an illegal attribute; RESOURCE_EXHAUSTED above
/// kMaxEventBytes or kMaxExtensions, or without memory.
Result<CloudEvent> DecodeProtobuf(ByteView bytes, NameRule rule = NameRule::kStrict,
                                  Validate validate = Validate::kFull);

/// A CloudEventBatch, all of it or an error that names the first bad event by its index from 0.
/// Otherwise as DecodeProtobuf. [any]
/// Errors: as DecodeProtobuf; RESOURCE_EXHAUSTED above kMaxBatchEvents.
Result<std::vector<CloudEvent>> DecodeProtobufBatch(ByteView bytes,
                                                    NameRule rule = NameRule::kStrict,
                                                    Validate validate = Validate::kFull);

}  // namespace virtufin::inline v0
