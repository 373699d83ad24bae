// Binance's frames and snapshot answers become books, and books become events.
#include <algorithm>
#include <array>
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/feed_impl.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::FeedSymbol;

/// So many times max_symbols that left are remembered, at 88 bytes each and 64 for feed.status:
/// 6 MB by default.
constexpr std::size_t kRetired = 4;

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

BinanceFeed::Impl::Impl(const BinanceFeedOptions& o, Clock& c, BinanceFeedSink& s)
    : options(o),
      clock(c),
      sink(s),
      decoder(o.market),
      statuses(identity, kRetired * o.max_symbols),
      retired(kRetired * o.max_symbols) {
  identity.venue = BinanceVenueName(o.market);
  identity.world = o.world;
  identity.universe = o.universe;
  identity.run_id = o.run_id;
  identity.historical = o.historical;
  identity.run_seed = o.run_seed == Uuid() ? Uuid::V4() : o.run_seed;
  identity.subject_kind = o.market == BinanceMarket::kSpot ? "currency_pair" : "instrument";
}

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
  const auto time = [](std::int64_t ms, std::int64_t least) {
    return ms >= least && ms <= BinanceFeedOptions::kMaxMs;
  };
  if (!time(options.snapshot_timeout_ms, 0) || !time(options.retry_ms, 1) ||
      !time(options.max_retry_ms, 1) || !time(options.stable_ms, 0) ||
      !time(options.silent_after_ms, 0)) {
    return Invalid("options *_ms: expected times of at most a day, retries above 0");
  }
  auto impl = std::make_unique<Impl>(options, clock, sink);
  const auto stream = impl->identity.Stream("feed.changed", "X", TimeSource::kReceive);
  if (!stream.ok()) return stream.status();
  return std::unique_ptr<BinanceFeed>(new BinanceFeed(std::move(impl)));
}

Status BinanceFeed::Subscribe(std::string_view name, FeedTime now, const BinanceFeedParts& parts) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (name.empty()) return Invalid("symbol: expected a name, found none");
  if (parts.depth_interval_ms < 0 || parts.depth_interval_ms > BinanceFeedOptions::kMaxMs ||
      parts.depth_levels == 0 || !(parts.quote || parts.NeedsBook())) {
    return Invalid("expected a book, a quote or a depth, of some levels, at most once a day");
  }
  FeedSymbol* symbol = impl.symbols.Find(name);
  if (symbol == nullptr) {
    if (impl.symbols.all().size() >= impl.options.max_symbols) {
      return Status(StatusCode::kResourceExhausted, "exchange",
                    "expected at most " + std::to_string(impl.options.max_symbols) + " symbols");
    }
    const auto stream = impl.identity.Stream("feed.changed", name, TimeSource::kReceive);
    if (!stream.ok()) return stream.status();
    BookSyncOptions book;
    book.rules = impl.options.market == BinanceMarket::kSpot ? BookRules::kSpot : BookRules::kUsdm;
    book.max_stored_levels = impl.options.max_stored_levels;
    symbol = &impl.symbols.Add(std::make_unique<FeedSymbol>(name, impl.identity, book));
    symbol->since_unix_ns = now.unix_ns;
    symbol->parts = parts;
    symbol->number = ++impl.symbols_made;
    const auto last = impl.retired.Take(name);
    symbol->sequences = {last[0], last[1], last[2]};
    return {};
  }
  const BinanceFeedParts before = std::exchange(symbol->parts, parts);
  if (!parts.NeedsBook()) impl.EndBook(*symbol, now, "unsubscribed");
  if (!parts.quote) {
    symbol->tops->quote.Clear();
    symbol->quote_sockets.clear();
  }
  const bool live = symbol->book.state() == BookState::kLive && !symbol->carriers.empty();
  if (live && parts.book && !before.book) impl.ShowAgain(*symbol, now);
  symbol->depth_at_ns = kNoTick;
  if (parts.depth_levels != before.depth_levels || before.depth_interval_ms == 0) {
    symbol->depth_levels.clear();
  }
  if (live && parts.depth_interval_ms > 0) impl.ScheduleDepth(*symbol, now);
  return {};
}

void BinanceFeed::Republish(std::string_view name, FeedTime now, bool conflated) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr || symbol->carriers.empty()) return;
  if (symbol->book.state() != BookState::kLive) return;
  if (!conflated && symbol->parts.book) impl.ShowAgain(*symbol, now);
  if (conflated && symbol->parts.depth_interval_ms > 0) {
    symbol->depth_levels.clear();
    impl.ScheduleDepth(*symbol, now);
  }
}

void BinanceFeed::Unsubscribe(std::string_view name, FeedTime now, std::string_view reason) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr) return;
  impl.EndBook(*symbol, now, reason);
  symbol->tops->quote.Clear();
  const detail::FeedSequences& last = symbol->sequences;
  impl.retired.Keep(symbol->name, {last.book, last.depth, last.quote});
  impl.statuses.Retire(symbol->name);
  Add(impl.retired_books, symbol->book.counters());
  std::erase_if(impl.depths_due, [&](const auto& due) { return due.symbol == symbol; });
  std::make_heap(impl.depths_due.begin(), impl.depths_due.end());
  impl.symbols.Remove(*symbol);
}

void BinanceFeed::OnOpen(std::uint32_t connection, FeedTime now) {
  Impl& impl = *impl_;
  if (impl.IsOpen(connection)) return;
  impl.open.push_back(connection);
  impl.last_frame_ns = now.monotonic_ns;
  impl.silent = false;
}

void BinanceFeed::OnLive(std::uint32_t connection, std::string_view name, FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr || !symbol->parts.NeedsBook() || !impl.IsOpen(connection)) return;
  impl.AddCarrier(*symbol, connection, now);
}

void BinanceFeed::OnLost(std::uint32_t connection, std::string_view name, FeedTime now,
                         std::string_view reason) {
  impl_->NewCause();
  if (FeedSymbol* const symbol = impl_->symbols.Find(name)) {
    impl_->RemoveCarrier(*symbol, connection, now, reason);
  }
}

void BinanceFeed::OnClose(std::uint32_t connection, FeedTime now, std::string_view reason) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (std::erase(impl.open, connection) == 0) return;
  impl.silent_sockets.Remove(connection);
  for (const auto& symbol : impl.symbols.all()) {
    impl.RemoveCarrier(*symbol, connection, now, reason);
    if (std::erase(symbol->quote_sockets, connection) == 0) continue;
    symbol->quote_run = 0;
    // The next socket may begin anywhere; one that is open already may repeat what is known.
    if (symbol->quote_sockets.empty()) {
      symbol->quote_anew_after = std::max(connection, impl.NewestOpen());
    }
  }
}

const BinanceFrame& BinanceFeed::OnFrame(std::uint32_t connection, FeedTime now,
                                         std::string_view text) {
  Impl& impl = *impl_;
  impl.NewCause();
  const BinanceFrame& frame = impl.decoder.Decode(text);
  if (!impl.IsOpen(connection)) {
    ++impl.counts.stray;
    return frame;
  }
  impl.last_frame_ns = now.monotonic_ns;
  if (!impl.silent_sockets.empty() && !frame.stream.empty()) {
    impl.silent_sockets.Remove(connection);  // its owner tells in a moment
  }
  if (impl.silent) {
    impl.silent = false;
    for (const auto& symbol : impl.symbols.all()) {
      if (!symbol->muted) impl.Revive(*symbol, now);
    }
  }
  if (frame.kind == BinanceKind::kDepth) {
    impl.OnDepth(connection, now, frame);
  } else if (frame.kind == BinanceKind::kBookTicker) {
    impl.OnBookTicker(connection, now, frame);
  }
  return frame;
}

Status BinanceFeed::OnSnapshot(std::string_view name, std::uint64_t request, FeedTime now,
                               std::string_view body) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr) {
    ++impl.counts.unsubscribed;
    return Status(StatusCode::kNotFound, "exchange",
                  "a snapshot of " + std::string(name) + ", which is not subscribed");
  }
  if (symbol->carriers.empty() || symbol->book.state() == BookState::kLive ||
      (request != 0 && request < symbol->first_request)) {
    ++impl.counts.snapshots_late;
    return {};
  }
  return impl.TakeSnapshot(*symbol, now, body);
}

void BinanceFeed::OnSnapshotFailed(std::string_view name, std::uint64_t request, FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  FeedSymbol* const symbol = impl.symbols.Find(name);
  if (symbol == nullptr || symbol->fetch != FeedSymbol::Fetch::kAsked ||
      symbol->request != request) {
    return;
  }
  ++impl.counts.snapshots_failed;
  impl.WantSnapshot(*symbol, now);
}

void BinanceFeed::OnTick(FeedTime now) {
  Impl& impl = *impl_;
  impl.NewCause();
  if (now.monotonic_ns >= impl.next_fetch_ns) impl.TickFetches(now);
  impl.TickDepths(now);
  if (now.monotonic_ns >= impl.next_ahead_ns) impl.TickAhead(now);
  impl.TickSilence(now);
}

std::int64_t BinanceFeed::next_tick_ns() const noexcept {
  const Impl& impl = *impl_;
  const std::int64_t next_depth = impl.depths_due.empty() ? kNoTick : impl.depths_due.front().at_ns;
  const std::int64_t next = std::min({impl.next_fetch_ns, impl.next_ahead_ns, next_depth});
  if (impl.silent || impl.open.empty() || impl.options.silent_after_ms == 0) return next;
  return std::min(next, impl.last_frame_ns + impl.options.silent_after_ms * Impl::kMs);
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

FeedState BinanceFeed::state(std::string_view name) const noexcept { return status(name).state; }

BookStatus BinanceFeed::status(std::string_view name) const noexcept {
  const FeedSymbol* const symbol = impl_->symbols.Find(name);
  if (symbol == nullptr) return {};
  return {symbol->state, symbol->reason, symbol->since_unix_ns};
}

BinanceFeedCounters BinanceFeed::counters() const noexcept {
  BinanceFeedCounters sum = impl_->counts;
  sum.books = impl_->retired_books;
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

std::shared_ptr<const detail::SymbolTops> detail::FeedAccess::Tops(const BinanceFeed& feed,
                                                                   std::string_view symbol) {
  const FeedSymbol* const found = feed.impl_->symbols.Find(symbol);
  return found == nullptr ? nullptr : found->tops;
}

void detail::FeedAccess::ForgetQuote(BinanceFeed& feed, std::string_view symbol) noexcept {
  if (FeedSymbol* const found = feed.impl_->symbols.Find(symbol)) found->tops->quote.Clear();
}

}  // namespace virtufin::inline v0
