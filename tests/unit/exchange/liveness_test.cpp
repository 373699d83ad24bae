// A venue that falls silent in every way there is: found within the promised time, healed, and a
// quiet market is never taken for one.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"
#include "support/event_books.hpp"
#include "support/simulated_link.hpp"

using namespace virtufin;
using nlohmann::json;

namespace {

const std::vector<std::string> kBusy = {"BTCUSDT", "ETHUSDT"};
const std::vector<std::string> kQuiet = {"DEADUSDT", "IDLEUSDT"};
constexpr BinanceMarket kMarkets[] = {BinanceMarket::kSpot, BinanceMarket::kUsdm};
/// Sockets: spot has one kind of them, USD-M two.
std::size_t Places(BinanceMarket market) { return market == BinanceMarket::kSpot ? 1 : 2; }

sim::VenueOptions Venue(BinanceMarket market) {
  sim::VenueOptions options;
  options.market =
      market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  for (const auto* const names : {&kBusy, &kQuiet}) {
    for (const std::string& name : *names) {
      sim::SymbolOptions& symbol = options.symbols.emplace_back();
      symbol.name = name;
      symbol.changes_per_s = names == &kBusy ? 20 : 0;
    }
  }
  options.depth = 12;
  return options;
}

/// Passes on, and counts.
class CountingLink final : public detail::VenueLink {
 public:
  explicit CountingLink(test::SimulatedLink& link) : link_(link) {}
  void Open(std::uint32_t socket, std::string_view url) override { link_.Open(socket, url); }
  bool Send(std::uint32_t socket, std::string_view text) override {
    const bool sent = link_.Send(socket, text);
    if (sent && text.find("\"UNSUBSCRIBE\"") != text.npos) ++renewals;
    return sent;
  }
  void Ping(std::uint32_t socket) override { link_.Ping(socket); }
  void Close(std::uint32_t socket) override { link_.Close(socket); }
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override {
    looks += url.ends_with("&limit=5") ? 1 : 0;
    link_.Get(request, url, timeout_ms);
  }
  int renewals = 0;
  int looks = 0;  // at the first levels of a book

 private:
  test::SimulatedLink& link_;
};

/// A session with the limits that an application gets, on a venue without other faults.
class Feed final : public detail::BinanceSessionSink {
 public:
  struct Told {
    std::int64_t at_ms;
    std::string instrument, scope, channel, state;
  };

  explicit Feed(BinanceMarket market) : market_(market), link_(Venue(market), 1), counted_(link_) {
    detail::BinanceSessionOptions options;
    options.feed.market = market;
    options.stream_url = test::SimulatedLink::kStreamUrl;
    options.rest_url = test::SimulatedLink::kRestUrl;
    session_ = detail::BinanceSession::Create(options, link_.clock(), counted_, *this).value();
    REQUIRE(session_->Start(link_.Now()).ok());
  }

  FeedHandle Subscribe(FeedChannel channel, const std::string& symbol,
                       std::vector<std::pair<std::string, std::string>> parameters = {}) {
    const auto handle = session_->Subscribe({channel, symbol, std::move(parameters)}, link_.Now());
    REQUIRE(handle.ok());
    handles_.push_back(*handle);
    return *handle;
  }
  void Unsubscribe(FeedHandle handle) {
    std::erase(handles_, handle);
    REQUIRE(session_->Unsubscribe(handle, link_.Now()).ok());
  }
  /// Every channel of every symbol; live.
  void SubscribeAll() {
    for (const auto* const names : {&kBusy, &kQuiet}) {
      for (const std::string& name : *names) {
        for (const FeedChannel channel :
             {FeedChannel::kBook, FeedChannel::kQuote, FeedChannel::kTrade}) {
          Subscribe(channel, name);
        }
      }
    }
    if (market_ == BinanceMarket::kUsdm) Subscribe(FeedChannel::kMark, kBusy[1]);
    RunFor(10'000);
    REQUIRE(AllLive());
    told_.clear();
  }

  void RunFor(std::int64_t ms) { RunUntil(link_.elapsed_ms() + ms); }
  void RunUntil(std::int64_t until_ms) {
    while (link_.elapsed_ms() < until_ms) {
      link_.Step(*session_, session_->next_tick_ns(), until_ms);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) session_->OnTick(link_.Now());
    }
  }
  void Inject(const std::string& fault) {
    const sim::FaultPlan plan = sim::FaultPlan::Parse("0 " + fault).value();
    REQUIRE(link_.venue().Inject(plan.faults[0], Now().unix_ns / 1'000'000).ok());
    injected_ms_ = link_.elapsed_ms();
    told_.clear();
  }

  bool AllLive() const {
    return std::all_of(handles_.begin(), handles_.end(), [&](FeedHandle handle) {
      return session_->StatusOf(handle).value().state == SubscriptionState::kLive;
    });
  }
  std::string State(FeedHandle handle) const {
    return std::string(SubscriptionStateName(session_->StatusOf(handle).value().state));
  }
  /// How long after the fault it was told first; -1: never. `instrument` empty: of a connection.
  std::int64_t ToldAfter(std::string_view state, std::string_view instrument = "",
                         std::string_view channel = "book") const {
    for (const Told& one : told_) {
      if (one.state != state || one.instrument != instrument) continue;
      if (instrument.empty() ? one.scope != "connection" : one.channel != channel) continue;
      return one.at_ms - injected_ms_;
    }
    return -1;
  }
  std::size_t CountTold(std::string_view state, std::string_view scope) const {
    return static_cast<std::size_t>(std::count_if(told_.begin(), told_.end(), [&](const Told& one) {
      return one.state == state && one.scope == scope;
    }));
  }
  /// The books that the events made are the venue's last ones.
  void CheckBooks() {
    link_.venue().StopTrading();
    RunFor(2'000);
    sim::MarketModel& truth = link_.venue().market();
    for (const auto* const names : {&kBusy, &kQuiet}) {
      for (const std::string& name : *names) {
        CAPTURE(name);
        const sim::MarketModel::Symbol& symbol = *truth.Find(name);
        const auto book = books_.books().find(name);
        if (book == books_.books().end()) continue;  // not subscribed
        CHECK(book->second.live);
        CHECK(book->second.last_id >= symbol.updates.back().id);
        const sim::VenueBook* const last = truth.BookAt(symbol.index, book->second.last_id);
        REQUIRE(last != nullptr);
        CHECK(book->second.levels.bids == last->bids);
        CHECK(book->second.levels.asks == last->asks);
      }
    }
  }

  FeedTime Now() const { return link_.Now(); }
  detail::BinanceSessionCounters Counters() const { return session_->counters(); }
  int renewals() const { return counted_.renewals; }
  int looks() const { return counted_.looks; }
  void ForgetTold() { told_.clear(); }

 private:
  void Publish(const Message& message) override {
    const test::EventBooks::Book* changed = nullptr;
    REQUIRE(books_.Take(message, changed) == "");
    if (message.topic().find(".feed.status") == std::string_view::npos) return;
    const json data = json::parse(message.event().data_text());
    std::string instrument;
    if (data.at("scope") == "instrument") {
      instrument = message.event().subject();
      instrument.erase(0, instrument.find('/') + 1);
    }
    told_.push_back({link_.elapsed_ms(), std::move(instrument), data.at("scope"),
                     data.value("channel", "book"), data.at("state")});
  }

  const BinanceMarket market_;
  test::SimulatedLink link_;
  CountingLink counted_;
  std::vector<FeedHandle> handles_;
  std::vector<Told> told_;
  std::int64_t injected_ms_ = 0;
  test::EventBooks books_;
  std::unique_ptr<detail::BinanceSession> session_;
};

/// Of faults that silence whole sockets.
void CheckSilentSockets(const std::string& fault) {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(fault);
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    const auto before = feed.Counters();
    feed.Inject(fault);
    feed.RunFor(6'000);
    CHECK(feed.CountTold("stale", "connection") == Places(market));
    for (const auto* const names : {&kBusy, &kQuiet}) {
      for (const std::string& name : *names) {
        CAPTURE(name);
        CHECK(feed.ToldAfter("stale", name) >= 4'900);
        CHECK(feed.ToldAfter("stale", name, "trade") >= 4'900);
      }
    }
    feed.RunFor(6'000);
    const auto after = feed.Counters();
    CHECK(after.muted - before.muted == Places(market));
    CHECK(after.opens - before.opens == Places(market));
    CHECK(after.half_open == before.half_open);
    feed.RunFor(3'000);
    CHECK(feed.AllLive());
    feed.ForgetTold();
    feed.RunFor(300'000);
    CHECK(feed.CountTold("stale", "connection") == 0);
    CHECK(feed.CountTold("stale", "instrument") == 0);
    CHECK(feed.AllLive());
    feed.CheckBooks();
  }
}

}  // namespace

// Pins EX-60.
TEST_CASE("a venue that answers pings and sends no data is left within twelve seconds") {
  CheckSilentSockets("mute");
}

// Pins EX-60.
TEST_CASE("a venue that sends nothing at all is left within twelve seconds") {
  CheckSilentSockets("hush");
}

// Pins EX-60.
TEST_CASE("a half-open connection is left within twelve seconds") { CheckSilentSockets("stall"); }

TEST_CASE("a silent socket says nothing about another one") {
  for (int seed = 0; seed < 6; ++seed) {  // it hits one or the other
    Feed feed(BinanceMarket::kUsdm);
    feed.RunFor(100 * seed);
    feed.SubscribeAll();
    feed.Inject("mute one");
    feed.RunFor(6'000);
    CHECK(feed.CountTold("stale", "connection") == 1);
    const bool books = feed.ToldAfter("stale", kBusy[0]) >= 0;
    const bool trades = feed.ToldAfter("stale", kBusy[0], "trade") >= 0;
    CHECK(books != trades);
    feed.RunFor(9'000);
    CHECK(feed.AllLive());
    feed.CheckBooks();
  }
}

// Pins EX-62.
TEST_CASE("a depth stream that dies alone is found within seventy seconds") {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    const int renewals = feed.renewals();
    feed.Inject("lose " + kBusy[1]);
    feed.RunFor(59'000);
    CHECK(feed.AllLive());
    feed.RunFor(11'000);
    CHECK(feed.ToldAfter("stale", kBusy[1]) >= 60'000);
    CHECK(feed.CountTold("stale", "instrument") == 1);
    CHECK(feed.CountTold("stale", "connection") == 0);
    feed.RunFor(10'000);
    CHECK(feed.AllLive());
    CHECK(feed.renewals() == renewals + 1);
    feed.RunFor(300'000);
    CHECK(feed.renewals() == renewals + 1);
    CHECK(feed.CountTold("stale", "instrument") == 1);
    feed.CheckBooks();
  }
}

TEST_CASE("depth streams that all die at once are all found, one that dies again is, too") {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    for (int round = 0; round < 3; ++round) {
      feed.Inject("lose " + kBusy[0]);
      feed.Inject("lose " + kBusy[1]);
      feed.RunFor(80'000);
      CHECK(feed.CountTold("stale", "instrument") == 2);
      CHECK(feed.AllLive());
    }
    feed.CheckBooks();
  }
}

// Pins EX-62.
TEST_CASE("quiet streams are not stale, however long, nor are those that pause") {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    const int renewals = feed.renewals();
    const auto before = feed.Counters();
    for (const char* const pause : {"19000", "200000"}) {
      feed.Inject("silent " + kBusy[1] + " " + pause);
      feed.RunFor(300'000);
      CHECK(feed.CountTold("stale", "instrument") == 0);
      CHECK(feed.CountTold("stale", "connection") == 0);
      CHECK(feed.AllLive());
    }
    CHECK(feed.looks() > 0);
    CHECK(feed.renewals() == renewals);
    CHECK(feed.Counters().opens == before.opens);
    feed.CheckBooks();
  }
}

// Pins EX-61, EX-62.
TEST_CASE("an hour of a quiet market costs a look a minute and a book, and changes nothing") {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    feed.Inject("silent " + kBusy[1] + " 3600000");
    const int renewals = feed.renewals(), looks = feed.looks();
    const auto before = feed.Counters();
    feed.RunFor(3'600'000);
    CHECK(feed.CountTold("stale", "instrument") == 0);
    CHECK(feed.CountTold("stale", "connection") == 0);
    CHECK(feed.renewals() == renewals);
    CHECK(feed.Counters().opens == before.opens);
    CHECK(feed.looks() - looks >= 3 * 55);
    CHECK(feed.looks() - looks <= 3 * 60);
    CHECK(feed.Counters().requests - before.requests <= 3 * 60 + 13);  // exchangeInfo
    feed.CheckBooks();
  }
}

// Pins EX-62.
TEST_CASE("a halted instrument is not judged") {
  for (const BinanceMarket market : kMarkets) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    feed.SubscribeAll();
    feed.Subscribe(FeedChannel::kTicker, kBusy[1]);
    feed.RunFor(3'000);
    feed.Inject("halt " + kBusy[1]);
    feed.RunFor(301'000);  // exchangeInfo tells
    const int looks = feed.looks(), renewals = feed.renewals();
    feed.ForgetTold();
    feed.RunFor(600'000);
    CHECK(feed.CountTold("stale", "instrument") == 0);
    CHECK(feed.renewals() == renewals);
    CHECK(feed.looks() - looks <= 2 * 10);  // of the quiet ones
    feed.Inject("resume " + kBusy[1]);
    feed.RunFor(310'000);
    CHECK(feed.AllLive());
    feed.CheckBooks();
  }
}

// Pins EX-59.
TEST_CASE("the canary comes and goes as a subscription, and stays on the socket") {
  Feed feed(BinanceMarket::kSpot);
  feed.Subscribe(FeedChannel::kBook, kQuiet[0]);
  feed.RunFor(10'000);
  feed.ForgetTold();
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    const FeedHandle all = feed.Subscribe(FeedChannel::kTicker, "");
    feed.RunFor(150 * round);
    CHECK(feed.CountTold("stale", "connection") == 0);
    feed.Unsubscribe(all);
    feed.RunFor(20'000);
    CHECK(feed.CountTold("stale", "connection") == 0);
    CHECK(feed.AllLive());
  }
  CHECK(feed.Counters().opens == 1);
}
