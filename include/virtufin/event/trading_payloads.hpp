// The payloads of orders, trades, positions, risk, and profit and loss, as docs/events.md lists
// them.
//
// Fields without std::optional are required.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/decimal.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/payload.hpp"

namespace virtufin::inline v0 {

enum class Side : std::uint8_t { kBuy, kSell };
enum class PositionSide : std::uint8_t { kLong, kShort };
/// Whether a fill took liquidity from the book or had made it.
enum class Liquidity : std::uint8_t { kMaker, kTaker };
enum class RejectSource : std::uint8_t { kRisk, kVenue };
enum class CancelSource : std::uint8_t { kUser, kSystem, kVenue };

/// As in payloads: "buy" and so on, empty for a number that is no value; static storage. [any]
std::string_view SideName(Side side) noexcept;
std::string_view PositionSideName(PositionSide side) noexcept;
std::string_view LiquidityName(Liquidity liquidity) noexcept;
std::string_view RejectSourceName(RejectSource source) noexcept;
std::string_view CancelSourceName(CancelSource source) noexcept;

/// Numbers by name: of a symbol, of a greek.
using DecimalsByName = std::map<std::string, Decimal, std::less<>>;

/// `trading.order.submitted.<order_id>`
struct OrderSubmitted {
  static constexpr auto kKind = PayloadKind::kOrderSubmitted;
  std::string order_id;
  Side side = Side::kBuy;
  std::string type;  // "limit", "market" or what else the venue takes
  Decimal qty;
  std::optional<Decimal> price;
  std::string venue;
  Timestamp submitted_at;
  bool operator==(const OrderSubmitted&) const = default;
};

/// `trading.order.accepted.<order_id>`
struct OrderAccepted {
  static constexpr auto kKind = PayloadKind::kOrderAccepted;
  std::string venue_order_id;
  Timestamp accepted_at;
  bool operator==(const OrderAccepted&) const = default;
};

/// `trading.order.rejected.<order_id>`
struct OrderRejected {
  static constexpr auto kKind = PayloadKind::kOrderRejected;
  std::string reject_reason;
  RejectSource reject_source = RejectSource::kVenue;
  bool operator==(const OrderRejected&) const = default;
};

/// `trading.order.amended.<order_id>`
struct OrderAmended {
  static constexpr auto kKind = PayloadKind::kOrderAmended;
  std::optional<Decimal> new_price, new_qty;
  Timestamp amended_at;
  bool operator==(const OrderAmended&) const = default;
};

/// `trading.order.cancelled.<order_id>`
struct OrderCancelled {
  static constexpr auto kKind = PayloadKind::kOrderCancelled;
  Timestamp cancelled_at;
  CancelSource cancelled_by = CancelSource::kUser;
  bool operator==(const OrderCancelled&) const = default;
};

/// `trading.order.expired.<order_id>`
struct OrderExpired {
  static constexpr auto kKind = PayloadKind::kOrderExpired;
  Timestamp expired_at;
  bool operator==(const OrderExpired&) const = default;
};

/// `trading.order.filled.<order_id>`: the order is done when nothing remains.
struct OrderFilled {
  static constexpr auto kKind = PayloadKind::kOrderFilled;
  std::string fill_id;
  Decimal qty_filled, price, fee;
  Liquidity liquidity = Liquidity::kTaker;
  Decimal remaining_qty;
  Timestamp filled_at;
  std::optional<Decimal> realized_pnl;
  bool operator==(const OrderFilled&) const = default;
};

/// `trading.trade.cleared.<trade_id>`
struct TradeCleared {
  static constexpr auto kKind = PayloadKind::kTradeCleared;
  std::string trade_id, order_id;
  Timestamp cleared_at;
  bool operator==(const TradeCleared&) const = default;
};

/// `trading.trade.settled.<trade_id>`
struct TradeSettled {
  static constexpr auto kKind = PayloadKind::kTradeSettled;
  Timestamp settled_at;
  std::optional<std::string> tx_hash;
  bool operator==(const TradeSettled&) const = default;
};

/// `position.<symbol>.opened`
struct PositionOpened {
  static constexpr auto kKind = PayloadKind::kPositionOpened;
  PositionSide side = PositionSide::kLong;
  Decimal qty, avg_price;
  Timestamp opened_at;
  bool operator==(const PositionOpened&) const = default;
};

/// `position.<symbol>.increased`
struct PositionIncreased {
  static constexpr auto kKind = PayloadKind::kPositionIncreased;
  Decimal new_qty, new_avg_price, delta_qty;
  bool operator==(const PositionIncreased&) const = default;
};

/// `position.<symbol>.decreased`
struct PositionDecreased {
  static constexpr auto kKind = PayloadKind::kPositionDecreased;
  Decimal new_qty, realized_pnl, delta_qty;
  bool operator==(const PositionDecreased&) const = default;
};

/// `position.<symbol>.flipped`
struct PositionFlipped {
  static constexpr auto kKind = PayloadKind::kPositionFlipped;
  PositionSide from_side = PositionSide::kLong, to_side = PositionSide::kShort;
  Decimal qty, price;
  std::string order_id;
  Decimal realized_pnl;
  bool operator==(const PositionFlipped&) const = default;
};

/// `position.<symbol>.closed`
struct PositionClosed {
  static constexpr auto kKind = PayloadKind::kPositionClosed;
  Decimal realized_pnl;
  Timestamp closed_at;
  bool operator==(const PositionClosed&) const = default;
};

/// risk.exposure.update
struct RiskExposureUpdate {
  static constexpr auto kKind = PayloadKind::kRiskExposureUpdate;
  DecimalsByName greeks;
  std::vector<std::string> underlyings;
  bool operator==(const RiskExposureUpdate&) const = default;
};

/// risk.limit.breach
struct RiskLimitBreach {
  static constexpr auto kKind = PayloadKind::kRiskLimitBreach;
  std::string limit_name;
  Decimal limit_value, actual_value;
  std::string severity;
  bool operator==(const RiskLimitBreach&) const = default;
};

/// risk.drawdown.alert
struct RiskDrawdownAlert {
  static constexpr auto kKind = PayloadKind::kRiskDrawdownAlert;
  Decimal drawdown_pct, threshold_pct, peak_value, current_value;
  bool operator==(const RiskDrawdownAlert&) const = default;
};

/// pnl.realized.update
struct PnlRealizedUpdate {
  static constexpr auto kKind = PayloadKind::kPnlRealizedUpdate;
  Decimal realized_pnl;
  DecimalsByName by_symbol;
  std::string period;
  bool operator==(const PnlRealizedUpdate&) const = default;
};

/// pnl.unrealized.update
struct PnlUnrealizedUpdate {
  static constexpr auto kKind = PayloadKind::kPnlUnrealizedUpdate;
  Decimal unrealized_pnl;
  DecimalsByName by_symbol, mark_prices;
  bool operator==(const PnlUnrealizedUpdate&) const = default;
};

}  // namespace virtufin::inline v0
