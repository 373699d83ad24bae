// Candles of a simulated venue: intervals as Binance cuts them, and what trades make of them.
#include "sim/candles.hpp"

#include <algorithm>
#include <iterator>

namespace virtufin::inline v0::sim {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

struct Named {
  std::string_view name;
  std::int64_t length_ms;  // 0: a month
};
constexpr Named kIntervals[] = {
    {"1s", 1'000},      {"1m", 60'000},     {"3m", 180'000},    {"5m", 300'000},
    {"15m", 900'000},   {"30m", 1'800'000}, {"1h", 3'600'000},  {"2h", 7'200'000},
    {"4h", 14'400'000}, {"6h", 21'600'000}, {"8h", 28'800'000}, {"12h", 43'200'000},
    {"1d", kDayMs},     {"3d", 3 * kDayMs}, {"1w", 7 * kDayMs}, {"1M", 0},
};

std::int64_t FloorTo(std::int64_t value, std::int64_t step) {
  std::int64_t rest = value % step;
  if (rest < 0) rest += step;
  return value - rest;
}

/// The day of 1970 on which the month of `day` began, and its length.
void MonthOf(std::int64_t day, std::int64_t& begin, std::int64_t& length) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  begin = 0;
  for (int year = 1970;; ++year) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int month = 0; month < 12; ++month) {
      length = kDays[month] + (month == 1 && leap ? 1 : 0);
      if (day < begin + length) return;
      begin += length;
    }
  }
}

}  // namespace

void VenueCandle::Add(const VenueTrade& trade) {
  if (count == 0) {
    open = high = low = trade.price;
    first_id = trade.id;
  }
  high = std::max(high, trade.price);
  low = std::min(low, trade.price);
  close = trade.price;
  last_id = trade.id;
  ++count;
  volume += trade.quantity;
  quote += trade.price * trade.quantity;
  if (trade.buyer_is_maker) return;
  taker_volume += trade.quantity;
  taker_quote += trade.price * trade.quantity;
}

bool CandleInterval::Parse(std::string_view text, VenueMarket market, std::int64_t zone_offset_ms,
                           CandleInterval& out) {
  const auto found = std::find_if(std::begin(kIntervals), std::end(kIntervals),
                                  [&](const Named& named) { return named.name == text; });
  if (found == std::end(kIntervals)) return false;
  if (text == "1s" && market == VenueMarket::kUsdm) return false;
  out.length_ms_ = found->length_ms;
  out.offset_ms_ = text == "1w" ? 4 * kDayMs : 0;  // weeks begin on Monday
  out.zone_ms_ = zone_offset_ms;
  return true;
}

std::int64_t CandleInterval::OpenOf(std::int64_t time_ms) const {
  const std::int64_t local = time_ms + zone_ms_;
  if (length_ms_ != 0) {
    return FloorTo(local - offset_ms_, length_ms_) + offset_ms_ - zone_ms_;
  }
  std::int64_t begin = 0, length = 0;
  MonthOf(FloorTo(local, kDayMs) / kDayMs, begin, length);
  return begin * kDayMs - zone_ms_;
}

std::int64_t CandleInterval::CloseOf(std::int64_t open_ms) const {
  if (length_ms_ != 0) return open_ms + length_ms_ - 1;
  std::int64_t begin = 0, length = 0;
  MonthOf((open_ms + zone_ms_) / kDayMs, begin, length);
  return open_ms + length * kDayMs - 1;
}

VenueCandle CandleOf(const MarketModel::Symbol& symbol, const CandleInterval& interval,
                     std::int64_t open_ms) {
  VenueCandle candle;
  candle.open_ms = open_ms;
  candle.close_ms = interval.CloseOf(open_ms);
  auto trade = std::lower_bound(
      symbol.trades.begin(), symbol.trades.end(), open_ms,
      [](const VenueTrade& each, std::int64_t time) { return each.time_ms < time; });
  const std::int64_t before =
      trade == symbol.trades.begin() ? symbol.first_price : std::prev(trade)->price;
  candle.open = candle.close = candle.high = candle.low = before;
  for (; trade != symbol.trades.end() && trade->time_ms <= candle.close_ms; ++trade) {
    if (!trade->fund) candle.Add(*trade);  // the insurance fund's are in no candle
  }
  return candle;
}

}  // namespace virtufin::inline v0::sim
