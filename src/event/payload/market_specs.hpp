// The members of the payloads of market data.
#pragma once

#include <string_view>
#include <tuple>

#include "event/payload/spec.hpp"
#include "virtufin/event/market_payloads.hpp"

namespace virtufin::inline v0::detail {

template <>
struct PayloadSpec<OrderBookSnapshot> {
  using P = OrderBookSnapshot;
  static constexpr std::string_view kName = "OrderBookSnapshot";
  static constexpr std::string_view kTopic = "orderbook.snapshot.<instrument>";
  static constexpr std::string_view kType = "orderbook.snapshotted";
  static constexpr std::tuple kFields{
      Field{"bids", &P::bids},
      Field{"asks", &P::asks},
      Field{"last_update_id", &P::last_update_id},
      Field{"snapshot_at", &P::snapshot_at},
      Field{"state", &P::state},
      Field{"depth", &P::depth},
  };
};

template <>
struct PayloadSpec<OrderBookDepth> {
  using P = OrderBookDepth;
  static constexpr std::string_view kName = "OrderBookDepth";
  static constexpr std::string_view kTopic = "orderbook.depth.<instrument>";
  static constexpr std::string_view kType = "orderbook.conflated";
  static constexpr auto kFields = PayloadSpec<OrderBookSnapshot>::kFields;
};

template <>
struct PayloadSpec<OrderBookUpdate> {
  using P = OrderBookUpdate;
  static constexpr std::string_view kName = "OrderBookUpdate";
  static constexpr std::string_view kTopic = "orderbook.update.<instrument>";
  static constexpr std::string_view kType = "orderbook.updated";
  static constexpr std::tuple kFields{
      Field{"bids_delta", &P::bids_delta},           Field{"asks_delta", &P::asks_delta},
      Field{"first_update_id", &P::first_update_id}, Field{"last_update_id", &P::last_update_id},
      Field{"prev_update_id", &P::prev_update_id},
  };
};

template <>
struct PayloadSpec<QuoteUpdate> {
  using P = QuoteUpdate;
  static constexpr std::string_view kName = "QuoteUpdate";
  static constexpr std::string_view kTopic = "quote.update.<instrument>";
  static constexpr std::string_view kType = "quote.updated";
  static constexpr std::tuple kFields{
      Field{"bid", &P::bid},
      Field{"bid_qty", &P::bid_qty},
      Field{"ask", &P::ask},
      Field{"ask_qty", &P::ask_qty},
      Field{"update_id", &P::update_id},
      Flag{"delayed", &P::delayed},
      Flag{"indicative", &P::indicative},
  };
};

template <>
struct PayloadSpec<TradeExecuted> {
  using P = TradeExecuted;
  static constexpr std::string_view kName = "TradeExecuted";
  static constexpr std::string_view kTopic = "trade.tape.<instrument>";
  static constexpr std::string_view kType = "trade.executed";
  static constexpr std::tuple kFields{
      Field{"trade_id", &P::trade_id},
      Field{"price", &P::price},
      Field{"qty", &P::qty},
      Field{"side", &P::side},
      Field{"trade_time", &P::trade_time},
      Field{"aggregate", &P::aggregate},
      Field{"first_trade_id", &P::first_trade_id},
      Field{"last_trade_id", &P::last_trade_id},
      Field{"conditions", &P::conditions},
      Flag{"recovered", &P::recovered},
  };
};

template <>
struct PayloadSpec<TickerUpdate> {
  using P = TickerUpdate;
  static constexpr std::string_view kName = "TickerUpdate";
  static constexpr std::string_view kTopic = "ticker.update.<instrument>";
  static constexpr std::string_view kType = "ticker.updated";
  static constexpr std::tuple kFields{
      Field{"last_price", &P::last_price},
      Field{"volume_24h", &P::volume_24h},
      Field{"change_24h_pct", &P::change_24h_pct},
      Field{"last_qty", &P::last_qty},
      Field{"open", &P::open},
      Field{"high", &P::high},
      Field{"low", &P::low},
      Field{"quote_volume_24h", &P::quote_volume_24h},
      Field{"window", &P::window},
      Field{"trades", &P::trades},
  };
};

template <>
struct PayloadSpec<FundingRate> {
  using P = FundingRate;
  static constexpr std::string_view kName = "FundingRate";
  static constexpr std::string_view kTopic = "funding.rate.<instrument>";
  static constexpr std::string_view kType = "funding.updated";
  static constexpr std::tuple kFields{
      Field{"funding_rate", &P::funding_rate},
      Field{"next_funding_time", &P::next_funding_time},
  };
};

template <>
struct PayloadSpec<MarkPrice> {
  using P = MarkPrice;
  static constexpr std::string_view kName = "MarkPrice";
  static constexpr std::string_view kTopic = "mark.price.<instrument>";
  static constexpr std::string_view kType = "mark.updated";
  static constexpr std::tuple kFields{
      Field{"mark_price", &P::mark_price},
      Field{"index_price", &P::index_price},
  };
};

template <>
struct PayloadSpec<Candle> {
  using P = Candle;
  static constexpr std::string_view kName = "Candle";
  static constexpr std::string_view kTopic = "ohlcv.candle.<interval>.<instrument>";
  static constexpr std::string_view kType = "candle.closed";
  static constexpr std::string_view kOpenType = "candle.updated";
  static constexpr std::tuple kFields{
      Field{"open", &P::open},
      Field{"high", &P::high},
      Field{"low", &P::low},
      Field{"close", &P::close},
      Field{"volume", &P::volume},
      Field{"candle_close_time", &P::candle_close_time},
      Field{"candle_open_time", &P::candle_open_time},
      Field{"interval", &P::interval},
      Field{"trades", &P::trades},
      Field{"quote_volume", &P::quote_volume},
      Field{"taker_buy_volume", &P::taker_buy_volume},
      Field{"closed", &P::closed},
  };
};

template <>
struct PayloadSpec<InstrumentInfo> {
  using P = InstrumentInfo;
  static constexpr std::string_view kName = "InstrumentInfo";
  static constexpr std::string_view kTopic = "instrument.info";
  static constexpr std::string_view kType = "instrument.updated";
  static constexpr std::tuple kFields{
      Field{"symbol", &P::symbol},
      Field{"status", &P::status},
      Field{"base_asset", &P::base_asset},
      Field{"quote_asset", &P::quote_asset},
      Field{"kind", &P::kind},
      Field{"lot_size", &P::lot_size},
      Field{"tick_size", &P::tick_size},
      Field{"settle_asset", &P::settle_asset},
      Field{"multiplier", &P::multiplier},
      Field{"expiry", &P::expiry},
      Field{"min_qty", &P::min_qty},
      Field{"max_qty", &P::max_qty},
      Field{"min_notional", &P::min_notional},
      Field{"venue_symbol", &P::venue_symbol},
      Field{"venue_status", &P::venue_status},
  };
};

template <>
struct PayloadSpec<InstrumentStatus> {
  using P = InstrumentStatus;
  static constexpr std::string_view kName = "InstrumentStatus";
  static constexpr std::string_view kTopic = "instrument.status.<instrument>";
  static constexpr std::string_view kType = "status.changed";
  static constexpr std::tuple kFields{
      Field{"state", &P::state},
      Field{"reason", &P::reason},
  };
};

template <>
struct PayloadSpec<FeedStatus> {
  using P = FeedStatus;
  static constexpr std::string_view kName = "FeedStatus";
  static constexpr std::string_view kTopic = "feed.status.<instrument>";
  static constexpr std::string_view kType = "feed.changed";
  static constexpr std::tuple kFields{
      Field{"state", &P::state},       Field{"scope", &P::scope},   Field{"channel", &P::channel},
      Field{"session", &P::session},   Field{"reason", &P::reason}, Field{"since", &P::since},
      Field{"expected", &P::expected}, Field{"got", &P::got},
  };
};

}  // namespace virtufin::inline v0::detail
