// What a feed keeps for one symbol, and where it finds it by name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
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
    if (table_.empty()) return nullptr;
    const Key key(name);
    for (std::size_t at = key.Hash();; ++at) {
      const Slot& slot = table_[at & (table_.size() - 1)];
      if (slot.symbol == nullptr) return nullptr;
      if (slot.key == key && (key.IsWhole() || slot.symbol->name == name)) return slot.symbol;
    }
  }
  FeedSymbol& Add(std::unique_ptr<FeedSymbol> symbol) {
    all_.push_back(std::move(symbol));
    if (2 * all_.size() > table_.size()) {
      table_.assign(std::max<std::size_t>(16, 2 * table_.size()), {});
      for (const auto& one : all_) Enter(*one);
    } else {
      Enter(*all_.back());
    }
    return *all_.back();
  }
  const std::vector<std::unique_ptr<FeedSymbol>>& all() const noexcept { return all_; }

 private:
  /// A name's first and last eight bytes and its length: up to 16 bytes that is the whole name.
  struct Key {
    Key() noexcept = default;
    explicit Key(std::string_view name) noexcept : size(name.size()) {
      if (size >= 8) {
        std::memcpy(&first, name.data(), 8);
        std::memcpy(&last, name.data() + size - 8, 8);
      } else if (size >= 4) {
        std::uint32_t half = 0;
        std::memcpy(&half, name.data(), 4);
        first = half;
        std::memcpy(&half, name.data() + size - 4, 4);
        last = half;
      } else {
        for (const char c : name) first = first << 8 | static_cast<unsigned char>(c);
      }
    }
    bool IsWhole() const noexcept { return size <= 16; }
    std::size_t Hash() const noexcept {
      const std::uint64_t mixed =
          (first ^ (last << 1 | last >> 63) ^ size) * std::uint64_t{0x9e3779b97f4a7c15};
      return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
    friend bool operator==(const Key&, const Key&) noexcept = default;

    std::uint64_t first = 0, last = 0, size = 0;
  };
  struct Slot {
    Key key;
    FeedSymbol* symbol = nullptr;
  };

  void Enter(FeedSymbol& symbol) noexcept {
    const Key key(symbol.name);
    std::size_t at = key.Hash();
    while (table_[at & (table_.size() - 1)].symbol != nullptr) ++at;
    table_[at & (table_.size() - 1)] = {key, &symbol};
  }

  std::vector<std::unique_ptr<FeedSymbol>> all_;
  std::vector<Slot> table_;  // open addressing, a power of two, at most half full
};

}  // namespace virtufin::inline v0::detail
