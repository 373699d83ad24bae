// Events as JSON: the structured form of the CloudEvents JSON format. The reader is json.hpp.
#pragma once

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/event/encoded_bytes.hpp"

namespace virtufin::inline v0 {

/// One JSON object, UTF-8 without white space of its own; JSON data stands in it as written, text
/// as a string, everything else as data_base64 (also data that claims to be JSON and is not). [any]
/// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes or without memory.
Result<EncodedBytes> EncodeJson(const CloudEvent& event);

}  // namespace virtufin::inline v0
