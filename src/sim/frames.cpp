// The payloads of Binance's streams as text: keys in the venue's order, numbers in its form.
#include "sim/frames.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "sim/numbers.hpp"

namespace virtufin::inline v0::sim {
namespace {

using Symbol = MarketModel::Symbol;
__extension__ using Wide = __int128;

constexpr std::int64_t kDayMs = 86'400'000;

/// Appends members of one JSON object; keys come as `"key":`.
class Writer {
 public:
  Writer(const FrameStyle& style, const Symbol* symbol) : style_(style), symbol_(symbol) {
    out_.reserve(384);
    out_ += '{';
  }

  Writer& Key(std::string_view key) {
    if (out_.size() > 1 && out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += key;
    out_ += "\":";
    return *this;
  }
  Writer& Int(std::string_view key, std::int64_t value) {
    Key(key);
    AppendInt(out_, value);
    return *this;
  }
  Writer& Time(std::string_view key, std::int64_t ms) {
    return Int(key, style_.microseconds ? ms * 1000 : ms);
  }
  Writer& Text(std::string_view key, std::string_view value) {
    Key(key);
    out_ += '"';
    out_ += value;
    out_ += '"';
    return *this;
  }
  Writer& Bool(std::string_view key, bool value) {
    Key(key);
    out_ += value ? "true" : "false";
    return *this;
  }
  Writer& Price(std::string_view key, std::int64_t ticks) {
    Key(key);
    out_ += '"';
    MarketModel::AppendPrice(out_, *symbol_, ticks);
    out_ += '"';
    return *this;
  }
  Writer& Quantity(std::string_view key, std::int64_t lots) {
    Key(key);
    out_ += '"';
    AppendFixed(out_, lots * symbol_->lot, symbol_->lot_scale, symbol_->quantity_digits);
    out_ += '"';
    return *this;
  }
  Writer& Quote(std::string_view key, std::int64_t quote) {
    Key(key);
    out_ += '"';
    AppendQuote(out_, *symbol_, quote);
    out_ += '"';
    return *this;
  }
  Writer& Fixed(std::string_view key, std::int64_t value, int scale, int digits) {
    Key(key);
    out_ += '"';
    AppendFixed(out_, value, scale, digits);
    out_ += '"';
    return *this;
  }
  std::string& out() { return out_; }
  std::string End() {
    out_ += '}';
    return std::move(out_);
  }

 private:
  const FrameStyle& style_;
  const Symbol* symbol_;
  std::string out_;
};

void AppendLevel(std::string& out, const Symbol& symbol, std::int64_t price,
                 std::int64_t quantity) {
  out += out.back() == '[' ? "[\"" : ",[\"";
  MarketModel::AppendPrice(out, symbol, price);
  out += "\",\"";
  MarketModel::AppendQuantity(out, symbol, quantity);
  out += "\"]";
}

/// The last quantity of each price that changed, prices rising or falling.
void AppendChanges(std::string& out, const Symbol& symbol, std::uint64_t begin, std::uint64_t end,
                   bool bid, LevelOrder order) {
  std::vector<std::pair<std::int64_t, std::uint64_t>> changes;  // price, number of the update
  for (std::uint64_t n = begin; n < end; ++n) {
    const BookUpdate& update = symbol.update(n);
    if (update.bid == bid) changes.emplace_back(update.price, n);
  }
  std::sort(changes.begin(), changes.end());
  out += '[';
  const auto append = [&](std::size_t i) {
    const bool last = i + 1 == changes.size() || changes[i + 1].first != changes[i].first;
    if (!last) return;
    AppendLevel(out, symbol, changes[i].first, symbol.update(changes[i].second).quantity);
  };
  if (order == LevelOrder::kRising) {
    for (std::size_t i = 0; i < changes.size(); ++i) append(i);
  } else {
    for (std::size_t i = changes.size(); i-- > 0;) append(i);
  }
  out += ']';
}

void DepthHead(Writer& writer, const FrameStyle& style, const Symbol& symbol, std::uint64_t begin,
               std::uint64_t end, std::int64_t now_ms) {
  const BookUpdate& last = symbol.update(end - 1);
  writer.Text("e", "depthUpdate").Time("E", now_ms);
  if (style.usdm) writer.Time("T", last.time_ms);
  writer.Text("s", symbol.options.name).Int("U", symbol.update(begin).id).Int("u", last.id);
  if (style.usdm) writer.Int("pu", symbol.update(begin - 1).id);
}

}  // namespace

void AppendQuote(std::string& out, const Symbol& symbol, std::int64_t quote) {
  const int digits = symbol.bare_zero ? symbol.price_digits + symbol.quantity_digits : 8;
  AppendFixed(out, quote * symbol.tick * symbol.lot, symbol.tick_scale + symbol.lot_scale, digits);
}

void AppendLevels(std::string& out, const Symbol& symbol, const MarketModel::Levels& levels,
                  LevelOrder order, std::size_t most) {
  out += '[';
  if (order == LevelOrder::kRising) {
    for (auto level = levels.begin(); level != levels.end() && most > 0; ++level, --most) {
      AppendLevel(out, symbol, level->first, level->second);
    }
  } else {
    for (auto level = levels.rbegin(); level != levels.rend() && most > 0; ++level, --most) {
      AppendLevel(out, symbol, level->first, level->second);
    }
  }
  out += ']';
}

void DayWindow::Add(const VenueTrade& trade) {
  const std::int64_t minute = trade.time_ms / 60'000 * 60'000;
  if (minutes_.empty() || minutes_.back().open_ms != minute) {
    minutes_.emplace_back().open_ms = minute;
  }
  minutes_.back().Add(trade);
  last_quantity_ = trade.quantity;
}

DayStats DayWindow::At(std::int64_t now_ms, std::int64_t first_price) {
  DayStats day;
  day.open = day.high = day.low = day.close = first_price;
  // The newest stays, so that there is a last price.
  while (minutes_.size() > 1 && minutes_.front().open_ms < now_ms - kDayMs) minutes_.pop_front();
  day.last_quantity = last_quantity_;
  for (const VenueCandle& minute : minutes_) {
    if (day.count == 0) {
      day.open = minute.open;
      day.high = minute.high;
      day.low = minute.low;
      day.first_id = minute.first_id;
    }
    day.high = std::max(day.high, minute.high);
    day.low = std::min(day.low, minute.low);
    day.close = minute.close;
    day.volume += minute.volume;
    day.quote += minute.quote;
    day.last_id = minute.last_id;
    day.count += minute.count;
  }
  return day;
}

std::string DepthFrame(const FrameStyle& style, const Symbol& symbol, std::uint64_t begin,
                       std::uint64_t end, std::int64_t now_ms) {
  Writer writer(style, &symbol);
  DepthHead(writer, style, symbol, begin, end, now_ms);
  if (style.usdm && style.extra) writer.Int("st", 1).Text("ps", symbol.options.name);
  writer.Key("b");
  AppendChanges(writer.out(), symbol, begin, end, true,
                style.usdm ? LevelOrder::kRising : LevelOrder::kFalling);
  writer.Key("a");
  AppendChanges(writer.out(), symbol, begin, end, false, LevelOrder::kRising);
  return writer.End();
}

std::string PartialDepthFrame(const FrameStyle& style, const Symbol& symbol, std::uint64_t begin,
                              int levels, std::int64_t now_ms) {
  Writer writer(style, &symbol);
  const auto most = static_cast<std::size_t>(levels);
  if (style.usdm) {
    DepthHead(writer, style, symbol, begin, symbol.end_update(), now_ms);
  } else {
    writer.Int("lastUpdateId", symbol.updates.back().id);
  }
  writer.Key(style.usdm ? "b" : "bids");
  AppendLevels(writer.out(), symbol, symbol.bids, LevelOrder::kFalling, most);
  writer.Key(style.usdm ? "a" : "asks");
  AppendLevels(writer.out(), symbol, symbol.asks, LevelOrder::kRising, most);
  return writer.End();
}

std::string BookTickerFrame(const FrameStyle& style, const Symbol& symbol, std::int64_t now_ms) {
  Writer writer(style, &symbol);
  const auto bid = symbol.bids.rbegin();
  const auto ask = symbol.asks.begin();
  if (style.usdm) writer.Text("e", "bookTicker");
  writer.Int("u", symbol.updates.back().id).Text("s", symbol.options.name);
  writer.Price("b", bid->first).Quantity("B", bid->second);
  writer.Price("a", ask->first).Quantity("A", ask->second);
  if (style.usdm) writer.Time("T", symbol.updates.back().time_ms).Time("E", now_ms);
  if (style.usdm && style.extra) writer.Int("st", 1).Text("ps", symbol.options.name);
  return writer.End();
}

std::string AggTradeFrame(const FrameStyle& style, const Symbol& symbol,
                          const VenueAggregate& trade, std::int64_t now_ms) {
  Writer writer(style, &symbol);
  writer.Text("e", "aggTrade").Time("E", now_ms);
  if (style.usdm) writer.Int("a", trade.id);
  writer.Text("s", symbol.options.name);
  if (!style.usdm) writer.Int("a", trade.id);
  writer.Price("p", trade.price).Quantity("q", trade.quantity);
  if (style.usdm && style.extra) writer.Quantity("nq", trade.quantity);
  writer.Int("f", trade.first).Int("l", trade.last).Time("T", trade.time_ms);
  writer.Bool("m", trade.buyer_is_maker);
  if (!style.usdm) writer.Bool("M", true);
  if (style.usdm && style.extra) writer.Int("st", 1);
  return writer.End();
}

std::string TradeFrame(const FrameStyle& style, const Symbol& symbol, const VenueTrade& trade,
                       std::int64_t now_ms) {
  Writer writer(style, &symbol);
  writer.Text("e", "trade").Time("E", now_ms);
  if (style.usdm) writer.Time("T", trade.time_ms);
  writer.Text("s", symbol.options.name).Int("t", trade.id);
  writer.Price("p", trade.price).Quantity("q", trade.quantity);
  if (style.usdm) {
    writer.Text("X", trade.fund ? "INSURANCE_FUND" : "MARKET").Bool("m", trade.buyer_is_maker);
  } else {
    writer.Time("T", trade.time_ms).Bool("m", trade.buyer_is_maker).Bool("M", true);
  }
  return writer.End();
}

std::string KlineFrame(const FrameStyle& style, const Symbol& symbol, std::string_view interval,
                       const VenueCandle& candle, bool closed, std::int64_t now_ms) {
  Writer writer(style, &symbol);
  writer.Text("e", "kline").Time("E", now_ms).Text("s", symbol.options.name).Key("k");
  writer.out() += '{';
  writer.Time("t", candle.open_ms);
  // Inclusive: the last instant of the candle in the unit of the times.
  writer.Int("T", style.microseconds ? candle.close_ms * 1000 + 999 : candle.close_ms);
  writer.Text("s", symbol.options.name).Text("i", interval);
  writer.Int("f", candle.first_id).Int("L", candle.last_id);
  writer.Price("o", candle.open).Price("c", candle.close);
  writer.Price("h", candle.high).Price("l", candle.low);
  writer.Quantity("v", candle.volume).Int("n", candle.count).Bool("x", closed);
  writer.Quote("q", candle.quote).Quantity("V", candle.taker_volume);
  writer.Quote("Q", candle.taker_quote).Text("B", "0");
  writer.out() += '}';
  return writer.End();
}

std::string TickerFrame(const FrameStyle& style, const Symbol& symbol, const DayStats& day,
                        std::int64_t now_ms) {
  Writer writer(style, &symbol);
  const std::int64_t change = day.close - day.open;
  const Wide unit = static_cast<Wide>(symbol.tick) * PowerOfTen(8 - symbol.tick_scale);
  const auto average =
      static_cast<std::int64_t>(day.volume == 0 ? day.close * unit : day.quote * unit / day.volume);
  writer.Text("e", "24hrTicker").Time("E", now_ms).Text("s", symbol.options.name);
  writer.Price("p", change);
  writer.Fixed("P", static_cast<std::int64_t>(static_cast<Wide>(change) * 100'000 / day.open), 3,
               3);
  writer.Fixed("w", average, 8, style.usdm ? symbol.price_digits : 8);
  if (!style.usdm) writer.Price("x", day.open);
  writer.Price("c", day.close).Quantity("Q", day.last_quantity);
  if (!style.usdm) {
    const auto bid = symbol.bids.rbegin();
    const auto ask = symbol.asks.begin();
    writer.Price("b", bid->first).Quantity("B", bid->second);
    writer.Price("a", ask->first).Quantity("A", ask->second);
  }
  writer.Price("o", day.open).Price("h", day.high).Price("l", day.low);
  writer.Quantity("v", day.volume).Quote("q", day.quote);
  writer.Time("O", now_ms - kDayMs).Time("C", now_ms);
  writer.Int("F", day.first_id).Int("L", day.last_id).Int("n", day.count);
  return writer.End();
}

std::string MiniTickerFrame(const FrameStyle& style, const Symbol& symbol, const DayStats& day,
                            std::int64_t now_ms) {
  Writer writer(style, &symbol);
  writer.Text("e", "24hrMiniTicker").Time("E", now_ms).Text("s", symbol.options.name);
  writer.Price("c", day.close).Price("o", day.open).Price("h", day.high).Price("l", day.low);
  writer.Quantity("v", day.volume).Quote("q", day.quote);
  return writer.End();
}

std::string MarkPriceFrame(const FrameStyle& style, const Symbol& symbol, const MarkPrice& mark,
                           std::int64_t now_ms) {
  Writer writer(style, &symbol);
  writer.Text("e", "markPriceUpdate").Time("E", now_ms).Text("s", symbol.options.name);
  writer.Fixed("p", mark.mark, 8, 8);
  if (style.extra) writer.Fixed("ap", mark.mark, 8, 8);
  writer.Fixed("i", mark.index, 8, 8).Fixed("P", mark.settle, 8, 8);
  if (mark.perpetual) {
    writer.Fixed("r", mark.rate, 8, 8).Time("T", mark.next_funding_ms);
  } else {
    writer.Text("r", "").Int("T", 0);
  }
  if (style.extra) writer.Int("st", 1);
  return writer.End();
}

std::string ShutdownFrame(const FrameStyle& style, std::int64_t now_ms) {
  Writer writer(style, nullptr);
  return writer.Text("e", "serverShutdown").Time("E", now_ms).End();
}

}  // namespace virtufin::inline v0::sim
