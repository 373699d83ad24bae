// The loop's side of a live Binance adapter.
#include "exchange/binance/adapter_core.hpp"

#include <optional>
#include <string>
#include <utility>

#include "net/url.hpp"

namespace virtufin::inline v0::detail {
namespace {

/// Empty is the venue's own. The text shows no secret of the address.
Status CheckUrl(const char* option, std::string_view url, bool sockets) {
  if (url.empty()) return {};
  const Result<net::Url> parsed = net::ParseUrl(url);
  if (parsed.ok() && parsed->scheme.starts_with("ws") == sockets) return {};
  return Status(StatusCode::kInvalidArgument, "exchange",
                std::string("option ") + option + ": expected " +
                    (sockets ? "ws(s)://host:port" : "http(s)://host:port") + ", found " +
                    net::Redact(url));
}

BinanceSessionOptions SessionOptionsOf(const BinanceAdapterOptions& from) {
  BinanceSessionOptions to;
  static_cast<BinanceAdapterOptions&>(to) = from;
  return to;
}

net::WebSocketOptions SocketOptionsOf(const BinanceAdapterOptions& from) {
  net::WebSocketOptions to;
  to.tls = {from.ca_file, from.ca_pem};
  to.max_message_bytes = from.max_message_bytes;
  to.connect_timeout_ms = from.connect_timeout_ms;
  return to;  // the session pings and watches for silence by itself
}

}  // namespace

Status BinanceCore::Build(const BinanceAdapterOptions& options, StateStore* store) {
  if (Status s = CheckUrl("stream_url", options.stream_url, true); !s.ok()) return s;
  if (Status s = CheckUrl("rest_url", options.rest_url, false); !s.ok()) return s;
  auto loop = net::NetLoop::Create({}, borrowed_, borrowed_);
  if (!loop.ok()) return loop.status();
  loop_ = std::move(*loop);
  net::HttpClientOptions http_options;
  http_options.tls = {options.ca_file, options.ca_pem};
  auto http = net::HttpClient::Create(std::move(http_options));
  if (!http.ok()) return http.status();
  http_ = std::move(*http);
  link_ = std::make_unique<NetVenueLink>(*loop_, *http_, SocketOptionsOf(options),
                                         options.max_message_bytes, *this);
  VenueLink* link = link_.get();
  if (!options.record_path.empty()) {
    recorder_ = std::make_unique<Recorder>(
        RecorderOptions{options.record_path, options.record_buffer_bytes,
                        static_cast<std::uint64_t>(options.record_max_bytes)},
        borrowed_);
    tap_ = std::make_unique<SessionTap>(*link_, *recorder_);
    link = tap_.get();
  }
  auto session = BinanceSession::Create(SessionOptionsOf(options), borrowed_, *link, *this);
  if (!session.ok()) return session.status();
  session_ = std::move(*session);
  if (tap_ != nullptr) tap_->Attach(*session_);
  if (store != nullptr) {
    bans_ = std::make_shared<BanKeeper>(*store, runtime_, session_->rest_url());
  }
  return {};
}

Status BinanceCore::StartThreads() {
  if (recorder_ != nullptr) {
    const RecordingHeader header = HeaderOf(session_->options(), link_->Now());
    if (Status s = recorder_->Start(header); !s.ok()) {
      return Status(s.code(), "exchange", "option record_path: " + std::string(s.message()));
    }
  }
  if (Status s = loop_->Start(); !s.ok()) return s;
  runs_ = true;
  return http_->Start();
}

Status BinanceCore::StopThreads(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  const auto left = [end] {
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(
                        end - std::chrono::steady_clock::now()),
                    std::chrono::milliseconds(0));
  };
  loop_->Post([self = shared_from_this()] { self->Stop(); });
  if (runs_) AwaitGiven(deadline / 2);
  Status ended = loop_->Stop(left());
  const bool idle = ended.ok();  // nothing is recorded any more
  const auto also = [&ended](const Status& other) {
    if (ended.ok()) ended = other;
  };
  also(http_->Stop(left()));
  if (bans_ != nullptr) also(bans_->Close(left()));
  if (recorder_ != nullptr && idle) also(recorder_->Stop(left()));
  return ended;
}

void BinanceCore::Abandon() {
  borrowed_.Abandon();
  if (bans_ != nullptr) static_cast<void>(bans_->Close(std::chrono::milliseconds(0)).ok());
  loop_->Post([self = shared_from_this()] {
    self->link_->CloseAll();
    self->waiting_.clear();
    if (self->stopped_) self->TellGiven();
  });
}

/// Once for each run of them: a broker that is away refuses everything.
void BinanceCore::NoteUnpublished(const Status& why) {
  ++unpublished_;
  if (!publishes_) return;
  borrowed_.Write(LogLevel::kWarn, "exchange", "events are not published: " + why.ToString());
}

/// No request is made before it is known whether one may be.
void BinanceCore::StartSession() {
  const auto start = [self = shared_from_this()](std::int64_t banned_until_unix_ns) {
    self->loop_->Post([self, banned_until_unix_ns] { self->Start(banned_until_unix_ns); });
  };
  if (bans_ == nullptr) return start(0);
  bans_->Read(start);
}

/// Everything that the session does, it does in here, on the loop's thread and with no lock held:
/// inline handlers run inside, and whatever they ask of the adapter waits for nothing.
template <class Body>
void BinanceCore::Act(Body&& body) {
  if (borrowed_.abandoned()) return;
  bool full = false;
  {
    Executor::StrandScope scope(strand_);
    body();
    full = !waiting_.empty() || Executor::CurrentStrandParked();
  }
  if (stopped_ || borrowed_.abandoned()) return;  // no timer any more
  if (full && !paused_) PauseReading();
  if (counts_at_ns_ == BinanceFeed::kNoTick) counts_at_ns_ = link_->Now().monotonic_ns + kCountsNs;
  if (NextNs() < armed_ns_) Settle();
}

/// One call of the session publishes more than a full bus has room for, a thousand repaired trades
/// for one: a queue that had to take them would lag, and miss some.
void BinanceCore::Publish(const Message& message) {
  if (paused_ || !waiting_.empty() || Executor::CurrentStrandParked()) {
    waiting_.push_back(message);
  } else {
    GiveToBus(message);
  }
}

void BinanceCore::GiveToBus(const Message& message) {
  if (borrowed_.abandoned()) return;
  const Status published = bus_.Publish(message);
  if (!published.ok()) NoteUnpublished(published);
  publishes_ = published.ok();
}

/// `all`: however full the bus is. False: it is full, or was a moment ago.
bool BinanceCore::GiveWaiting(bool all) {
  const Executor::StrandScope scope(strand_);
  while (!waiting_.empty() && (all || !Executor::CurrentStrandParked())) {
    const Message message = std::move(waiting_.front());
    waiting_.pop_front();
    GiveToBus(message);
  }
  return waiting_.empty() && !Executor::CurrentStrandParked();
}

void BinanceCore::TellGiven() {
  if (waiting_.empty() && !std::exchange(told_given_, true)) given_.set_value();
}

/// What the session said before its end and at its end waits for room; then it goes as it is.
void BinanceCore::AwaitGiven(std::chrono::milliseconds longest) {
  if (all_given_.wait_for(longest) == std::future_status::ready) return;
  loop_->Post([self = shared_from_this()] {
    (void)self->GiveWaiting(true);
    self->TellGiven();
  });
}

/// The strand may go on when its task runs.
void BinanceCore::AwaitRoom() {
  strand_.Post(
      [self = shared_from_this()] { self->loop_->Post([self] { self->ResumeReading(); }); });
}

/// The bus is full: nothing is read until it has room for all that waits.
void BinanceCore::PauseReading() {
  paused_ = true;
  paused_at_ns_ = link_->Now().monotonic_ns;
  link_->PauseReading(true);
  AwaitRoom();
}

/// While nothing was read nothing was ticked either: nobody is called silent for it.
void BinanceCore::ResumeReading() {
  if (borrowed_.abandoned()) return;
  const bool room = GiveWaiting(false);
  if (borrowed_.abandoned()) return;  // by a handler of what was given
  if (stopped_) TellGiven();
  if (!room) return AwaitRoom();
  paused_ = false;
  if (stopped_) return;
  link_->PauseReading(false);
  const FeedTime now = link_->Now();
  const std::int64_t held_ns = now.monotonic_ns - paused_at_ns_;
  if (held_ns >= kLongPauseNs) {
    Act([&] { Give([&](auto& session) { session.OnHeld(held_ns, now); }); });
  } else {
    Settle();
  }
}

void BinanceCore::Settle() {
  armed_ns_ = NextNs();
  if (armed_ns_ == BinanceFeed::kNoTick) return;
  const std::int64_t now = link_->Now().monotonic_ns;
  timer_ = runtime_.executor.After(
      std::chrono::nanoseconds(std::max<std::int64_t>(armed_ns_ - now, 0)),
      [self = shared_from_this()] { self->loop_->Post([self] { self->Tick(); }); });
}

void BinanceCore::Tick() {
  if (stopped_ || borrowed_.abandoned()) return;
  armed_ns_ = BinanceFeed::kNoTick;
  const FeedTime now = link_->Now();
  if (now.monotonic_ns >= counts_at_ns_) WriteCounts(now);
  if (paused_) return;  // ResumeReading arms it again
  if (now.monotonic_ns >= session_->next_tick_ns()) {
    Act([&] { Give([&](auto& session) { session.OnTick(now); }); });
  } else {
    Settle();
  }
}

void BinanceCore::WriteCounts(FeedTime now) {
  counts_at_ns_ = BinanceFeed::kNoTick;
  AdapterCounters counts = session_->Totals(now);
  counts.unpublished = unpublished_;
  const std::lock_guard lock(counts_mutex_);
  counts_ = counts;
}

AdapterCounters BinanceCore::Counts() const {
  const std::lock_guard lock(counts_mutex_);
  return counts_;
}

void BinanceCore::OnOpen(std::uint32_t socket, FeedTime now) {
  Act([&] { Give([&](auto& session) { session.OnOpen(socket, now); }); });
}

void BinanceCore::OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) {
  Act([&] { Give([&](auto& session) { session.OnFrame(socket, now, text); }); });
}

void BinanceCore::OnSignOfLife(std::uint32_t socket, FeedTime now) {
  Act([&] { Give([&](auto& session) { session.OnSignOfLife(socket, now); }); });
}

void BinanceCore::OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) {
  Act([&] { Give([&](auto& session) { session.OnClosed(socket, now, reason); }); });
}

void BinanceCore::OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) {
  Act([&] { Give([&](auto& session) { session.OnAnswer(request, now, answer); }); });
  if (bans_ != nullptr) KeepBan();
}

void BinanceCore::Start(std::int64_t banned_until_unix_ns) {
  Act([&] {
    const FeedTime now = link_->Now();
    Give([&](auto& session) { session.SetBannedUntil(banned_until_unix_ns, now); });
    kept_ban_unix_ns_ = session_->banned_until_unix_ns();
    Give([&](auto& session) { (void)session.Start(now).ok(); });
  });
}

void BinanceCore::KeepBan() {
  const std::int64_t until = session_->banned_until_unix_ns();
  if (until <= kept_ban_unix_ns_) return;
  kept_ban_unix_ns_ = until;
  bans_->Write(until);
}

void BinanceCore::Stop() {
  Act([&] { Give([&](auto& session) { session.Stop(link_->Now()); }); });
  stopped_ = true;
  if (borrowed_.abandoned()) waiting_.clear();
  TellGiven();
  WriteCounts(link_->Now());
  link_->CloseAll();
  timer_ = {};
}

Result<FeedHandle> BinanceCore::Subscribe(const FeedRequest& request) {
  std::optional<Result<FeedHandle>> made;
  Act([&] {
    made = Give([&](auto& session) { return session.Subscribe(request, link_->Now()); });
  });
  return made ? std::move(*made) : Stopped();
}

void BinanceCore::Unsubscribe(FeedHandle handle) {
  Act([&] { Give([&](auto& session) { (void)session.Unsubscribe(handle, link_->Now()).ok(); }); });
}

void BinanceCore::Republish(FeedHandle handle) {
  Act([&] { Give([&](auto& session) { (void)session.Republish(handle, link_->Now()).ok(); }); });
}

}  // namespace virtufin::inline v0::detail
