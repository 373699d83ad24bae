// Stream names and connection targets of Binance, read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/candles.hpp"
#include "sim/market.hpp"

namespace virtufin::inline v0::sim {

enum class StreamKind : std::uint8_t {
  kDepth,
  kPartialDepth,
  kBookTicker,
  kAggTrade,
  kTrade,
  kKline,
  kTicker,
  kMiniTicker,
  kMarkPrice,
  kAllMiniTickers,
  kAllMarkPrices,
  kNothing,  // accepted, and never sends: unknown symbols and streams, or no events of it here
};

/// Which half of USD-M a connection or a stream belongs to.
enum class VenueRoute : std::uint8_t { kAny, kPublic, kMarket, kUnrouted };

struct StreamSpec {
  StreamKind kind = StreamKind::kNothing;
  std::size_t symbol = 0;
  std::int64_t period_ms = 0;  // 0: sends as things happen
  int levels = 0;              // kPartialDepth
  std::string interval;        // kKline
  CandleInterval candle;
  VenueRoute route = VenueRoute::kAny;  // of the stream
};

/// False: no stream name at all (no '@', no leading '!', or empty parts).
bool ParseStream(std::string_view name, const MarketModel& market, StreamSpec& out);
/// True when the connection's route carries the stream.
bool RouteCarries(VenueRoute connection, VenueRoute stream) noexcept;

struct VenueTarget {
  VenueRoute route = VenueRoute::kAny;
  bool combined = false;      // /stream
  bool microseconds = false;  // ?timeUnit=MICROSECOND
  std::vector<std::string> streams;
};

/// Path and query of a WebSocket connection. False: no such path.
bool ParseTarget(std::string_view target, VenueMarket market, VenueTarget& out);

/// The parameters of a query ("a=1&b=2"), percent-decoded, in order.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);

}  // namespace virtufin::inline v0::sim
