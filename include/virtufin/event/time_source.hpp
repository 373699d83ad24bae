// TimeSource: whose time an event carries. Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <string_view>

namespace virtufin::inline v0 {

/// Which time of what a venue sent counts as the time of what happened.
enum class TimeSource : std::uint8_t { kEngine, kVenue, kReceive };

/// As in the extension timesource: "engine" and so on, empty for a number that is no value; static
/// storage. [any]
std::string_view TimeSourceName(TimeSource source) noexcept;

}  // namespace virtufin::inline v0
