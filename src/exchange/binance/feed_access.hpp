// What a live session shares with the feed of its books.
#pragma once

#include <memory>
#include <string_view>

#include "exchange/status_board.hpp"
#include "exchange/top_cell.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

struct FeedAccess {
  // Borrowed from the feed, both.
  static StatusBoard& Statuses(BinanceFeed& feed) noexcept;
  static const FeedIdentity& Identity(const BinanceFeed& feed) noexcept;
  /// Null for a symbol nobody subscribed.
  static std::shared_ptr<const SymbolTops> Tops(const BinanceFeed& feed, std::string_view symbol);
  /// Its quotes do not come any more: the last one is no top of the book.
  static void ForgetQuote(BinanceFeed& feed, std::string_view symbol) noexcept;
  /// A socket brings no data, and brings them again: books that no other socket carries are stale
  /// meanwhile.
  static void OnSilent(BinanceFeed& feed, std::uint32_t connection, FeedTime now);
  static void OnFlows(BinanceFeed& feed, std::uint32_t connection, FeedTime now);
  /// For so long we read nothing from any socket: that was no silence.
  static void OnHeld(BinanceFeed& feed, std::int64_t ns) noexcept;
  /// The live book of one symbol is stale until its next diff.
  static void OnStreamSilent(BinanceFeed& feed, std::string_view name, FeedTime now,
                             std::string_view reason);
  /// When a diff of the symbol arrived last, monotonic.
  static std::int64_t LastDiffNs(const BinanceFeed& feed, std::string_view name) noexcept;
};

}  // namespace virtufin::inline v0::detail
