// The JSON payloads of trades, candles, tickers, marks, funding and instruments.
#pragma once

#include <cstdint>
#include <string_view>

#include "exchange/payloads.hpp"
#include "virtufin/exchange/binance_market.hpp"

namespace virtufin::inline v0::detail {

/// trade.tape.
void WriteTrade(PayloadBuffer& out, const BinanceTrade& trade, bool aggregate, bool recovered);

/// ohlcv.candle.
void WriteCandle(PayloadBuffer& out, const BinanceCandle& candle);

/// ticker.update.
void WriteTicker(PayloadBuffer& out, const BinanceTicker& ticker);

/// mark.price.
void WriteMark(PayloadBuffer& out, const BinanceMark& mark);

/// funding.rate.
void WriteFunding(PayloadBuffer& out, std::string_view rate, std::int64_t next_unix_ns);

/// Empty texts are left out, but symbol, status, assets, kind and the venue's own words. Sizes are
/// plain decimals; the rest is UTF-8.
struct InstrumentFields {
  std::string_view symbol, status, base_asset, quote_asset, lot_size, tick_size;
  std::string_view kind;  // "spot", "perpetual", "future"
  std::string_view settle_asset, min_qty, max_qty, min_notional, venue_symbol, venue_status;
  std::int64_t expiry_unix_ns = 0;  // 0: none
};
/// instrument.info.
void WriteInstrument(PayloadBuffer& out, const InstrumentFields& instrument);

/// instrument.status.
void WriteInstrumentStatus(PayloadBuffer& out, std::string_view state, std::string_view reason);

}  // namespace virtufin::inline v0::detail
