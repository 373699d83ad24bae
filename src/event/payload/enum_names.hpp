// The words of the payloads' enumerations, in the order of their values.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/trading_payloads.hpp"

namespace virtufin::inline v0::detail {

using std::string_view_literals::operator""sv;

template <class E>
inline constexpr std::array<std::string_view, 0> kEnumNames{};
template <>
inline constexpr std::array kEnumNames<FeedState> = {"live"sv, "stale"sv, "gap"sv, "resync"sv,
                                                     "disconnected"sv};
template <>
inline constexpr std::array kEnumNames<FeedScope> = {"venue"sv, "connection"sv, "channel"sv,
                                                     "instrument"sv};
template <>
inline constexpr std::array kEnumNames<AggressorSide> = {"buy"sv, "sell"sv, "unknown"sv};
template <>
inline constexpr std::array kEnumNames<TradingState> = {"trading"sv, "halted"sv, "closed"sv,
                                                        "auction"sv, "unknown"sv};
template <>
inline constexpr std::array kEnumNames<InstrumentKind> = {
    "spot"sv, "perpetual"sv, "future"sv, "option"sv, "equity"sv, "fx"sv, "cfd"sv};
template <>
inline constexpr std::array kEnumNames<Side> = {"buy"sv, "sell"sv};
template <>
inline constexpr std::array kEnumNames<PositionSide> = {"long"sv, "short"sv};
template <>
inline constexpr std::array kEnumNames<Liquidity> = {"maker"sv, "taker"sv};
template <>
inline constexpr std::array kEnumNames<RejectSource> = {"risk"sv, "venue"sv};
template <>
inline constexpr std::array kEnumNames<CancelSource> = {"user"sv, "system"sv, "venue"sv};

/// Empty for a number that is no value.
template <class E>
constexpr std::string_view EnumName(E value) noexcept {
  const auto i = static_cast<std::size_t>(value);
  return i < kEnumNames<E>.size() ? kEnumNames<E>[i] : std::string_view();
}

/// "'buy' or 'sell'", made by the compiler.
template <class E>
struct EnumChoice {
  static constexpr std::size_t kSize = [] {
    std::size_t size = 0;  // of two names or more: quotes, ", " and, once, " or "
    for (const std::string_view name : kEnumNames<E>) size += name.size() + 4;
    return size;
  }();
  static constexpr std::array<char, kSize> kChars = [] {
    std::array<char, kSize> chars{};
    std::size_t at = 0;
    const auto put = [&](std::string_view text) {
      for (const char c : text) chars[at++] = c;
    };
    for (std::size_t i = 0; i < kEnumNames<E>.size(); ++i) {
      if (i != 0) put(i + 1 < kEnumNames<E>.size() ? ", " : " or ");
      put("'");
      put(kEnumNames<E>[i]);
      put("'");
    }
    return chars;
  }();
  static constexpr std::string_view kText{kChars.data(), kSize};
};

}  // namespace virtufin::inline v0::detail
