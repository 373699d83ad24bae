// What a simulated market's books were at any update id.
#include <algorithm>
#include <iterator>

#include "sim/market.hpp"

namespace virtufin::inline v0::sim {
namespace {

constexpr std::uint64_t kCheckpointEvery = 512;

void Apply(const BookUpdate& update, MarketModel::Levels& bids, MarketModel::Levels& asks) {
  MarketModel::Levels& side = update.bid ? bids : asks;
  if (update.quantity == 0) {
    side.erase(update.price);
  } else {
    side[update.price] = update.quantity;
  }
}

Decimal Value(std::int64_t count, std::int64_t unit, int scale) {
  return Decimal::FromCoefficient(count * unit, scale).value();
}

}  // namespace

void MarketModel::Trim(Symbol& symbol) {
  auto& checkpoints = checkpoints_[symbol.index];
  const std::uint64_t last = symbol.end_update() - 1;
  if (last - checkpoints.back().number >= kCheckpointEvery) {
    checkpoints.push_back({last, symbol.bids, symbol.asks});
  }
  if (symbol.updates.size() <= keep_ + kCheckpointEvery || checkpoints.size() < 2) return;
  checkpoints.pop_front();
  while (symbol.first_update < checkpoints.front().number) {
    symbol.updates.pop_front();
    ++symbol.first_update;
  }
  while (symbol.epochs.size() > 1 && symbol.epochs[1].begin <= symbol.first_update) {
    symbol.epochs.erase(symbol.epochs.begin());
  }
  Cursor& cursor = cursors_[symbol.index];
  if (cursor.number < symbol.first_update) cursor.valid = false;
}

const MarketModel::Checkpoint& MarketModel::CheckpointBefore(std::size_t symbol,
                                                             std::uint64_t number) const {
  const auto& checkpoints = checkpoints_[symbol];
  const auto after = std::upper_bound(
      checkpoints.begin(), checkpoints.end(), number,
      [](std::uint64_t value, const Checkpoint& point) { return value < point.number; });
  return *std::prev(after);
}

void MarketModel::LevelsAfter(std::size_t index, std::uint64_t number, Levels& bids,
                              Levels& asks) const {
  const Checkpoint& point = CheckpointBefore(index, number);
  bids = point.bids;
  asks = point.asks;
  for (std::uint64_t n = point.number + 1; n <= number; ++n) {
    Apply(symbols_[index]->update(n), bids, asks);
  }
}

bool MarketModel::FindUpdate(const Symbol& symbol, std::int64_t update_id,
                             std::uint64_t& number) const {
  std::uint64_t end = symbol.end_update();
  for (auto epoch = symbol.epochs.rbegin(); epoch != symbol.epochs.rend(); ++epoch) {
    const std::uint64_t begin = std::max(epoch->begin, symbol.first_update);
    if (begin >= end) return false;
    // Ids rise from begin to end.
    const bool newest = epoch == symbol.epochs.rbegin();
    const std::int64_t reached = !newest                         ? epoch->reached
                                 : market_ == VenueMarket::kUsdm ? global_id_
                                                                 : symbol.updates.back().id;
    if (symbol.update(begin).id <= update_id && update_id <= reached) {
      std::uint64_t low = begin, high = end;  // update(low).id <= update_id
      while (high - low > 1) {
        const std::uint64_t middle = low + (high - low) / 2;
        (symbol.update(middle).id <= update_id ? low : high) = middle;
      }
      number = low;
      return market_ == VenueMarket::kUsdm || symbol.update(low).id == update_id;
    }
    end = begin;
  }
  return false;
}

void MarketModel::Show(const Symbol& symbol, const BookUpdate& update, VenueBook& book) {
  auto& side = update.bid ? book.bids : book.asks;
  const Decimal price = Value(update.price, symbol.tick, symbol.tick_scale);
  if (update.quantity == 0) {
    side.erase(price);
  } else {
    side.insert_or_assign(price, Value(update.quantity, symbol.lot, symbol.lot_scale));
  }
}

const VenueBook* MarketModel::BookAt(std::size_t index, std::int64_t update_id) {
  const Symbol& symbol = *symbols_[index];
  std::uint64_t number = 0;
  if (!FindUpdate(symbol, update_id, number)) return nullptr;
  Cursor& cursor = cursors_[index];
  if (!cursor.valid || cursor.number > number || number - cursor.number > kCheckpointEvery) {
    const Checkpoint& point = CheckpointBefore(index, number);
    cursor.book = {};
    for (const auto& [price, quantity] : point.bids) {
      Show(symbol, {0, 0, true, price, quantity}, cursor.book);
    }
    for (const auto& [price, quantity] : point.asks) {
      Show(symbol, {0, 0, false, price, quantity}, cursor.book);
    }
    cursor.number = point.number;
    cursor.valid = true;
  }
  while (cursor.number < number) Show(symbol, symbol.update(++cursor.number), cursor.book);
  return &cursor.book;
}

std::int64_t MarketModel::SomeIdAt(std::size_t index, std::uint64_t number) {
  const Symbol& symbol = *symbols_[index];
  const std::int64_t id = symbol.update(number).id;
  if (market_ == VenueMarket::kSpot) return id;
  const bool last = number + 1 == symbol.end_update();
  const bool before_restart =
      !last && std::any_of(symbol.epochs.begin(), symbol.epochs.end(),
                           [&](const Epoch& e) { return e.begin == number + 1; });
  if (before_restart) return id;
  const std::int64_t next = last ? global_id_ + 1 : symbol.update(number + 1).id;
  return id + ids_.Below(next - id);
}

}  // namespace virtufin::inline v0::sim
