// The canonical JSON of io.cloudevents.v1.CloudEvent, as gateway requests carry it, to a
// CloudEvent.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0::detail {

/// Both spellings of a field name are read (specVersion, spec_version).
/// Errors: INVALID_ARGUMENT naming the member and what was expected.
Result<CloudEvent> EventFromProtoJson(const nlohmann::json& json);

}  // namespace virtufin::inline v0::detail
