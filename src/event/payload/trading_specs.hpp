// The members of the payloads of orders, trades, positions, risk, profit and loss.
#pragma once

#include <string_view>
#include <tuple>

#include "event/payload/spec.hpp"
#include "virtufin/event/trading_payloads.hpp"

namespace virtufin::inline v0::detail {

template <>
struct PayloadSpec<OrderSubmitted> {
  using P = OrderSubmitted;
  static constexpr std::string_view kName = "OrderSubmitted";
  static constexpr std::string_view kTopic = "trading.order.submitted.<order_id>";
  static constexpr std::string_view kType = "trading.order.submitted";
  static constexpr std::tuple kFields{
      Field{"order_id", &P::order_id},
      Field{"side", &P::side},
      Field{"type", &P::type},
      Field{"qty", &P::qty},
      Field{"price", &P::price},
      Field{"venue", &P::venue},
      Field{"submitted_at", &P::submitted_at},
  };
};

template <>
struct PayloadSpec<OrderAccepted> {
  using P = OrderAccepted;
  static constexpr std::string_view kName = "OrderAccepted";
  static constexpr std::string_view kTopic = "trading.order.accepted.<order_id>";
  static constexpr std::string_view kType = "trading.order.accepted";
  static constexpr std::tuple kFields{
      Field{"venue_order_id", &P::venue_order_id},
      Field{"accepted_at", &P::accepted_at},
  };
};

template <>
struct PayloadSpec<OrderRejected> {
  using P = OrderRejected;
  static constexpr std::string_view kName = "OrderRejected";
  static constexpr std::string_view kTopic = "trading.order.rejected.<order_id>";
  static constexpr std::string_view kType = "trading.order.rejected";
  static constexpr std::tuple kFields{
      Field{"reject_reason", &P::reject_reason},
      Field{"reject_source", &P::reject_source},
  };
};

template <>
struct PayloadSpec<OrderAmended> {
  using P = OrderAmended;
  static constexpr std::string_view kName = "OrderAmended";
  static constexpr std::string_view kTopic = "trading.order.amended.<order_id>";
  static constexpr std::string_view kType = "trading.order.amended";
  static constexpr std::tuple kFields{
      Field{"new_price", &P::new_price},
      Field{"new_qty", &P::new_qty},
      Field{"amended_at", &P::amended_at},
  };
};

template <>
struct PayloadSpec<OrderCancelled> {
  using P = OrderCancelled;
  static constexpr std::string_view kName = "OrderCancelled";
  static constexpr std::string_view kTopic = "trading.order.cancelled.<order_id>";
  static constexpr std::string_view kType = "trading.order.cancelled";
  static constexpr std::tuple kFields{
      Field{"cancelled_at", &P::cancelled_at},
      Field{"cancelled_by", &P::cancelled_by},
  };
};

template <>
struct PayloadSpec<OrderExpired> {
  using P = OrderExpired;
  static constexpr std::string_view kName = "OrderExpired";
  static constexpr std::string_view kTopic = "trading.order.expired.<order_id>";
  static constexpr std::string_view kType = "trading.order.expired";
  static constexpr std::tuple kFields{Field{"expired_at", &P::expired_at}};
};

template <>
struct PayloadSpec<OrderFilled> {
  using P = OrderFilled;
  static constexpr std::string_view kName = "OrderFilled";
  static constexpr std::string_view kTopic = "trading.order.filled.<order_id>";
  static constexpr std::string_view kType = "trading.order.filled";
  static constexpr std::tuple kFields{
      Field{"fill_id", &P::fill_id},     Field{"qty_filled", &P::qty_filled},
      Field{"price", &P::price},         Field{"fee", &P::fee},
      Field{"liquidity", &P::liquidity}, Field{"remaining_qty", &P::remaining_qty},
      Field{"filled_at", &P::filled_at}, Field{"realized_pnl", &P::realized_pnl},
  };
};

template <>
struct PayloadSpec<TradeCleared> {
  using P = TradeCleared;
  static constexpr std::string_view kName = "TradeCleared";
  static constexpr std::string_view kTopic = "trading.trade.cleared.<trade_id>";
  static constexpr std::string_view kType = "trading.trade.cleared";
  static constexpr std::tuple kFields{
      Field{"trade_id", &P::trade_id},
      Field{"order_id", &P::order_id},
      Field{"cleared_at", &P::cleared_at},
  };
};

template <>
struct PayloadSpec<TradeSettled> {
  using P = TradeSettled;
  static constexpr std::string_view kName = "TradeSettled";
  static constexpr std::string_view kTopic = "trading.trade.settled.<trade_id>";
  static constexpr std::string_view kType = "trading.trade.settled";
  static constexpr std::tuple kFields{
      Field{"settled_at", &P::settled_at},
      Field{"tx_hash", &P::tx_hash},
  };
};

template <>
struct PayloadSpec<PositionOpened> {
  using P = PositionOpened;
  static constexpr std::string_view kName = "PositionOpened";
  static constexpr std::string_view kTopic = "position.<symbol>.opened";
  static constexpr std::string_view kType = "position.opened";
  static constexpr std::tuple kFields{
      Field{"side", &P::side},
      Field{"qty", &P::qty},
      Field{"avg_price", &P::avg_price},
      Field{"opened_at", &P::opened_at},
  };
};

template <>
struct PayloadSpec<PositionIncreased> {
  using P = PositionIncreased;
  static constexpr std::string_view kName = "PositionIncreased";
  static constexpr std::string_view kTopic = "position.<symbol>.increased";
  static constexpr std::string_view kType = "position.increased";
  static constexpr std::tuple kFields{
      Field{"new_qty", &P::new_qty},
      Field{"new_avg_price", &P::new_avg_price},
      Field{"delta_qty", &P::delta_qty},
  };
};

template <>
struct PayloadSpec<PositionDecreased> {
  using P = PositionDecreased;
  static constexpr std::string_view kName = "PositionDecreased";
  static constexpr std::string_view kTopic = "position.<symbol>.decreased";
  static constexpr std::string_view kType = "position.decreased";
  static constexpr std::tuple kFields{
      Field{"new_qty", &P::new_qty},
      Field{"realized_pnl", &P::realized_pnl},
      Field{"delta_qty", &P::delta_qty},
  };
};

template <>
struct PayloadSpec<PositionFlipped> {
  using P = PositionFlipped;
  static constexpr std::string_view kName = "PositionFlipped";
  static constexpr std::string_view kTopic = "position.<symbol>.flipped";
  static constexpr std::string_view kType = "position.flipped";
  static constexpr std::tuple kFields{
      Field{"from_side", &P::from_side},
      Field{"to_side", &P::to_side},
      Field{"qty", &P::qty},
      Field{"price", &P::price},
      Field{"order_id", &P::order_id},
      Field{"realized_pnl", &P::realized_pnl},
  };
};

template <>
struct PayloadSpec<PositionClosed> {
  using P = PositionClosed;
  static constexpr std::string_view kName = "PositionClosed";
  static constexpr std::string_view kTopic = "position.<symbol>.closed";
  static constexpr std::string_view kType = "position.closed";
  static constexpr std::tuple kFields{
      Field{"realized_pnl", &P::realized_pnl},
      Field{"closed_at", &P::closed_at},
  };
};

template <>
struct PayloadSpec<RiskExposureUpdate> {
  using P = RiskExposureUpdate;
  static constexpr std::string_view kName = "RiskExposureUpdate";
  static constexpr std::string_view kTopic = "risk.exposure.update";
  static constexpr std::string_view kType = "risk.exposure-updated";
  static constexpr std::tuple kFields{
      Field{"greeks", &P::greeks},
      Field{"underlyings", &P::underlyings},
  };
};

template <>
struct PayloadSpec<RiskLimitBreach> {
  using P = RiskLimitBreach;
  static constexpr std::string_view kName = "RiskLimitBreach";
  static constexpr std::string_view kTopic = "risk.limit.breach";
  static constexpr std::string_view kType = "risk.limit-breached";
  static constexpr std::tuple kFields{
      Field{"limit_name", &P::limit_name},
      Field{"limit_value", &P::limit_value},
      Field{"actual_value", &P::actual_value},
      Field{"severity", &P::severity},
  };
};

template <>
struct PayloadSpec<RiskDrawdownAlert> {
  using P = RiskDrawdownAlert;
  static constexpr std::string_view kName = "RiskDrawdownAlert";
  static constexpr std::string_view kTopic = "risk.drawdown.alert";
  static constexpr std::string_view kType = "risk.drawdown-alerted";
  static constexpr std::tuple kFields{
      Field{"drawdown_pct", &P::drawdown_pct},
      Field{"threshold_pct", &P::threshold_pct},
      Field{"peak_value", &P::peak_value},
      Field{"current_value", &P::current_value},
  };
};

template <>
struct PayloadSpec<PnlRealizedUpdate> {
  using P = PnlRealizedUpdate;
  static constexpr std::string_view kName = "PnlRealizedUpdate";
  static constexpr std::string_view kTopic = "pnl.realized.update";
  static constexpr std::string_view kType = "pnl.realized-updated";
  static constexpr std::tuple kFields{
      Field{"realized_pnl", &P::realized_pnl},
      Field{"by_symbol", &P::by_symbol},
      Field{"period", &P::period},
  };
};

template <>
struct PayloadSpec<PnlUnrealizedUpdate> {
  using P = PnlUnrealizedUpdate;
  static constexpr std::string_view kName = "PnlUnrealizedUpdate";
  static constexpr std::string_view kTopic = "pnl.unrealized.update";
  static constexpr std::string_view kType = "pnl.unrealized-updated";
  static constexpr std::tuple kFields{
      Field{"unrealized_pnl", &P::unrealized_pnl},
      Field{"by_symbol", &P::by_symbol},
      Field{"mark_prices", &P::mark_prices},
  };
};

}  // namespace virtufin::inline v0::detail
