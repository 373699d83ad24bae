// A venue whose books are known at every update id.
#include "support/venue_truth.hpp"

#include <algorithm>
#include <iterator>

namespace virtufin::test {
namespace {

constexpr std::int64_t kFirstId = 1'000'000'000;
constexpr std::int64_t kFirstTick = 35'000;

Decimal Price(std::int64_t ticks) { return Decimal::FromCoefficient(ticks, 4).value(); }

std::string LevelText(const Decimal& price, const Decimal& quantity) {
  return "[\"" + price.ToString() + "\",\"" + quantity.ToString() + "\"]";
}

template <class Levels>
std::string LevelsText(const Levels& levels) {
  std::string out = "[";
  for (const auto& [price, quantity] : levels) {
    if (out.size() > 1) out += ',';
    out += LevelText(price, quantity);
  }
  return out + "]";
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

}  // namespace

VenueTruth::VenueTruth(BinanceMarket market, std::uint32_t seed, int symbols)
    : market_(market), random_(seed), global_id_(kFirstId) {
  for (int i = 0; i < symbols; ++i) {
    names_.push_back("SYM" + std::to_string(i) + "USDT");
    Symbol& symbol = symbols_.emplace_back();
    symbol.history.push_back({kFirstId, false, {}, {}, {}});
    symbol.by_id[kFirstId] = 0;
    for (int change = 0; change < 30; ++change) Change(symbol);
  }
}

void VenueTruth::Change(Symbol& symbol) {
  Update update;
  update.after = symbol.history.back().after;
  update.bid = Random(2) == 0;
  auto& ticks = update.bid ? symbol.bid_ticks : symbol.ask_ticks;
  const auto& other = update.bid ? symbol.ask_ticks : symbol.bid_ticks;
  std::int64_t tick = 0;
  if (ticks.size() > 3 && Random(5) < 2) {  // one of the best is removed: the middle wanders
    const auto from_best = std::min<std::int64_t>(Random(6), std::ssize(ticks) - 1);
    tick =
        update.bid ? *std::next(ticks.rbegin(), from_best) : *std::next(ticks.begin(), from_best);
    ticks.erase(tick);
  } else {
    const std::int64_t away = 1 + Random(20);
    tick = update.bid ? (other.empty() ? kFirstTick : *other.begin()) - away
                      : (other.empty() ? kFirstTick : *other.rbegin()) + away;
    ticks.insert(tick);
    update.quantity = Decimal::FromCoefficient(1 + Random(1'000'000), 3).value();
  }
  update.price = Price(tick);
  PlainBook::Set(update.bid ? update.after.bids : update.after.asks, update.price, update.quantity);
  global_id_ += 1 + Random(4);
  update.id = market_ == BinanceMarket::kUsdm ? global_id_ : symbol.history.back().id + 1;
  symbol.by_id[update.id] = symbol.history.size();
  symbol.history.push_back(std::move(update));
}

void VenueTruth::Trade(int most) {
  time_ms_ += 100;
  for (Symbol& symbol : symbols_) {
    for (std::int64_t n = Random(most + 1); n > 0; --n) Change(symbol);
  }
}

void VenueTruth::Restart(std::int64_t base) {
  global_id_ = base;
  for (Symbol& symbol : symbols_) {
    Update start;
    start.id = base;
    start.after = symbol.history.back().after;
    if (!start.after.bids.empty()) {  // nobody is told of this
      const auto best = std::prev(start.after.bids.end());
      for (auto tick = symbol.bid_ticks.begin(); tick != symbol.bid_ticks.end(); ++tick) {
        if (Price(*tick) == best->first) {
          symbol.bid_ticks.erase(tick);
          break;
        }
      }
      start.after.bids.erase(best);
    }
    symbol.epoch = symbol.history.size();
    symbol.by_id[base] = symbol.epoch;
    symbol.history.push_back(std::move(start));
    for (auto& [stream, told] : symbol.told) told = symbol.history.size();
  }
}

void VenueTruth::OpenStream(std::uint32_t stream) {
  for (Symbol& symbol : symbols_) symbol.told[stream] = symbol.history.size();
}

std::string VenueTruth::Event(std::string_view stream, std::size_t symbol,
                              std::string_view data) const {
  return R"({"stream":")" + Lower(names_[symbol]) + "@" + std::string(stream) + R"(","data":)" +
         std::string(data) + "}";
}

std::string VenueTruth::Diff(std::uint32_t stream, std::size_t index) {
  Symbol& symbol = symbols_[index];
  std::size_t& told = symbol.told[stream];
  if (told >= symbol.history.size()) return {};
  std::map<Decimal, Decimal> bids, asks;
  for (std::size_t i = told; i < symbol.history.size(); ++i) {
    const Update& update = symbol.history[i];
    (update.bid ? bids : asks).insert_or_assign(update.price, update.quantity);
  }
  const std::int64_t before = symbol.history[told - 1].id;
  const std::int64_t first = symbol.history[told].id;
  const bool usdm = market_ == BinanceMarket::kUsdm;
  const std::string time = std::to_string(time_ms_);
  std::string data = R"({"e":"depthUpdate","E":)" + time;
  if (usdm) data += R"(,"T":)" + time;
  data += R"(,"s":")" + names_[index] + R"(","U":)" + std::to_string(first) + R"(,"u":)" +
          std::to_string(symbol.history.back().id);
  if (usdm) data += R"(,"pu":)" + std::to_string(before);
  data += R"(,"b":)" + LevelsText(bids) + R"(,"a":)" + LevelsText(asks) + "}";
  told = symbol.history.size();
  return Event("depth@100ms", index, data);
}

std::string VenueTruth::Ticker(std::size_t index) const {
  const Update& last = symbols_[index].history.back();
  if (last.after.bids.empty() || last.after.asks.empty()) return {};
  const auto bid = std::prev(last.after.bids.end());
  const auto ask = last.after.asks.begin();
  const bool usdm = market_ == BinanceMarket::kUsdm;
  const std::string time = std::to_string(time_ms_);
  std::string data = usdm ? R"({"e":"bookTicker","u":)" : R"({"u":)";
  data += std::to_string(last.id) + R"(,"s":")" + names_[index] + R"(","b":")" +
          bid->first.ToString() + R"(","B":")" + bid->second.ToString() + R"(","a":")" +
          ask->first.ToString() + R"(","A":")" + ask->second.ToString() + "\"";
  if (usdm) data += R"(,"T":)" + time + R"(,"E":)" + time;
  return Event("bookTicker", index, data + "}");
}

std::string VenueTruth::Snapshot(std::size_t index, std::size_t lag) {
  const Symbol& symbol = symbols_[index];
  const std::size_t at =
      symbol.history.size() - 1 - std::min(lag, symbol.history.size() - 1 - symbol.epoch);
  const Update& update = symbol.history[at];
  std::int64_t id = update.id;
  if (market_ == BinanceMarket::kUsdm) {  // any id of the venue at which this was the book
    const std::int64_t next =
        at + 1 < symbol.history.size() ? symbol.history[at + 1].id : global_id_ + 1;
    id += Random(std::max<std::int64_t>(1, next - id));
  }
  const std::vector<std::pair<Decimal, Decimal>> bids(update.after.bids.rbegin(),
                                                      update.after.bids.rend());
  return R"({"lastUpdateId":)" + std::to_string(id) + R"(,"bids":)" + LevelsText(bids) +
         R"(,"asks":)" + LevelsText(update.after.asks) + "}";
}

const PlainBook* VenueTruth::At(std::size_t index, std::int64_t id) const {
  const Symbol& symbol = symbols_[index];
  auto after = symbol.by_id.upper_bound(id);
  if (after == symbol.by_id.begin()) return nullptr;
  const auto& [reached, at] = *std::prev(after);
  if (market_ == BinanceMarket::kSpot && reached != id) return nullptr;
  return &symbol.history[at].after;
}

}  // namespace virtufin::test
