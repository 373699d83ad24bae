// What a subscription means at Binance: which stream on which socket, and what to make of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/market_feed.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"

namespace virtufin::inline v0::detail {

/// Spot has one kind of socket, which is kPublic here; USD-M has two.
enum class BinanceRoute : std::uint8_t { kPublic, kMarket };

struct StreamPlan {
  FeedRequest request;  // parameters sorted, defaults left out: equal plans have equal requests
  std::string key;      // of the request
  std::string stream;   // as in SUBSCRIBE; empty: none, REST only
  BinanceRoute route = BinanceRoute::kPublic;
  bool depth = false;                  // the stream carries a book
  MarketRequest market;                // all channels but book and quote
  std::int64_t depth_interval_ms = 0;  // book: conflated
  std::size_t depth_levels = 20;
};

/// `depth_speed_ms` of the venue's depth stream.
/// Errors: INVALID_ARGUMENT for an instrument or a parameter, saying what was expected;
/// UNIMPLEMENTED for a channel that the market lacks.
Result<StreamPlan> PlanStream(BinanceMarket market, int depth_speed_ms, const FeedRequest& request);

/// False: the market has no such stream.
bool IsDepthSpeed(BinanceMarket market, int speed_ms) noexcept;

/// The other way round: all that can be made of a stream, with unfinished candles. Empty: nothing.
std::vector<FeedRequest> RequestsOf(BinanceMarket market, int depth_speed_ms,
                                    std::string_view stream);
/// Of "btcusdt@depth@100ms"; nothing for other streams, and for one of a speed that there is not.
std::optional<int> DepthSpeedOf(BinanceMarket market, std::string_view stream) noexcept;

}  // namespace virtufin::inline v0::detail
