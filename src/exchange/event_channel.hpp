// Makes the events of one topic: what never changes is checked and stored once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/exchange/book_sync.hpp"

namespace virtufin::inline v0::detail {

/// What all events of a feed share.
struct FeedIdentity {
  std::string venue, world, universe, run_id;
  bool historical = false;
  Uuid run_seed;             // of ids when historical
  std::string subject_kind;  // "currency_pair"

  std::string Source() const { return "urn:com.virtufin:exchange:" + venue; }

  /// `<world>.exchange.<venue>.<tail>.<symbol>`, the symbol percent-encoded where it must be;
  /// empty: without that segment.
  std::string Topic(std::string_view tail, std::string_view symbol) const;
  /// `type_tail`: "orderbook.updated"; no symbol: the subject is given per event.
  /// Errors: as CloudEvent::Stream::Make.
  Result<CloudEvent::Stream> Stream(std::string_view type_tail, std::string_view symbol,
                                    TimeSource source) const;
};

/// What differs from event to event beside data and sequence.
struct EventMoment {
  EventTime event;
  std::int64_t receive_unix_ns = 0;
  Uuid correlation;
  Timestamp wall;  // not used under historical
};

class EventChannel {
 public:
  /// `identity` is borrowed while the channel lives.
  EventChannel(const FeedIdentity& identity, std::string_view topic_tail,
               std::string_view type_tail, std::string_view symbol);

  /// `json` must be one JSON value: it is not walked. `subject` is for a channel without a symbol.
  /// [owner]
  /// Errors: RESOURCE_EXHAUSTED above kMaxEventBytes.
  Result<Message> Make(std::string_view json, std::uint64_t sequence, const EventMoment& moment,
                       std::string_view subject = {});

 private:
  CloudEvent::Builder& BuilderFor(TimeSource source);

  const FeedIdentity* identity_;
  std::string topic_, type_tail_, symbol_;
  std::array<std::optional<CloudEvent::Builder>, 3> builders_;  // by TimeSource
};

/// With milliseconds when that is exact, else with nanoseconds.
Timestamp ToTimestamp(std::int64_t unix_ns) noexcept;

}  // namespace virtufin::inline v0::detail
