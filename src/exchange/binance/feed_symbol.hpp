// What a feed keeps for one symbol.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/event_channel.hpp"
#include "exchange/payloads.hpp"
#include "exchange/symbol_table.hpp"
#include "exchange/top_cell.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// The last sequence numbers of a symbol's topics; they outlive its subscriptions.
struct FeedSequences {
  std::uint64_t book = 0;  // of snapshots and updates together
  std::uint64_t depth = 0, quote = 0;
};

/// A diff of the faster of two sockets that waits for those before it; it owns what it shows.
struct AheadDiff {
  AheadDiff(std::uint32_t socket, FeedTime when, const BinanceFrame& source);
  BinanceFrame View() const;

  std::uint32_t connection;
  FeedTime now;
  BinanceFrame frame;
  std::vector<Level> levels;
  std::string bids_json, asks_json;
};

struct FeedSymbol {
  FeedSymbol(std::string_view symbol, const FeedIdentity& identity, const BookSyncOptions& options)
      : name(symbol),
        book(options),
        snapshots(identity, "orderbook.snapshot", "orderbook.snapshotted", symbol),
        updates(identity, "orderbook.update", "orderbook.updated", symbol),
        depths(identity, "orderbook.depth", "orderbook.conflated", symbol),
        quotes(identity, "quote.update", "quote.updated", symbol) {}

  std::string name;
  BinanceFeedParts parts;
  BookSynchroniser book;
  EventChannel snapshots, updates, depths, quotes;
  std::shared_ptr<SymbolTops> tops = std::make_shared<SymbolTops>();  // other threads read them
  FeedSequences sequences;

  std::uint64_t number = 0;             // in the order of subscription
  std::vector<std::uint32_t> carriers;  // open sockets on which the depth stream runs
  std::uint32_t carrier = 0;            // the newest of them; without any, the last one
  FeedState state = FeedState::kDisconnected;
  std::string reason;  // of the state
  std::int64_t since_unix_ns = 0;
  std::int64_t live_since_ns = 0;  // monotonic
  std::int64_t last_diff_ns = 0;   // monotonic
  bool owes_snapshot = false;      // asked for while it was stale
  bool muted = false;              // stale because its sockets are silent

  // The snapshot: not needed, due at a time, or asked for with a time to ask again.
  enum class Fetch : std::uint8_t { kNone, kDue, kAsked };
  Fetch fetch = Fetch::kNone;
  std::int64_t fetch_at_ns = BinanceFeed::kNoTick;
  int attempts = 0;                 // requests since the book was stable
  std::uint64_t request = 0;        // the last one
  std::uint64_t first_request = 0;  // since the stream runs; answers to earlier ones are not used

  std::int64_t depth_at_ns = BinanceFeed::kNoTick;  // of the next orderbook.depth; the book changed
  std::int64_t depth_last_ns = INT64_MIN / 2;
  std::string depth_levels;  // the last one's, as written

  std::deque<AheadDiff> ahead;  // in the order they came
  std::size_t ahead_levels = 0;
  std::int64_t ahead_until_ns = BinanceFeed::kNoTick;  // then they are used as they are

  std::int64_t quote_id = -1;  // of the last bookTicker that was published
  PayloadBuffer quote;         // its payload
  int quote_run = 0;           // stale ones in a row, while one socket alone brings them
  std::vector<std::uint32_t> quote_sockets;    // open ones that brought one
  std::uint32_t quote_anew_after = kNoSocket;  // a socket after this one may begin with any id
  static constexpr std::uint32_t kNoSocket = UINT32_MAX;
};

using FeedSymbols = SymbolTable<FeedSymbol>;

}  // namespace virtufin::inline v0::detail
