// Reads the bodies of Binance's REST answers: trades, candles and exchangeInfo.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0::detail {

/// Longer bodies are refused: exchangeInfo of spot is the longest, with some 15 MB.
inline constexpr std::size_t kMaxBinanceBodyBytes = std::size_t{64} << 20;
/// Longer lists of trades or candles are refused; the venue's own limits are 1000 and 1500.
inline constexpr std::size_t kMaxBinanceListed = 5'000;
/// Symbols of exchangeInfo beyond are skipped.
inline constexpr std::size_t kMaxBinanceInstruments = 100'000;

/// One of exchangeInfo's symbols. Texts as the venue wrote them; sizes are plain decimals or empty.
struct BinanceInstrument {
  std::string_view symbol, status, base_asset, quote_asset;
  std::string_view contract_type, margin_asset;  // USD-M
  std::int64_t delivery_ns = 0;                  // USD-M, unix
  std::string_view tick_size, step_size, min_qty, max_qty, min_notional;
};

struct BinanceRateLimit {
  std::string_view type, interval;  // "REQUEST_WEIGHT", "MINUTE"
  std::int64_t intervals = 0, limit = 0;
};

struct BinanceExchangeInfo {
  std::span<const BinanceInstrument> instruments;
  std::span<const BinanceRateLimit> limits;
  std::uint64_t skipped = 0;  // symbols without name or status, or beyond the limit
};

/// Results are borrowed until the next call. [owner] for everything.
///
/// Errors of all: UNAVAILABLE with the venue's own error text when the answer is one;
/// INVALID_ARGUMENT saying what was expected; RESOURCE_EXHAUSTED above the limits.
class BinanceRestReader {
 public:
  BinanceRestReader();
  ~BinanceRestReader();

  /// `GET .../aggTrades`, in the order of the answer.
  Result<std::span<const BinanceTrade>> Trades(std::string_view body);
  /// `GET .../klines`, in the order of the answer; `closed` is false for all: the answer does not
  /// say. `interval` is borrowed and stands in each.
  Result<std::span<const BinanceCandle>> Candles(std::string_view body, std::string_view interval);
  /// `GET .../exchangeInfo`.
  Result<BinanceExchangeInfo> Instruments(std::string_view body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::detail
