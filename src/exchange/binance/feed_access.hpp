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
};

}  // namespace virtufin::inline v0::detail
