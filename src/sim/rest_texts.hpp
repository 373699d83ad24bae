// The bodies of Binance's REST answers as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/binance_venue.hpp"

namespace virtufin::inline v0::sim {

/// The answer of exchangeInfo for these symbols; `statuses` by index.
std::string ExchangeInfoText(const MarketModel& market, const VenueOptions& options,
                             const std::vector<std::string>& statuses,
                             const std::vector<std::size_t>& symbols, std::int64_t now_ms);
/// The answer of depth: the book after update `number`, at most `levels` of a side. USD-M draws
/// lastUpdateId from the ids at which this was the book.
std::string DepthText(MarketModel& market, std::size_t symbol, std::uint64_t number,
                      std::size_t levels, std::int64_t now_ms);
/// One element of aggTrades.
void AppendAggregate(std::string& out, const MarketModel::Symbol& symbol,
                     const VenueAggregate& trade, bool spot);
/// One element of klines.
void AppendKline(std::string& out, const MarketModel::Symbol& symbol, const VenueCandle& candle);

}  // namespace virtufin::inline v0::sim
