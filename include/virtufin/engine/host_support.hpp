// For those who implement WorkerHost: checks of what a worker asks for, and the events of timers.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

/// Appends `text` as a string of JSON, escaped where that wants it; what is no UTF-8 stays. [any]
void AppendJsonString(std::string& out, std::string_view text);

/// [any] Errors: INVALID_ARGUMENT for a topic that is empty, over kMaxTopicBytes, no UTF-8 or has a
/// NUL.
Status CheckWorkerTopic(std::string_view topic);

/// [any] Errors: INVALID_ARGUMENT for a negative delay, a period below kMinTimerPeriod, more than a
/// hundred years, or a name over kMaxTimerNameBytes, of no UTF-8 or with control characters.
Status CheckWorkerTimer(const HostTimer& timer);

/// A timer that is due.
struct DueTimer {
  std::uint64_t id = 0;
  HostTimer timer;
  HostTime started;          // the time it was for the worker
  std::uint64_t count = 1;   // how often it was due
  std::uint64_t missed = 0;  // of these, how many this event stands for besides its own
  std::string worker = {};   // whose it is, by a name that is the same in every replay
};

/// The event that tells a worker of it; of a replayed one the same in every replay. [any]
/// Errors: RESOURCE_EXHAUSTED.
Result<CloudEvent> MakeTimerEvent(const DueTimer& due);

}  // namespace virtufin::inline v0
