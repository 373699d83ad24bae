// Candles of a simulated venue: intervals as Binance cuts them, and what trades make of them.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/market.hpp"

namespace virtufin::inline v0::sim {

/// One candle as the venue closes it. Prices in ticks, volumes in lots.
struct VenueCandle {
  std::int64_t open_ms = 0, close_ms = 0;  // close inclusive
  std::int64_t first_id = -1, last_id = -1, count = 0;
  std::int64_t open = 0, close = 0, high = 0, low = 0;
  std::int64_t volume = 0, taker_volume = 0;
  std::int64_t quote = 0, taker_quote = 0;  // ticks x lots

  void Add(const VenueTrade& trade);
  friend bool operator==(const VenueCandle&, const VenueCandle&) = default;
};

/// 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M, in UTC or in another time zone.
class CandleInterval {
 public:
  /// False: the market has no such interval.
  static bool Parse(std::string_view text, VenueMarket market, std::int64_t zone_offset_ms,
                    CandleInterval& out);

  /// When the candle that holds `time_ms` opened.
  std::int64_t OpenOf(std::int64_t time_ms) const;
  /// When the candle that opened at `open_ms` closes, inclusive.
  std::int64_t CloseOf(std::int64_t open_ms) const;
  std::int64_t length_ms() const noexcept { return length_ms_; }  // 0: a month

 private:
  std::int64_t length_ms_ = 60'000;
  std::int64_t offset_ms_ = 0;  // where the grid starts, from 1970
  std::int64_t zone_ms_ = 0;
};

/// The candle that opens at `open_ms`, from the trades in the symbol's history.
VenueCandle CandleOf(const MarketModel::Symbol& symbol, const CandleInterval& interval,
                     std::int64_t open_ms);

}  // namespace virtufin::inline v0::sim
