// Trades, candles, tickers and marks from the one-letter fields of a message.
#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/binance/letters.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0::detail {

/// Ids of Binance: what does not fit is no id.
inline constexpr std::int64_t kMaxBinanceId = std::int64_t{1} << 62;

/// Longer candles are none: the venue's longest is a month.
inline constexpr std::int64_t kMaxCandleNs = std::int64_t{400} * 86'400 * 1'000'000'000;

/// Null: `out` is complete. Else what the message lacks, static storage.
const char* ReadTrade(const Letters& letters, bool aggregate, BinanceTrade& out);
/// `candle`: the fields of `k`; `stream`: of a combined frame, tells the time zone.
const char* ReadCandle(const Letters& candle, std::string_view stream, BinanceCandle& out);
const char* ReadTicker(const Letters& letters, bool mini, BinanceTicker& out);
const char* ReadMark(const Letters& letters, BinanceMark& out);

/// The time `E` when the venue sent it. Null, or what is wrong with it.
const char* ReadSent(const Letters& letters, EventTime& out);

/// Letters that messages of this kind hold, as far as we know.
std::uint64_t KnownLetters(BinanceKind kind) noexcept;
std::uint64_t KnownCandleLetters() noexcept;
/// Names of two letters: "st" and so on.
bool IsKnownName(BinanceKind kind, std::string_view name) noexcept;

}  // namespace virtufin::inline v0::detail
