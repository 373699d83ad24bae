// MarketModel: a venue's order books and trades with their whole history: what is true.
//
// Pure and deterministic. The venue and the property tests share it, so there is one idea of what a
// book was at an update id.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/random.hpp"
#include "virtufin/core/decimal.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::sim {

/// Spot counts update ids per symbol, without holes; USD-M counts one id for the whole venue.
enum class VenueMarket : std::uint8_t { kSpot, kUsdm };

struct SymbolOptions {
  std::string name;                  // as the venue writes it: "BTCUSDT"
  std::string base, quote = "USDT";  // base empty: the name without the quote
  std::string tick_size = "0.01";    // decimal text; USD-M writes prices with its digits
  std::string lot_size = "0.001";
  std::string first_price = "100";
  std::int64_t changes_per_s = 20;  // book changes on average, trades among them; 0: never speaks
  int trade_percent = 15;           // of the changes
  std::string contract_type = "PERPETUAL";  // USD-M
};

/// One change of one level; `quantity` 0 removes it. In ticks and lots.
struct BookUpdate {
  std::int64_t id = 0;
  std::int64_t time_ms = 0;
  bool bid = false;
  std::int64_t price = 0, quantity = 0;
};

/// One trade as the venue numbers it.
struct VenueTrade {
  std::int64_t id = 0;
  std::int64_t time_ms = 0;
  std::int64_t price = 0, quantity = 0;  // ticks, lots
  bool buyer_is_maker = false;
  bool fund = false;  // USD-M: a fill of the insurance fund, in no aggregate
};

/// Fills of one order at one price.
struct VenueAggregate {
  std::int64_t id = 0, first = 0, last = 0;  // its own id; the trades it holds
  std::int64_t time_ms = 0;
  std::int64_t price = 0, quantity = 0;
  bool buyer_is_maker = false;
};

/// A book in plain ordered maps.
struct VenueBook {
  std::map<Decimal, Decimal> bids, asks;
};

class MarketModel {
 public:
  using Levels = std::map<std::int64_t, std::int64_t>;  // ticks to lots, prices rising

  struct Epoch {
    std::uint64_t begin = 0;   // number of its first update
    std::int64_t reached = 0;  // the venue's last id in it, once it is over
  };
  struct Symbol {
    SymbolOptions options;
    std::size_t index = 0;
    std::int64_t tick = 1, lot = 1, first_price = 1;  // coefficients; first_price in ticks
    int tick_scale = 0, lot_scale = 0;                // value = count * coefficient * 10^-scale
    int price_digits = 8, quantity_digits = 8;        // as written
    bool bare_zero = false;                           // USD-M writes a removed level as "0"
    Levels bids, asks;
    std::deque<BookUpdate> updates;         // the newest `keep`; the first one changes nothing
    std::uint64_t first_update = 0;         // number of updates.front()
    std::vector<Epoch> epochs;              // since the start and each restart; the last is open
    std::deque<VenueTrade> trades;          // the newest `keep`, ids without holes
    std::deque<VenueAggregate> aggregates;  // the same
    std::int64_t last_trade_id = 0, last_aggregate_id = 0;
    std::int64_t last_price = 0;  // of the last trade, or first_price

    std::uint64_t end_update() const { return first_update + updates.size(); }
    const BookUpdate& update(std::uint64_t number) const {
      return updates[static_cast<std::size_t>(number - first_update)];
    }
  };

  /// `depth`: most levels of a side; `keep`: how much history each symbol has, at least 1000.
  /// Errors: INVALID_ARGUMENT naming the symbol, what was expected and what was found.
  static Result<std::unique_ptr<MarketModel>> Create(VenueMarket market,
                                                     const std::vector<SymbolOptions>& symbols,
                                                     std::uint64_t seed, std::size_t depth,
                                                     std::size_t keep);

  VenueMarket market() const noexcept { return market_; }
  std::size_t size() const noexcept { return symbols_.size(); }
  const Symbol& at(std::size_t index) const { return *symbols_[index]; }
  /// Null when there is none.
  const Symbol* Find(std::string_view name) const;

  /// What a Change did.
  struct Changed {
    std::size_t updates = 0, trades = 0, aggregates = 0;  // new at the end of the deques
    bool top = false;                                     // the best bid or ask is another
  };
  /// Something happens in `symbol`: an order comes, goes, or trades.
  Changed Change(std::size_t symbol, std::int64_t now_ms);
  /// The venue restarts: ids go on from `base`, and the books changed meanwhile without a diff.
  void Restart(std::int64_t base, std::int64_t now_ms);

  /// The book of `symbol` when the venue had reached `update_id`; on spot `update_id` must be an
  /// update of the symbol. Borrowed until the next call for the symbol. Null when it never had, or
  /// when that is older than the history. Of ids that a restart gave out again: the later.
  const VenueBook* BookAt(std::size_t symbol, std::int64_t update_id);
  std::int64_t last_update_id(std::size_t symbol) const { return at(symbol).updates.back().id; }

  /// Appends a price or quantity as the venue writes it.
  static void AppendPrice(std::string& out, const Symbol& symbol, std::int64_t ticks);
  static void AppendQuantity(std::string& out, const Symbol& symbol, std::int64_t lots);

  /// An id for a book that has not changed since update `number`: on USD-M any id of the venue up
  /// to the symbol's next one.
  std::int64_t SomeIdAt(std::size_t symbol, std::uint64_t number);
  /// The levels of `symbol` after update `number`, which must be in the history.
  void LevelsAfter(std::size_t symbol, std::uint64_t number, Levels& bids, Levels& asks) const;

 private:
  struct Checkpoint {
    std::uint64_t number = 0;  // after this update
    Levels bids, asks;
  };
  struct Cursor {  // where BookAt was last
    std::uint64_t number = 0;
    bool valid = false;
    VenueBook book;
  };

  MarketModel(VenueMarket market, std::uint64_t seed, std::size_t depth, std::size_t keep);
  Status Add(const SymbolOptions& options);
  void Set(Symbol& symbol, std::int64_t now_ms, bool bid, std::int64_t price,
           std::int64_t quantity);
  void Limit(Symbol& symbol, std::int64_t now_ms);
  void Trade(Symbol& symbol, std::int64_t now_ms);
  void Fill(Symbol& symbol, std::int64_t now_ms, bool buyer_is_maker, std::int64_t price,
            std::int64_t quantity);
  void Trim(Symbol& symbol);
  const Checkpoint& CheckpointBefore(std::size_t symbol, std::uint64_t number) const;
  bool FindUpdate(const Symbol& symbol, std::int64_t update_id, std::uint64_t& number) const;
  static void Show(const Symbol& symbol, const BookUpdate& update, VenueBook& book);

  VenueMarket market_;
  Random random_;
  Random ids_;  // of SomeIdAt: who asks does not change the market
  std::size_t depth_, keep_;
  std::int64_t global_id_;
  std::vector<std::unique_ptr<Symbol>> symbols_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<std::deque<Checkpoint>> checkpoints_;  // by symbol
  std::vector<Cursor> cursors_;                      // by symbol
};

}  // namespace virtufin::inline v0::sim
