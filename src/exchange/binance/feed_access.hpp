// What a live session shares with the feed of its books.
#pragma once

#include "exchange/status_board.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// Borrowed from the feed, both.
struct FeedAccess {
  static StatusBoard& Statuses(BinanceFeed& feed) noexcept;
  static const FeedIdentity& Identity(const BinanceFeed& feed) noexcept;
};

}  // namespace virtufin::inline v0::detail
