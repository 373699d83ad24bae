// What the events of one cause share: the correlation id, and when they were made.
#pragma once

#include <cstddef>
#include <cstdint>

#include "exchange/event_channel.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid.hpp"

namespace virtufin::inline v0::detail {

class EventCause {
 public:
  /// Events from now on have another cause.
  void New() noexcept { known_ = false; }

  /// `event` gets the receive time where it has no other.
  EventMoment Moment(std::int64_t receive_unix_ns, EventTime event, Clock& clock, bool historical) {
    if (!known_) {
      known_ = true;
      for (std::size_t i = 15; i > 8 && ++correlation_.bytes[i] == 0; --i) {
      }
      if (!historical) wall_ = clock.Now();
    }
    if (event.source == TimeSource::kReceive) event.unix_ns = receive_unix_ns;
    return {event, receive_unix_ns, correlation_, wall_};
  }

 private:
  bool known_ = false;
  Uuid correlation_ = Uuid::V4();  // a random one, counted up
  Timestamp wall_;                 // when the cause's first event was made
};

}  // namespace virtufin::inline v0::detail
