// A venue whose books are known at every update id: Binance's depth streams and snapshots as text,
// spot (ids per symbol) or USD-M (one count for all symbols, with holes between diffs).
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/event_books.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::test {

class VenueTruth {
 public:
  VenueTruth(BinanceMarket market, std::uint32_t seed, int symbols);

  const std::vector<std::string>& symbols() const { return names_; }
  /// Some trading: each symbol changes by up to `most` updates.
  void Trade(int most);
  /// The venue restarts: ids go on from `base`, and books changed meanwhile without a diff.
  void Restart(std::int64_t base);

  /// `stream` hears of what happens from now on.
  void OpenStream(std::uint32_t stream);
  /// What happened to `symbol` since the last call for this `stream`, as a combined depth frame;
  /// empty when nothing did. Streams asked at different times cut the ids differently.
  std::string Diff(std::uint32_t stream, std::size_t symbol);
  std::string Ticker(std::size_t symbol) const;
  /// The answer to a depth request, of the book as it was `lag` updates ago.
  std::string Snapshot(std::size_t symbol, std::size_t lag);

  /// The book of `symbol` when the venue had reached `id`; null when it never had.
  const PlainBook* At(std::size_t symbol, std::int64_t id) const;
  /// The id of the last update.
  std::int64_t last_id(std::size_t symbol) const { return symbols_[symbol].history.back().id; }

 private:
  struct Update {
    std::int64_t id = 0;
    bool bid = false;
    Decimal price, quantity;
    PlainBook after;
  };
  struct Symbol {
    std::set<std::int64_t> bid_ticks, ask_ticks;
    std::vector<Update> history;                // the first one is a state without an update
    std::size_t epoch = 0;                      // where the history since the last restart begins
    std::map<std::int64_t, std::size_t> by_id;  // into history
    std::map<std::uint32_t, std::size_t> told;  // per stream: how much of history its diffs hold
  };

  void Change(Symbol& symbol);
  std::int64_t Random(std::int64_t below) { return static_cast<std::int64_t>(random_() % below); }
  std::string Event(std::string_view stream, std::size_t symbol, std::string_view data) const;

  BinanceMarket market_;
  std::mt19937_64 random_;
  std::vector<std::string> names_;
  std::vector<Symbol> symbols_;
  std::int64_t global_id_ = 0;  // USD-M
  std::int64_t time_ms_ = 1'700'000'000'000;
};

}  // namespace virtufin::test
