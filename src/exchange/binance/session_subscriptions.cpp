// Subscriptions of a session: what they need, and what becomes of them.
#include <algorithm>
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/session_impl.hpp"

namespace virtufin::inline v0::detail {
namespace {

bool IsBookOrQuote(FeedChannel channel) noexcept {
  return channel == FeedChannel::kBook || channel == FeedChannel::kQuote;
}

SubscriptionState StateOf(FeedState state) noexcept {
  switch (state) {
    case FeedState::kLive:
      return SubscriptionState::kLive;
    case FeedState::kStale:
      return SubscriptionState::kStale;
    case FeedState::kGap:
      return SubscriptionState::kGap;
    case FeedState::kResync:
      return SubscriptionState::kResync;
    case FeedState::kDisconnected:
      return SubscriptionState::kDisconnected;
  }
  return SubscriptionState::kPending;
}

}  // namespace

// ---- what they need ----------------------------------------------------------------------------

Status BinanceSession::Impl::UpdateParts(std::string_view symbol, FeedTime now,
                                         std::string_view reason) {
  const auto at = books_of.find(symbol);
  if (at == books_of.end()) {
    books->Unsubscribe(symbol, now, reason);
    return {};
  }
  BinanceFeedParts parts;
  parts.book = parts.quote = false;
  for (const Subscription* const one : at->second) {
    const StreamPlan& plan = one->plan;
    if (plan.request.channel == FeedChannel::kQuote) {
      parts.quote = true;
    } else if (plan.depth_interval_ms == 0) {
      parts.book = true;
    } else if (parts.depth_interval_ms == 0) {
      parts.depth_interval_ms = plan.depth_interval_ms;
      parts.depth_levels = plan.depth_levels;
    } else {
      parts.depth_interval_ms = std::min(parts.depth_interval_ms, plan.depth_interval_ms);
      parts.depth_levels = std::max(parts.depth_levels, plan.depth_levels);
    }
  }
  return books->Subscribe(symbol, now, parts);
}

Status BinanceSession::Impl::Join(Subscription& subscription, FeedTime now) {
  const StreamPlan& plan = subscription.plan;
  if (!IsBookOrQuote(plan.request.channel)) {
    if (Status status = market->Subscribe(plan.market, now); !status.ok()) return status;
  } else {
    const std::string& symbol = plan.request.instrument;
    books_of[symbol].push_back(&subscription);
    if (Status status = UpdateParts(symbol, now, "subscribed"); !status.ok()) {
      // Only a symbol that is new to the feed can be refused: it has this one subscription.
      books_of.erase(symbol);
      return status;
    }
  }
  if (plan.stream.empty()) return {};
  subscription.stream = &connections->Want(plan, now);
  if (plan.depth) watch->Add(plan.request.instrument, now);
  if (const std::uint32_t socket = connections->SocketOf(*subscription.stream); socket != 0) {
    TellLive(*subscription.stream, socket, now);
  }
  if (const std::uint32_t next = Connections::NextSocketOf(*subscription.stream); next != 0) {
    TellLive(*subscription.stream, next, now);
  }
  return {};
}

void BinanceSession::Impl::Leave(Subscription& subscription, FeedTime now,
                                 std::string_view reason) {
  if (subscription.rejected) return;  // it has left
  const StreamPlan& plan = subscription.plan;
  if (!IsBookOrQuote(plan.request.channel)) {
    market->Unsubscribe(plan.market);
  } else {
    const auto at = books_of.find(plan.request.instrument);
    std::erase(at->second, &subscription);
    const bool depth = std::any_of(at->second.begin(), at->second.end(),
                                   [](const auto* one) { return one->plan.depth; });
    if (!depth) watch->Remove(plan.request.instrument);
    if (at->second.empty()) books_of.erase(at);
    // Fewer parts of a symbol that the feed has taken are never refused.
    (void)UpdateParts(plan.request.instrument, now, reason).ok();
  }
  if (subscription.stream != nullptr) {
    connections->LetGo(*std::exchange(subscription.stream, nullptr), now);
  }
}

// ---- what the venue refuses --------------------------------------------------------------------

void BinanceSession::Impl::Reject(Subscription& subscription, FeedTime now, std::string reason) {
  const std::uint32_t socket =
      subscription.stream == nullptr ? 0 : connections->SocketOf(*subscription.stream);
  Leave(subscription, now, "rejected: " + reason);
  subscription.rejected = true;
  subscription.reason = std::move(reason);
  subscription.since_unix_ns = now.unix_ns;
  ++rejections;
  NoteChange(subscription.plan.request.instrument);
  const FeedRequest& request = subscription.plan.request;
  PublishStatus(request.instrument, "channel", FeedChannelName(request.channel), "disconnected",
                socket, "rejected: " + subscription.reason, now);
}

void BinanceSession::Impl::RejectRefused(FeedTime now) {
  const auto names = std::exchange(refused, {});
  const auto reasons = std::exchange(refused_reasons, {});
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const auto& [_, subscription] : subscriptions) {
      if (subscription->stream != nullptr && subscription->plan.stream == names[i]) {
        Reject(*subscription, now, reasons[i]);
      }
    }
  }
}

void BinanceSession::Impl::RejectBooks(std::string_view symbol, FeedTime now,
                                       std::string_view reason) {
  const auto at = books_of.find(symbol);
  if (at == books_of.end()) return;
  const std::vector<Subscription*> all = at->second;
  for (Subscription* const one : all) {
    if (one->plan.depth) Reject(*one, now, std::string(reason));
  }
}

/// A symbol may be newer than what we know: unless that is fresh, the venue is asked first.
void BinanceSession::Impl::CheckSymbol(Subscription& subscription, FeedTime now, bool just_read) {
  const std::string& symbol = subscription.plan.request.instrument;
  MarketInstrument found;
  if (!Running() || !options.check_symbols || symbol.empty() || subscription.rejected ||
      !market->instruments_known() || market->FindInstrument(symbol, found)) {
    return;
  }
  const std::int64_t fresh_ns = std::max<std::int64_t>(1, options.symbols_fresh_ms) * 1'000'000;
  if (!just_read && now.monotonic_ns - market->instruments_read_ns() >= fresh_ns) {
    // Asked once, the feed goes on asking by itself until it has read it.
    if (now.monotonic_ns - refreshed_ns >= fresh_ns) {
      refreshed_ns = now.monotonic_ns;
      market->RefreshInstruments(now);
    }
    return;
  }
  Reject(subscription, now, "the venue lists no symbol " + symbol);
}

void BinanceSession::Impl::StartMarket(FeedTime now) {
  if (!Running() || market_started) return;
  const auto needs = [](const auto& entry) {
    const FeedChannel channel = entry.second->plan.request.channel;
    return channel == FeedChannel::kInstrument || channel == FeedChannel::kStatus;
  };
  if (!options.check_symbols && std::none_of(subscriptions.begin(), subscriptions.end(), needs)) {
    return;
  }
  market_started = true;
  market->Start(now);
}

// ---- what they are worth -----------------------------------------------------------------------

SubscriptionStatus BinanceSession::Impl::StatusOf(const Subscription& subscription) const {
  const StreamPlan& plan = subscription.plan;
  SubscriptionStatus out;
  out.request = plan.request;
  out.references = subscription.references;
  out.since_unix_ns = subscription.since_unix_ns;
  const auto is = [&](SubscriptionState state, std::string_view reason, std::int64_t since) {
    out.state = state;
    out.reason = reason;
    out.since_unix_ns = std::max(since, out.since_unix_ns);
    return out;
  };
  if (subscription.rejected) return is(SubscriptionState::kRejected, subscription.reason, 0);
  if (stopped) return is(SubscriptionState::kStopped, "stopped", stopped_unix_ns);
  if (!started) return is(SubscriptionState::kPending, "not started", 0);
  const VenueStream* const stream = subscription.stream;
  if (stream != nullptr && connections->SocketOf(*stream) == 0) {
    return is(stream->was_live ? SubscriptionState::kDisconnected : SubscriptionState::kPending,
              stream->reason.empty() ? "not asked for yet" : stream->reason, stream->since_unix_ns);
  }
  if (plan.request.channel == FeedChannel::kQuote) {
    if (connections->IsSilent(*stream)) {
      return is(SubscriptionState::kStale, "no data on its socket", stream->since_unix_ns);
    }
    return is(SubscriptionState::kLive, stream->reason, stream->since_unix_ns);
  }
  if (plan.request.channel != FeedChannel::kBook) {
    MarketStatus status = market->StatusOf(plan.market);
    return is(status.state, status.reason, status.since_unix_ns);
  }
  const BookStatus book = books->status(plan.request.instrument);
  is(StateOf(book.state), book.reason, book.since_unix_ns);
  if (const std::int64_t until = rest->banned_until_unix_ns();
      until != 0 && book.state == FeedState::kResync) {
    out.reason += "; banned until " + Timestamp::FromUnixMillis(until / 1'000'000).ToString();
  }
  return out;
}

void BinanceSession::Impl::Enter(Subscription& subscription) {
  const std::string& instrument = subscription.plan.request.instrument;
  lanes[instrument].all.push_back(&subscription);
  NoteChange(instrument);
}

void BinanceSession::Impl::Remove(const Subscription& subscription) {
  const auto at = lanes.find(subscription.plan.request.instrument);
  Lane& lane = at->second;
  std::erase(lane.all, &subscription);
  if (!lane.all.empty()) return;
  std::erase(changed_lanes, &lane);
  if (!at->first.empty()) FeedAccess::Statuses(*books).Retire(at->first);
  lanes.erase(at);
}

void BinanceSession::Impl::NoteChange(std::string_view instrument) {
  const auto at = lanes.find(instrument);
  if (at == lanes.end() || std::exchange(at->second.changed, true)) return;
  changed_lanes.push_back(&at->second);
}

/// Of all subscriptions.
void BinanceSession::Impl::NoteChanges() {
  for (auto& [_, lane] : lanes) {
    if (!std::exchange(lane.changed, true)) changed_lanes.push_back(&lane);
  }
}

/// What became of exchangeInfo is told by no status event.
void BinanceSession::Impl::NoteListings() {
  for (const auto& [_, subscription] : subscriptions) {
    const FeedRequest& request = subscription->plan.request;
    if (request.channel == FeedChannel::kInstrument || request.channel == FeedChannel::kStatus) {
      NoteChange(request.instrument);
    }
  }
}

void BinanceSession::Impl::WriteCells() {
  for (Lane* const lane : changed_lanes) {
    lane->changed = false;
    for (Subscription* const subscription : lane->all) {
      SubscriptionStatus status = StatusOf(*subscription);
      // Also when it never was live: a frame may have been on its way from the stream before.
      if (status.state != SubscriptionState::kLive &&
          status.request.channel == FeedChannel::kQuote) {
        FeedAccess::ForgetQuote(*books, status.request.instrument);
      }
      subscription->cell->Set({status.state, std::move(status.reason), status.since_unix_ns});
    }
  }
  changed_lanes.clear();
}

// ---- public ------------------------------------------------------------------------------------

Result<FeedHandle> BinanceSession::Subscribe(const FeedRequest& request, FeedTime now) {
  Impl& impl = *impl_;
  impl.cause.New();
  if (impl.stopped) {
    return Status(StatusCode::kUnavailable, "exchange", "expected a running session: it stopped");
  }
  auto plan = PlanStream(impl.options.feed.market, impl.options.depth_speed_ms, request);
  if (!plan.ok()) return plan.status();
  auto at = impl.subscriptions.find(plan->key);
  if (at == impl.subscriptions.end()) {
    if (impl.subscriptions.size() >= impl.options.max_subscriptions) {
      return Status(StatusCode::kResourceExhausted, "exchange",
                    "expected at most " + std::to_string(impl.options.max_subscriptions) +
                        " different subscriptions");
    }
    auto subscription = std::make_unique<Impl::Subscription>();
    subscription->plan = std::move(*plan);
    subscription->since_unix_ns = now.unix_ns;
    if (Status status = impl.Join(*subscription, now); !status.ok()) return status;
    const std::string key = subscription->plan.key;
    at = impl.subscriptions.emplace(key, std::move(subscription)).first;
    impl.Enter(*at->second);
    impl.CheckSymbol(*at->second, now, false);
    impl.StartMarket(now);
    if (impl.Running()) impl.Settle(now);
    impl.WriteCells();
  }
  ++at->second->references;
  impl.handles.emplace(++impl.last_handle, at->second.get());
  return impl.last_handle;
}

Status BinanceSession::Unsubscribe(FeedHandle handle, FeedTime now) {
  Impl& impl = *impl_;
  impl.cause.New();
  const auto at = impl.handles.find(handle);
  if (at == impl.handles.end()) {
    return Status(StatusCode::kNotFound, "exchange",
                  "no subscription has the handle " + std::to_string(handle));
  }
  Impl::Subscription& subscription = *at->second;
  impl.handles.erase(at);
  if (--subscription.references > 0) return {};
  impl.Leave(subscription, now, "unsubscribed");
  impl.Remove(subscription);
  impl.subscriptions.erase(impl.subscriptions.find(subscription.plan.key));
  if (impl.Running()) impl.Settle(now);
  return {};
}

Status BinanceSession::Republish(FeedHandle handle, FeedTime now) {
  Impl& impl = *impl_;
  impl.cause.New();
  const auto at = impl.handles.find(handle);
  if (at == impl.handles.end()) {
    return Status(StatusCode::kNotFound, "exchange",
                  "no subscription has the handle " + std::to_string(handle));
  }
  const StreamPlan& plan = at->second->plan;
  if (at->second->rejected || plan.request.channel != FeedChannel::kBook) return {};
  impl.books->Republish(plan.request.instrument, now, plan.depth_interval_ms > 0);
  return {};
}

Result<SubscriptionStatus> BinanceSession::StatusOf(FeedHandle handle) const {
  const auto at = impl_->handles.find(handle);
  if (at == impl_->handles.end()) {
    return Status(StatusCode::kNotFound, "exchange",
                  "no subscription has the handle " + std::to_string(handle));
  }
  return impl_->StatusOf(*at->second);
}

std::shared_ptr<const SymbolTops> BinanceSession::TopsOf(FeedHandle handle) const {
  const auto at = impl_->handles.find(handle);
  if (at == impl_->handles.end() || !IsBookOrQuote(at->second->plan.request.channel)) {
    return nullptr;
  }
  return FeedAccess::Tops(*impl_->books, at->second->plan.request.instrument);
}

std::shared_ptr<const StatusCell> BinanceSession::CellOf(FeedHandle handle) const {
  const auto at = impl_->handles.find(handle);
  return at == impl_->handles.end() ? nullptr : at->second->cell;
}

}  // namespace virtufin::inline v0::detail
