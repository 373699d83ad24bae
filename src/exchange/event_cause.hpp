// What the events of one cause share: the correlation id, and when they were made.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "exchange/event_channel.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid_sequence.hpp"

namespace virtufin::inline v0::detail {

class EventCause {
 public:
  /// `part` tells the causes of one part of a session from those of others; it must be a literal.
  explicit EventCause(std::string_view part) noexcept : part_(part) {}

  /// Events from now on have another cause.
  void New() noexcept {
    known_ = false;
    ++count_;
  }

  /// `event` gets the receive time where it has no other.
  EventMoment Moment(std::int64_t receive_unix_ns, EventTime event, Clock& clock,
                     const FeedIdentity& identity) {
    if (event.source == TimeSource::kReceive) event.unix_ns = receive_unix_ns;
    if (identity.historical) {
      if (!known_) replayed_ = Uuid::V5(identity.run_seed, std::array{part_}, count_);
      known_ = true;
      return {event, receive_unix_ns, replayed_, Timestamp()};
    }
    if (known_) return {event, receive_unix_ns, correlation_.current(), wall_};
    known_ = true;
    const Timestamp wall = clock.Now();
    wall_ = wall;
    return {event, receive_unix_ns, correlation_.Next(), wall};
  }

 private:
  std::string_view part_;
  bool known_ = false;
  std::uint64_t count_ = 0;  // of causes
  Uuid replayed_;            // when historical: the same in each replay
  UuidSequence correlation_;
  Timestamp wall_;  // when the cause's first event was made
};

}  // namespace virtufin::inline v0::detail
