// What a feed keeps for one symbol, and where it finds it by name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/event_channel.hpp"
#include "exchange/payloads.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

struct FeedSymbol {
  FeedSymbol(std::string_view symbol, const FeedIdentity& identity, const BookSyncOptions& options)
      : name(symbol),
        book(options),
        snapshots(identity, "orderbook.snapshot", "orderbook.snapshotted", symbol),
        updates(identity, "orderbook.update", "orderbook.updated", symbol),
        quotes(identity, "quote.update", "quote.updated", symbol),
        statuses(identity, "feed.status", "feed.changed", symbol) {}

  std::string name;
  BookSynchroniser book;
  EventChannel snapshots, updates, quotes, statuses;
  std::uint64_t book_sequence = 0;  // of snapshots and updates together
  std::uint64_t quote_sequence = 0;
  std::uint64_t status_sequence = 0;

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

/// Symbols by name, in the order they were added. A symbol stays at its address.
class FeedSymbols {
 public:
  FeedSymbol* Find(std::string_view name) const noexcept {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }
  FeedSymbol& Add(std::unique_ptr<FeedSymbol> symbol) {
    by_name_.emplace(symbol->name, symbol.get());
    all_.push_back(std::move(symbol));
    return *all_.back();
  }
  const std::vector<std::unique_ptr<FeedSymbol>>& all() const noexcept { return all_; }

 private:
  std::vector<std::unique_ptr<FeedSymbol>> all_;
  std::unordered_map<std::string_view, FeedSymbol*> by_name_;  // keys lie in the symbols
};

}  // namespace virtufin::inline v0::detail
