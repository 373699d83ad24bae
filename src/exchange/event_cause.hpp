// What the events of one cause share: the correlation id, and when they were made.
#pragma once

#include <cstdint>

#include "exchange/event_channel.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid_sequence.hpp"

namespace virtufin::inline v0::detail {

class EventCause {
 public:
  /// Events from now on have another cause.
  void New() noexcept { known_ = false; }

  /// `event` gets the receive time where it has no other.
  EventMoment Moment(std::int64_t receive_unix_ns, EventTime event, Clock& clock, bool historical) {
    if (event.source == TimeSource::kReceive) event.unix_ns = receive_unix_ns;
    if (known_) return {event, receive_unix_ns, correlation_.current(), wall_};
    known_ = true;
    const Timestamp wall = historical ? Timestamp() : clock.Now();
    wall_ = wall;
    return {event, receive_unix_ns, correlation_.Next(), wall};
  }

 private:
  bool known_ = false;
  UuidSequence correlation_;
  Timestamp wall_;  // when the cause's first event was made
};

}  // namespace virtufin::inline v0::detail
