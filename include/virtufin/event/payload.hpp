// Payloads: the JSON data of our events as plain structs, written, read and checked.
//
//   auto trade = ReadPayload<TradeExecuted>(event.data_text());
//   if (!trade) return trade.status();  // "TradeExecuted.qty: expected a decimal in a string ..."
//
// The structs are in market_payloads.hpp and trading_payloads.hpp. They are in virtufin::event,
// which needs the C and C++ runtime only, so native workers use them too.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0 {

/// One per struct.
enum class PayloadKind : std::uint8_t {
  // Market data: <world>.exchange.<venue>.*
  kOrderBookSnapshot,
  kOrderBookUpdate,
  kOrderBookDepth,
  kQuoteUpdate,
  kTradeExecuted,
  kTickerUpdate,
  kFundingRate,
  kMarkPrice,
  kCandle,
  kInstrumentInfo,
  kInstrumentStatus,
  kFeedStatus,
  // Trading, positions, risk, profit and loss: sc.<scenario>.*
  kOrderSubmitted,
  kOrderAccepted,
  kOrderRejected,
  kOrderAmended,
  kOrderCancelled,
  kOrderExpired,
  kOrderFilled,
  kTradeCleared,
  kTradeSettled,
  kPositionOpened,
  kPositionIncreased,
  kPositionDecreased,
  kPositionFlipped,
  kPositionClosed,
  kRiskExposureUpdate,
  kRiskLimitBreach,
  kRiskDrawdownAlert,
  kPnlRealizedUpdate,
  kPnlUnrealizedUpdate,
};
inline constexpr std::size_t kPayloadKinds = 31;

/// Whether the topics of this kind name a world and a venue; else they name a scenario. [any]
constexpr bool IsMarketKind(PayloadKind kind) noexcept {
  return kind < PayloadKind::kOrderSubmitted;
}

/// One member of a payload. Everything has static storage.
struct PayloadField {
  std::string_view name;
  std::string_view expected;  // "a decimal in a string"
  bool required = true;       // false: may be absent or null
};

/// Where a payload appears. Everything has static storage.
struct PayloadInfo {
  PayloadKind kind = PayloadKind::kOrderBookSnapshot;
  std::string_view name;       // of the struct: "TradeExecuted"
  std::string_view topic;      // behind "<world>.exchange.<venue>." or "sc.<scenario>.":
                               // "trade.tape.<instrument>"
  std::string_view type;       // behind "com.virtufin.exchange.<venue>." or "com.virtufin.":
                               // "trade.executed"
  std::string_view open_type;  // the same while it may still change: "candle.updated"; else empty
  std::span<const PayloadField> fields;
};

/// Of all kinds, in their order. [any]
std::span<const PayloadInfo> AllPayloads() noexcept;
/// Of one kind. [any]
const PayloadInfo& PayloadInfoOf(PayloadKind kind) noexcept;
/// By the whole type of an event, "com.virtufin.exchange.binance.trade.executed"; null for a type
/// that is not ours. Switch on its kind to tell events of one subscription apart. [any]
const PayloadInfo* FindPayload(std::string_view event_type) noexcept;

/// A struct of market_payloads.hpp or trading_payloads.hpp.
template <class T>
concept Payload = requires {
  { T::kKind } -> std::convertible_to<PayloadKind>;
};
template <class T>
concept MarketPayload = Payload<T> && IsMarketKind(T::kKind);
template <class T>
concept ScenarioPayload = Payload<T> && !IsMarketKind(T::kKind);

/// Reads `json`, one object, into `out`, whose memory is used again: for hot paths. Members in any
/// order; unknown ones are skipped; an optional one may be null. After an error `out` is a valid
/// object of any content. `json` is borrowed until this returns. [any]
/// Errors: INVALID_ARGUMENT naming the first member that is missing, wrong or there twice, what was
/// expected and what was found, or where the text is no JSON; OUT_OF_RANGE naming a decimal that
/// Decimal cannot hold (core/decimal.hpp). More than 65536 items in one list are wrong, too.
template <Payload T>
Status ReadPayload(std::string_view json, T& out);
/// The same into a new one. [any]
template <Payload T>
Result<T> ReadPayload(std::string_view json) {
  Result<T> out{T{}};
  if (Status status = ReadPayload(json, *out); !status.ok()) return status;
  return out;
}

/// Appends the JSON object, without white space; decimals and times with their digits as written,
/// what is absent left out. Text that is no UTF-8 gets U+FFFD for each wrong byte. [any]
template <Payload T>
void AppendPayload(std::string& json, const T& payload);
/// The same into a new string, owned by the caller. [any]
template <Payload T>
std::string WritePayload(const T& payload) {
  std::string json;
  AppendPayload(json, payload);
  return json;
}

/// Checks `json` as ReadPayload of that kind does, with its errors. [any]
Status CheckPayload(PayloadKind kind, std::string_view json);
/// Checks the data of `event` as what its type says. [any]
/// Errors: as ReadPayload; NOT_FOUND for a type that is not ours.
Status CheckPayload(const CloudEvent& event);

/// What stands behind the kind in the subject: "BTCUSDT" of "currency_pair/BTCUSDT", "o-1" of
/// "order/o-1", "" without one. Borrowed from `event`. [any]
std::string_view SubjectId(const CloudEvent& event) noexcept;

}  // namespace virtufin::inline v0
