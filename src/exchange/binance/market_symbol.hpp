// What a market feed keeps for one symbol: topics, which stay, and streams, which come and go.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/candle_track.hpp"
#include "exchange/binance/trade_track.hpp"

namespace virtufin::inline v0::detail {

struct MarketSymbol {
  explicit MarketSymbol(std::string_view symbol) : name(symbol) {}

  std::string name;
  std::unique_ptr<MarketTopic> trade_topic, ticker_topic, mark_topic, funding_topic;
  std::vector<std::unique_ptr<CandleTopic>> candle_topics;  // by interval

  std::array<std::unique_ptr<TradeTrack>, 2> trades;    // single ones, aggregates
  std::array<LastTrade, 2> last_trades;                 // as trades
  std::vector<std::unique_ptr<CandleTrack>> candles;    // as candle_topics, null: not subscribed
  std::array<std::unique_ptr<MarketTrack>, 2> tickers;  // whole, mini
  std::unique_ptr<MarketTrack> mark, funding;

  std::array<std::int64_t, 2> ticker_ns = {-1, -1};  // of the newest one published
  std::int64_t mark_ns = -1, funding_ns = -1;
  std::string funding_rate;
  std::int64_t next_funding_ns = -1;

  bool Subscribed() const noexcept {
    bool any = mark != nullptr || funding != nullptr;
    for (const auto& track : trades) any |= track != nullptr;
    for (const auto& track : tickers) any |= track != nullptr;
    for (const auto& track : candles) any |= track != nullptr;
    return any;
  }
  /// candle_topics.size(): none of that interval.
  std::size_t CandleIndex(std::string_view interval) const noexcept {
    std::size_t i = 0;
    while (i < candle_topics.size() && candle_topics[i]->interval != interval) ++i;
    return i;
  }
};

}  // namespace virtufin::inline v0::detail
