// The payloads of market data, as docs/events.md lists them.
//
// Prices and quantities keep the digits that the venue wrote. Fields without std::optional are
// required, but for a bool that says "absent: false".
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/decimal.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/level.hpp"
#include "virtufin/event/payload.hpp"

namespace virtufin::inline v0 {

/// Of a feed: what its last data are worth.
enum class FeedState : std::uint8_t { kLive, kStale, kGap, kResync, kDisconnected };
/// What a feed status is about.
enum class FeedScope : std::uint8_t { kVenue, kConnection, kChannel, kInstrument };
/// Who crossed the spread.
enum class AggressorSide : std::uint8_t { kBuy, kSell, kUnknown };
/// Whether an instrument trades.
enum class TradingState : std::uint8_t { kTrading, kHalted, kClosed, kAuction, kUnknown };
enum class InstrumentKind : std::uint8_t {
  kSpot,
  kPerpetual,
  kFuture,
  kOption,
  kEquity,
  kFx,
  kCfd
};

/// As in payloads: "live" and so on, empty for a number that is no value; static storage. [any]
std::string_view FeedStateName(FeedState state) noexcept;
std::string_view FeedScopeName(FeedScope scope) noexcept;
std::string_view AggressorSideName(AggressorSide side) noexcept;
std::string_view TradingStateName(TradingState state) noexcept;
std::string_view InstrumentKindName(InstrumentKind kind) noexcept;

/// `orderbook.snapshot.<instrument>`: all levels, best first.
struct OrderBookSnapshot {
  static constexpr auto kKind = PayloadKind::kOrderBookSnapshot;
  std::vector<Level> bids, asks;
  std::int64_t last_update_id = 0;
  Timestamp snapshot_at;
  FeedState state = FeedState::kLive;
  std::optional<std::int64_t> depth;  // most levels of a side
  bool operator==(const OrderBookSnapshot&) const = default;
};

/// `orderbook.depth.<instrument>`: the best levels, at most once in an interval.
struct OrderBookDepth : OrderBookSnapshot {
  static constexpr auto kKind = PayloadKind::kOrderBookDepth;
};

/// `orderbook.update.<instrument>`: levels that changed.
struct OrderBookUpdate {
  static constexpr auto kKind = PayloadKind::kOrderBookUpdate;
  std::vector<Level> bids_delta, asks_delta;
  std::int64_t first_update_id = 0, last_update_id = 0;
  std::optional<std::int64_t> prev_update_id;  // where the venue chains its updates
  bool operator==(const OrderBookUpdate&) const = default;
};

/// `quote.update.<instrument>`: the best bid and ask; a side that is empty is absent.
struct QuoteUpdate {
  static constexpr auto kKind = PayloadKind::kQuoteUpdate;
  std::optional<Decimal> bid, bid_qty, ask, ask_qty;
  std::optional<std::int64_t> update_id;
  bool delayed = false;     // absent: false
  bool indicative = false;  // absent: false
  bool operator==(const QuoteUpdate&) const = default;
};

/// `trade.tape.<instrument>`
struct TradeExecuted {
  static constexpr auto kKind = PayloadKind::kTradeExecuted;
  std::int64_t trade_id = 0;
  Decimal price, qty;
  AggressorSide side = AggressorSide::kUnknown;
  Timestamp trade_time;
  bool aggregate = false;                                     // of several fills at one price
  std::optional<std::int64_t> first_trade_id, last_trade_id;  // of an aggregate
  std::optional<std::string> conditions;                      // the venue's words
  bool recovered = false;                                     // absent: false
  bool operator==(const TradeExecuted&) const = default;
};

/// `ticker.update.<instrument>`
struct TickerUpdate {
  static constexpr auto kKind = PayloadKind::kTickerUpdate;
  std::optional<Decimal> last_price, volume_24h;  // volume in base units
  std::optional<Decimal> change_24h_pct, last_qty, open, high, low, quote_volume_24h;
  std::string window;  // "24h"
  std::optional<std::int64_t> trades;
  bool operator==(const TickerUpdate&) const = default;
};

/// `funding.rate.<instrument>`
struct FundingRate {
  static constexpr auto kKind = PayloadKind::kFundingRate;
  Decimal funding_rate;
  std::optional<Timestamp> next_funding_time;
  bool operator==(const FundingRate&) const = default;
};

/// `mark.price.<instrument>`
struct MarkPrice {
  static constexpr auto kKind = PayloadKind::kMarkPrice;
  Decimal mark_price;
  std::optional<Decimal> index_price;
  bool operator==(const MarkPrice&) const = default;
};

/// `ohlcv.candle.<interval>.<instrument>`
struct Candle {
  static constexpr auto kKind = PayloadKind::kCandle;
  Decimal open, high, low, close, volume;
  Timestamp candle_close_time, candle_open_time;
  std::string interval;  // "1m"
  std::optional<std::int64_t> trades;
  std::optional<Decimal> quote_volume, taker_buy_volume;
  bool closed = false;
  bool operator==(const Candle&) const = default;
};

/// instrument.info: one topic for all instruments of a venue.
struct InstrumentInfo {
  static constexpr auto kKind = PayloadKind::kInstrumentInfo;
  std::string symbol;
  TradingState status = TradingState::kUnknown;
  std::string base_asset, quote_asset;
  InstrumentKind kind = InstrumentKind::kSpot;
  std::optional<Decimal> lot_size, tick_size;  // steps of quantity and price
  std::optional<std::string> settle_asset;
  std::optional<Decimal> multiplier;
  std::optional<Timestamp> expiry;
  std::optional<Decimal> min_qty, max_qty, min_notional;
  std::string venue_symbol, venue_status;  // the venue's words
  bool operator==(const InstrumentInfo&) const = default;
};

/// `instrument.status.<instrument>`
struct InstrumentStatus {
  static constexpr auto kKind = PayloadKind::kInstrumentStatus;
  TradingState state = TradingState::kUnknown;
  std::string reason;
  bool operator==(const InstrumentStatus&) const = default;
};

/// `feed.status.<instrument>`, and feed.status for what concerns more than one.
struct FeedStatus {
  static constexpr auto kKind = PayloadKind::kFeedStatus;
  FeedState state = FeedState::kDisconnected;
  FeedScope scope = FeedScope::kInstrument;
  std::optional<std::string> channel;  // "book"
  std::int64_t session = 0;            // counts connections
  std::string reason;
  Timestamp since;
  std::optional<std::int64_t> expected, got;  // ids, when ids were the reason
  bool operator==(const FeedStatus&) const = default;
};

}  // namespace virtufin::inline v0
