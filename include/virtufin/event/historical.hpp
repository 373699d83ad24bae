// Which time it is for whoever handles an event of a replay.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <optional>

#include "virtufin/core/time.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

/// The extension `clocktype` says `historical`: the clock of this machine means nothing. [any]
inline bool IsHistorical(const CloudEvent& event) noexcept {
  return event.ExtensionText("clocktype") == "historical";
}

/// The time that a historical event stands for: its extension `eventtime`, else its `time`; nothing
/// when it has neither. [any]
inline std::optional<Timestamp> HistoricalTime(const CloudEvent& event) noexcept {
  const std::optional<Timestamp> event_time = event.ExtensionTime("eventtime");
  return event_time ? event_time : event.time();
}

}  // namespace virtufin::inline v0
