// The payloads of Binance's streams as text: keys in the venue's order, numbers in its form.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "sim/candles.hpp"
#include "sim/market.hpp"

namespace virtufin::inline v0::sim {

/// How a frame is written.
struct FrameStyle {
  bool usdm = false;
  bool microseconds = false;  // times, spot
  bool extra = false;         // USD-M: the fields of 2026
};

/// What the last 24 hours were, for ticker and miniTicker.
struct DayStats {
  std::int64_t open = 0, high = 0, low = 0, close = 0;  // ticks
  std::int64_t volume = 0, quote = 0, last_quantity = 0;
  std::int64_t first_id = -1, last_id = -1, count = 0;
};

/// The trades of the last 24 hours in steps of a minute.
class DayWindow {
 public:
  void Add(const VenueTrade& trade);
  DayStats At(std::int64_t now_ms, std::int64_t first_price);

 private:
  std::deque<VenueCandle> minutes_;
  std::int64_t last_quantity_ = 0;
};

struct MarkPrice {
  std::int64_t mark = 0, index = 0, settle = 0;  // x 10^-8
  std::int64_t rate = 0;                         // funding, x 10^-8
  std::int64_t next_funding_ms = 0;
  bool perpetual = true;
};

/// The updates numbered [begin, end) as one diff.
std::string DepthFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                       std::uint64_t begin, std::uint64_t end, std::int64_t now_ms);
/// The best `levels` after those updates.
std::string PartialDepthFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                              std::uint64_t begin, int levels, std::int64_t now_ms);
std::string BookTickerFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                            std::int64_t now_ms);
std::string AggTradeFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                          const VenueAggregate& trade, std::int64_t now_ms);
std::string TradeFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                       const VenueTrade& trade, std::int64_t now_ms);
std::string KlineFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                       std::string_view interval, const VenueCandle& candle, bool closed,
                       std::int64_t now_ms);
std::string TickerFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                        const DayStats& day, std::int64_t now_ms);
std::string MiniTickerFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                            const DayStats& day, std::int64_t now_ms);
std::string MarkPriceFrame(const FrameStyle& style, const MarketModel::Symbol& symbol,
                           const MarkPrice& mark, std::int64_t now_ms);
std::string ShutdownFrame(const FrameStyle& style, std::int64_t now_ms);

/// `[["p","q"],...]`, at most `most`, the best first or prices rising.
enum class LevelOrder : std::uint8_t { kRising, kFalling };
void AppendLevels(std::string& out, const MarketModel::Symbol& symbol,
                  const MarketModel::Levels& levels, LevelOrder order, std::size_t most);
/// Ticks x lots as the venue writes a quote volume.
void AppendQuote(std::string& out, const MarketModel::Symbol& symbol, std::int64_t quote);

}  // namespace virtufin::inline v0::sim
