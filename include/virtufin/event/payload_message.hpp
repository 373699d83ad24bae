// MakeMessage: a payload with all that belongs around it, ready to publish: topic, type, subject
// and the extensions that belong to it.
//
//   EventScope scope;
//   scope.source = "urn:com.virtufin:orders";
//   EventStamp stamp{clock.Now(), clock.Now(), Uuid::V4(), 1};
//   auto message = MakeMessage(scope, stamp, order_id, OrderExpired{clock.Now()});
//
// For feeds with many events a second keep a CloudEvent::Stream per topic instead.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/event/payload.hpp"
#include "virtufin/event/time_source.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {

/// What the events of one publisher share.
struct EventScope {
  std::string source = {};                     // required: "urn:com.virtufin:<service>"
  std::string exchange = {};                   // the venue; required for market data
  std::string subject_kind = "currency_pair";  // of instruments; "instrument" for other kinds
  std::string scenario_id = "LIVE";            // 1 to 32 of A-Z, 0-9, '_'; market data have none
  World market_world = {};                     // extension marketworld
  std::string market_universe = "ALL";         // extension marketuniverse
  std::optional<World> portfolio_world = {};   // extension portfolioworld
  std::optional<World> strategy_world = {};    // extension strategyworld
  std::optional<Uuid> run_id = {};             // when runs are parallel
  /// Clocktype historical instead of wall: there is no walltime, and the id is a UUIDv5 of run id,
  /// source, topic and sequence, the same in every replay.
  bool historical = false;
};

/// What differs from event to event.
struct EventStamp {
  Timestamp event_time = {};   // when it happened: time and extension eventtime
  Timestamp wall_time = {};    // when it is published; not used when historical
  Uuid correlation_id = {};    // of the event that caused it; else a new one
  std::uint64_t sequence = 0;  // of the topic (of snapshots and updates of a book together): from 1
                               // and without holes, so that consumers see a loss
  std::optional<Timestamp> receive_time = {};  // when it was read from a socket
  std::optional<TimeSource> time_source = {};  // which time became event_time
};

namespace detail {
struct MessageParts {
  std::string_view id;        // what the event is about
  std::string_view own_id;    // the same as the payload says; empty: it does not
  std::string_view interval;  // of a candle
  bool open = false;          // a candle that may still change
};
Result<Message> MakePayloadMessage(const PayloadInfo& info, const EventScope& scope,
                                   const EventStamp& stamp, const MessageParts& parts,
                                   std::string_view json);
}  // namespace detail

/// `id` is what the event is about: the instrument as the venue writes it, the order, the trade or,
/// for a position, the symbol; empty for risk, profit and loss, and for a feed status about more
/// than one instrument. [any]
/// Errors: INVALID_ARGUMENT for a scope or stamp that lacks what it needs, an id that is missing or
/// not the payload's own, or as CloudEvent::Builder; RESOURCE_EXHAUSTED above kMaxEventBytes.
template <Payload T>
Result<Message> MakeMessage(const EventScope& scope, const EventStamp& stamp, std::string_view id,
                            const T& payload) {
  detail::MessageParts parts;
  parts.id = id;
  if constexpr (T::kKind == PayloadKind::kOrderSubmitted) parts.own_id = payload.order_id;
  if constexpr (T::kKind == PayloadKind::kTradeCleared) parts.own_id = payload.trade_id;
  if constexpr (T::kKind == PayloadKind::kInstrumentInfo) parts.own_id = payload.symbol;
  if constexpr (T::kKind == PayloadKind::kCandle) {
    parts.interval = payload.interval;
    parts.open = !payload.closed;
  }
  return detail::MakePayloadMessage(PayloadInfoOf(T::kKind), scope, stamp, parts,
                                    WritePayload(payload));
}

/// "urn:com.virtufin:exchange:<venue>", the source of an adapter's events. [any]
std::string ExchangeSource(std::string_view venue);
/// "com.virtufin.exchange.<venue>.trade.executed": the type of a market payload's events; of
/// candles, of closed ones. [any]
template <MarketPayload T>
std::string TypeOf(std::string_view venue) {
  return std::string("com.virtufin.exchange.")
      .append(venue)
      .append(".")
      .append(PayloadInfoOf(T::kKind).type);
}
/// "com.virtufin.trading.order.filled". [any]
template <ScenarioPayload T>
std::string TypeOf() {
  return std::string("com.virtufin.").append(PayloadInfoOf(T::kKind).type);
}

}  // namespace virtufin::inline v0
