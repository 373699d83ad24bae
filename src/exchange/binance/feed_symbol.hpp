// What a feed keeps for one symbol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/event_channel.hpp"
#include "exchange/payloads.hpp"
#include "exchange/symbol_table.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

struct FeedSymbol {
  FeedSymbol(std::string_view symbol, const FeedIdentity& identity, const BookSyncOptions& options)
      : name(symbol),
        book(options),
        snapshots(identity, "orderbook.snapshot", "orderbook.snapshotted", symbol),
        updates(identity, "orderbook.update", "orderbook.updated", symbol),
        quotes(identity, "quote.update", "quote.updated", symbol) {}

  std::string name;
  BookSynchroniser book;
  EventChannel snapshots, updates, quotes;
  std::uint64_t book_sequence = 0;  // of snapshots and updates together
  std::uint64_t quote_sequence = 0;

  FeedState state = FeedState::kDisconnected;
  std::int64_t since_unix_ns = 0;
  std::int64_t live_since_ns = 0;  // monotonic

  // The snapshot: not needed, due at a time, or asked for with a time to ask again.
  enum class Fetch : std::uint8_t { kNone, kDue, kAsked };
  Fetch fetch = Fetch::kNone;
  std::int64_t fetch_at_ns = BinanceFeed::kNoTick;
  int attempts = 0;  // requests since the book was stable

  std::int64_t quote_id = -1;  // of the last bookTicker that was published
  PayloadBuffer quote;         // its payload
  int quote_run = 0;           // stale ones in a row on the newest socket
};

using FeedSymbols = SymbolTable<FeedSymbol>;

}  // namespace virtufin::inline v0::detail
