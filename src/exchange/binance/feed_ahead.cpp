// Diffs of the faster of two sockets, held until the slower one has brought those before them.
#include <algorithm>
#include <utility>

#include "exchange/binance/feed_impl.hpp"

namespace virtufin::inline v0 {

using detail::AheadDiff;
using detail::FeedSymbol;

namespace {
constexpr std::int64_t kLongestNs = 2'000'000'000;
constexpr std::size_t kMostDiffs = 4096;
constexpr std::size_t kMostLevels = 262'144;
}  // namespace

AheadDiff::AheadDiff(std::uint32_t socket, FeedTime when, const BinanceFrame& source)
    : connection(socket),
      now(when),
      frame(source),
      bids_json(source.bids_json),
      asks_json(source.asks_json) {
  levels.reserve(source.bids.size() + source.asks.size());
  levels.assign(source.bids.begin(), source.bids.end());
  levels.insert(levels.end(), source.asks.begin(), source.asks.end());
}

BinanceFrame AheadDiff::View() const {
  BinanceFrame view = frame;
  view.error = view.stream = view.event = view.symbol = {};
  view.bids = std::span(levels).first(frame.bids.size());
  view.asks = std::span(levels).subspan(frame.bids.size());
  view.bids_json = bids_json;
  view.asks_json = asks_json;
  return view;
}

void BinanceFeed::Impl::HoldAhead(FeedSymbol& symbol, std::uint32_t connection, FeedTime now,
                                  const BinanceFrame& frame) {
  if (symbol.ahead.empty()) {
    symbol.ahead_until_ns = now.monotonic_ns + kLongestNs;
    next_ahead_ns = std::min(next_ahead_ns, symbol.ahead_until_ns);
  }
  symbol.ahead.emplace_back(connection, now, frame);
  symbol.ahead_levels += symbol.ahead.back().levels.size();
  if (symbol.ahead.size() >= kMostDiffs || symbol.ahead_levels >= kMostLevels) {
    ReleaseAhead(symbol, now);
  }
}

/// After a diff was used: those that follow on it.
void BinanceFeed::Impl::FollowUp(FeedSymbol& symbol, FeedTime now) {
  while (!symbol.ahead.empty()) {
    const AheadDiff& first = symbol.ahead.front();
    DepthDiff ids;
    ids.first_id = first.frame.first_id;
    ids.last_id = first.frame.last_id;
    ids.prev_id = first.frame.prev_id;
    if (symbol.book.IsAhead(ids)) return;
    const AheadDiff diff = std::move(symbol.ahead.front());
    symbol.ahead.pop_front();
    symbol.ahead_levels -= diff.levels.size();
    UseDiff(symbol, diff.connection, {diff.now.unix_ns, now.monotonic_ns}, diff.View());
  }
}

/// What is missing will not come: they are used as they are.
void BinanceFeed::Impl::ReleaseAhead(FeedSymbol& symbol, FeedTime now) {
  std::deque<AheadDiff> all = std::move(symbol.ahead);
  ForgetAhead(symbol);
  for (const AheadDiff& diff : all) {
    UseDiff(symbol, diff.connection, {diff.now.unix_ns, now.monotonic_ns}, diff.View());
  }
}

void BinanceFeed::Impl::ForgetAhead(FeedSymbol& symbol) noexcept {
  symbol.ahead.clear();
  symbol.ahead_levels = 0;
  symbol.ahead_until_ns = kNoTick;
}

void BinanceFeed::Impl::TickAhead(FeedTime now) {
  next_ahead_ns = kNoTick;
  for (const auto& symbol : symbols.all()) {
    if (symbol->ahead.empty()) continue;
    if (symbol->ahead_until_ns <= now.monotonic_ns) {
      ReleaseAhead(*symbol, now);
    } else {
      next_ahead_ns = std::min(next_ahead_ns, symbol->ahead_until_ns);
    }
  }
}

}  // namespace virtufin::inline v0
