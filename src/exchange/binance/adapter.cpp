// The live Binance adapter: a BinanceSession on a net loop, reachable from any thread.
#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "exchange/ban_keeper.hpp"
#include "exchange/binance/session.hpp"
#include "exchange/binance/streams.hpp"
#include "exchange/net_venue_link.hpp"
#include "net/url.hpp"
#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

Status Stopped() {
  return Status(StatusCode::kUnavailable, "exchange", "expected a running adapter: it was stopped");
}

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

/// What an adapter borrows, until it is abandoned: destroyed while a handler is still inside it, or
/// on its own loop. What runs on then is ours, and finds a clock and a log of ours.
class Borrowed final : public Clock, public LogSink {
 public:
  explicit Borrowed(const Runtime& runtime) noexcept : runtime_(runtime) {}
  void Abandon() noexcept { abandoned_.store(true); }
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_acquire); }

  Timestamp Now() const noexcept override { return clock().Now(); }
  MonotonicTime Monotonic() const noexcept override { return clock().Monotonic(); }
  bool Enabled(LogLevel level) const noexcept override {
    return !abandoned() && runtime_.log.Enabled(level);
  }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    if (!abandoned()) runtime_.log.Write(level, component, text);
  }

 private:
  Clock& clock() const noexcept { return abandoned() ? WallClock() : runtime_.clock; }

  const Runtime runtime_;
  std::atomic<bool> abandoned_ = false;
};

/// What lives on the loop. Kept by tasks, so that one that comes late finds it.
class BinanceCore final : public VenueEvents,
                          public BinanceSessionSink,
                          public std::enable_shared_from_this<BinanceCore> {
 public:
  BinanceCore(PubSub& bus, const Runtime& runtime)
      : bus_(bus), runtime_(runtime), borrowed_(runtime), strand_(runtime.executor.NewStrand()) {}

  Status Build(const BinanceAdapterOptions& options, StateStore* store);
  Status StartThreads();
  Status StopThreads(std::chrono::milliseconds deadline);
  /// Nothing that is borrowed is used any more, also if a handler returns later; sockets are closed
  /// as soon as the loop is free.
  void Abandon();
  net::NetLoop& loop() { return *loop_; }
  /// [any]
  void StartSession();

  // On the loop's thread.
  template <class Body>
  void Act(Body&& body);
  void Start(std::int64_t banned_until_unix_ns);
  void Stop();
  void Tick();
  Result<FeedHandle> Subscribe(const FeedRequest& request);
  void Unsubscribe(FeedHandle handle);
  void Republish(FeedHandle handle);

  std::shared_ptr<const StatusCell> CellOf(FeedHandle handle) const {
    return session_->CellOf(handle);
  }

  std::shared_ptr<const SymbolTops> TopsOf(FeedHandle handle) const {
    return session_->TopsOf(handle);
  }

  /// [any]
  AdapterCounters Counts() const;

  void OnOpen(std::uint32_t socket, FeedTime now) override {
    Act([&] { session_->OnOpen(socket, now); });
  }
  void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) override {
    Act([&] { session_->OnFrame(socket, now, text); });
  }
  void OnSignOfLife(std::uint32_t socket, FeedTime now) override {
    Act([&] { session_->OnSignOfLife(socket, now); });
  }
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) override {
    Act([&] { session_->OnClosed(socket, now, reason); });
  }
  void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) override {
    Act([&] { session_->OnAnswer(request, now, answer); });
    if (bans_ != nullptr) KeepBan();
  }
  void Publish(const Message& message) override {
    if (borrowed_.abandoned()) return;
    const Status published = bus_.Publish(message);
    if (!published.ok()) NoteUnpublished(published);
    publishes_ = published.ok();
  }

 private:
  /// Adding up takes a look at every book, so not often.
  static constexpr std::int64_t kCountsNs = 1'000'000'000;

  void Settle();
  void PauseReading();
  void NoteUnpublished(const Status& why);
  void KeepBan();
  void WriteCounts(FeedTime now);
  std::int64_t NextNs() const noexcept { return std::min(session_->next_tick_ns(), counts_at_ns_); }

  PubSub& bus_;
  Runtime runtime_;
  Borrowed borrowed_;
  Executor::Strand strand_;  // publishes; is parked when the bus is full
  std::unique_ptr<net::NetLoop> loop_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<NetVenueLink> link_;
  std::unique_ptr<BinanceSession> session_;  // the loop's alone
  std::shared_ptr<BanKeeper> bans_;          // null: bans end with the process
  std::int64_t kept_ban_unix_ns_ = 0;
  bool publishes_ = true;  // the bus took the last event
  std::uint64_t unpublished_ = 0;
  bool paused_ = false, stopped_ = false;
  std::int64_t armed_ns_ = BinanceFeed::kNoTick;
  std::int64_t counts_at_ns_ = BinanceFeed::kNoTick;  // when `counts_` is to be written
  Executor::Timer timer_;
  mutable std::mutex counts_mutex_;
  AdapterCounters counts_;
};

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
  auto session = BinanceSession::Create(SessionOptionsOf(options), borrowed_, *link_, *this);
  if (!session.ok()) return session.status();
  session_ = std::move(*session);
  if (store != nullptr) {
    bans_ = std::make_shared<BanKeeper>(*store, runtime_, session_->rest_url());
  }
  return {};
}

Status BinanceCore::StartThreads() {
  if (Status s = loop_->Start(); !s.ok()) return s;
  return http_->Start();
}

Status BinanceCore::StopThreads(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  loop_->Post([self = shared_from_this()] { self->Stop(); });
  const Status loop_ended = loop_->Stop(deadline);
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  const Status http_ended = http_->Stop(std::max(left, std::chrono::milliseconds(0)));
  const Status store_left =
      bans_ == nullptr ? Status()
                       : bans_->Close(std::chrono::duration_cast<std::chrono::milliseconds>(
                             end - std::chrono::steady_clock::now()));
  if (!loop_ended.ok()) return loop_ended;
  return http_ended.ok() ? store_left : http_ended;
}

void BinanceCore::Abandon() {
  borrowed_.Abandon();
  if (bans_ != nullptr) static_cast<void>(bans_->Close(std::chrono::milliseconds(0)).ok());
  loop_->Post([self = shared_from_this()] { self->link_->CloseAll(); });
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
  bool parked = false;
  {
    Executor::StrandScope scope(strand_);
    body();
    parked = Executor::CurrentStrandParked();
  }
  if (stopped_ || borrowed_.abandoned()) return;  // no timer any more
  if (parked && !paused_) PauseReading();
  if (counts_at_ns_ == BinanceFeed::kNoTick) counts_at_ns_ = link_->Now().monotonic_ns + kCountsNs;
  if (NextNs() < armed_ns_) Settle();
}

/// The bus is full: nothing is read until the strand may go on, which is when its task runs.
void BinanceCore::PauseReading() {
  paused_ = true;
  link_->PauseReading(true);
  strand_.Post([self = shared_from_this()] {
    self->loop_->Post([self] {
      self->paused_ = false;
      self->link_->PauseReading(false);
    });
  });
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
  if (now.monotonic_ns >= session_->next_tick_ns()) {
    Act([&] { session_->OnTick(now); });
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

void BinanceCore::Start(std::int64_t banned_until_unix_ns) {
  Act([&] {
    const FeedTime now = link_->Now();
    session_->SetBannedUntil(banned_until_unix_ns, now);
    kept_ban_unix_ns_ = session_->banned_until_unix_ns();
    (void)session_->Start(now).ok();
  });
}

void BinanceCore::KeepBan() {
  const std::int64_t until = session_->banned_until_unix_ns();
  if (until <= kept_ban_unix_ns_) return;
  kept_ban_unix_ns_ = until;
  bans_->Write(until);
}

void BinanceCore::Stop() {
  Act([&] { session_->Stop(link_->Now()); });
  stopped_ = true;
  WriteCounts(link_->Now());
  link_->CloseAll();
  timer_ = {};
}

Result<FeedHandle> BinanceCore::Subscribe(const FeedRequest& request) {
  std::optional<Result<FeedHandle>> made;
  Act([&] { made = session_->Subscribe(request, link_->Now()); });
  return made ? std::move(*made) : Stopped();
}

void BinanceCore::Unsubscribe(FeedHandle handle) {
  Act([&] { (void)session_->Unsubscribe(handle, link_->Now()).ok(); });
}

void BinanceCore::Republish(FeedHandle handle) {
  Act([&] { (void)session_->Republish(handle, link_->Now()).ok(); });
}

class BinanceAdapter final : public ExchangeAdapter {
 public:
  BinanceAdapter(const BinanceAdapterOptions& options, std::shared_ptr<BinanceCore> core)
      : options_(options), core_(std::move(core)) {}
  ~BinanceAdapter() override {
    {
      std::lock_guard lock(book_->mutex);
      book_->stopped = true;
    }
    if (!core_->loop().OnLoopThread()) {
      Executor::BlockingScope waits;
      if (core_->StopThreads(std::chrono::seconds(5)).ok()) return;
    }
    // A callback is still inside: what it uses stays as long as it does, but for what was borrowed.
    core_->Abandon();
    try {
      std::thread([core = core_] {
        while (!core->StopThreads(std::chrono::hours(1)).ok()) continue;
      }).detach();
    } catch (const std::exception&) {  // no thread: it stays for good
      static_cast<void>(new std::shared_ptr<BinanceCore>(core_));
    }
  }

  std::string_view venue() const noexcept override {
    return BinanceVenueName(options_.feed.market);
  }
  Status Start() override;
  Status Stop(std::chrono::milliseconds deadline) override;
  Result<FeedHandle> Subscribe(const FeedRequest& request) override;
  Status Unsubscribe(FeedHandle handle) override;
  Status Republish(FeedHandle handle) override;
  Result<SubscriptionStatus> StatusOf(FeedHandle handle) const override;
  Result<TopOfBook> TopOf(std::string_view instrument) const override;
  AdapterCounters counters() const override { return core_->Counts(); }

 private:
  /// What was given out here, and what the session made of it on the loop.
  struct Given {
    FeedRequest request;
    std::string key;
    FeedHandle inner = 0;                    // 0: not carried out yet
    std::shared_ptr<const StatusCell> cell;  // of `inner`
    std::shared_ptr<const SymbolTops> tops;  // of books and quotes
    Status refused;                          // by the session
    std::int64_t since_unix_ns = 0;
  };
  /// Shared with tasks on the loop, which may come after the adapter has gone.
  struct Book {
    std::mutex mutex;
    std::map<FeedHandle, std::shared_ptr<Given>> given;
    std::map<std::string, int> keys;  // different requests, with how often each is given out
    /// Of `given`, the books and quotes, by instrument.
    std::map<std::string, std::vector<std::shared_ptr<Given>>, std::less<>> tops;
    FeedHandle last = 0;
    bool started = false, stopped = false;
  };
  static bool HasTop(const Given& given) noexcept {
    return given.request.channel == FeedChannel::kBook ||
           given.request.channel == FeedChannel::kQuote;
  }
  void CarryOut(std::shared_ptr<Given>, void (BinanceCore::*act)(FeedHandle));  // on the loop
  SubscriptionStatus StatusOf(const Given& given) const;
  Status NoTop(std::string_view instrument, const std::vector<std::shared_ptr<Given>>& asked) const;
  static Status Unknown(FeedHandle handle) {
    return Status(StatusCode::kNotFound, "exchange",
                  "expected a handle that was given out, found " + std::to_string(handle));
  }

  const BinanceAdapterOptions options_;
  const std::shared_ptr<BinanceCore> core_;
  const std::shared_ptr<Book> book_ = std::make_shared<Book>();
};

Status BinanceAdapter::Start() {
  std::lock_guard lock(book_->mutex);
  if (book_->started || book_->stopped) {
    return Status(StatusCode::kFailedPrecondition, "exchange",
                  "expected an adapter that was neither started nor stopped");
  }
  book_->started = true;  // also when it fails: nothing of it can be tried again
  if (Status s = core_->StartThreads(); !s.ok()) return s;
  core_->StartSession();
  return {};
}

Status BinanceAdapter::Stop(std::chrono::milliseconds deadline) {
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    return Status(StatusCode::kFailedPrecondition, "exchange",
                  "expected Stop on a thread of the application, found one of the library");
  }
  {
    std::lock_guard lock(book_->mutex);
    book_->stopped = true;
  }
  return core_->StopThreads(deadline);
}

Result<FeedHandle> BinanceAdapter::Subscribe(const FeedRequest& request) {
  Result<StreamPlan> plan = PlanStream(options_.feed.market, options_.depth_speed_ms, request);
  if (!plan.ok()) return plan.status();
  auto given = std::make_shared<Given>();
  given->request = plan->request;
  given->key = plan->key;
  given->since_unix_ns = core_->loop().Now().unix_ns;
  std::lock_guard lock(book_->mutex);
  if (book_->stopped) return Stopped();
  if (book_->keys.size() >= options_.max_subscriptions && !book_->keys.contains(plan->key)) {
    return Status(StatusCode::kResourceExhausted, "exchange",
                  "expected at most " + std::to_string(options_.max_subscriptions) +
                      " different subscriptions");
  }
  const FeedHandle handle = ++book_->last;
  ++book_->keys[plan->key];
  book_->given.emplace(handle, given);
  if (HasTop(*given)) book_->tops[given->request.instrument].push_back(given);
  core_->loop().Post([core = core_, book = book_, given = std::move(given)] {
    const Result<FeedHandle> inner = core->Subscribe(given->request);
    const auto cell = inner.ok() ? core->CellOf(*inner) : nullptr;
    const auto tops = inner.ok() ? core->TopsOf(*inner) : nullptr;
    std::lock_guard guard(book->mutex);
    if (inner.ok()) {
      given->inner = *inner;
      given->cell = cell;
      given->tops = tops;
    } else {
      given->refused = inner.status();
    }
  });
  return handle;
}

Status BinanceAdapter::Unsubscribe(FeedHandle handle) {
  std::lock_guard lock(book_->mutex);
  const auto at = book_->given.find(handle);
  if (at == book_->given.end()) return Unknown(handle);
  const std::shared_ptr<Given> given = std::move(at->second);
  book_->given.erase(at);
  const auto key = book_->keys.find(given->key);
  if (--key->second == 0) book_->keys.erase(key);
  if (const auto top = book_->tops.find(given->request.instrument); HasTop(*given)) {
    std::erase(top->second, given);
    if (top->second.empty()) book_->tops.erase(top);
  }
  CarryOut(given, &BinanceCore::Unsubscribe);
  return {};
}

void BinanceAdapter::CarryOut(std::shared_ptr<Given> given, void (BinanceCore::*act)(FeedHandle)) {
  core_->loop().Post([core = core_, book = book_, given = std::move(given), act] {
    std::unique_lock guard(book->mutex);
    const FeedHandle inner = given->inner;
    guard.unlock();
    if (inner != 0) ((*core).*act)(inner);
  });
}

Status BinanceAdapter::Republish(FeedHandle handle) {
  std::lock_guard lock(book_->mutex);
  const auto at = book_->given.find(handle);
  if (at == book_->given.end()) return Unknown(handle);
  if (at->second->request.channel != FeedChannel::kBook) {
    return Status(StatusCode::kUnimplemented, "exchange",
                  "expected a handle of a book, found one of " +
                      std::string(FeedChannelName(at->second->request.channel)));
  }
  if (book_->stopped) return Stopped();
  CarryOut(at->second, &BinanceCore::Republish);
  return {};
}

/// Waits for nothing but other calls like this one: what the loop knows it has written down.
Result<SubscriptionStatus> BinanceAdapter::StatusOf(FeedHandle handle) const {
  std::lock_guard lock(book_->mutex);
  const auto at = book_->given.find(handle);
  if (at == book_->given.end()) return Unknown(handle);
  return StatusOf(*at->second);
}

/// With the lock held.
SubscriptionStatus BinanceAdapter::StatusOf(const Given& given) const {
  SubscriptionStatus status;
  status.request = given.request;
  status.since_unix_ns = given.since_unix_ns;
  status.references = book_->keys.at(given.key);
  if (!given.refused.ok()) {
    status.state = SubscriptionState::kRejected;
    status.reason = given.refused.message();
  } else if (book_->stopped) {
    status.state = SubscriptionState::kStopped;
    status.reason = "stopped";
  } else if (given.cell == nullptr) {
    status.reason = book_->started ? "not asked for yet" : "not started";
  } else {
    StatusCell::Value value = given.cell->Get();
    status.state = value.state;
    status.reason = std::move(value.reason);
    status.since_unix_ns = value.since_unix_ns;
  }
  return status;
}

Result<TopOfBook> BinanceAdapter::TopOf(std::string_view instrument) const {
  std::lock_guard lock(book_->mutex);
  const auto at = book_->tops.find(instrument);
  if (at == book_->tops.end()) {
    return Status(StatusCode::kNotFound, "exchange",
                  "expected an instrument with a book or quotes subscribed, found '" +
                      std::string(instrument) + "'");
  }
  TopOfBook best, one;
  bool found = false;
  const auto take = [&](const auto& cell) {
    if (!cell.Get(one) || (found && one.update_id <= best.update_id)) return;
    found = true;
    best = one;
  };
  const SymbolTops* before = nullptr;
  for (const std::shared_ptr<Given>& given : at->second) {
    const SymbolTops* const tops = given->tops.get();
    if (tops == nullptr || tops == before) continue;
    before = tops;
    take(tops->book);
    take(tops->quote);
  }
  if (found) return best;
  return NoTop(instrument, at->second);
}

/// With the lock held. Whether to wait is the code's to say, what for is the text's.
Status BinanceAdapter::NoTop(std::string_view instrument,
                             const std::vector<std::shared_ptr<Given>>& asked) const {
  using enum SubscriptionState;
  std::string states;
  bool refused = true, lost = false, resync = false;
  for (const std::shared_ptr<Given>& given : asked) {
    const SubscriptionStatus status = StatusOf(*given);
    refused = refused && status.state == kRejected;
    resync = resync || status.state == kResync;
    lost = lost || status.state == kDisconnected || status.state == kGap ||
           status.state == kStale || status.state == kStopped;
    std::string state(FeedChannelName(status.request.channel));
    state.append(" is ").append(SubscriptionStateName(status.state));
    if (!status.reason.empty()) state.append(" (").append(status.reason).append(")");
    if (states.find(state) == std::string::npos) {
      states.append(states.empty() ? "" : "; ").append(state);
    }
  }
  const char* const text = refused  ? "there will be no book, the venue refused "
                           : lost   ? "no live book and no quote now of "
                           : resync ? "no book yet: waiting for the snapshot of "
                                    : "no book yet: waiting for the first data of ";
  return Status(refused ? StatusCode::kFailedPrecondition : StatusCode::kUnavailable, "exchange",
                text + std::string(instrument) + ": " + states);
}

}  // namespace
}  // namespace detail

Result<std::unique_ptr<ExchangeAdapter>> MakeBinanceAdapter(const BinanceAdapterOptions& options,
                                                            PubSub& bus, const Runtime& runtime,
                                                            StateStore* state) {
  auto core = std::make_shared<detail::BinanceCore>(bus, runtime);
  if (Status s = core->Build(options, state); !s.ok()) return s;
  return std::unique_ptr<ExchangeAdapter>(new detail::BinanceAdapter(options, std::move(core)));
}

}  // namespace virtufin::inline v0
