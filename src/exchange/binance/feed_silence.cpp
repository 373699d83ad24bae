// Books whose stream, socket or venue is silent: stale until something arrives again.
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/feed_impl.hpp"

namespace virtufin::inline v0 {

using detail::FeedSymbol;

void BinanceFeed::Impl::TickSilence(FeedTime now) {
  if (open.empty() || silent || options.silent_after_ms == 0 ||
      now.monotonic_ns - last_frame_ns < options.silent_after_ms * kMs) {
    return;
  }
  silent = true;
  for (const auto& symbol : symbols.all()) {
    if (symbol->state == FeedState::kLive) {
      SetState(*symbol, FeedState::kStale, now, "no frame on any socket");
    }
  }
}

/// After its sockets, or what they bring, have changed.
void BinanceFeed::Impl::Weigh(FeedSymbol& symbol, FeedTime now) {
  const bool muted = silent_sockets.AreAll(symbol.carriers);
  if (muted && symbol.state == FeedState::kLive) {
    symbol.muted = true;
    SetState(symbol, FeedState::kStale, now, "no data on its socket");
  } else if (!muted && symbol.muted) {
    Revive(symbol, now);
  }
}

/// What it says decides by ids whether something was lost meanwhile.
void BinanceFeed::Impl::Revive(FeedSymbol& symbol, FeedTime now) {
  symbol.muted = false;
  if (symbol.state != FeedState::kStale) return;
  SetState(symbol, FeedState::kLive, now, "data arrive again");
  if (std::exchange(symbol.owes_snapshot, false)) PublishSnapshot(symbol, now);
}

/// Of a live book, for a new subscriber: a stale one is shown when it is live again.
void BinanceFeed::Impl::ShowAgain(FeedSymbol& symbol, FeedTime now) {
  symbol.owes_snapshot = symbol.state == FeedState::kStale;
  if (!symbol.owes_snapshot) PublishSnapshot(symbol, now);
}

namespace detail {

void FeedAccess::OnSilent(BinanceFeed& feed, std::uint32_t connection, FeedTime now) {
  BinanceFeed::Impl& impl = *feed.impl_;
  impl.silent_sockets.Add(connection);
  for (const auto& symbol : impl.symbols.all()) impl.Weigh(*symbol, now);
}

void FeedAccess::OnFlows(BinanceFeed& feed, std::uint32_t connection, FeedTime now) {
  BinanceFeed::Impl& impl = *feed.impl_;
  impl.silent_sockets.Remove(connection);
  for (const auto& symbol : impl.symbols.all()) impl.Weigh(*symbol, now);
}

void FeedAccess::OnHeld(BinanceFeed& feed, std::int64_t ns) noexcept {
  for (const auto& symbol : feed.impl_->symbols.all()) {
    symbol->last_diff_ns += ns;
    if (!symbol->ahead.empty()) symbol->ahead_until_ns += ns;
  }
}

void FeedAccess::OnStreamSilent(BinanceFeed& feed, std::string_view name, FeedTime now,
                                std::string_view reason) {
  FeedSymbol* const symbol = feed.impl_->symbols.Find(name);
  if (symbol == nullptr || symbol->state != FeedState::kLive) return;
  feed.impl_->NewCause();
  feed.impl_->SetState(*symbol, FeedState::kStale, now, reason);
}

std::int64_t FeedAccess::LastDiffNs(const BinanceFeed& feed, std::string_view name) noexcept {
  const FeedSymbol* const symbol = feed.impl_->symbols.Find(name);
  return symbol == nullptr ? 0 : symbol->last_diff_ns;
}

}  // namespace detail
}  // namespace virtufin::inline v0
