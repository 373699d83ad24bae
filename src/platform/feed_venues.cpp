// Binance, spot and USD-M: options as text become an adapter on the platform's bus.
#include "platform/feed_venues.hpp"

#include <string>
#include <utility>

#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0::detail {
namespace {

FeedVenue BinanceVenue(BinanceMarket market, std::string description, PubSub& bus,
                       StateStore& state, const Runtime& runtime) {
  FeedVenue venue;
  venue.name = BinanceVenueName(market);
  venue.description = std::move(description);
  for (BinanceAdapterOptions::Key& key : BinanceAdapterOptions::Keys()) {
    venue.options.push_back({std::move(key.name), std::move(key.description),
                             std::move(key.default_value), std::move(key.values)});
  }
  venue.make = [market, &bus, &state,
                runtime](const auto& given) -> Result<std::unique_ptr<ExchangeAdapter>> {
    BinanceAdapterOptions options;
    options.feed.market = market;
    for (const auto& [key, value] : given) {
      if (Status status = options.Set(key, value); !status.ok()) return status;
    }
    return MakeBinanceAdapter(options, bus, runtime, &state);
  };
  return venue;
}

}  // namespace

Status RegisterFeedVenues(WebSocketManager& feeds, PubSub& bus, StateStore& state,
                          const Runtime& runtime) {
  const auto add = [&](BinanceMarket market, const char* description) {
    return feeds.RegisterVenue(BinanceVenue(market, description, bus, state, runtime));
  };
  if (Status status = add(BinanceMarket::kSpot, "Binance, spot"); !status.ok()) return status;
  return add(BinanceMarket::kUsdm, "Binance, USD-M futures");
}

}  // namespace virtufin::inline v0::detail
