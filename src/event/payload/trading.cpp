// Writes and reads the payloads of orders, trades, positions, risk, profit and loss.
#include "event/payload/codec.hpp"
#include "event/payload/trading_specs.hpp"

namespace virtufin::inline v0 {

VIRTUFIN_PAYLOAD(OrderSubmitted);
VIRTUFIN_PAYLOAD(OrderAccepted);
VIRTUFIN_PAYLOAD(OrderRejected);
VIRTUFIN_PAYLOAD(OrderAmended);
VIRTUFIN_PAYLOAD(OrderCancelled);
VIRTUFIN_PAYLOAD(OrderExpired);
VIRTUFIN_PAYLOAD(OrderFilled);
VIRTUFIN_PAYLOAD(TradeCleared);
VIRTUFIN_PAYLOAD(TradeSettled);
VIRTUFIN_PAYLOAD(PositionOpened);
VIRTUFIN_PAYLOAD(PositionIncreased);
VIRTUFIN_PAYLOAD(PositionDecreased);
VIRTUFIN_PAYLOAD(PositionFlipped);
VIRTUFIN_PAYLOAD(PositionClosed);
VIRTUFIN_PAYLOAD(RiskExposureUpdate);
VIRTUFIN_PAYLOAD(RiskLimitBreach);
VIRTUFIN_PAYLOAD(RiskDrawdownAlert);
VIRTUFIN_PAYLOAD(PnlRealizedUpdate);
VIRTUFIN_PAYLOAD(PnlUnrealizedUpdate);

std::string_view SideName(Side side) noexcept { return detail::EnumName(side); }
std::string_view PositionSideName(PositionSide side) noexcept { return detail::EnumName(side); }
std::string_view LiquidityName(Liquidity liquidity) noexcept { return detail::EnumName(liquidity); }
std::string_view RejectSourceName(RejectSource source) noexcept { return detail::EnumName(source); }
std::string_view CancelSourceName(CancelSource source) noexcept { return detail::EnumName(source); }

}  // namespace virtufin::inline v0
