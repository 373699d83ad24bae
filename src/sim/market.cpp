// What happens in a simulated market: orders come, go and trade.
#include "sim/market.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "sim/numbers.hpp"

namespace virtufin::inline v0::sim {
namespace {

constexpr std::int64_t kFirstUpdateId = 1'000'000'000;
constexpr std::int64_t kFirstTradeId = 20'000'000;
constexpr std::int64_t kFirstAggregateId = 15'000'000;

Status Bad(const SymbolOptions& options, const std::string& what) {
  return Status(StatusCode::kInvalidArgument, "sim", "symbol '" + options.name + "': " + what);
}

/// A positive decimal as coefficient and scale.
bool ReadSize(std::string_view text, std::int64_t& coefficient, int& scale, int& written) {
  Decimal number;
  if (!Decimal::TryParse(text, number) || number.coefficient() <= 0 || number.scale() > 8) {
    return false;
  }
  coefficient = number.coefficient();
  scale = number.scale();
  const auto point = text.find('.');
  written = point == text.npos ? 0 : static_cast<int>(text.size() - point - 1);
  return true;
}

}  // namespace

MarketModel::MarketModel(VenueMarket market, std::uint64_t seed, std::size_t depth,
                         std::size_t keep)
    : market_(market),
      random_(seed),
      ids_(seed ^ 0x1d5ULL),
      depth_(depth),
      keep_(keep),
      global_id_(kFirstUpdateId) {}

Result<std::unique_ptr<MarketModel>> MarketModel::Create(VenueMarket market,
                                                         const std::vector<SymbolOptions>& symbols,
                                                         std::uint64_t seed, std::size_t depth,
                                                         std::size_t keep) {
  if (depth < 5) {
    return Status(StatusCode::kInvalidArgument, "sim",
                  "depth: expected 5 or more, found " + std::to_string(depth));
  }
  std::unique_ptr<MarketModel> model(
      new MarketModel(market, seed, depth, std::max<std::size_t>(keep, 10'000)));
  for (const SymbolOptions& options : symbols) {
    if (Status added = model->Add(options); !added.ok()) return added;
  }
  return model;
}

Status MarketModel::Add(const SymbolOptions& options) {
  if (options.name.empty()) return Bad(options, "expected a name, found none");
  if (by_name_.count(options.name) != 0) return Bad(options, "expected once, found twice");
  auto symbol = std::make_unique<Symbol>();
  symbol->options = options;
  symbol->index = symbols_.size();
  int price_written = 0, quantity_written = 0;
  if (!ReadSize(options.tick_size, symbol->tick, symbol->tick_scale, price_written)) {
    return Bad(options,
               "tick_size: expected a positive decimal with at most 8 fraction digits, "
               "found '" +
                   options.tick_size + "'");
  }
  if (!ReadSize(options.lot_size, symbol->lot, symbol->lot_scale, quantity_written)) {
    return Bad(options,
               "lot_size: expected a positive decimal with at most 8 fraction digits, "
               "found '" +
                   options.lot_size + "'");
  }
  Decimal first;
  if (!Decimal::TryParse(options.first_price, first) || first.coefficient() <= 0 ||
      first.scale() > 8) {
    return Bad(options,
               "first_price: expected a positive decimal, found '" + options.first_price + "'");
  }
  const std::int64_t least = 100 + 2 * static_cast<std::int64_t>(depth_);
  const std::int64_t whole = std::numeric_limits<std::int64_t>::max() / 100'000'000;
  if (first.coefficient() / PowerOfTen(first.scale()) < whole) {
    symbol->first_price = first.coefficient() * PowerOfTen(8 - first.scale()) /
                          (symbol->tick * PowerOfTen(8 - symbol->tick_scale));
  }
  if (symbol->first_price < least) {
    return Bad(options, "first_price: expected at least " + std::to_string(least) +
                            " tick sizes, found '" + options.first_price + "'");
  }
  if (options.changes_per_s < 0 || options.changes_per_s > 10'000) {
    return Bad(options, "changes_per_s: expected 0 to 10000, found " +
                            std::to_string(options.changes_per_s));
  }
  if (symbol->options.base.empty()) {
    symbol->options.base = options.name.substr(0, options.name.find(options.quote, 1));
  }
  symbol->bare_zero = market_ == VenueMarket::kUsdm;
  if (symbol->bare_zero) {
    symbol->price_digits = price_written;
    symbol->quantity_digits = quantity_written;
  }
  symbol->last_price = symbol->first_price;
  symbol->last_trade_id = kFirstTradeId + random_.Below(1'000'000);
  symbol->last_aggregate_id = kFirstAggregateId + random_.Below(1'000'000);
  symbol->epochs.emplace_back();
  // The book it opens with; no diff ever told of it.
  const auto side = static_cast<std::int64_t>(depth_ * 3 / 4);
  for (std::int64_t i = 1; i <= side; ++i) {
    if (i > 3 && random_.Percent(25)) continue;
    symbol->bids[symbol->first_price - i] = 1 + random_.Below(100'000);
    symbol->asks[symbol->first_price + i] = 1 + random_.Below(100'000);
  }
  const std::int64_t id =
      market_ == VenueMarket::kUsdm ? global_id_ : kFirstUpdateId + random_.Below(1'000'000'000);
  const auto best = symbol->bids.rbegin();
  symbol->updates.push_back({id, 0, true, best->first, best->second});
  by_name_[options.name] = symbol->index;
  checkpoints_.emplace_back().push_back({0, symbol->bids, symbol->asks});
  cursors_.emplace_back();
  symbols_.push_back(std::move(symbol));
  return {};
}

const MarketModel::Symbol* MarketModel::Find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : symbols_[found->second].get();
}

void MarketModel::Set(Symbol& symbol, std::int64_t now_ms, bool bid, std::int64_t price,
                      std::int64_t quantity) {
  Levels& side = bid ? symbol.bids : symbol.asks;
  if (quantity == 0) {
    side.erase(price);
  } else {
    side[price] = quantity;
  }
  global_id_ += 1 + random_.Below(4);
  const std::int64_t id = market_ == VenueMarket::kUsdm ? global_id_ : symbol.updates.back().id + 1;
  symbol.updates.push_back({id, now_ms, bid, price, quantity});
  Trim(symbol);
}

MarketModel::Changed MarketModel::Change(std::size_t index, std::int64_t now_ms) {
  Symbol& symbol = *symbols_[index];
  const std::uint64_t updates = symbol.end_update();
  const std::int64_t trade = symbol.last_trade_id, aggregate = symbol.last_aggregate_id;
  const auto bid = *symbol.bids.rbegin();
  const auto ask = *symbol.asks.begin();
  if (random_.Percent(symbol.options.trade_percent)) {
    Trade(symbol, now_ms);
  } else {
    Limit(symbol, now_ms);
  }
  Changed changed;
  changed.updates = static_cast<std::size_t>(symbol.end_update() - updates);
  changed.trades = static_cast<std::size_t>(symbol.last_trade_id - trade);
  changed.aggregates = static_cast<std::size_t>(symbol.last_aggregate_id - aggregate);
  changed.top = bid != *symbol.bids.rbegin() || ask != *symbol.asks.begin();
  return changed;
}

void MarketModel::Limit(Symbol& symbol, std::int64_t now_ms) {
  // Which side loses its best moves the price; the first price pulls it back.
  const std::int64_t away = symbol.last_price - symbol.first_price;
  const int down = away * 50 > symbol.first_price ? 65 : away * 50 < -symbol.first_price ? 35 : 50;
  const bool bid = random_.Percent(down);
  Levels& side = bid ? symbol.bids : symbol.asks;
  const auto from_best = [&](std::int64_t n) {
    return bid ? std::prev(side.end(), n + 1) : std::next(side.begin(), n);
  };
  const auto size = static_cast<std::int64_t>(side.size());
  const auto most = static_cast<std::int64_t>(depth_);
  if (size > 3 && random_.Percent(size * size * 75 / (most * most))) {
    const auto level = from_best(random_.Below(std::min<std::int64_t>(size, 8)));
    Set(symbol, now_ms, bid, level->first, 0);
    return;
  }
  const std::int64_t quantity = 1 + random_.Below(100'000);
  if (random_.Percent(40)) {
    Set(symbol, now_ms, bid, from_best(random_.Below(size))->first, quantity);
    return;
  }
  const std::int64_t reach = random_.Percent(50) ? 4 : std::max<std::int64_t>(8, most);
  const std::int64_t step = 1 + random_.Below(reach);
  const std::int64_t price =
      bid ? symbol.asks.begin()->first - step : symbol.bids.rbegin()->first + step;
  if (price < 1) return;
  Set(symbol, now_ms, bid, price, quantity);
  if (side.size() <= depth_) return;
  const std::int64_t far = bid ? side.begin()->first : side.rbegin()->first;
  Set(symbol, now_ms, bid, far, 0);
}

void MarketModel::Trade(Symbol& symbol, std::int64_t now_ms) {
  const bool sells = random_.Percent(50);  // the taker
  Levels& side = sells ? symbol.bids : symbol.asks;
  for (int level = random_.Percent(10) ? 2 : 1; level > 0; --level) {
    const auto [price, quantity] = sells ? *side.rbegin() : *side.begin();
    const bool whole = side.size() > 3 && random_.Percent(30);
    if (!whole && quantity == 1) return;
    const std::int64_t taken = whole ? quantity : 1 + random_.Below(quantity - 1);
    Set(symbol, now_ms, sells, price, quantity - taken);
    Fill(symbol, now_ms, sells, price, taken);
    if (!whole) return;
  }
}

void MarketModel::Fill(Symbol& symbol, std::int64_t now_ms, bool buyer_is_maker, std::int64_t price,
                       std::int64_t quantity) {
  symbol.last_price = price;
  if (market_ == VenueMarket::kUsdm && random_.Percent(5)) {
    symbol.trades.push_back(
        {++symbol.last_trade_id, now_ms, price, 1 + random_.Below(100), buyer_is_maker, true});
  }
  VenueAggregate aggregate;
  aggregate.id = ++symbol.last_aggregate_id;
  aggregate.first = symbol.last_trade_id + 1;
  aggregate.time_ms = now_ms;
  aggregate.price = price;
  aggregate.quantity = quantity;
  aggregate.buyer_is_maker = buyer_is_maker;
  for (int fills = 1 + static_cast<int>(random_.Below(3)); quantity > 0; --fills) {
    const std::int64_t part = fills <= 1 ? quantity : 1 + random_.Below(quantity);
    symbol.trades.push_back({++symbol.last_trade_id, now_ms, price, part, buyer_is_maker, false});
    quantity -= part;
  }
  aggregate.last = symbol.last_trade_id;
  symbol.aggregates.push_back(aggregate);
  while (symbol.trades.size() > keep_) symbol.trades.pop_front();
  while (symbol.aggregates.size() > keep_) symbol.aggregates.pop_front();
}

void MarketModel::Restart(std::int64_t base, std::int64_t now_ms) {
  for (auto& symbol : symbols_) {
    const std::int64_t best = symbol->bids.rbegin()->first;
    symbol->epochs.back().reached =
        market_ == VenueMarket::kUsdm ? global_id_ : symbol->updates.back().id;
    symbol->epochs.push_back({symbol->end_update(), 0});
    if (symbol->bids.size() > 3) {  // nobody is told of this
      symbol->bids.erase(best);
      symbol->updates.push_back({base, now_ms, true, best, 0});
    } else {
      symbol->updates.push_back({base, now_ms, true, best, symbol->bids[best]});
    }
    Trim(*symbol);
  }
  global_id_ = base;
}

void MarketModel::AppendPrice(std::string& out, const Symbol& symbol, std::int64_t ticks) {
  AppendFixed(out, ticks * symbol.tick, symbol.tick_scale, symbol.price_digits);
}

void MarketModel::AppendQuantity(std::string& out, const Symbol& symbol, std::int64_t lots) {
  if (lots == 0 && symbol.bare_zero) {
    out += '0';
    return;
  }
  AppendFixed(out, lots * symbol.lot, symbol.lot_scale, symbol.quantity_digits);
}

}  // namespace virtufin::inline v0::sim
