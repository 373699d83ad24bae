// Books of a feed: how they become live, and the events that are made of them.
#include <algorithm>
#include <utility>

#include "exchange/binance/feed_impl.hpp"

namespace virtufin::inline v0 {

using detail::FeedSymbol;
using Fetch = FeedSymbol::Fetch;

namespace {
constexpr int kQuoteStaleLimit = 20;  // as for books: the venue restarted its ids

DepthDiff DiffOf(const BinanceFrame& frame, FeedTime now) noexcept {
  DepthDiff diff;
  diff.first_id = frame.first_id;
  diff.last_id = frame.last_id;
  diff.prev_id = frame.prev_id;
  diff.readable = frame.readable;
  diff.time = frame.time;
  if (diff.time.source == TimeSource::kReceive) diff.time.unix_ns = now.unix_ns;
  diff.bids = frame.bids;
  diff.asks = frame.asks;
  return diff;
}
}  // namespace

bool BinanceFeed::Impl::IsOpen(std::uint32_t connection) const noexcept {
  return std::find(open.begin(), open.end(), connection) != open.end();
}

std::uint32_t BinanceFeed::Impl::NewestOpen() const noexcept {
  return open.empty() ? 0 : *std::max_element(open.begin(), open.end());
}

// ---- tops of books -----------------------------------------------------------------------------

void BinanceFeed::Impl::ShowBook(FeedSymbol& symbol, FeedTime now) noexcept {
  TopOfBook top;
  const BookSide bids = symbol.book.book().bids(1), asks = symbol.book.book().asks(1);
  if (!bids.empty()) top.bid = bids.front();
  if (!asks.empty()) top.ask = asks.front();
  top.update_id = symbol.book.last_update_id();
  top.event_unix_ns = symbol.book.last_time().unix_ns;
  top.receive_unix_ns = now.unix_ns;
  symbol.tops->book.Set(top);
}

void BinanceFeed::Impl::ShowQuote(FeedSymbol& symbol, FeedTime now,
                                  const BinanceFrame& frame) noexcept {
  const bool untimed = frame.time.source == TimeSource::kReceive;
  symbol.tops->quote.Set({{frame.bid, frame.bid_qty, frame.ask, frame.ask_qty},
                          frame.last_id,
                          untimed ? now.unix_ns : frame.time.unix_ns,
                          now.unix_ns});
}

// ---- events ------------------------------------------------------------------------------------

/// False: the event was too large; its sequence number was not used.
bool BinanceFeed::Impl::Publish(detail::EventChannel& channel, std::string_view json,
                                std::uint64_t& sequence, const detail::EventMoment& moment) {
  const Result<Message> message = channel.Make(json, sequence + 1, moment);
  if (!message.ok()) {
    ++counts.too_large;
    return false;
  }
  ++sequence;
  ++counts.events;
  sink.Publish(*message);
  return true;
}

void BinanceFeed::Impl::SetState(FeedSymbol& symbol, FeedState state, FeedTime now,
                                 std::string_view reason, const BookGap* gap) {
  if (symbol.state == state) return;
  symbol.state = state;
  symbol.reason = reason;
  symbol.since_unix_ns = now.unix_ns;
  if (state == FeedState::kLive) {
    ShowBook(symbol, now);
  } else {
    symbol.tops->book.Clear();
  }
  detail::StatusFields status;
  status.state = FeedStateName(state);
  status.reason = reason;
  status.session = symbol.carrier;
  status.since_unix_ns = now.unix_ns;
  if (gap != nullptr) {
    status.expected = gap->expected;
    status.got = gap->got;
  }
  ++counts.events;
  sink.Publish(statuses.Make(symbol.name, status, Cause(now, {})));
}

/// False: too large.
bool BinanceFeed::Impl::PublishSnapshot(FeedSymbol& symbol, FeedTime now) {
  const auto moment = Cause(now, symbol.book.last_time());
  detail::WriteSnapshot(payload, symbol.book.book(), symbol.book.last_update_id(),
                        moment.event.unix_ns, options.max_depth);
  return Publish(symbol.snapshots, payload.text(), symbol.sequences.book, moment);
}

void BinanceFeed::Impl::PublishUpdate(FeedSymbol& symbol, FeedTime now, const BinanceFrame& frame,
                                      std::int64_t before) {
  std::optional<std::int64_t> prev_id;
  if (options.market == BinanceMarket::kUsdm) prev_id = before;
  detail::WriteUpdate(payload, frame, prev_id);
  if (Publish(symbol.updates, payload.text(), symbol.sequences.book, Cause(now, frame.time))) {
    return;
  }
  // Whoever follows the events lacks this diff from now on.
  symbol.book.Reset();
  const BookGap gap{"a diff is too large for an event", {}, {}};
  SetState(symbol, FeedState::kGap, now, gap.reason, &gap);
  SetState(symbol, FeedState::kResync, now, "waits for a snapshot");
  WantSnapshot(symbol, now);
}

void BinanceFeed::Impl::ScheduleDepth(FeedSymbol& symbol, FeedTime now) {
  if (symbol.depth_at_ns != kNoTick) return;
  symbol.depth_at_ns =
      std::max(now.monotonic_ns, symbol.depth_last_ns + symbol.parts.depth_interval_ms * kMs);
  depths_due.push_back({symbol.depth_at_ns, symbol.number, &symbol});
  std::push_heap(depths_due.begin(), depths_due.end());
}

void BinanceFeed::Impl::PublishDepth(FeedSymbol& symbol, FeedTime now) {
  if (symbol.book.state() != BookState::kLive) return;  // going live schedules it again
  const auto moment = Cause(now, symbol.book.last_time());
  detail::WriteSnapshot(payload, symbol.book.book(), symbol.book.last_update_id(),
                        moment.event.unix_ns, symbol.parts.depth_levels);
  const std::string_view levels = payload.text().substr(0, payload.text().find(",\"last_update"));
  if (levels == symbol.depth_levels) return;
  symbol.depth_levels = levels;
  symbol.depth_last_ns = now.monotonic_ns;
  Publish(symbol.depths, payload.text(), symbol.sequences.depth, moment);
}

// ---- snapshots ---------------------------------------------------------------------------------

/// The first request is made at once, the further ones wait ever longer; a book that was live for a
/// while starts anew.
void BinanceFeed::Impl::WantSnapshot(FeedSymbol& symbol, FeedTime now) {
  if (symbol.carriers.empty()) return;
  if (symbol.attempts == 0) return AskForSnapshot(symbol, now);
  std::int64_t delay_ms = options.retry_ms;
  for (int i = 1; i < symbol.attempts && delay_ms < options.max_retry_ms; ++i) delay_ms *= 2;
  symbol.fetch = Fetch::kDue;
  symbol.fetch_at_ns = now.monotonic_ns + std::min(delay_ms, options.max_retry_ms) * kMs;
  next_fetch_ns = std::min(next_fetch_ns, symbol.fetch_at_ns);
}

void BinanceFeed::Impl::AskForSnapshot(FeedSymbol& symbol, FeedTime now) {
  ++symbol.attempts;
  ++counts.snapshots_asked;
  symbol.request = ++requests;
  symbol.fetch = Fetch::kAsked;
  symbol.fetch_at_ns = options.snapshot_timeout_ms == 0
                           ? kNoTick
                           : now.monotonic_ns + options.snapshot_timeout_ms * kMs;
  next_fetch_ns = std::min(next_fetch_ns, symbol.fetch_at_ns);
  sink.FetchSnapshot(symbol.name, symbol.request);
}

void BinanceFeed::Impl::CancelSnapshot(FeedSymbol& symbol) {
  const bool asked = symbol.fetch == Fetch::kAsked;
  symbol.fetch = Fetch::kNone;
  if (asked) sink.CancelSnapshot(symbol.name, symbol.request);
}

/// With the first socket that carries the stream.
void BinanceFeed::Impl::StartOver(FeedSymbol& symbol, FeedTime now, std::string_view reason) {
  symbol.book.Reset();
  symbol.attempts = 0;
  symbol.first_request = requests + 1;
  SetState(symbol, FeedState::kResync, now, reason);
  WantSnapshot(symbol, now);
}

/// After a gap: says so, and asks for a snapshot.
void BinanceFeed::Impl::LoseBook(FeedSymbol& symbol, FeedTime now) {
  const BookGap& gap = symbol.book.last_gap();
  if (symbol.state != FeedState::kResync) {
    const bool stable = now.monotonic_ns - symbol.live_since_ns >= options.stable_ms * kMs;
    if (stable) symbol.attempts = 0;
  }
  SetState(symbol, FeedState::kGap, now, gap.reason, &gap);
  SetState(symbol, FeedState::kResync, now, "waits for a snapshot");
  WantSnapshot(symbol, now);
}

void BinanceFeed::Impl::GoLive(FeedSymbol& symbol, FeedTime now) {
  ShowBook(symbol, now);
  if (symbol.parts.book && !PublishSnapshot(symbol, now)) {
    symbol.tops->book.Clear();
    symbol.book.Reset();
    WantSnapshot(symbol, now);
    return;
  }
  symbol.live_since_ns = now.monotonic_ns;
  ++counts.synchronised;
  SetState(symbol, FeedState::kLive, now, "synchronised");
  Weigh(symbol, now);
  if (symbol.parts.depth_interval_ms > 0) ScheduleDepth(symbol, now);
}

Status BinanceFeed::Impl::TakeSnapshot(FeedSymbol& symbol, FeedTime now, std::string_view body) {
  symbol.fetch = Fetch::kNone;
  auto snapshot = decoder.DecodeSnapshot(body);
  if (!snapshot.ok()) {
    ++counts.snapshots_failed;
    WantSnapshot(symbol, now);
    return snapshot.status();
  }
  if (snapshot->time.source == TimeSource::kReceive) snapshot->time.unix_ns = now.unix_ns;
  switch (
      symbol.book.OnSnapshot({snapshot->last_id, snapshot->time, snapshot->bids, snapshot->asks})) {
    case BookOutcome::kApplied:
      GoLive(symbol, now);
      break;
    case BookOutcome::kSnapshotStale:
      WantSnapshot(symbol, now);
      break;
    default:
      LoseBook(symbol, now);
      break;
  }
  return {};
}

// ---- where a depth stream runs -----------------------------------------------------------------

void BinanceFeed::Impl::AddCarrier(FeedSymbol& symbol, std::uint32_t connection, FeedTime now) {
  auto& carriers = symbol.carriers;
  if (std::find(carriers.begin(), carriers.end(), connection) != carriers.end()) return;
  carriers.push_back(connection);
  symbol.carrier = *std::max_element(carriers.begin(), carriers.end());
  symbol.book.SetNewest(symbol.carrier, carriers.size());
  if (carriers.size() == 1) return StartOver(symbol, now, "connected");
  Weigh(symbol, now);
}

void BinanceFeed::Impl::RemoveCarrier(FeedSymbol& symbol, std::uint32_t connection, FeedTime now,
                                      std::string_view reason) {
  auto& carriers = symbol.carriers;
  if (std::erase(carriers, connection) == 0) return;
  if (carriers.empty()) {
    symbol.carrier = connection;
    EndBook(symbol, now, reason);
  } else {
    symbol.carrier = *std::max_element(carriers.begin(), carriers.end());
    symbol.book.SetNewest(symbol.carrier, carriers.size());
    // What the faster one was ahead of still comes when it was the faster one that ended.
    const bool lost = std::any_of(symbol.ahead.begin(), symbol.ahead.end(),
                                  [&](const auto& diff) { return diff.connection != connection; });
    Weigh(symbol, now);
    if (carriers.size() == 1 && lost) ReleaseAhead(symbol, now);
  }
}

void BinanceFeed::Impl::EndBook(FeedSymbol& symbol, FeedTime now, std::string_view reason) {
  symbol.carriers.clear();
  symbol.muted = symbol.owes_snapshot = false;
  ForgetAhead(symbol);
  symbol.book.Reset();
  CancelSnapshot(symbol);
  SetState(symbol, FeedState::kDisconnected, now, reason);
}

// ---- frames ------------------------------------------------------------------------------------

void BinanceFeed::Impl::OnDepth(std::uint32_t connection, FeedTime now, const BinanceFrame& frame) {
  FeedSymbol* const symbol = symbols.Find(frame.symbol);
  if (symbol == nullptr || !symbol->parts.NeedsBook()) {
    ++counts.unsubscribed;
    return;
  }
  if (symbol->carriers.size() != 1 || symbol->carriers[0] != connection) {
    AddCarrier(*symbol, connection, now);
  }
  symbol->last_diff_ns = now.monotonic_ns;
  if (symbol->state == FeedState::kStale) Revive(*symbol, now);
  if (symbol->carriers.size() > 1 && symbol->book.IsAhead(DiffOf(frame, now))) {
    return HoldAhead(*symbol, connection, now, frame);
  }
  UseDiff(*symbol, connection, now, frame);
  if (!symbol->ahead.empty()) FollowUp(*symbol, now);
}

void BinanceFeed::Impl::UseDiff(FeedSymbol& symbol, std::uint32_t connection, FeedTime now,
                                const BinanceFrame& frame) {
  const std::int64_t before = symbol.book.last_update_id();
  switch (symbol.book.OnDiff(connection, DiffOf(frame, now))) {
    case BookOutcome::kApplied:
      ShowBook(symbol, now);
      if (symbol.parts.book) PublishUpdate(symbol, now, frame, before);
      if (symbol.parts.depth_interval_ms > 0) ScheduleDepth(symbol, now);
      break;
    case BookOutcome::kGap:
    case BookOutcome::kSnapshotStale:
      LoseBook(symbol, now);
      break;
    default:
      break;
  }
}

void BinanceFeed::Impl::OnBookTicker(std::uint32_t connection, FeedTime now,
                                     const BinanceFrame& frame) {
  FeedSymbol* const symbol = symbols.Find(frame.symbol);
  if (symbol == nullptr || !symbol->parts.quote) {
    ++counts.unsubscribed;
    return;
  }
  auto& sockets = symbol->quote_sockets;
  if (std::find(sockets.begin(), sockets.end(), connection) == sockets.end()) {
    sockets.push_back(connection);
    symbol->quote_run = 0;
  }
  if (connection > symbol->quote_anew_after) symbol->quote_id = -1;
  detail::WriteQuote(payload, frame);
  const bool stale = frame.last_id < symbol->quote_id ||
                     (frame.last_id == symbol->quote_id && payload.text() == symbol->quote.text());
  if (stale && !(sockets.size() == 1 && ++symbol->quote_run >= kQuoteStaleLimit)) {
    ++counts.quotes_stale;
    return;
  }
  symbol->quote_run = 0;
  symbol->quote_anew_after = FeedSymbol::kNoSocket;
  symbol->quote_id = frame.last_id;
  swap(symbol->quote, payload);
  ShowQuote(*symbol, now, frame);
  Publish(symbol->quotes, symbol->quote.text(), symbol->sequences.quote, Cause(now, frame.time));
}

// ---- what is due -------------------------------------------------------------------------------

void BinanceFeed::Impl::TickFetches(FeedTime now) {
  next_fetch_ns = kNoTick;
  for (const auto& symbol : symbols.all()) {
    if (symbol->fetch == Fetch::kNone) continue;
    if (symbol->fetch_at_ns > now.monotonic_ns) {
      next_fetch_ns = std::min(next_fetch_ns, symbol->fetch_at_ns);
    } else if (symbol->fetch == Fetch::kAsked) {
      ++counts.snapshots_failed;
      WantSnapshot(*symbol, now);
    } else {
      AskForSnapshot(*symbol, now);
    }
  }
}

void BinanceFeed::Impl::TickDepths(FeedTime now) {
  while (!depths_due.empty() && depths_due.front().at_ns <= now.monotonic_ns) {
    std::pop_heap(depths_due.begin(), depths_due.end());
    const DepthDue due = depths_due.back();
    depths_due.pop_back();
    if (due.symbol->depth_at_ns != due.at_ns) continue;  // its interval changed
    due.symbol->depth_at_ns = kNoTick;
    NewCause();
    PublishDepth(*due.symbol, now);
  }
}

}  // namespace virtufin::inline v0
