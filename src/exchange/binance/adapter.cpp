// The live Binance adapter: a BinanceSession on a net loop, reachable from any thread.
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "exchange/binance/adapter_core.hpp"
#include "exchange/binance/streams.hpp"
#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0 {
namespace detail {
namespace {

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
