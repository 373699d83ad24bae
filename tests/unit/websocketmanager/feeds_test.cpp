// Feeds of a platform over real sockets, against the simulated venues.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "sim/venue_server.hpp"
#include "support/gate.hpp"
#include "support/scale.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/state/memory.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

using namespace virtufin;

namespace {

const std::vector<std::string> kSymbols = {"AAAUSDT", "BBBUSDT"};

/// One simulated venue on a port of its own.
struct Venue {
  explicit Venue(sim::VenueMarket of, double changes_per_s = 50) : market(of) {
    sim::VenueOptions options;
    options.market = market;
    for (const std::string& name : kSymbols) {
      sim::SymbolOptions& symbol = options.symbols.emplace_back();
      symbol.name = name;
      symbol.tick_size = "0.01";
      symbol.changes_per_s = changes_per_s;
    }
    server = sim::BinanceVenueServer::Create({std::move(options), {}}).value();
    REQUIRE(server->Start().ok());
  }
  std::map<std::string, std::string> Options() const {
    return {{"stream_url", server->ws_url()},
            {"rest_url", server->rest_url()},
            {"reconnect_first_ms", "20"}};
  }
  void Inject(const std::string& line) {
    const sim::FaultPlan plan = sim::FaultPlan::Parse("0 " + line + "\n").value();
    REQUIRE(server
                ->With([&](sim::BinanceVenue& venue, std::int64_t now) {
                  CHECK(venue.Inject(plan.faults.at(0), now).ok());
                })
                .ok());
  }

  sim::VenueMarket market;
  std::unique_ptr<sim::BinanceVenueServer> server;
};

struct Running {
  explicit Running(PlatformOptions options = {}) {
    options.executor.threads = 2;
    platform = Platform::Create(std::move(options)).value();
    REQUIRE(platform->Start().ok());
  }
  WebSocketManager& feeds() const { return *platform->feeds().value(); }
  std::string StartFeed(const std::string& name, const Venue& venue,
                        WebSocketManager::Tags tags = {}) const {
    const auto id = feeds().StartFeed(name, venue.Options(), std::move(tags));
    REQUIRE_MESSAGE(id.ok(), id.status().ToString());
    return *id;
  }

  std::unique_ptr<Platform> platform;
};

/// Waits, a minute at most.
bool Until(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

FeedInfo InfoOf(const WebSocketManager& feeds, const std::string& id) {
  for (FeedInfo& info : feeds.ListFeeds()) {
    if (info.id == id) return std::move(info);
  }
  return {};
}

std::size_t EntriesOf(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// Trading ends; waits until the feed's tops are the venue's. A snapshot of USD-M may carry the id
/// of a later update of another symbol.
void CheckTops(const WebSocketManager& feeds, const std::string& id, Venue& venue,
               std::size_t symbols = kSymbols.size()) {
  for (std::size_t i = 0; i < symbols; ++i) {
    CAPTURE(kSymbols[i]);
    std::int64_t last = 0;
    Level bid, ask;
    REQUIRE(venue.server
                ->With([&](sim::BinanceVenue& one, std::int64_t) {
                  one.StopTrading();
                  last = one.market().last_update_id(i);
                  const sim::VenueBook* const truth = one.market().BookAt(i, last);
                  REQUIRE(truth != nullptr);
                  bid = {truth->bids.rbegin()->first, truth->bids.rbegin()->second};
                  ask = {truth->asks.begin()->first, truth->asks.begin()->second};
                })
                .ok());
    CHECK(Until([&] {
      const auto top = feeds.TopOf(id, kSymbols[i]);
      return top.ok() && top->bid == bid && top->ask == ask &&
             (top->channel == FeedChannel::kQuote || top->update_id >= last);
    }));
    const auto top = feeds.TopOf(id, kSymbols[i]);
    REQUIRE_MESSAGE(top.ok(), top.status().ToString());
    if (venue.market == sim::VenueMarket::kSpot) CHECK(top->update_id <= last);
    CHECK(top->receive_unix_ns > 0);
    CHECK(top->event_unix_ns > 0);
  }
}

}  // namespace

// Pins WS-7, WS-8.
TEST_CASE("two markets on one platform: the tops of their books are the venues'") {
  Venue spot(sim::VenueMarket::kSpot), usdm(sim::VenueMarket::kUsdm);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const std::string a = running.StartFeed("binance", spot, {{"market", "spot"}});
  const std::string b = running.StartFeed("binance-usdm", usdm, {{"market", "usdm"}});
  for (const std::string& id : {a, b}) {
    REQUIRE(feeds.SubscribeFeed(id, "book", kSymbols).ok());
    CHECK(feeds.TopOf(id, "NONEUSDT").status().code() == StatusCode::kNotFound);
  }
  REQUIRE(feeds.SubscribeFeed(b, "mark", {}).ok());
  CHECK(Until([&] {
    return InfoOf(feeds, a).state == SubscriptionState::kLive &&
           InfoOf(feeds, b).state == SubscriptionState::kLive;
  }));
  // While events flow.
  for (int round = 0; round < 5; ++round) {
    REQUIRE(feeds.SubscribeFeed(a, "quote", kSymbols).ok());
    REQUIRE(feeds.SubscribeFeed(a, "trade", {kSymbols[0]}, {{"aggregate", "false"}}).ok());
    REQUIRE(feeds.SubscribeFeed(b, "candle", kSymbols, {{"interval", "5m"}}).ok());
    REQUIRE(feeds.UnsubscribeFeed(b, "candle", kSymbols, {{"interval", "5m"}}).ok());
    REQUIRE(feeds.UnsubscribeFeed(a, "trade", {kSymbols[0]}, {{"aggregate", "false"}}).ok());
    if (round < 4) REQUIRE(feeds.UnsubscribeFeed(a, "quote", kSymbols).ok());
  }
  CHECK(InfoOf(feeds, a).subscriptions.size() == 4);
  CHECK(InfoOf(feeds, b).subscriptions.size() == 3);
  CheckTops(feeds, a, spot);
  CheckTops(feeds, b, usdm);
  CHECK(feeds.ListFeeds({{"market", "usdm"}}).at(0).venue == "binance-usdm");
  CHECK(running.platform->Stop(std::chrono::seconds(30)).ok());
  CHECK(feeds.ListFeeds().empty());
  CHECK(feeds.StartFeed("binance").status().code() == StatusCode::kUnavailable);
}

// Pins WS-7.
TEST_CASE("a quote tells the top without a book, and is forgotten with its connection") {
  Venue venue(sim::VenueMarket::kSpot);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const std::string id = running.StartFeed("binance", venue);
  REQUIRE(feeds.SubscribeFeed(id, "quote", {kSymbols[0]}).ok());
  CHECK(feeds.TopOf(id, kSymbols[1]).status().code() == StatusCode::kNotFound);
  REQUIRE(Until([&] { return feeds.TopOf(id, kSymbols[0]).ok(); }));
  CHECK(feeds.TopOf(id, kSymbols[0])->channel == FeedChannel::kQuote);
  CheckTops(feeds, id, venue, 1);
  venue.Inject("cut");
  REQUIRE(Until(
      [&] { return feeds.TopOf(id, kSymbols[0]).status().code() == StatusCode::kUnavailable; }));
  // It comes back without a word: nothing trades.
  REQUIRE(Until([&] { return InfoOf(feeds, id).state == SubscriptionState::kLive; }));
  const Status waits = feeds.TopOf(id, kSymbols[0]).status();
  CHECK(waits.code() == StatusCode::kUnavailable);
  CHECK(waits.message().starts_with("no book yet: waiting for the first data of AAAUSDT: quote"));
  REQUIRE(feeds.SubscribeFeed(id, "book", {kSymbols[0]}).ok());
  REQUIRE(Until([&] { return feeds.TopOf(id, kSymbols[0]).ok(); }));
  CHECK(feeds.TopOf(id, kSymbols[0])->channel == FeedChannel::kBook);
  REQUIRE(feeds.UnsubscribeFeed(id, "book", {kSymbols[0]}).ok());
  REQUIRE(feeds.UnsubscribeFeed(id, "quote", {kSymbols[0]}).ok());
  CHECK(feeds.TopOf(id, kSymbols[0]).status().code() == StatusCode::kNotFound);
}

// Pins WS-7.
TEST_CASE("a handler finds the top that its event says, or a newer one") {
  Venue venue(sim::VenueMarket::kSpot, 500);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const std::string id = running.StartFeed("binance", venue);
  std::atomic<int> seen = 0, older = 0;
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  const std::array<std::string_view, 2> topics = {
      "act.exchange.binance.orderbook.update.AAAUSDT",
      "act.exchange.binance.orderbook.snapshot.AAAUSDT"};
  Subscription watch =
      running.platform->bus()
          .Subscribe(topics, options,
                     [&](const Message& message, const DeliveryInfo&) {
                       const auto data =
                           nlohmann::json::parse(message.event().data_text(), nullptr, false);
                       const auto top = feeds.TopOf(id, "AAAUSDT");
                       const std::int64_t said = data.at("last_update_id").get<std::int64_t>();
                       older += !top.ok() || top->update_id < said ? 1 : 0;
                       ++seen;
                       return Delivery::kSuccess;
                     })
          .value();
  REQUIRE(feeds.SubscribeFeed(id, "book", {"AAAUSDT"}).ok());
  std::atomic<bool> stop = false;
  std::thread reader([&] {  // no top is torn: bid below ask, ids rise
    std::int64_t last = 0;
    while (!stop) {
      const auto top = feeds.TopOf(id, "AAAUSDT");
      if (!top.ok()) continue;
      older += top->update_id < last || !(top->bid.price < top->ask.price) ? 1 : 0;
      last = top->update_id;
    }
  });
  CHECK(Until([&] { return seen >= 50; }));
  stop = true;
  reader.join();
  CHECK(feeds.StopFeed(id).ok());
  CHECK(older == 0);
}

// Pins WS-6.
TEST_CASE("a feed is stopped while it is busy, by a thread and by its own event") {
  Venue venue(sim::VenueMarket::kSpot, 2'000);
  Running running;
  WebSocketManager& feeds = running.feeds();
  for (const bool inside : {false, true}) {
    CAPTURE(inside);
    const std::string id = running.StartFeed("binance", venue);
    std::atomic<std::uint64_t> events = 0;
    std::atomic<bool> stopped = false;
    test::Collector<StatusCode> codes;
    SubscribeOptions options;
    options.dispatch = Dispatch::kInline;
    options.patterns = true;
    Subscription watch =
        running.platform->bus()
            .Subscribe(std::array<std::string_view, 1>{"act.exchange.binance.>"}, options,
                       [&](const Message&, const DeliveryInfo&) {
                         if (++events > 300 && inside && !stopped.exchange(true)) {
                           codes.Add(feeds.StopFeed(id).code());
                         }
                         return Delivery::kSuccess;
                       })
            .value();
    REQUIRE(feeds.SubscribeFeed(id, "book", kSymbols).ok());
    REQUIRE(feeds.SubscribeFeed(id, "trade", kSymbols).ok());
    if (inside) {
      CHECK(codes.WaitFor(1).at(0) == StatusCode::kOk);
      CHECK(Until([&] { return venue.server->counters().sockets == 0; }));
    } else {
      REQUIRE(Until([&] { return events > 300; }));
      CHECK(feeds.StopFeed(id).ok());
      const std::uint64_t before = events;
      CHECK(Until([&] { return venue.server->counters().sockets == 0; }));
      CHECK(events == before);
    }
    CHECK(feeds.ListFeeds().empty());
  }
  CHECK(running.platform->Stop(std::chrono::seconds(30)).ok());
}

// Pins WS-1, WS-2, WS-3, WS-7.
TEST_CASE("what Binance cannot do is refused, with what it can") {
  Venue venue(sim::VenueMarket::kSpot);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const auto says = [](const Status& status, StatusCode code, std::string_view part) {
    INFO(status.ToString());
    CHECK(status.code() == code);
    CHECK(status.message().find(part) != std::string_view::npos);
  };
  const auto start = [&](const char* key, const char* value) {
    auto options = venue.Options();
    options[key] = value;
    return feeds.StartFeed("binance", options).status();
  };
  says(feeds.StartFeed("kraken").status(), StatusCode::kNotFound, "binance, binance-usdm");
  says(start("depth_speed", "100"), StatusCode::kNotFound, "depth_speed_ms");
  says(start("depth_speed_ms", "fast"), StatusCode::kInvalidArgument, "a whole number");
  says(start("depth_speed_ms", "250"), StatusCode::kInvalidArgument, "spot 1000");
  says(start("check_symbols", "yes"), StatusCode::kInvalidArgument, "true or false");
  says(start("stream_url", "nonsense"), StatusCode::kInvalidArgument, "stream_url");
  says(start("rest_url", "ftp://x"), StatusCode::kInvalidArgument, "rest_url");
  says(start("world", "mars"), StatusCode::kInvalidArgument, "hyp.<name>");
  says(start("ca_file", "/nowhere/ca.pem"), StatusCode::kInvalidArgument, "/nowhere/ca.pem");
  CHECK(feeds.ListFeeds().empty());
  const std::string id = running.StartFeed("binance", venue);
  says(feeds.SubscribeFeed(id, "mark", kSymbols), StatusCode::kUnimplemented,
       "book, quote, ticker, trade, candle, instrument, status");
  says(feeds.SubscribeFeed(id, "candle", kSymbols, {{"interval", "7m"}}),
       StatusCode::kInvalidArgument, "interval");
  says(feeds.SubscribeFeed(id, "book", {}), StatusCode::kInvalidArgument, "instrument");
  says(feeds.SubscribeFeed(id, "book", {"aaausdt"}), StatusCode::kInvalidArgument, "upper case");
  // Only the venue knows its symbols.
  REQUIRE(feeds.SubscribeFeed(id, "book", {"NONEUSDT"}).ok());
  CHECK(Until([&] { return InfoOf(feeds, id).state == SubscriptionState::kRejected; }));
  says(feeds.TopOf(id, "NONEUSDT").status(), StatusCode::kFailedPrecondition,
       "book is rejected (the venue lists no symbol NONEUSDT)");
}

// Pins WS-1.
TEST_CASE("every option of a venue can be set to its default") {
  Running running;
  WebSocketManager& feeds = running.feeds();
  const std::vector<FeedVenue> venues = feeds.Venues();
  REQUIRE(venues.size() == 2);
  for (const FeedVenue& venue : venues) {
    std::map<std::string, std::string> all;
    CHECK(venue.options.size() > 20);
    for (const FeedOption& option : venue.options) {
      CHECK_FALSE(option.description.empty());
      all[option.key] = option.default_value;
    }
    CHECK(all.at("depth_speed_ms") == "100");
    const auto id = feeds.StartFeed(venue.name, all);  // connects to nothing: no subscription
    CHECK_MESSAGE(id.ok(), id.status().ToString());
  }
}

// Pins WS-5.
TEST_CASE("two hundred feeds one after the other leave no thread and no descriptor") {
  Venue venue(sim::VenueMarket::kSpot);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const auto once = [&](bool wait) {
    const std::string id = running.StartFeed("binance", venue);
    REQUIRE(feeds.SubscribeFeed(id, "book", kSymbols).ok());
    if (wait) CHECK(Until([&] { return feeds.TopOf(id, kSymbols[0]).ok(); }));
    CHECK(feeds.StopFeed(id).ok());
  };
  once(true);
  CHECK(Until([&] { return venue.server->counters().sockets == 0; }));
  const std::size_t threads = EntriesOf("/proc/self/task"), files = EntriesOf("/proc/self/fd");
  for (int i = 0, rounds = test::Scaled(200); i < rounds; ++i) once(i % 20 == 0);
  CHECK(Until([&] {
    return EntriesOf("/proc/self/task") <= threads && EntriesOf("/proc/self/fd") <= files;
  }));
  CHECK(EntriesOf("/proc/self/task") <= threads);
  CHECK(EntriesOf("/proc/self/fd") <= files);
}

// Pins WS-8.
TEST_CASE("two platforms have feeds of their own, also started before the platform") {
  Venue one(sim::VenueMarket::kSpot), two(sim::VenueMarket::kSpot);
  std::array<std::unique_ptr<Platform>, 2> platforms;
  std::array<std::string, 2> ids;
  for (std::size_t i = 0; i < 2; ++i) {
    PlatformOptions options;
    options.executor.threads = 2;
    options.state = MakeMemoryStore(WallClock());
    platforms[i] = Platform::Create(std::move(options)).value();
    WebSocketManager& feeds = *platforms[i]->feeds().value();
    ids[i] = feeds.StartFeed("binance", (i == 0 ? one : two).Options()).value();
    REQUIRE(feeds.SubscribeFeed(ids[i], "book", kSymbols).ok());
  }
  for (const auto& platform : platforms) REQUIRE(platform->Start().ok());
  CheckTops(*platforms[0]->feeds().value(), ids[0], one);
  CHECK(platforms[0]->Stop(std::chrono::seconds(30)).ok());
  CheckTops(*platforms[1]->feeds().value(), ids[1], two);
  CHECK(platforms[1]->feeds().value()->TopOf(ids[0], kSymbols[0]).status().code() ==
        StatusCode::kNotFound);
}

// Pins WS-8.
TEST_CASE("a ban of a feed is kept in the platform's state store") {
  Venue venue(sim::VenueMarket::kSpot);
  Running running;
  WebSocketManager& feeds = running.feeds();
  const std::string id = running.StartFeed("binance", venue);
  REQUIRE(feeds.SubscribeFeed(id, "book", kSymbols).ok());
  REQUIRE(Until([&] { return InfoOf(feeds, id).state == SubscriptionState::kLive; }));
  venue.Inject("http 418 1");
  venue.Inject("cut");
  REQUIRE(Until([&] { return InfoOf(feeds, id).counters.banned_until_unix_ns != 0; }));
  CHECK(feeds.StopFeed(id).ok());
  const auto kept = running.platform->state().Get("exchange", "exchange.ban.127.0.0.1");
  CHECK_MESSAGE(kept.ok(), kept.status().ToString());
}
