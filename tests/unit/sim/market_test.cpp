// The market model: its books, ids and trades, and what it says about the past.
#include <doctest/doctest.h>

#include <map>

#include "sim/market.hpp"

using namespace virtufin;
using sim::MarketModel;
using sim::VenueMarket;

namespace {

std::unique_ptr<MarketModel> Make(VenueMarket market, std::size_t keep = 100'000,
                                  std::size_t depth = 20) {
  std::vector<sim::SymbolOptions> symbols(3);
  symbols[0].name = "AAAUSDT";
  symbols[1].name = "BBBUSDT";
  symbols[1].tick_size = "0.05";
  symbols[2].name = "CCCUSDT";
  return MarketModel::Create(market, symbols, 7, depth, keep).value();
}

sim::VenueBook Now(const MarketModel::Symbol& symbol) {
  sim::VenueBook book;
  for (const auto& [price, quantity] : symbol.bids) {
    book.bids[Decimal::FromCoefficient(price * symbol.tick, symbol.tick_scale).value()] =
        Decimal::FromCoefficient(quantity * symbol.lot, symbol.lot_scale).value();
  }
  for (const auto& [price, quantity] : symbol.asks) {
    book.asks[Decimal::FromCoefficient(price * symbol.tick, symbol.tick_scale).value()] =
        Decimal::FromCoefficient(quantity * symbol.lot, symbol.lot_scale).value();
  }
  return book;
}

}  // namespace

TEST_CASE("books are never crossed, never empty and never deeper than asked for") {
  for (const VenueMarket market : {VenueMarket::kSpot, VenueMarket::kUsdm}) {
    const auto model = Make(market);
    std::size_t deepest = 0;
    for (int n = 0; n < 20'000; ++n) {
      model->Change(static_cast<std::size_t>(n % 3), n);
      const MarketModel::Symbol& symbol = model->at(static_cast<std::size_t>(n % 3));
      REQUIRE(symbol.bids.size() >= 2);
      REQUIRE(symbol.asks.size() >= 2);
      REQUIRE(symbol.bids.rbegin()->first < symbol.asks.begin()->first);
      REQUIRE(symbol.bids.size() <= 20);
      REQUIRE(symbol.asks.size() <= 20);
      REQUIRE(symbol.last_price > symbol.first_price / 2);
      REQUIRE(symbol.last_price < symbol.first_price * 2);
      deepest = std::max(deepest, symbol.bids.size());
    }
    CHECK(deepest > 10);
  }
}

TEST_CASE("spot ids have no holes per symbol; USD-M counts one id for all symbols, with holes") {
  const auto spot = Make(VenueMarket::kSpot);
  const auto usdm = Make(VenueMarket::kUsdm);
  for (int n = 0; n < 3'000; ++n) {
    spot->Change(static_cast<std::size_t>(n % 3), n);
    usdm->Change(static_cast<std::size_t>(n % 3), n);
  }
  std::map<std::int64_t, int> ids;
  for (std::size_t index = 0; index < 3; ++index) {
    const auto& symbol = spot->at(index);
    for (std::uint64_t n = 1; n < symbol.end_update(); ++n) {
      REQUIRE(symbol.update(n).id == symbol.update(n - 1).id + 1);
    }
    for (std::uint64_t n = 1; n < usdm->at(index).end_update(); ++n) {
      REQUIRE(usdm->at(index).update(n).id > usdm->at(index).update(n - 1).id);
      ++ids[usdm->at(index).update(n).id];
    }
  }
  for (const auto& [id, times] : ids) REQUIRE(times == 1);
  CHECK(static_cast<std::size_t>(ids.rbegin()->first - ids.begin()->first) > ids.size() * 3 / 2);
}

TEST_CASE("spot aggregates hold every trade once; USD-M ones leave out the insurance fund's") {
  for (const VenueMarket market : {VenueMarket::kSpot, VenueMarket::kUsdm}) {
    const auto model = Make(market);
    for (int n = 0; n < 20'000; ++n) model->Change(0, n);
    const auto& symbol = model->at(0);
    REQUIRE(symbol.aggregates.size() > 1'000);
    int holes = 0;
    auto trade = symbol.trades.begin();
    for (std::size_t i = 0; i < symbol.aggregates.size(); ++i) {
      const sim::VenueAggregate& each = symbol.aggregates[i];
      if (i > 0) {
        REQUIRE(each.id == symbol.aggregates[i - 1].id + 1);
        holes += each.first != symbol.aggregates[i - 1].last + 1 ? 1 : 0;
      }
      while (trade->fund) ++trade;
      std::int64_t quantity = 0;
      for (std::int64_t id = each.first; id <= each.last; ++id, ++trade) {
        REQUIRE(trade->id == id);
        REQUIRE(trade->price == each.price);
        quantity += trade->quantity;
      }
      REQUIRE(quantity == each.quantity);
    }
    CHECK((holes > 0) == (market == VenueMarket::kUsdm));
  }
}

TEST_CASE("BookAt is the book that was, forwards, backwards and over a restart") {
  for (const VenueMarket market : {VenueMarket::kSpot, VenueMarket::kUsdm}) {
    const auto model = Make(market);
    std::map<std::int64_t, sim::VenueBook> was;
    for (int n = 0; n < 6'000; ++n) {
      if (n == 3'000) model->Restart(1'000, n);
      model->Change(1, n);
      model->Change(0, n);
      was[model->last_update_id(1)] = Now(model->at(1));
    }
    const auto check = [&](std::int64_t id, const sim::VenueBook& book) {
      const sim::VenueBook* const at = model->BookAt(1, id);
      REQUIRE(at != nullptr);
      REQUIRE(at->bids == book.bids);
      REQUIRE(at->asks == book.asks);
    };
    for (const auto& [id, book] : was) check(id, book);
    for (auto each = was.rbegin(); each != was.rend(); std::advance(each, 97)) {
      check(each->first, each->second);
      if (std::distance(each, was.rend()) <= 97) break;
    }
    CHECK(model->BookAt(1, 999) == nullptr);
    CHECK(model->BookAt(1, 5'000'000'000'000) == nullptr);
  }
}

TEST_CASE("a USD-M book stays the same until its next id; spot knows its own ids only") {
  const auto model = Make(VenueMarket::kUsdm);
  for (int n = 0; n < 100; ++n) model->Change(0, n);
  const std::int64_t id = model->last_update_id(0);
  for (int n = 0; n < 10; ++n) model->Change(1, n);  // ids go on elsewhere
  REQUIRE(model->BookAt(0, id) != nullptr);
  const auto bids = model->BookAt(0, id)->bids;
  REQUIRE(model->BookAt(0, model->last_update_id(1)) != nullptr);
  CHECK(model->BookAt(0, model->last_update_id(1))->bids == bids);
  CHECK(model->BookAt(0, model->last_update_id(1) + 1) == nullptr);
}

TEST_CASE("the history is bounded, and what is older is unknown") {
  const auto model = Make(VenueMarket::kSpot, 10'000);
  const std::int64_t first = model->last_update_id(0);
  for (int n = 0; n < 30'000; ++n) model->Change(0, n);
  const auto& symbol = model->at(0);
  CHECK(symbol.updates.size() <= 11'100);
  CHECK(symbol.updates.size() >= 10'000);
  CHECK(model->BookAt(0, first) == nullptr);
  CHECK(model->BookAt(0, symbol.updates.front().id) != nullptr);
  const sim::VenueBook* const book = model->BookAt(0, model->last_update_id(0));
  REQUIRE(book != nullptr);
  CHECK(book->bids == Now(symbol).bids);
}

TEST_CASE("prices are written as the market writes them") {
  std::string text;
  const auto spot = Make(VenueMarket::kSpot);
  MarketModel::AppendPrice(text, spot->at(1), 2'001);
  MarketModel::AppendQuantity(text += ' ', spot->at(1), 1'500);
  MarketModel::AppendQuantity(text += ' ', spot->at(1), 0);
  CHECK(text == "100.05000000 1.50000000 0.00000000");
  text.clear();
  const auto usdm = Make(VenueMarket::kUsdm);
  MarketModel::AppendPrice(text, usdm->at(1), 2'001);
  MarketModel::AppendQuantity(text += ' ', usdm->at(1), 1'500);
  MarketModel::AppendQuantity(text += ' ', usdm->at(1), 0);
  CHECK(text == "100.05 1.500 0");
}

TEST_CASE("a bad symbol is refused with what was expected") {
  const auto refused = [](sim::SymbolOptions options) {
    return std::string(
        MarketModel::Create(VenueMarket::kSpot, {std::move(options)}, 1, 20, 1).status().message());
  };
  sim::SymbolOptions good;
  good.name = "XUSDT";
  sim::SymbolOptions bad = good;
  bad.tick_size = "-1";
  CHECK(refused(bad).find("tick_size: expected a positive decimal") != std::string::npos);
  bad = good;
  bad.first_price = "0.5";
  CHECK(refused(bad).find("first_price: expected at least 140 tick sizes") != std::string::npos);
  bad = good;
  bad.name.clear();
  CHECK(refused(bad).find("expected a name") != std::string::npos);
  bad = good;
  bad.changes_per_s = -1;
  CHECK(refused(bad).find("changes_per_s") != std::string::npos);
}
