// The session: what comes in goes to the part that it concerns, what the parts want goes out.
#include "exchange/binance/session.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/session_impl.hpp"
#include "exchange/binance/venue_answers.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kInvalidSymbol = -1121;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr int kMaxSnapshotLevels = 5000;
constexpr std::int64_t kMaxWeight = 1'000'000'000;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "exchange", std::move(message));
}

void SetDefaults(BinanceSessionOptions& options) {
  const bool spot = options.feed.market == BinanceMarket::kSpot;
  const auto set = [](auto& value, auto otherwise) {
    if (value == 0) value = otherwise;
  };
  set(options.streams_per_connection, std::size_t{spot ? 1024u : 200u});
  set(options.messages_per_second, std::int64_t{spot ? 4 : 8});
  set(options.weight_per_minute, std::int64_t{spot ? 6000 : 2400});
  if (options.stream_url.empty()) {
    options.stream_url = spot ? "wss://stream.binance.com:9443" : "wss://fstream.binance.com";
  }
  if (options.rest_url.empty()) {
    options.rest_url = spot ? "https://api.binance.com" : "https://fapi.binance.com";
  }
  for (std::string* const url : {&options.stream_url, &options.rest_url}) {
    while (url->ends_with('/')) url->pop_back();
  }
  options.feed.snapshot_timeout_ms = 0;
  options.feed.silent_after_ms = 0;
  options.channels.max_symbols = options.feed.max_symbols;
  options.channels.instruments_poll_ms = options.instruments_poll_ms;
}

Status Check(const BinanceSessionOptions& options) {
  const auto time = [](std::int64_t ms, std::int64_t least) {
    return ms >= least && ms <= BinanceFeedOptions::kMaxMs;
  };
  if (!time(options.connect_timeout_ms, 1) || !time(options.ack_timeout_ms, 1) ||
      !time(options.ping_ms, 0) || !time(options.life_timeout_ms, 0) ||
      !time(options.stable_ms, 0) || !time(options.request_timeout_ms, 1) ||
      !time(options.rotate_after_ms, 0) || !time(options.canary_ms, 0) ||
      !time(options.stale_cool_down_ms, 0) || !time(options.book_idle_ms, 0) ||
      !time(options.renew_cool_down_ms, 0) || !time(options.forbidden_retry_ms, 1) ||
      !time(options.symbols_fresh_ms, 0)) {
    return Invalid("options *_ms: expected positive times of at most a day");
  }
  if (options.streams_per_message == 0 || options.bytes_per_message == 0 ||
      options.requests_in_flight == 0 || options.connections_per_5_minutes < 1 ||
      options.messages_per_second < 1 || options.weight_per_minute < 1 ||
      options.weight_per_minute > kMaxWeight) {
    return Invalid("options of batches and rates: expected 1 or more");
  }
  if (options.weight_percent < 1 || options.weight_percent > 100) {
    return Invalid("option weight_percent: expected 1 to 100, found " +
                   std::to_string(options.weight_percent));
  }
  if (options.snapshot_levels < 1 || options.snapshot_levels > kMaxSnapshotLevels) {
    return Invalid("option snapshot_levels: expected 1 to " + std::to_string(kMaxSnapshotLevels) +
                   ", found " + std::to_string(options.snapshot_levels));
  }
  const auto canary = PlanStream(options.feed.market, options.depth_speed_ms,
                                 {FeedChannel::kQuote, options.canary_symbol, {}});
  if (options.canary_ms > 0 && !canary.ok()) {
    return Invalid("option canary_symbol: expected a symbol as the venue writes it, found '" +
                   options.canary_symbol + "'");
  }
  if (!IsDepthSpeed(options.feed.market, options.depth_speed_ms)) {
    return Invalid("option depth_speed_ms: expected 100, spot 1000, USD-M 250 or 500, found " +
                   std::to_string(options.depth_speed_ms));
  }
  return {};
}

std::string SocketName(std::uint32_t socket, BinanceRoute route, BinanceMarket market) {
  std::string name = "socket " + std::to_string(socket);
  if (market == BinanceMarket::kSpot) return name;
  return name + (route == BinanceRoute::kPublic ? " (public)" : " (market)");
}

}  // namespace

BinanceSession::Impl::Impl(const BinanceSessionOptions& o, Clock& c, VenueLink& l,
                           BinanceSessionSink& s)
    : options(o), clock(c), link(l), sink(s) {
  SetDefaults(options);
}

Status BinanceSession::Impl::Build() {
  if (Status status = Check(options); !status.ok()) return status;
  auto feed = BinanceFeed::Create(options.feed, clock, *this);
  if (!feed.ok()) return feed.status();
  books = std::move(*feed);
  FeedAccess::Statuses(*books).changes = [this](std::string_view symbol) { NoteChange(symbol); };
  market = std::make_unique<BinanceMarketFeed>(options.feed.market, options.channels,
                                               FeedAccess::Identity(*books),
                                               FeedAccess::Statuses(*books), clock, *this, *this);
  limiter = options.request_limiter;
  if (limiter == nullptr) {
    limiter = std::make_shared<RateLimiter>(
        options.weight_per_minute * options.weight_percent / 100, kMinuteMs);
  }
  auto connects = options.connection_limiter;
  if (connects == nullptr) {
    connects = std::make_shared<RateLimiter>(options.connections_per_5_minutes, 5 * kMinuteMs);
  }
  connections = std::make_unique<Connections>(options, link, *this, connects);
  rest = std::make_unique<RestQueue>(options, link, limiter);
  watch = std::make_unique<BookWatch>(options, *books, *this);
  return {};
}

// ---- what the parts ask for and tell -----------------------------------------------------------

void BinanceSession::Impl::FetchSnapshot(std::string_view symbol, std::uint64_t request) {
  BinanceFetch fetch;
  fetch.id = request;
  fetch.kind = BinanceFetchKind::kDepth;
  fetch.symbol = symbol;
  fetch.limit = options.snapshot_levels;
  rest->Add(RestQueue::Asker::kBooks, fetch);
  dirty = true;
}

void BinanceSession::Impl::CancelSnapshot(std::string_view, std::uint64_t request) {
  rest->Cancel(RestQueue::Asker::kBooks, request);
  dirty = true;
}

void BinanceSession::Impl::Resubscribe(std::string_view stream, FeedTime) {
  connections->Renew(stream);
  dirty = true;
}

void BinanceSession::Impl::Fetch(const BinanceFetch& fetch) {
  rest->Add(RestQueue::Asker::kMarket, fetch);
  dirty = true;
}

void BinanceSession::Impl::CancelFetch(std::uint64_t id) {
  rest->Cancel(RestQueue::Asker::kMarket, id);
  dirty = true;
}

void BinanceSession::Impl::OnSocketOpen(std::uint32_t socket, BinanceRoute route, FeedTime now) {
  books->OnOpen(socket, now);
  venue_socket = socket;
  PublishStatus({}, "connection", {}, "live", socket,
                SocketName(socket, route, options.feed.market) + " is open", now);
}

void BinanceSession::Impl::OnSocketClosed(std::uint32_t socket, BinanceRoute route, bool was_open,
                                          FeedTime now, std::string_view reason,
                                          std::int64_t retry_ms) {
  std::string text = SocketName(socket, route, options.feed.market) + ": " + std::string(reason);
  if (retry_ms > 0) text += "; next attempt in " + std::to_string(retry_ms) + " ms";
  PublishStatus({}, "connection", {}, "disconnected", socket, text, now);
  socket_failed = true;
  if (was_open) {
    books->OnClose(socket, now, reason);
    market->OnConnectionLost(socket, now, reason);
  }
  dirty = true;
}

void BinanceSession::Impl::TellLive(const VenueStream& stream, std::uint32_t socket, FeedTime now) {
  if (stream.depth) {
    books->OnLive(socket, stream.symbol, now);
  } else if (!stream.name.ends_with("@bookTicker")) {
    market->OnStreamLive(stream.name, socket, now);
  }
}

void BinanceSession::Impl::OnSocketSilent(std::uint32_t socket, BinanceRoute route, FeedTime now,
                                          std::string_view reason) {
  NoteChanges();  // of quotes
  PublishStatus({}, "connection", {}, "stale", socket,
                SocketName(socket, route, options.feed.market).append(": ").append(reason), now);
  FeedAccess::OnSilent(*books, socket, now);
  market->OnSilent(socket, now);
}

void BinanceSession::Impl::OnSocketFlows(std::uint32_t socket, BinanceRoute route, FeedTime now) {
  NoteChanges();  // of quotes
  PublishStatus({}, "connection", {}, "live", socket,
                SocketName(socket, route, options.feed.market) + ": data arrive again", now);
  FeedAccess::OnFlows(*books, socket, now);
  market->OnFlows(socket, now);
  dirty = true;
}

void BinanceSession::Impl::FetchTop(const BinanceFetch& fetch) {
  rest->Add(RestQueue::Asker::kWatch, fetch);
  dirty = true;
}

void BinanceSession::Impl::OnBookLost(std::string_view symbol, FeedTime now, bool renew) {
  FeedAccess::OnStreamSilent(*books, symbol, now,
                             "the venue's book is another one, and its stream says nothing");
  const auto at = books_of.find(symbol);
  if (!renew || at == books_of.end()) return;
  for (const Subscription* const one : at->second) {
    if (one->plan.depth) Resubscribe(one->plan.stream, now);
  }
}

void BinanceSession::Impl::OnStreamLive(const VenueStream& stream, std::uint32_t socket,
                                        FeedTime now) {
  TellLive(stream, socket, now);
  dirty = true;
}

void BinanceSession::Impl::OnStreamEnded(const VenueStream& stream, std::uint32_t socket,
                                         FeedTime now, std::string_view reason) {
  if (stream.depth) {
    books->OnLost(socket, stream.symbol, now, reason);
  } else if (!stream.name.ends_with("@bookTicker")) {
    market->OnStreamEnded(stream.name, socket, now, reason);
  }
  dirty = true;
}

void BinanceSession::Impl::OnStreamRefused(const VenueStream& stream, FeedTime,
                                           std::string_view reason) {
  refused.push_back(stream.name);
  refused_reasons.emplace_back(reason);
  dirty = true;
}

// ---- status ------------------------------------------------------------------------------------

void BinanceSession::Impl::PublishStatus(std::string_view symbol, std::string_view scope,
                                         std::string_view channel, std::string_view state,
                                         std::uint64_t session, std::string_view reason,
                                         FeedTime now) {
  StatusFields fields;
  fields.state = state;
  fields.scope = scope;
  fields.channel = channel;
  fields.session = session;
  fields.reason = reason;
  fields.since_unix_ns = now.unix_ns;
  const auto moment = cause.Moment(now.unix_ns, {}, clock, FeedAccess::Identity(*books));
  Publish(FeedAccess::Statuses(*books).Make(symbol, fields, moment));
}

void BinanceSession::Impl::TellVenue(FeedTime now) {
  std::string state = venue_state;
  std::string reason;
  if (const std::int64_t until = rest->banned_until_unix_ns(); until != 0) {
    state = "resync";
    reason = "requests are banned until " +
             Timestamp::FromUnixMillis(until / 1'000'000).ToString() + ": books wait";
  } else if (connections->open_sockets() > 0) {
    state = "live";
    reason = venue_state == "resync" ? "the ban is over" : "connected";
  } else if (!connections->empty()) {
    if (!venue_state.empty() || socket_failed) state = "disconnected";
    reason = "no socket is open";
  } else if (market->instruments_known()) {
    state = "live";
    reason = venue_state == "resync" ? "the ban is over" : "requests are answered";
  } else if (!venue_state.empty()) {
    state = "disconnected";
    reason = "nothing is subscribed";
  }
  if (const std::uint32_t newest = connections->newest_open(); newest != 0) venue_socket = newest;
  if (state == venue_state && (state != "resync" || reason == venue_reason)) return;
  if (state == "resync" || venue_state == "resync") NoteChanges();  // reasons name the ban
  venue_state = state;
  venue_reason = reason;
  PublishStatus({}, "venue", {}, state, venue_socket, reason, now);
}

/// Until nothing is left that can be done now.
void BinanceSession::Impl::Settle(FeedTime now) {
  do {
    dirty = false;
    if (!refused.empty()) RejectRefused(now);
    connections->Pump(now);
    rest->Pump(now);
  } while (dirty);
  TellVenue(now);
  next_ns = std::min(connections->NextNs(now), rest->NextNs(now));
  if (!changed_lanes.empty()) WriteCells();
}

// ---- public ------------------------------------------------------------------------------------

BinanceSession::BinanceSession(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
BinanceSession::~BinanceSession() = default;

Result<std::unique_ptr<BinanceSession>> BinanceSession::Create(const BinanceSessionOptions& options,
                                                               Clock& clock, VenueLink& link,
                                                               BinanceSessionSink& sink) {
  auto impl = std::make_unique<Impl>(options, clock, link, sink);
  if (Status status = impl->Build(); !status.ok()) return status;
  return std::unique_ptr<BinanceSession>(new BinanceSession(std::move(impl)));
}

Status BinanceSession::Start(FeedTime now) {
  Impl& impl = *impl_;
  if (impl.started || impl.stopped) {
    return Status(StatusCode::kFailedPrecondition, "exchange",
                  "expected a new session, found one that was started or stopped");
  }
  impl.cause.New();
  impl.started = true;
  impl.NoteChanges();
  impl.rest->SetBannedUntil(impl.options.banned_until_unix_ns, now);
  impl.connections->Start();
  impl.StartMarket(now);
  impl.Settle(now);
  return {};
}

void BinanceSession::Stop(FeedTime now) {
  Impl& impl = *impl_;
  if (impl.stopped) return;
  impl.cause.New();
  impl.stopped = true;
  impl.stopped_unix_ns = now.unix_ns;
  impl.NoteChanges();
  impl.rest->Clear();
  impl.connections->Stop(now, "stopped");
  impl.rest->Clear();  // what the feeds asked for meanwhile
  if (!impl.venue_state.empty()) {
    impl.PublishStatus({}, "venue", {}, "disconnected", impl.venue_socket, "stopped", now);
  }
  impl.WriteCells();
  impl.next_ns = BinanceFeed::kNoTick;
}

void BinanceSession::OnOpen(std::uint32_t socket, FeedTime now) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.cause.New();
  impl.connections->OnOpen(socket, now);
  impl.Settle(now);
}

void BinanceSession::Impl::OnControl(std::uint32_t socket, FeedTime now, std::string_view text) {
  if (const auto answer = ReadControlAnswer(text)) connections->OnAnswer(socket, *answer, now);
  dirty = true;
}

void BinanceSession::OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.cause.New();
  const Connections::Life life = impl.connections->OnLife(socket, now, text);
  if (life == Connections::Life::kNone || life == Connections::Life::kCanary) {
    impl.stray += life == Connections::Life::kNone ? 1 : 0;
    impl.dirty |= impl.connections->TakeNews();
    if (impl.dirty) impl.Settle(now);
    return;
  }
  const BinanceFrame& frame = impl.books->OnFrame(socket, now, text);
  if (!frame.stream.empty()) impl.connections->OnFlow(socket, frame.stream, now);
  impl.dirty |= impl.connections->TakeNews();
  if (life == Connections::Life::kAsking && !frame.stream.empty()) {
    impl.connections->OnData(socket, frame.stream, now);
  }
  switch (frame.kind) {
    case BinanceKind::kDepth:
    case BinanceKind::kBookTicker:
    case BinanceKind::kMalformed:
      break;
    case BinanceKind::kAck:
    case BinanceKind::kError:
      impl.OnControl(socket, now, text);
      break;
    case BinanceKind::kServerShutdown:
      impl.connections->OnShutdown(socket, now);
      impl.dirty = true;
      break;
    default:
      impl.market->OnFrame(socket, now, frame);
      break;
  }
  if (impl.dirty) impl.Settle(now);
}

void BinanceSession::OnHeld(std::int64_t held_ns, FeedTime now) {
  Impl& impl = *impl_;
  if (!impl.Running() || held_ns <= 0) return;
  impl.connections->OnHeld(held_ns);
  FeedAccess::OnHeld(*impl.books, held_ns);
  impl.market->OnHeld(held_ns);
  impl.watch->OnHeld(now);
  impl.Settle(now);
}

void BinanceSession::OnSignOfLife(std::uint32_t socket, FeedTime now) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.connections->OnPing(socket, now);
}

void BinanceSession::OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.cause.New();
  impl.connections->OnClosed(socket, now, reason);
  impl.Settle(now);
}

void BinanceSession::Impl::OnEnded(const RestQueue::Ended& ended, FeedTime now,
                                   std::string_view body) {
  const BinanceFetch& fetch = ended.fetch;
  if (ended.asker == RestQueue::Asker::kWatch) {
    return ended.ok ? watch->OnAnswer(fetch.id, now, body) : watch->OnFailed(fetch.id);
  }
  if (ended.asker == RestQueue::Asker::kMarket) {
    const bool instruments = fetch.kind == BinanceFetchKind::kInstruments;
    if (ended.ok) {
      market->OnAnswer(fetch.id, now, body);
    } else {
      market->OnFetchFailed(fetch.id, now, ended.reason);
    }
    if (instruments) NoteListings();
    const bool just_read = ended.ok && instruments && market->instruments_known() &&
                           market->instruments_read_ns() == now.monotonic_ns;
    if (!just_read) return;
    if (const std::int64_t weight = market->request_weight_per_minute(); weight > 0) {
      const std::int64_t ours = std::min(weight, kMaxWeight) * options.weight_percent / 100;
      limiter->SetLimit(std::max<std::int64_t>(1, ours), kMinuteMs);
    }
    for (const auto& [_, subscription] : subscriptions) CheckSymbol(*subscription, now, true);
    return;
  }
  if (ended.ok) {
    // The feed counts what it cannot use, and asks again.
    (void)books->OnSnapshot(fetch.symbol, fetch.id, now, body).ok();
  } else if (ended.venue_code == kInvalidSymbol) {
    RejectBooks(fetch.symbol, now, ended.reason);
  } else {
    books->OnSnapshotFailed(fetch.symbol, fetch.id, now);
  }
}

void BinanceSession::OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.cause.New();
  RestQueue::Ended ended;
  if (impl.rest->OnAnswer(request, now, answer, ended)) impl.OnEnded(ended, now, answer.body);
  impl.Settle(now);
}

void BinanceSession::OnTick(FeedTime now) {
  Impl& impl = *impl_;
  if (!impl.Running()) return;
  impl.cause.New();
  impl.books->OnTick(now);
  impl.market->OnTick(now);
  impl.watch->OnTick(now);
  if (impl.dirty || now.monotonic_ns >= impl.next_ns) impl.Settle(now);
}

std::int64_t BinanceSession::next_tick_ns() const noexcept {
  const Impl& impl = *impl_;
  if (!impl.Running()) return BinanceFeed::kNoTick;
  return std::min({impl.next_ns, impl.books->next_tick_ns(), impl.market->next_tick_ns(),
                   impl.watch->next_tick_ns()});
}

std::int64_t BinanceSession::banned_until_unix_ns() const noexcept {
  return impl_->rest->banned_until_unix_ns();
}

void BinanceSession::SetBannedUntil(std::int64_t unix_ns, FeedTime now) {
  Impl& impl = *impl_;
  impl.rest->SetBannedUntil(unix_ns, now);
  if (impl.Running()) impl.Settle(now);
}

const BinanceSessionOptions& BinanceSession::options() const noexcept { return impl_->options; }
const std::string& BinanceSession::rest_url() const noexcept { return impl_->options.rest_url; }
const BinanceFeed& BinanceSession::books() const noexcept { return *impl_->books; }
const BinanceMarketFeed& BinanceSession::channels() const noexcept { return *impl_->market; }

BinanceSessionCounters BinanceSession::counters() const noexcept {
  const ConnectionCounters& sockets = impl_->connections->counters();
  const RestCounters& rest = impl_->rest->counters();
  BinanceSessionCounters sum;
  sum.connects = sockets.connects;
  sum.opens = sockets.opens;
  sum.closes = sockets.closes;
  sum.half_open = sockets.half_open;
  sum.shutdowns = sockets.shutdowns;
  sum.silences = sockets.silences;
  sum.muted = sockets.muted;
  sum.rotations = sockets.rotations;
  sum.rotations_failed = sockets.rotations_failed;
  sum.acks = sockets.acks;
  sum.acks_lost = sockets.acks_lost;
  sum.refusals = sockets.refusals;
  sum.acks_unknown = sockets.acks_unknown;
  sum.messages_sent = sockets.messages_sent;
  sum.requests = rest.requests;
  sum.requests_failed = rest.failed;
  sum.limited = rest.limited;
  sum.banned = rest.banned;
  sum.forbidden = rest.forbidden;
  sum.rejected = impl_->rejections;
  sum.stray = impl_->stray;
  return sum;
}

AdapterCounters BinanceSession::Totals(FeedTime now) const {
  const Impl& impl = *impl_;
  const BinanceSessionCounters session = counters();
  const BinanceFeedCounters books = impl.books->counters();
  const BinanceCounters& frames = impl.books->frame_counters();
  const MarketFeedCounters& market = impl.market->counters();
  AdapterCounters out;
  out.frames = std::accumulate(frames.frames.begin(), frames.frames.end(), session.stray);
  out.events = impl.events;
  out.opens = session.opens;
  out.reconnects = impl.connections->counters().reconnects;
  out.gaps = books.books.gaps + market.holes;
  out.resyncs = books.synchronised;
  out.recovered = market.recovered;
  out.missing = market.missing;
  out.duplicates = books.books.stale + books.quotes_stale + market.duplicates;
  out.dropped = session.stray + books.stray + books.unsubscribed + market.unsubscribed +
                books.books.dropped + market.held_dropped + frames.bad_elements +
                frames.of(BinanceKind::kMalformed);
  out.requests = session.requests;
  out.requests_failed = session.requests_failed;
  out.requests_refused = session.limited + session.banned + session.forbidden;
  out.connections = impl.connections->open_sockets();
  out.weight_used = impl.limiter->used(now);
  out.weight_limit = impl.limiter->limit();
  out.banned_until_unix_ns = impl.rest->banned_until_unix_ns();
  out.requests_waiting = impl.rest->waiting();
  out.streams_waiting = impl.connections->waiting();
  for (const auto& [symbol, _] : impl.books_of) {
    out.books_waiting += impl.books->state(symbol) == FeedState::kResync ? 1 : 0;
  }
  return out;
}

}  // namespace virtufin::inline v0::detail
