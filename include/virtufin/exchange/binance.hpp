// BinanceDecoder: reads what Binance sends, spot and USD-M futures, without deciding anything.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/binance_market.hpp"
#include "virtufin/exchange/book_sync.hpp"

namespace virtufin::inline v0 {

enum class BinanceMarket : std::uint8_t { kSpot, kUsdm };

/// "binance" or "binance-usdm": the venue's name in topics, types and sources; static storage.
std::string_view BinanceVenueName(BinanceMarket market) noexcept;

/// What a frame is. Those named below in BinanceFrame are decoded further, the others counted.
enum class BinanceKind : std::uint8_t {
  kDepth,
  kBookTicker,
  kAggTrade,
  kTrade,
  kKline,
  kTicker,
  kMiniTicker,
  kMarkPrice,
  kForceOrder,
  kPartialDepth,
  kOtherKnown,  // contract and index notices
  kAck,
  kError,
  kServerShutdown,
  kUnknown,
  kMalformed,
};
inline constexpr std::size_t kBinanceKinds = 16;

/// "depth", "bookTicker" and so on; static storage.
std::string_view BinanceKindName(BinanceKind kind) noexcept;

/// A decoded frame. Borrowed: see BinanceDecoder::Decode.
struct BinanceFrame {
  BinanceKind kind = BinanceKind::kMalformed;
  std::string_view error;   // what was wrong (kMalformed)
  std::string_view stream;  // of a combined frame
  std::string_view event;   // the venue's name for the type, when the frame has one
  std::string_view symbol;
  EventTime time;  // unix_ns 0 and kReceive: the frame has no time

  std::int64_t first_id = 0, last_id = 0, prev_id = 0;  // bookTicker: last_id only
  bool readable = true;                                 // depth: every level parsed
  std::span<const Level> bids, asks;
  /// The levels as the venue wrote them, `[["price","qty"],...]`; empty when the frame holds more.
  std::string_view bids_json, asks_json;
  std::string_view bid, bid_qty, ask, ask_qty;  // bookTicker, plain decimals or empty

  BinanceTrade trade;                      // kAggTrade, kTrade
  BinanceCandle candle;                    // kKline
  std::span<const BinanceTicker> tickers;  // kTicker, kMiniTicker: one, or those of an array
  std::span<const BinanceMark> marks;      // kMarkPrice: the same
  BinanceControl control;                  // kAck, kError
};

struct BinanceSnapshot {
  std::int64_t last_id = 0;
  EventTime time;
  std::span<const Level> bids, asks;
};

struct BinanceCounters {
  std::array<std::uint64_t, kBinanceKinds> frames{};  // by BinanceKind
  std::vector<std::string> unknown_messages;          // each type once, at most kMaxListed
  std::vector<std::string> unknown_fields;            // "type.field", each once, at most kMaxListed
  std::uint64_t bad_elements = 0;                     // of arrays: skipped, the others are used
  std::uint64_t unlisted = 0;                         // sightings that found the lists full
  static constexpr std::size_t kMaxListed = 256;

  std::uint64_t of(BinanceKind kind) const noexcept {
    return frames[static_cast<std::size_t>(kind)];
  }
};

/// [owner] for everything.
class BinanceDecoder {
 public:
  explicit BinanceDecoder(BinanceMarket market);
  ~BinanceDecoder();
  BinanceDecoder(BinanceDecoder&&) noexcept;
  BinanceDecoder& operator=(BinanceDecoder&&) noexcept;

  /// One frame, raw or combined, of at most kMaxEventBytes. Never fails: a bad frame is kMalformed
  /// and says why. The result is borrowed until the next call, and its views while `text` lives.
  const BinanceFrame& Decode(std::string_view text);
  /// The same without the shortcut for the shapes that venues send most: slower, same result.
  const BinanceFrame& DecodeAnyShape(std::string_view text);

  /// The answer of `GET .../depth`; views are borrowed until the next call.
  /// Errors: INVALID_ARGUMENT saying what was expected, also for a level that does not parse;
  /// UNAVAILABLE with the venue's own error text when the answer is one.
  Result<BinanceSnapshot> DecodeSnapshot(std::string_view body);

  const BinanceCounters& counters() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
