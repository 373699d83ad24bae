// Hundreds of rotations over a simulated venue, whatever happens meanwhile: no gap, nothing twice.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"
#include "support/event_books.hpp"
#include "support/event_trades.hpp"
#include "support/scale.hpp"
#include "support/simulated_link.hpp"

using namespace virtufin;
using nlohmann::json;

namespace {

constexpr std::int64_t kRotateMs = 3'000;

/// What happens while sockets are replaced.
enum class Mode {
  kCalm,      // nothing
  kDense,     // hundreds of changes a second, and sockets of very different latency
  kChanges,   // subscriptions come and go
  kNewDies,   // the new socket is cut before it takes over
  kOldDies,   // the old one is cut once the new one carries everything
  kShutdown,  // the venue announces its shutdown, and cuts
};

const char* Name(Mode mode) {
  constexpr const char* kNames[] = {"calm", "dense", "changes", "new dies", "old dies", "shutdown"};
  return kNames[static_cast<int>(mode)];
}

const char* const kSymbols[] = {"AAAUSDT", "BBBUSDT", "RAWUSDT"};

sim::VenueOptions Venue(BinanceMarket market, Mode mode, std::uint64_t seed) {
  sim::VenueOptions options;
  options.market =
      market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  options.seed = seed;
  for (const char* const name : kSymbols) {
    sim::SymbolOptions& symbol = options.symbols.emplace_back();
    symbol.name = name;
    symbol.changes_per_s = mode == Mode::kDense ? 300 : 8;
    symbol.trade_percent = 40;
  }
  options.depth = 12;
  options.shutdown_notice_ms = 8'000;
  options.max_connects_per_5min = 100'000;
  return options;
}

detail::BinanceSessionOptions Session(BinanceMarket market, Mode mode, std::uint64_t seed) {
  detail::BinanceSessionOptions options;
  options.feed.market = market;
  options.stream_url = test::SimulatedLink::kStreamUrl;
  options.rest_url = test::SimulatedLink::kRestUrl;
  options.seed = seed;
  options.rotate_after_ms = mode == Mode::kShutdown ? 0 : kRotateMs;
  options.stable_ms = 1'000;
  options.reconnect_first_ms = 200;
  options.connections_per_5_minutes = 100'000;
  options.canary_symbol = kSymbols[0];
  options.canary_ms = 15'000;  // its quotes rest now and then
  return options;
}

/// Passes on, and remembers which sockets there are.
class WatchedLink final : public detail::VenueLink {
 public:
  explicit WatchedLink(test::SimulatedLink& link) : link_(link) {}
  void Open(std::uint32_t socket, std::string_view url) override {
    open.emplace(socket, link_.elapsed_ms());
    link_.Open(socket, url);
  }
  bool Send(std::uint32_t socket, std::string_view text) override {
    return link_.Send(socket, text);
  }
  void Ping(std::uint32_t socket) override { link_.Ping(socket); }
  void Close(std::uint32_t socket) override {
    open.erase(socket);
    link_.Close(socket);
  }
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override {
    link_.Get(request, url, timeout_ms);
  }
  std::map<std::uint32_t, std::int64_t> open;  // since when

 private:
  test::SimulatedLink& link_;
};

class Rotations final : public detail::BinanceSessionSink {
 public:
  Rotations(BinanceMarket market, Mode mode, std::uint64_t seed)
      : market_(market),
        mode_(mode),
        link_(Venue(market, mode, seed), seed),
        watched_(link_),
        random_(seed * 7 + 1),
        session_(detail::BinanceSession::Create(Session(market, mode, seed), link_.clock(),
                                                watched_, *this)
                     .value()) {
    if (mode != Mode::kOldDies) link_.faults.skew_ms = mode == Mode::kDense ? 600 : 150;
  }

  void Run(std::uint64_t rotations) {
    REQUIRE(session_->Start(link_.Now()).ok());
    SubscribeAll();
    RunFor(3'000);
    REQUIRE(AllLive());
    synchronised_ = session_->books().counters().synchronised;
    const std::int64_t end_ms = link_.elapsed_ms() + static_cast<std::int64_t>(rotations) * 30'000;
    while (session_->counters().rotations < rotations && link_.elapsed_ms() < end_ms) {
      RunFor(100);
      Meddle();
    }
    REQUIRE(session_->counters().rotations >= rotations);
    RunFor(5'000);
    link_.venue().StopTrading();
    RunFor(5'000);
    CheckEnd();
  }

  std::uint64_t rotations() const { return session_->counters().rotations; }
  std::uint64_t failed() const { return session_->counters().rotations_failed; }
  std::uint64_t trades() const { return trades_seen_; }
  std::uint64_t meddled() const { return meddled_; }

 private:
  struct Wanted {
    FeedRequest request;
    FeedHandle handle;
  };

  void SubscribeAll() {
    const auto want = [&](FeedChannel channel, const char* symbol,
                          std::vector<std::pair<std::string, std::string>> parameters = {}) {
      wanted_.push_back({{channel, symbol, std::move(parameters)}, 0});
      Subscribe(wanted_.back());
    };
    for (const char* const name : kSymbols) {
      want(FeedChannel::kBook, name);
      want(FeedChannel::kQuote, name);
      const bool raw = std::string_view(name) == "RAWUSDT";
      want(FeedChannel::kTrade, name, {{"aggregate", raw ? "false" : "true"}});
    }
    want(FeedChannel::kCandle, kSymbols[0], {{"interval", "1m"}});
    want(FeedChannel::kTicker, kSymbols[1]);
    if (market_ == BinanceMarket::kUsdm) want(FeedChannel::kMark, kSymbols[0]);
  }

  void Subscribe(Wanted& wanted) {
    const auto handle = session_->Subscribe(wanted.request, link_.Now());
    REQUIRE(handle.ok());
    wanted.handle = *handle;
  }

  void RunFor(std::int64_t ms) {
    const std::int64_t until_ms = link_.elapsed_ms() + ms;
    while (link_.elapsed_ms() < until_ms) {
      link_.Step(*session_, session_->next_tick_ns(), until_ms);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) session_->OnTick(link_.Now());
    }
  }

  /// The first and the last socket of a pair whose second one was opened long enough ago, but not
  /// too long; 0: there is none.
  std::pair<std::uint32_t, std::uint32_t> Pair(std::int64_t from_ms, std::int64_t to_ms) const {
    const std::size_t places = market_ == BinanceMarket::kSpot ? 1 : 2;
    if (watched_.open.size() != places + 1) return {};
    const auto [newest, since_ms] = *watched_.open.rbegin();
    const std::int64_t age_ms = link_.elapsed_ms() - since_ms;
    if (age_ms < from_ms || age_ms > to_ms) return {};
    return {watched_.open.begin()->first, newest};
  }

  void Cut(std::uint32_t socket) {
    ++meddled_;
    watched_.open.erase(socket);
    link_.Cut(socket);
  }

  void Meddle() {
    switch (mode_) {
      case Mode::kCalm:
      case Mode::kDense:
        return;
      case Mode::kChanges:
        return ComeAndGo();
      case Mode::kNewDies:
        if (const auto pair = Pair(0, 1'500); pair.second != 0 && random_.Percent(4)) {
          Cut(pair.second);
        }
        return;
      case Mode::kOldDies:  // with two places, the oldest socket need not be the one of this pair
        if (const auto pair = Pair(1'000, 1'900);
            pair.first != 0 && market_ == BinanceMarket::kSpot && random_.Percent(20)) {
          Cut(pair.first);
        }
        return;
      case Mode::kShutdown:
        if (link_.elapsed_ms() < next_shutdown_ms_) return;
        next_shutdown_ms_ = link_.elapsed_ms() + 12'000;
        ++meddled_;
        sim::Fault fault;
        fault.kind = sim::FaultKind::kShutdown;
        REQUIRE(link_.venue().Inject(fault, link_.Now().unix_ns / 1'000'000).ok());
        return;
    }
  }

  static std::string Key(std::string_view channel, std::string_view symbol) {
    return std::string(channel) + " " + std::string(symbol);
  }

  /// One of each kind does, and the trades that nothing can repair.
  static bool Stays(const FeedRequest& request) {
    return request.instrument == kSymbols[0] ||
           (request.channel == FeedChannel::kTrade && request.instrument == kSymbols[2]);
  }

  void ComeAndGo() {
    for (Wanted& wanted : wanted_) {
      if (Stays(wanted.request)) continue;
      if (!random_.Percent(wanted.handle == 0 ? 20 : 2)) continue;
      ++meddled_;
      if (wanted.handle == 0) {
        Subscribe(wanted);
        continue;
      }
      left_.insert(Key(FeedChannelName(wanted.request.channel), wanted.request.instrument));
      REQUIRE(session_->Unsubscribe(std::exchange(wanted.handle, 0), link_.Now()).ok());
      const std::string& symbol = wanted.request.instrument;
      if (wanted.request.channel == FeedChannel::kTrade) trades_.Unsubscribed(symbol);
      if (wanted.request.channel == FeedChannel::kQuote) quotes_.erase(symbol);
    }
  }

  bool AllLive() {
    for (const Wanted& wanted : wanted_) {
      if (wanted.handle == 0) continue;
      const SubscriptionStatus status = session_->StatusOf(wanted.handle).value();
      CAPTURE(std::string(FeedChannelName(status.request.channel)));
      CAPTURE(status.request.instrument);
      CAPTURE(status.reason);
      CHECK(SubscriptionStateName(status.state) == "live");
      if (status.state != SubscriptionState::kLive) return false;
    }
    return true;
  }

  void Publish(const Message& message) override {
    const std::string topic(message.topic());
    CAPTURE(topic);
    CAPTURE(std::string(message.event().data_text()));
    CAPTURE(link_.elapsed_ms());
    const test::EventBooks::Book* changed = nullptr;
    REQUIRE(books_.Take(message, changed) == "");
    json trade;
    REQUIRE(trades_.Take(message, trade) == "");
    if (!trade.is_null()) {
      ++trades_seen_;
    }
    const std::string_view subject = message.event().subject();
    const std::string symbol(subject.substr(subject.find('/') + 1));
    if (!trade.is_null() && left_.count(Key("trade", symbol)) == 0) {
      REQUIRE(!trade.value("recovered", false));
    }
    if (topic.find(".feed.status.") != topic.npos) return CheckStatus(symbol, message);
    const json data = json::parse(message.event().data_text());
    if (topic.find(".quote.update.") != topic.npos) {
      std::string& last = quotes_[symbol];
      REQUIRE(last != data.dump());
      last = data.dump();
    }
    if (topic.find(".ohlcv.candle.") != topic.npos && data.at("closed")) CheckCandle(data);
    if (topic.find(".ticker.update.") != topic.npos || topic.find(".mark.price.") != topic.npos) {
      const Timestamp time = message.event().time().value();
      REQUIRE(times_[topic] < time.unix_seconds() * 1'000'000'000 + time.nanoseconds());
      times_[topic] = time.unix_seconds() * 1'000'000'000 + time.nanoseconds();
    }
  }

  /// Once live, what stays subscribed is live.
  void CheckStatus(const std::string& symbol, const Message& message) {
    const json data = json::parse(message.event().data_text());
    if (data.at("scope") != "instrument" || synchronised_ == 0) return;
    const std::string key = Key(data.value("channel", "book"), symbol);
    if (left_.count(key) != 0) return;  // it came and went
    FAIL_CHECK("a status where nothing happened: " << data.dump());
  }

  void CheckCandle(const json& candle) {
    const Timestamp open =
        Timestamp::Parse(candle.at("candle_open_time").get<std::string>()).value();
    const std::int64_t open_ms = open.unix_seconds() * 1000;
    if (candle_ms_ >= 0) REQUIRE(open_ms == candle_ms_ + 60'000);
    candle_ms_ = open_ms;
    const auto truth = link_.venue().CandleAt(kSymbols[0], "1m", open_ms);
    REQUIRE(truth.ok());
    REQUIRE(candle.at("trades") == truth->count);
  }

  void CheckEnd() {
    REQUIRE(AllLive());
    for (const Wanted& wanted : wanted_) {
      if (wanted.handle == 0) continue;
      const auto* const symbol = link_.venue().market().Find(wanted.request.instrument);
      if (wanted.request.channel == FeedChannel::kBook) {
        const auto& book = books_.books().at(wanted.request.instrument);
        const sim::VenueBook* const truth =
            link_.venue().market().BookAt(symbol->index, book.last_id);
        REQUIRE(truth != nullptr);
        CHECK(book.last_id >= symbol->updates.back().id);
        CHECK(book.levels.bids == truth->bids);
        CHECK(book.levels.asks == truth->asks);
      }
      if (wanted.request.channel == FeedChannel::kTrade) {
        const bool raw = wanted.request.instrument == "RAWUSDT";
        CHECK(trades_.tapes().at(wanted.request.instrument).last_id ==
              (raw ? symbol->last_trade_id : symbol->last_aggregate_id));
      }
    }
    CHECK(session_->books().counters().books.gaps == 0);
    for (const auto& [symbol, tape] : trades_.tapes()) {
      // A trade that was on its way when its subscription ended may be the first of the next one.
      if (left_.count(Key("trade", symbol)) == 0) CHECK(tape.missing == 0);
    }
    if (mode_ == Mode::kChanges) return;
    CHECK(session_->books().counters().synchronised == synchronised_);
    CHECK(session_->channels().counters().holes == 0);
    CHECK(session_->channels().counters().missing == 0);
    CHECK(session_->channels().counters().recovered == 0);
  }

  const BinanceMarket market_;
  const Mode mode_;
  test::SimulatedLink link_;
  WatchedLink watched_;
  sim::Random random_;
  std::vector<Wanted> wanted_;
  std::set<std::string> left_;
  std::map<std::string, std::string> quotes_;
  std::map<std::string, std::int64_t> times_;
  std::int64_t candle_ms_ = -1, next_shutdown_ms_ = 0;
  std::uint64_t synchronised_ = 0, meddled_ = 0, trades_seen_ = 0;
  test::EventBooks books_;
  test::EventTrades trades_;
  std::unique_ptr<detail::BinanceSession> session_;  // publishes until it ends
};

/// `rotations` in each market, over several seeds.
void RunMode(Mode mode, int rotations) {
  constexpr int kPerSeed = 20;
  std::uint64_t done = 0, failed = 0, trades = 0, meddled = 0;
  const int seeds = test::Scaled(rotations / kPerSeed);
  for (int seed = 1; seed <= seeds; ++seed) {
    for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
      CAPTURE(seed);
      CAPTURE(std::string(BinanceVenueName(market)));
      Rotations run(market, mode, static_cast<std::uint64_t>(seed));
      run.Run(kPerSeed);
      done += run.rotations();
      failed += run.failed();
      trades += run.trades();
      meddled += run.meddled();
    }
  }
  MESSAGE(std::string(Name(mode)) << ": " << done << " rotations, " << failed
                                  << " failed attempts, " << trades << " trades, meddled "
                                  << meddled << " times");
  CHECK(done >= static_cast<std::uint64_t>(seeds) * 2 * kPerSeed);
  CHECK((meddled > 0) == (mode != Mode::kCalm && mode != Mode::kDense));
  CHECK((failed > 0) == (mode == Mode::kNewDies));
}

}  // namespace

// Pins EX-99, EX-103.
TEST_CASE("a rotation leaves no gap and tells nothing twice") { RunMode(Mode::kCalm, 200); }

TEST_CASE("it does so with hundreds of changes a second on sockets of unlike speed") {
  RunMode(Mode::kDense, 40);
}

// Pins EX-102.
TEST_CASE("it does so while subscriptions come and go") { RunMode(Mode::kChanges, 300); }

// Pins EX-101.
TEST_CASE("it does so when the new socket dies") { RunMode(Mode::kNewDies, 300); }

TEST_CASE("it does so when the old socket is cut once the new one carries everything") {
  RunMode(Mode::kOldDies, 200);
}

// Pins EX-104.
TEST_CASE("it does so when the venue announces its shutdown") { RunMode(Mode::kShutdown, 100); }
