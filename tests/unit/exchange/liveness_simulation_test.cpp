// Venues that seem alive and are not, on a virtual clock: found in time, replaced, and whole again;
// and venues that are only quiet: left alone.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "exchange/binance/session.hpp"
#include "support/event_books.hpp"
#include "support/scale.hpp"
#include "support/simulated_link.hpp"

using namespace virtufin;

namespace {

constexpr int kPairs = 8;  // two streams each

std::string Pair(int i) { return std::string(3, static_cast<char>('A' + i)) + "USDT"; }

sim::VenueOptions Venue(BinanceMarket market) {
  sim::VenueOptions options;
  options.market =
      market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  for (int i = 0; i < kPairs; ++i) {
    sim::SymbolOptions& symbol = options.symbols.emplace_back();
    symbol.name = Pair(i);
    symbol.changes_per_s = 20;
  }
  options.depth = 12;
  return options;
}

detail::BinanceSessionOptions Session(BinanceMarket market) {
  detail::BinanceSessionOptions options;
  options.feed.market = market;
  options.stream_url = test::SimulatedLink::kStreamUrl;
  options.rest_url = test::SimulatedLink::kRestUrl;
  options.canary_symbol = Pair(0);
  options.ping_ms = 5'000;
  return options;
}

class Feed final : public detail::BinanceSessionSink {
 public:
  explicit Feed(BinanceMarket market, int pairs = kPairs)
      : link_(Venue(market), 7),
        session_(
            detail::BinanceSession::Create(Session(market), link_.clock(), link_, *this).value()) {
    REQUIRE(session_->Start(link_.Now()).ok());
    for (int i = 0; i < pairs; ++i) {
      Subscribe(FeedChannel::kBook, Pair(i));
      Subscribe(FeedChannel::kTrade, Pair(i));
    }
    RunFor(10'000);
    REQUIRE(CountOf(SubscriptionState::kLive) == handles_.size());
    stale_.clear();
  }

  FeedHandle Subscribe(FeedChannel channel, const std::string& pair) {
    std::vector<std::pair<std::string, std::string>> parameters;
    if (channel == FeedChannel::kCandle) parameters.emplace_back("interval", "1m");
    handles_.push_back(session_->Subscribe({channel, pair, parameters}, link_.Now()).value());
    return handles_.back();
  }
  void Unsubscribe(FeedHandle handle) {
    std::erase(handles_, handle);
    REQUIRE(session_->Unsubscribe(handle, link_.Now()).ok());
  }
  void RunFor(std::int64_t ms) {
    const std::int64_t until_ms = link_.elapsed_ms() + ms;
    while (link_.elapsed_ms() < until_ms) {
      link_.Step(*session_, session_->next_tick_ns(), until_ms);
      if (session_->next_tick_ns() <= link_.Now().monotonic_ns) session_->OnTick(link_.Now());
    }
  }
  void Inject(const std::string& line) {
    const sim::Fault fault = sim::FaultPlan::Parse("0 " + line + "\n").value().faults.at(0);
    REQUIRE(link_.venue().Inject(fault, link_.Now().unix_ns / 1'000'000).ok());
  }
  /// Runs until so many have the state; how long that took.
  std::int64_t Until(SubscriptionState state, std::size_t count, std::int64_t most_ms) {
    const std::int64_t began_ms = link_.elapsed_ms();
    while (CountOf(state) < count && link_.elapsed_ms() - began_ms < most_ms) RunFor(100);
    return link_.elapsed_ms() - began_ms;
  }
  std::size_t CountOf(SubscriptionState state) const {
    std::size_t count = 0;
    for (const FeedHandle handle : handles_) {
      count += session_->StatusOf(handle).value().state == state ? 1 : 0;
    }
    return count;
  }
  std::size_t all() const { return handles_.size(); }
  const std::vector<std::string>& stale() const { return stale_; }
  const detail::BinanceSession& session() const { return *session_; }

  /// Every book is the venue's, to the last change.
  void CheckBooks() {
    link_.venue().StopTrading();
    RunFor(1'000);
    for (int i = 0; i < kPairs; ++i) {
      CAPTURE(Pair(i));
      const auto found = books_.books().find(Pair(i));
      if (found == books_.books().end()) continue;  // not subscribed
      const auto& book = found->second;
      const auto& symbol = link_.venue().market().at(static_cast<std::size_t>(i));
      const auto* const truth = link_.venue().market().BookAt(symbol.index, book.last_id);
      REQUIRE(truth != nullptr);
      CHECK(book.live);
      CHECK(book.last_id >= symbol.updates.back().id);
      CHECK(book.levels.bids == truth->bids);
      CHECK(book.levels.asks == truth->asks);
    }
  }

 private:
  void Publish(const Message& message) override {
    const test::EventBooks::Book* changed = nullptr;
    REQUIRE(books_.Take(message, changed) == "");
    if (message.topic().find(".feed.status") == std::string_view::npos) return;
    const auto data = nlohmann::json::parse(message.event().data_text());
    if (data.at("state") == "stale") stale_.push_back(data.dump());
  }

  test::SimulatedLink link_;
  std::vector<FeedHandle> handles_;
  std::vector<std::string> stale_;
  test::EventBooks books_;
  std::unique_ptr<detail::BinanceSession> session_;  // publishes until it ends
};

}  // namespace

// Pins EX-60.
TEST_CASE("a venue that seems alive is found within six seconds and left within twelve") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    for (const char* const fault : {"mute", "hush", "stall"}) {
      CAPTURE(std::string(BinanceVenueName(market)));
      CAPTURE(std::string(fault));
      Feed feed(market);
      for (int times = 0; times < 3; ++times) {
        CAPTURE(times);
        const auto opens = feed.session().counters().opens;
        const std::size_t sockets = market == BinanceMarket::kSpot ? 1 : 2;
        feed.Inject(fault);
        CHECK(feed.Until(SubscriptionState::kStale, feed.all(), 20'000) <= 6'000);
        std::int64_t waited_ms = 6'000;
        for (; feed.session().counters().opens < opens + sockets && waited_ms < 20'000;
             waited_ms += 100) {
          feed.RunFor(100);
        }
        CHECK(waited_ms <= 12'000);
        CHECK(feed.Until(SubscriptionState::kLive, feed.all(), 20'000) <= 5'000);
        feed.RunFor(60'000);  // the cool-down
      }
      feed.CheckBooks();
    }
  }
}

// Pins EX-62.
TEST_CASE("one dead depth stream is found within seventy seconds and healed within ten") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    for (int times = 0; times < 3; ++times) {
      CAPTURE(times);
      const auto before = feed.stale().size();
      feed.Inject("lose " + Pair(3));
      std::int64_t waited_ms = 0;
      for (; feed.stale().size() == before && waited_ms < 100'000; waited_ms += 100) {
        feed.RunFor(100);
      }
      CHECK(waited_ms >= 55'000);
      CHECK(waited_ms <= 70'000);
      CHECK(feed.Until(SubscriptionState::kLive, feed.all(), 20'000) <= 10'000);
      feed.RunFor(60'000);
    }
    CHECK(feed.stale().size() == 3);
    feed.CheckBooks();
  }
}

// Pins EX-61, EX-62.
TEST_CASE("quiet streams are never stale") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    const auto connects = feed.session().counters().connects;
    for (const int quiet : {1, 2}) feed.Inject("silent " + Pair(quiet) + " 600000");
    feed.Inject("silent " + Pair(3) + " 200000");  // its book and its trades
    for (int i = 0; i < 20; ++i) {
      feed.Inject("silent " + Pair(4) + " 19000");
      feed.RunFor(30'000);
    }
    CHECK(feed.stale().empty());
    CHECK(feed.CountOf(SubscriptionState::kLive) == feed.all());
    CHECK(feed.session().counters().connects == connects);
    CHECK(feed.session().books().counters().synchronised == kPairs);
    feed.CheckBooks();
  }
}

// Pins EX-61, EX-62, EX-63.
TEST_CASE("an hour of a market that rests costs a look a minute and a book, and changes nothing") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market);
    for (int i = 0; i < 4; ++i) feed.Subscribe(FeedChannel::kCandle, Pair(i));
    feed.RunFor(10'000);
    const auto minutes = static_cast<std::uint64_t>(test::Scaled(60));
    for (const int quiet : {1, 2, 3}) feed.Inject("silent " + Pair(quiet) + " 3600000");
    const auto before = feed.session().counters();
    feed.RunFor(static_cast<std::int64_t>(minutes) * 60'000);
    const auto after = feed.session().counters();
    CHECK(feed.stale().empty());
    CHECK(feed.CountOf(SubscriptionState::kLive) == feed.all());
    CHECK(after.connects == before.connects);
    CHECK(after.messages_sent == before.messages_sent);  // nothing was asked for again
    const auto requests = after.requests - before.requests;
    CHECK(requests >= 3 * (minutes - minutes / 12 - 1));
    CHECK(requests <= 3 * minutes + minutes / 5 + 1);  // exchangeInfo, too
    feed.CheckBooks();
  }
}

TEST_CASE("a silent socket says nothing about another one") {
  Feed feed(BinanceMarket::kUsdm);
  std::set<bool> seen;  // it hits one or the other
  for (int times = 0; times < 8; ++times) {
    CAPTURE(times);
    feed.Inject("mute one");
    feed.RunFor(6'000);
    REQUIRE(feed.CountOf(SubscriptionState::kStale) == feed.all() / 2);
    const std::string& told = feed.stale().back();
    seen.insert(told.find(R"("channel":"trade")") != told.npos);
    CHECK(feed.Until(SubscriptionState::kLive, feed.all(), 20'000) <= 9'000);
    feed.RunFor(60'000);
  }
  CHECK(seen.size() == 2);
  feed.CheckBooks();
}

// Pins EX-62.
TEST_CASE("of a halted instrument silence is not judged, nor of a canary that is halted") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    Feed feed(market, 3);
    feed.Subscribe(FeedChannel::kTicker, Pair(1));
    feed.RunFor(3'000);
    // The others keep the sockets busy until exchangeInfo has told.
    for (const int halted : {0, 1}) feed.Inject("halt " + Pair(halted));
    feed.RunFor(302'000);
    const std::size_t known = feed.stale().size();
    CHECK(known <= 1);  // the ticker, before that
    const auto before = feed.session().counters();
    feed.Inject("silent " + Pair(2) + " 290000");
    feed.RunFor(290'000);
    CHECK(feed.stale().size() == known);
    CHECK(feed.session().counters().connects == before.connects);
    CHECK(feed.session().counters().messages_sent == before.messages_sent);
    for (const int halted : {0, 1}) feed.Inject("resume " + Pair(halted));
    feed.RunFor(310'000);
    CHECK(feed.CountOf(SubscriptionState::kLive) == feed.all());
    CHECK(feed.session().counters().connects == before.connects);
    feed.CheckBooks();
  }
}

// Pins EX-59.
TEST_CASE("the canary comes and goes as a subscription, and stays on its socket") {
  Feed feed(BinanceMarket::kSpot, 1);
  feed.Inject("silent " + Pair(0) + " 3600000");  // so nothing but the canary speaks
  for (int round = 0; round < test::Scaled(20); ++round) {
    CAPTURE(round);
    const FeedHandle all = feed.Subscribe(FeedChannel::kTicker, "");
    feed.RunFor(150 * round);
    feed.Unsubscribe(all);
    feed.RunFor(20'000);
    CHECK(feed.CountOf(SubscriptionState::kLive) == feed.all());
  }
  CHECK(feed.stale().empty());
  CHECK(feed.session().counters().connects == 1);
}
