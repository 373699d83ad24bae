// The list of all payloads, in the order of PayloadKind.
#pragma once

#include "event/payload/market_specs.hpp"
#include "event/payload/trading_specs.hpp"

namespace virtufin::inline v0::detail {

template <class... T>
struct PayloadTypes {};

using EveryPayload =
    PayloadTypes<OrderBookSnapshot, OrderBookUpdate, OrderBookDepth, QuoteUpdate, TradeExecuted,
                 TickerUpdate, FundingRate, MarkPrice, Candle, InstrumentInfo, InstrumentStatus,
                 FeedStatus, OrderSubmitted, OrderAccepted, OrderRejected, OrderAmended,
                 OrderCancelled, OrderExpired, OrderFilled, TradeCleared, TradeSettled,
                 PositionOpened, PositionIncreased, PositionDecreased, PositionFlipped,
                 PositionClosed, RiskExposureUpdate, RiskLimitBreach, RiskDrawdownAlert,
                 PnlRealizedUpdate, PnlUnrealizedUpdate>;

}  // namespace virtufin::inline v0::detail
