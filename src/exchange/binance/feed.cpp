// Binance's frames and snapshot answers become books, and books become events.
#include <algorithm>
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/feed_symbol.hpp"
#include "exchange/event_cause.hpp"
#include "exchange/payloads.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::FeedSymbol;
using Fetch = FeedSymbol::Fetch;

constexpr std::int64_t kMs = 1'000'000;
constexpr int kQuoteStaleLimit = 20;  // as for books: the venue restarted its ids

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "exchange", std::move(message));
}

bool IsWorld(std::string_view world) noexcept {
  return world == "act" || (world.substr(0, 4) == "hyp." && world.size() > 4);
}

void Add(BookCounters& sum, const BookCounters& one) noexcept {
  sum.applied += one.applied;
  sum.stale += one.stale;
  sum.gaps += one.gaps;
  sum.crossed += one.crossed;
  sum.snapshots_stale += one.snapshots_stale;
  sum.dropped += one.dropped;
}

}  // namespace

std::string_view FeedStateName(FeedState state) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {"live", "stale", "gap", "resync",
                                                      "disconnected"};
  return kNames[static_cast<std::size_t>(state)];
}

struct BinanceFeed::Impl {
  Impl(const BinanceFeedOptions& o, Clock& c, BinanceFeedSink& s)
      : options(o), clock(c), sink(s), decoder(o.market), statuses(identity) {
    identity.venue = BinanceVenueName(o.market);
    identity.world = o.world;
    identity.universe = o.universe;
    identity.run_id = o.run_id;
    identity.historical = o.historical;
    identity.subject_kind = o.market == BinanceMarket::kSpot ? "currency_pair" : "instrument";
  }

  BinanceFeedOptions options;
  Clock& clock;
  BinanceFeedSink& sink;
  detail::FeedIdentity identity;
  BinanceDecoder decoder;
  detail::StatusBoard statuses;
  detail::FeedSymbols symbols;
  std::vector<std::uint32_t> open;  // connections
  std::uint32_t newest = 0;
  std::uint64_t session = 0;  // sockets opened so far
  std::int64_t last_frame_ns = 0;
  std::int64_t next_fetch_ns = kNoTick;
  bool silent = false;
  detail::EventCause cause;
  BinanceFeedCounters counts;
  detail::PayloadBuffer payload;

  void NewCause() noexcept { cause.New(); }
  detail::EventMoment Cause(FeedTime now, EventTime event) {
    return cause.Moment(now.unix_ns, event, clock, options.historical);
  }

  bool Publish(detail::EventChannel& channel, std::string_view json, std::uint64_t& sequence,
               const detail::EventMoment& moment);
  void SetState(FeedSymbol& symbol, FeedState state, FeedTime now, std::string_view reason,
                const BookGap* gap = nullptr);
  void WantSnapshot(FeedSymbol& symbol, FeedTime now);
  void AskForSnapshot(FeedSymbol& symbol, FeedTime now);
  void StartOver(FeedSymbol& symbol, FeedTime now, std::string_view reason);
  void LoseBook(FeedSymbol& symbol, FeedTime now);
  void GoLive(FeedSymbol& symbol, FeedTime now);
  void OnDepth(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  void PublishUpdate(FeedSymbol& symbol, FeedTime now, const BinanceFrame& frame,
                     std::int64_t before);
  void OnBookTicker(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);
  Status TakeSnapshot(FeedSymbol& symbol, FeedTime now, std::string_view body);
};

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
  symbol.since_unix_ns = now.unix_ns;
  detail::StatusFields status;
  status.state = FeedStateName(state);
  status.reason = reason;
  status.session = session;
  status.since_unix_ns = now.unix_ns;
  if (gap != nullptr) {
    status.expected = gap->expected;
    status.got = gap->got;
  }
  ++counts.events;
  sink.Publish(statuses.Make(symbol.name, status, Cause(now, {})));
}

// ---- snapshots ---------------------------------------------------------------------------------

/// The first request is made at once, the further ones wait ever longer; a book that was live for a
/// while starts anew.
void BinanceFeed::Impl::WantSnapshot(FeedSymbol& symbol, FeedTime now) {
  if (open.empty()) return;
  if (symbol.attempts == 0) return AskForSnapshot(symbol, now);
  const int doublings = std::min(symbol.attempts - 1, 20);
  const std::int64_t delay_ms = std::min(options.retry_ms << doublings, options.max_retry_ms);
  symbol.fetch = Fetch::kDue;
  symbol.fetch_at_ns = now.monotonic_ns + delay_ms * kMs;
  next_fetch_ns = std::min(next_fetch_ns, symbol.fetch_at_ns);
}

void BinanceFeed::Impl::AskForSnapshot(FeedSymbol& symbol, FeedTime now) {
  ++symbol.attempts;
  ++counts.snapshots_asked;
  symbol.fetch = Fetch::kAsked;
  symbol.fetch_at_ns = now.monotonic_ns + options.snapshot_timeout_ms * kMs;
  next_fetch_ns = std::min(next_fetch_ns, symbol.fetch_at_ns);
  sink.FetchSnapshot(symbol.name);
}

/// After a new start of the socket, or for a symbol that joins.
void BinanceFeed::Impl::StartOver(FeedSymbol& symbol, FeedTime now, std::string_view reason) {
  symbol.book.Reset();
  symbol.attempts = 0;
  symbol.quote_id = -1;
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
  const auto moment = Cause(now, symbol.book.last_time());
  detail::WriteSnapshot(payload, symbol.book.book(), symbol.book.last_update_id(),
                        moment.event.unix_ns, options.max_depth);
  if (Publish(symbol.snapshots, payload.text(), symbol.book_sequence, moment)) {
    symbol.live_since_ns = now.monotonic_ns;
    SetState(symbol, FeedState::kLive, now, "synchronised");
  } else {
    symbol.book.Reset();
    WantSnapshot(symbol, now);
  }
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

// ---- frames ------------------------------------------------------------------------------------

void BinanceFeed::Impl::PublishUpdate(FeedSymbol& symbol, FeedTime now, const BinanceFrame& frame,
                                      std::int64_t before) {
  std::optional<std::int64_t> prev_id;
  if (options.market == BinanceMarket::kUsdm) prev_id = before;
  detail::WriteUpdate(payload, frame, prev_id);
  if (Publish(symbol.updates, payload.text(), symbol.book_sequence, Cause(now, frame.time))) return;
  // Whoever follows the events lacks this diff from now on.
  symbol.book.Reset();
  const BookGap gap{"a diff is too large for an event", {}, {}};
  SetState(symbol, FeedState::kGap, now, gap.reason, &gap);
  SetState(symbol, FeedState::kResync, now, "waits for a snapshot");
  WantSnapshot(symbol, now);
}

void BinanceFeed::Impl::OnDepth(std::uint32_t connection, FeedTime now, const BinanceFrame& frame) {
  FeedSymbol* const symbol = symbols.Find(frame.symbol);
  if (symbol == nullptr) {
    ++counts.unsubscribed;
    return;
  }
  DepthDiff diff;
  diff.first_id = frame.first_id;
  diff.last_id = frame.last_id;
  diff.prev_id = frame.prev_id;
  diff.readable = frame.readable;
  diff.time = frame.time;
  if (diff.time.source == TimeSource::kReceive) diff.time.unix_ns = now.unix_ns;
  diff.bids = frame.bids;
  diff.asks = frame.asks;
  const std::int64_t before = symbol->book.last_update_id();
  switch (symbol->book.OnDiff(connection, diff)) {
    case BookOutcome::kApplied:
      PublishUpdate(*symbol, now, frame, before);
      break;
    case BookOutcome::kGap:
    case BookOutcome::kSnapshotStale:
      LoseBook(*symbol, now);
      break;
    default:
      break;
  }
}

void BinanceFeed::Impl::OnBookTicker(std::uint32_t connection, FeedTime now,
                                     const BinanceFrame& frame) {
  FeedSymbol* const symbol = symbols.Find(frame.symbol);
  if (symbol == nullptr) {
    ++counts.unsubscribed;
    return;
  }
  detail::WriteQuote(payload, frame);
  const bool stale = frame.last_id < symbol->quote_id ||
                     (frame.last_id == symbol->quote_id && payload.text() == symbol->quote.text());
  if (stale && !(connection == newest && ++symbol->quote_run >= kQuoteStaleLimit)) {
    ++counts.quotes_stale;
    return;
  }
  symbol->quote_run = 0;
  symbol->quote_id = frame.last_id;
  swap(symbol->quote, payload);
  Publish(symbol->quotes, symbol->quote.text(), symbol->quote_sequence, Cause(now, frame.time));
}

// ---- public ------------------------------------------------------------------------------------

BinanceFeed::BinanceFeed(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
BinanceFeed::~BinanceFeed() = default;

Result<std::unique_ptr<BinanceFeed>> BinanceFeed::Create(const BinanceFeedOptions& options,
                                                         Clock& clock, BinanceFeedSink& sink) {
  if (!IsWorld(options.world)) {
    return Invalid("option world: expected 'act' or 'hyp.<name>', found '" + options.world + "'");
  }
  if (options.universe.empty()) return Invalid("option universe: expected a name, found none");
  if (!options.run_id.empty() && !Uuid::Parse(options.run_id).ok()) {
    return Invalid("option run_id: expected a UUID, found '" + options.run_id + "'");
  }
  if (options.snapshot_timeout_ms <= 0 || options.retry_ms <= 0 || options.max_retry_ms <= 0 ||
      options.stable_ms < 0 || options.silent_after_ms < 0) {
    return Invalid("options *_ms: expected positive times");
  }
  auto impl = std::make_unique<Impl>(options, clock, sink);
  const auto stream = impl->identity.Stream("feed.changed", "X", TimeSource::kReceive);
  if (!stream.ok()) return stream.status();
  return std::unique_ptr<BinanceFeed>(new BinanceFeed(std::move(impl)));
}

Status BinanceFeed::Subscribe(std::string_view name, FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (impl.symbols.Find(name) != nullptr) return {};
  if (name.empty()) return Invalid("symbol: expected a name, found none");
  if (impl.symbols.all().size() >= impl.options.max_symbols) {
    return Status(StatusCode::kResourceExhausted, "exchange",
                  "expected at most " + std::to_string(impl.options.max_symbols) + " symbols");
  }
  const auto stream = impl.identity.Stream("feed.changed", name, TimeSource::kReceive);
  if (!stream.ok()) return stream.status();
  BookSyncOptions book;
  book.rules = impl.options.market == BinanceMarket::kSpot ? BookRules::kSpot : BookRules::kUsdm;
  book.max_stored_levels = impl.options.max_stored_levels;
  FeedSymbol& symbol = impl.symbols.Add(std::make_unique<FeedSymbol>(name, impl.identity, book));
  symbol.since_unix_ns = now.unix_ns;
  if (!impl.open.empty()) impl.StartOver(symbol, now, "subscribed");
  return {};
}

void BinanceFeed::OnOpen(std::uint32_t connection, FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (std::find(impl.open.begin(), impl.open.end(), connection) != impl.open.end()) return;
  impl.open.push_back(connection);
  impl.newest = *std::max_element(impl.open.begin(), impl.open.end());
  impl.last_frame_ns = now.monotonic_ns;
  impl.silent = false;
  ++impl.session;
  if (impl.open.size() > 1) return;
  for (const auto& symbol : impl.symbols.all()) impl.StartOver(*symbol, now, "connected");
}

void BinanceFeed::OnClose(std::uint32_t connection, FeedTime now, std::string_view reason) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (std::erase(impl.open, connection) == 0) return;
  if (!impl.open.empty()) {
    impl.newest = *std::max_element(impl.open.begin(), impl.open.end());
    for (const auto& symbol : impl.symbols.all()) symbol->book.SetNewest(impl.newest);
    return;
  }
  for (const auto& symbol : impl.symbols.all()) {
    symbol->book.Reset();
    symbol->fetch = Fetch::kNone;
    impl.SetState(*symbol, FeedState::kDisconnected, now, reason);
  }
}

const BinanceFrame& BinanceFeed::OnFrame(std::uint32_t connection, FeedTime now,
                                         std::string_view text) {
  Impl& impl = *impl_;
  impl.NewCause();
  impl.last_frame_ns = now.monotonic_ns;
  if (impl.silent) {
    impl.silent = false;
    for (const auto& symbol : impl.symbols.all()) {
      if (symbol->state == FeedState::kStale) {
        impl.SetState(*symbol, FeedState::kLive, now, "frames arrive again");
      }
    }
  }
  const BinanceFrame& frame = impl.decoder.Decode(text);
  if (std::find(impl.open.begin(), impl.open.end(), connection) == impl.open.end()) {
    ++impl.counts.stray;
  } else if (frame.kind == BinanceKind::kDepth) {
    impl.OnDepth(connection, now, frame);
  } else if (frame.kind == BinanceKind::kBookTicker) {
    impl.OnBookTicker(connection, now, frame);
  }
  return frame;
}

Status BinanceFeed::OnSnapshot(std::string_view name, FeedTime now, std::string_view body) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr) {
    ++impl.counts.unsubscribed;
    return Status(StatusCode::kNotFound, "exchange",
                  "a snapshot of " + std::string(name) + ", which is not subscribed");
  }
  if (impl.open.empty() || symbol->book.state() == BookState::kLive) return {};
  return impl.TakeSnapshot(*symbol, now, body);
}

void BinanceFeed::OnSnapshotFailed(std::string_view name, FeedTime now, std::string_view) {
  Impl& impl = *impl_;
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr || symbol->fetch != Fetch::kAsked) return;
  ++impl.counts.snapshots_failed;
  impl.WantSnapshot(*symbol, now);
}

void BinanceFeed::OnTick(FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (now.monotonic_ns >= impl.next_fetch_ns) {
    impl.next_fetch_ns = kNoTick;
    for (const auto& symbol : impl.symbols.all()) {
      if (symbol->fetch == Fetch::kNone) continue;
      if (symbol->fetch_at_ns > now.monotonic_ns) {
        impl.next_fetch_ns = std::min(impl.next_fetch_ns, symbol->fetch_at_ns);
      } else if (symbol->fetch == Fetch::kAsked) {
        ++impl.counts.snapshots_failed;
        impl.WantSnapshot(*symbol, now);
      } else {
        impl.AskForSnapshot(*symbol, now);
      }
    }
  }
  if (impl.open.empty() || impl.silent || impl.options.silent_after_ms == 0 ||
      now.monotonic_ns - impl.last_frame_ns < impl.options.silent_after_ms * kMs) {
    return;
  }
  impl.silent = true;
  for (const auto& symbol : impl.symbols.all()) {
    if (symbol->state == FeedState::kLive) {
      impl.SetState(*symbol, FeedState::kStale, now, "no frame on any socket");
    }
  }
}

std::int64_t BinanceFeed::next_tick_ns() const noexcept {
  const Impl& impl = *impl_;
  if (impl.silent || impl.open.empty() || impl.options.silent_after_ms == 0) {
    return impl.next_fetch_ns;
  }
  return std::min(impl.next_fetch_ns, impl.last_frame_ns + impl.options.silent_after_ms * kMs);
}

std::vector<std::string> BinanceFeed::symbols() const {
  std::vector<std::string> names;
  for (const auto& symbol : impl_->symbols.all()) names.push_back(symbol->name);
  return names;
}

const BookSynchroniser* BinanceFeed::FindBook(std::string_view name) const noexcept {
  const FeedSymbol* const symbol = impl_->symbols.Find(name);
  return symbol == nullptr ? nullptr : &symbol->book;
}

FeedState BinanceFeed::state(std::string_view name) const noexcept {
  const FeedSymbol* const symbol = impl_->symbols.Find(name);
  return symbol == nullptr ? FeedState::kDisconnected : symbol->state;
}

BinanceFeedCounters BinanceFeed::counters() const noexcept {
  BinanceFeedCounters sum = impl_->counts;
  for (const auto& symbol : impl_->symbols.all()) Add(sum.books, symbol->book.counters());
  return sum;
}

const BinanceCounters& BinanceFeed::frame_counters() const noexcept {
  return impl_->decoder.counters();
}

detail::StatusBoard& detail::FeedAccess::Statuses(BinanceFeed& feed) noexcept {
  return feed.impl_->statuses;
}

const detail::FeedIdentity& detail::FeedAccess::Identity(const BinanceFeed& feed) noexcept {
  return feed.impl_->identity;
}

}  // namespace virtufin::inline v0
