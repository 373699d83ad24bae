// What Binance's frames say besides books and quotes: trades, candles, tickers, marks, answers.
//
// Parts of a BinanceFrame (binance.hpp), borrowed like it. Prices and quantities are plain decimals
// as the venue wrote them; a text that the venue leaves out is empty.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstdint>
#include <string_view>

#include "virtufin/exchange/book_sync.hpp"

namespace virtufin::inline v0 {

/// aggTrade and trade.
struct BinanceTrade {
  std::int64_t id = 0;                       // of the aggregate, or of the one trade
  std::int64_t first_id = -1, last_id = -1;  // aggTrade: of the trades in it
  std::int64_t unix_ns = 0;                  // when it was made
  std::string_view price, quantity;
  bool buyer_is_maker = false;  // the aggressor sold
  std::string_view condition;   // USD-M trade: "MARKET", "INSURANCE_FUND", "NA"
};

/// kline.
struct BinanceCandle {
  std::string_view interval;               // "1m"; of a stream in another time zone "1d@+08:00"
  std::int64_t open_ns = 0, close_ns = 0;  // unix; the last instant within, as the venue says it
  std::string_view open, high, low, close, volume, quote_volume;
  std::string_view taker_volume, taker_quote_volume;  // bought by the aggressor
  std::int64_t trades = 0;
  std::int64_t first_trade_id = -1, last_trade_id = -1;  // -1: none
  bool closed = false;
};

/// 24hrTicker, or with fewer fields 24hrMiniTicker.
struct BinanceTicker {
  bool mini = false;
  std::string_view symbol;
  EventTime time;
  std::string_view last, open, high, low, volume, quote_volume;
  std::string_view last_quantity, change_percent;  // not of a mini ticker
  std::int64_t trades = -1;                        // -1: not told
};

/// markPriceUpdate.
struct BinanceMark {
  std::string_view symbol;
  EventTime time;
  std::string_view mark, index, settle;  // settle: estimated, before a delivery
  std::string_view funding_rate;         // empty: of a dated contract
  std::int64_t next_funding_ns = 0;      // unix; 0: none
};

/// The answer to a control message, or the venue's complaint.
struct BinanceControl {
  enum class Id : std::uint8_t { kNone, kNumber, kText, kNull };
  Id id = Id::kNone;
  std::int64_t id_number = 0;
  std::string_view id_text;
  std::string_view result;  // its JSON text; empty: none
  std::int64_t code = 0;    // of an error
  std::string_view message;
};

}  // namespace virtufin::inline v0
