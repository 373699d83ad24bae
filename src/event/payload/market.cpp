// Writes and reads the payloads of market data.
#include "event/payload/codec.hpp"
#include "event/payload/market_specs.hpp"

namespace virtufin::inline v0 {

VIRTUFIN_PAYLOAD(OrderBookSnapshot);
VIRTUFIN_PAYLOAD(OrderBookUpdate);
VIRTUFIN_PAYLOAD(OrderBookDepth);
VIRTUFIN_PAYLOAD(QuoteUpdate);
VIRTUFIN_PAYLOAD(TradeExecuted);
VIRTUFIN_PAYLOAD(TickerUpdate);
VIRTUFIN_PAYLOAD(FundingRate);
VIRTUFIN_PAYLOAD(MarkPrice);
VIRTUFIN_PAYLOAD(Candle);
VIRTUFIN_PAYLOAD(InstrumentInfo);
VIRTUFIN_PAYLOAD(InstrumentStatus);
VIRTUFIN_PAYLOAD(FeedStatus);

std::string_view FeedStateName(FeedState state) noexcept { return detail::EnumName(state); }
std::string_view FeedScopeName(FeedScope scope) noexcept { return detail::EnumName(scope); }
std::string_view AggressorSideName(AggressorSide side) noexcept { return detail::EnumName(side); }
std::string_view TradingStateName(TradingState state) noexcept { return detail::EnumName(state); }
std::string_view InstrumentKindName(InstrumentKind kind) noexcept { return detail::EnumName(kind); }

}  // namespace virtufin::inline v0
