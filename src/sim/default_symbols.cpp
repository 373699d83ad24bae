// The pairs that a simulated Binance has when nobody says otherwise.
#include "sim/binance_venue.hpp"

namespace virtufin::inline v0::sim {

std::vector<SymbolOptions> DefaultSymbols(VenueMarket market) {
  struct Row {
    const char *name, *spot_tick, *spot_lot, *usdm_tick, *usdm_lot, *price;
    std::int64_t changes_per_s;
  };
  constexpr Row kRows[] = {
      {"BTCUSDT", "0.01", "0.00001", "0.10", "0.001", "91250.40", 40},
      {"ETHUSDT", "0.01", "0.0001", "0.01", "0.001", "3045.17", 30},
      {"SOLUSDT", "0.01", "0.001", "0.0100", "0.01", "138.22", 20},
      {"BNBUSDT", "0.01", "0.001", "0.010", "0.01", "872.90", 20},
      {"XRPUSDT", "0.0001", "0.1", "0.0001", "0.1", "2.1874", 20},
      {"ADAUSDT", "0.0001", "0.1", "0.00010", "1", "0.4212", 10},
      {"DOGEUSDT", "0.00001", "1", "0.000010", "1", "0.14873", 10},
      {"LINKUSDT", "0.01", "0.01", "0.001", "0.01", "13.420", 10},
      {"LTCUSDT", "0.01", "0.001", "0.01", "0.001", "84.31", 5},
      {"AVAXUSDT", "0.01", "0.01", "0.001", "1", "14.080", 5},
  };
  const bool usdm = market == VenueMarket::kUsdm;
  std::vector<SymbolOptions> symbols;
  for (const Row& row : kRows) {
    SymbolOptions& symbol = symbols.emplace_back();
    symbol.name = row.name;
    symbol.tick_size = usdm ? row.usdm_tick : row.spot_tick;
    symbol.lot_size = usdm ? row.usdm_lot : row.spot_lot;
    symbol.first_price = row.price;
    symbol.changes_per_s = row.changes_per_s;
  }
  return symbols;
}

}  // namespace virtufin::inline v0::sim
