// The live adapter over real sockets against the simulated venue's server.
#include "virtufin/exchange/binance_adapter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "exchange/ban_keeper.hpp"
#include "sim/venue_server.hpp"
#include "support/event_books.hpp"
#include "support/gate.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/pubsub/inproc.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;

namespace {

const std::vector<std::string> kSymbols = {"AAAUSDT", "BBBUSDT", "CCCUSDT"};

sim::VenueOptions Venue(BinanceMarket market) {
  sim::VenueOptions options;
  options.market =
      market == BinanceMarket::kSpot ? sim::VenueMarket::kSpot : sim::VenueMarket::kUsdm;
  for (const std::string& name : kSymbols) {
    sim::SymbolOptions& symbol = options.symbols.emplace_back();
    symbol.name = name;
    symbol.tick_size = "0.01";
    symbol.changes_per_s = 50;
  }
  return options;
}

/// Passes on to a broker, and keeps the books that the events alone make.
class WatchedBus final : public PubSub {
 public:
  explicit WatchedBus(const Runtime& runtime) : broker_(runtime) {}

  Status Publish(const Message& message) override {
    {
      std::lock_guard lock(mutex_);
      const test::EventBooks::Book* changed = nullptr;
      if (const std::string wrong = books_.Take(message, changed); !wrong.empty()) {
        complaints_.insert(wrong);
      }
      ++events_;
      topics_.insert(std::string(message.topic()));
      changed_.notify_all();
    }
    return broker_.Publish(message);
  }
  Result<Subscription> Subscribe(std::span<const std::string_view> topics,
                                 const SubscribeOptions& options, MessageHandler handler) override {
    return broker_.Subscribe(topics, options, std::move(handler));
  }

  /// Waits, a minute at most, until `condition` holds of the books.
  bool Until(const std::function<bool(const test::EventBooks&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return condition(books_); });
  }
  bool UntilAllLive(std::uint64_t snapshots) {
    return Until([&](const test::EventBooks& books) {
      std::size_t live = 0;
      for (const auto& [name, book] : books.books()) {
        live += book.live && book.snapshots >= snapshots ? 1 : 0;
      }
      return live == kSymbols.size();
    });
  }
  test::EventBooks::Book BookOf(const std::string& symbol) {
    std::lock_guard lock(mutex_);
    for (const auto& [name, book] : books_.books()) {
      std::string plain = name;
      std::erase(plain, '/');
      std::erase(plain, '-');
      if (plain == symbol) return book;
    }
    return {};
  }
  /// What comes next is of another adapter, which counts anew.
  void StartOver() {
    std::lock_guard lock(mutex_);
    books_ = {};
  }
  std::set<std::string> complaints() {
    std::lock_guard lock(mutex_);
    return complaints_;
  }
  std::set<std::string> topics() {
    std::lock_guard lock(mutex_);
    return topics_;
  }
  std::uint64_t events() {
    std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  InprocBroker broker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  test::EventBooks books_;
  std::set<std::string> complaints_, topics_;
  std::uint64_t events_ = 0;
};

struct Fixture {
  explicit Fixture(BinanceMarket market = BinanceMarket::kSpot, sim::VenueOptions venue = {},
                   net::HttpServerOptions http = {})
      : server(sim::BinanceVenueServer::Create(
                   {venue.symbols.empty() ? Venue(market) : std::move(venue), std::move(http)})
                   .value()) {
    REQUIRE(executor.Start().ok());
    REQUIRE(server->Start().ok());
    options.feed.market = market;
    options.stream_url = server->ws_url();
    options.rest_url = server->rest_url();
    options.reconnect_first_ms = 20;
  }
  ~Fixture() {
    adapter.reset();
    CHECK(executor.Stop(std::chrono::seconds(30)).ok());
  }
  void Make() { adapter = MakeBinanceAdapter(options, bus, runtime, state.get()).value(); }
  FeedHandle Subscribe(FeedChannel channel, const std::string& symbol) {
    const Result<FeedHandle> handle = adapter->Subscribe({channel, symbol, {}});
    REQUIRE_MESSAGE(handle.ok(), handle.status().ToString());
    return *handle;
  }
  void SubscribeBooks() {
    for (const std::string& symbol : kSymbols) Subscribe(FeedChannel::kBook, symbol);
  }
  void Inject(const std::string& line) {
    const sim::FaultPlan plan = sim::FaultPlan::Parse("0 " + line + "\n").value();
    REQUIRE(server
                ->With([&](sim::BinanceVenue& venue, std::int64_t now) {
                  CHECK(venue.Inject(plan.faults.at(0), now).ok());
                })
                .ok());
  }
  /// Waits, a minute at most, for what the adapter says of a subscription.
  SubscriptionStatus UntilState(FeedHandle handle, SubscriptionState state) {
    for (int i = 0; i < 6000; ++i) {
      const SubscriptionStatus status = adapter->StatusOf(handle).value();
      if (status.state == state) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return adapter->StatusOf(handle).value();
  }

  /// Waits, a minute at most, until `condition` holds; the counters then.
  AdapterCounters UntilCounters(const std::function<bool(const AdapterCounters&)>& condition) {
    for (int i = 0; i < 6000 && !condition(adapter->counters()); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return adapter->counters();
  }

  Executor executor{{.threads = 2}, WallClock(), NullLog()};
  Runtime runtime{executor, WallClock(), NullLog()};
  WatchedBus bus{runtime};
  std::unique_ptr<StateStore> state;
  std::unique_ptr<sim::BinanceVenueServer> server;
  BinanceAdapterOptions options;
  std::unique_ptr<ExchangeAdapter> adapter;
};

}  // namespace

// Pins EX-48.
TEST_CASE("books of the live adapter are the venue's, also after cuts, stalls and lost diffs") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    Fixture fixture(market);
    fixture.options.life_timeout_ms = 3'000;
    fixture.options.ping_ms = 1'000;
    fixture.Make();
    fixture.SubscribeBooks();
    REQUIRE(fixture.adapter->Start().ok());
    REQUIRE(fixture.bus.UntilAllLive(1));
    fixture.Inject("cut");
    REQUIRE(fixture.bus.UntilAllLive(2));
    fixture.Inject("gap AAAUSDT");
    REQUIRE(fixture.bus.Until([&](const test::EventBooks& books) {
      std::uint64_t most = 0;
      for (const auto& [name, book] : books.books()) most = std::max(most, book.snapshots);
      return most >= 3;
    }));
    fixture.Inject("stall");
    REQUIRE(fixture.bus.UntilAllLive(3));

    std::vector<std::int64_t> ids;
    REQUIRE(fixture.server
                ->With([&](sim::BinanceVenue& venue, std::int64_t) {
                  venue.StopTrading();
                  for (std::size_t i = 0; i < kSymbols.size(); ++i) {
                    ids.push_back(venue.market().last_update_id(i));
                  }
                })
                .ok());
    for (std::size_t i = 0; i < kSymbols.size(); ++i) {
      REQUIRE(fixture.bus.Until([&](const test::EventBooks& books) {
        for (const auto& [name, book] : books.books()) {
          std::string plain = name;
          std::erase(plain, '/');
          std::erase(plain, '-');
          if (plain == kSymbols[i]) return book.live && book.last_id >= ids[i];
        }
        return false;
      }));
      const test::EventBooks::Book book = fixture.bus.BookOf(kSymbols[i]);
      REQUIRE(fixture.server
                  ->With([&](sim::BinanceVenue& venue, std::int64_t) {
                    const sim::VenueBook* truth = venue.market().BookAt(i, book.last_id);
                    REQUIRE(truth != nullptr);
                    CHECK(truth->bids.size() > 10);
                    CHECK((book.levels.bids == truth->bids));
                    CHECK((book.levels.asks == truth->asks));
                  })
                  .ok());
    }
    CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
    CHECK(fixture.bus.complaints().empty());
  }
}

// Pins EX-1, EX-2, EX-3, EX-14.
TEST_CASE("subscriptions are checked at once, counted, and told what became of them") {
  Fixture fixture;
  fixture.Make();
  ExchangeAdapter& adapter = *fixture.adapter;
  CHECK(adapter.venue() == "binance");
  CHECK(adapter.Subscribe({FeedChannel::kBook, "", {}}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(adapter.Subscribe({FeedChannel::kMark, "AAAUSDT", {}}).status().code() ==
        StatusCode::kUnimplemented);
  CHECK(adapter.Subscribe({FeedChannel::kBook, "AAAUSDT", {{"colour", "red"}}}).status().code() ==
        StatusCode::kInvalidArgument);
  const FeedHandle book = fixture.Subscribe(FeedChannel::kBook, "AAAUSDT");
  const FeedHandle again = fixture.Subscribe(FeedChannel::kBook, "AAAUSDT");
  const FeedHandle unknown = fixture.Subscribe(FeedChannel::kBook, "NONEUSDT");
  CHECK(book != again);
  CHECK(adapter.StatusOf(book)->state == SubscriptionState::kPending);
  CHECK(adapter.StatusOf(book)->references == 2);
  REQUIRE(adapter.Start().ok());
  CHECK(adapter.Start().code() == StatusCode::kFailedPrecondition);
  CHECK(fixture.UntilState(book, SubscriptionState::kLive).references == 2);
  const SubscriptionStatus rejected = fixture.UntilState(unknown, SubscriptionState::kRejected);
  CHECK(rejected.state == SubscriptionState::kRejected);
  CHECK(rejected.reason.find("NONEUSDT") != std::string::npos);
  CHECK(adapter.Unsubscribe(again).ok());
  CHECK(adapter.Unsubscribe(again).code() == StatusCode::kNotFound);
  CHECK(adapter.StatusOf(again).status().code() == StatusCode::kNotFound);
  CHECK(adapter.Unsubscribe(0).code() == StatusCode::kNotFound);

  test::Collector<StatusCode> codes;
  fixture.executor.Post([&] { codes.Add(adapter.Stop(std::chrono::milliseconds(1)).code()); });
  CHECK(codes.WaitFor(1).at(0) == StatusCode::kFailedPrecondition);
  CHECK(adapter.Stop(std::chrono::seconds(30)).ok());
  CHECK(adapter.StatusOf(book)->state == SubscriptionState::kStopped);
  CHECK(adapter.Subscribe({FeedChannel::kBook, "AAAUSDT", {}}).status().code() ==
        StatusCode::kUnavailable);
  CHECK(adapter.Start().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("an adapter that was never started leaves nothing behind") {
  Fixture fixture;
  fixture.Make();
  fixture.SubscribeBooks();
  CHECK(fixture.adapter->Stop(std::chrono::seconds(1)).ok());
  fixture.Make();
  fixture.SubscribeBooks();
  fixture.adapter.reset();
  fixture.options.ca_file = "/nowhere/ca.pem";
  CHECK(MakeBinanceAdapter(fixture.options, fixture.bus, fixture.runtime).status().code() ==
        StatusCode::kInvalidArgument);
}

// Pins EX-14.
TEST_CASE("Stop ends a busy adapter, and nothing is published afterwards") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  for (sim::SymbolOptions& symbol : venue.symbols) symbol.changes_per_s = 2'000;
  Fixture fixture(BinanceMarket::kSpot, venue);
  for (int round = 0; round < 3; ++round) {
    fixture.Make();
    fixture.SubscribeBooks();
    for (const std::string& symbol : kSymbols) {
      fixture.Subscribe(FeedChannel::kTrade, symbol);
      fixture.Subscribe(FeedChannel::kQuote, symbol);
    }
    REQUIRE(fixture.adapter->Start().ok());
    const std::uint64_t before = fixture.bus.events();
    REQUIRE(fixture.bus.Until([&, count = 0](const test::EventBooks&) mutable {
      return ++count > (round == 0 ? 1 : 200);
    }));
    CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
    const std::uint64_t events = fixture.bus.events();
    CHECK(events > before);
    fixture.adapter.reset();
    CHECK(fixture.bus.events() == events);
  }
}

// Pins EX-47.
TEST_CASE("a full bus stops the reading, and nothing is lost") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  for (sim::SymbolOptions& symbol : venue.symbols) symbol.changes_per_s = 500;
  Fixture fixture(BinanceMarket::kSpot, venue);
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.Until([](const test::EventBooks& books) {
    std::size_t updated = 0;
    for (const auto& [name, book] : books.books()) updated += book.updates > 0 ? 1 : 0;
    return updated == kSymbols.size();
  }));
  std::vector<std::string> names;
  for (const std::string& topic : fixture.bus.topics()) {
    if (topic.find("orderbook.update") != std::string::npos) names.push_back(topic);
  }
  REQUIRE_FALSE(names.empty());
  const std::vector<std::string_view> topics(names.begin(), names.end());
  test::Gate go;
  std::atomic<std::uint64_t> handled{0}, missed{0};
  SubscribeOptions options;
  options.capacity = 4;
  options.block_timeout_ms = 60'000;
  Subscription slow = fixture.bus
                          .Subscribe(topics, options,
                                     [&](const Message&, const DeliveryInfo& info) {
                                       if (handled == 0) static_cast<void>(go.Wait());
                                       missed += info.missed;
                                       ++handled;
                                       return Delivery::kSuccess;
                                     })
                          .value();
  for (int i = 0; i < 6000 && slow.counters().parked == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(slow.counters().parked == 1);
  go.Open();
  const std::uint64_t before = fixture.bus.events();
  REQUIRE(
      fixture.bus.Until([&, count = 0](const test::EventBooks&) mutable { return ++count > 200; }));
  CHECK(fixture.bus.events() >= before + 200);
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
  slow.Unsubscribe();
  CHECK(missed == 0);
  CHECK(handled > 0);
  CHECK(fixture.bus.complaints().empty());
}

// Pins EX-54.
TEST_CASE("an inline handler uses its own adapter, and others do while it is busy") {
  Fixture fixture;
  fixture.Make();
  ExchangeAdapter& adapter = *fixture.adapter;
  const FeedHandle book = fixture.Subscribe(FeedChannel::kBook, "AAAUSDT");
  test::Gate inside, go;
  test::Collector<SubscriptionStatus> seen;
  test::Collector<StatusCode> codes;
  SubscribeOptions options;
  options.dispatch = Dispatch::kInline;
  Subscription watch =
      fixture.bus
          .Subscribe(std::array<std::string_view, 1>{"act.exchange.binance.feed.status.AAAUSDT"},
                     options,
                     [&](const Message& message, const DeliveryInfo&) {
                       const bool live = message.event().data_text().find(R"("state":"live")") !=
                                         std::string_view::npos;
                       if (!live || !seen.Items().empty()) return Delivery::kSuccess;
                       seen.Add(adapter.StatusOf(book).value());
                       const FeedHandle quote =
                           adapter.Subscribe({FeedChannel::kQuote, "BBBUSDT", {}}).value();
                       seen.Add(adapter.StatusOf(quote).value());
                       codes.Add(adapter.Unsubscribe(quote).code());
                       codes.Add(adapter.StatusOf(quote).status().code());
                       static_cast<void>(adapter.counters());
                       inside.Open();
                       static_cast<void>(go.Wait());
                       return Delivery::kSuccess;
                     })
          .value();
  REQUIRE(adapter.Start().ok());
  REQUIRE(inside.Wait());
  CHECK(seen.Items().at(0).state == SubscriptionState::kLive);  // as the event says
  CHECK(seen.Items().at(1).state == SubscriptionState::kPending);
  CHECK(codes.Items() == std::vector<StatusCode>{StatusCode::kOk, StatusCode::kNotFound});

  // The sockets' thread is inside the handler.
  CHECK(adapter.StatusOf(book)->state == SubscriptionState::kLive);
  const FeedHandle trade = fixture.Subscribe(FeedChannel::kTrade, "CCCUSDT");
  CHECK(adapter.StatusOf(trade)->state == SubscriptionState::kPending);
  static_cast<void>(adapter.counters());
  go.Open();
  CHECK(fixture.UntilState(trade, SubscriptionState::kLive).state == SubscriptionState::kLive);
  CHECK(adapter.Stop(std::chrono::seconds(30)).ok());
  watch.Unsubscribe();
}

// Pins EX-55.
TEST_CASE("the counters tell what happened, and what waits") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  venue.ban_ms = 600'000;
  Fixture fixture(BinanceMarket::kSpot, venue);
  fixture.Make();
  CHECK(fixture.adapter->counters().frames == 0);
  fixture.SubscribeBooks();
  fixture.Subscribe(FeedChannel::kTrade, "AAAUSDT");
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.UntilAllLive(1));
  AdapterCounters counters = fixture.UntilCounters([](const AdapterCounters& now) {
    return now.resyncs == 3 && now.frames > 50 && now.streams_waiting == 0 &&
           now.requests_waiting == 0 && now.weight_used > 0;
  });
  CHECK(counters.resyncs == 3);
  CHECK(counters.frames > 50);
  CHECK(counters.events > 50);
  CHECK(counters.opens == 1);
  CHECK(counters.connections == 1);
  CHECK(counters.reconnects == 0);
  CHECK(counters.gaps == 0);
  CHECK(counters.requests >= 4);  // exchangeInfo and three books
  CHECK(counters.requests_failed == 0);
  CHECK(counters.requests_refused == 0);
  CHECK(counters.weight_used >= 3 * 50 + 20);
  CHECK(counters.weight_limit == 4'800);  // 80 % of the venue's
  CHECK(counters.banned_until_unix_ns == 0);
  CHECK(counters.books_waiting == 0);
  CHECK(counters.streams_waiting == 0);

  fixture.Inject("gap AAAUSDT");
  counters = fixture.UntilCounters(
      [](const AdapterCounters& now) { return now.gaps > 0 && now.resyncs == 4; });
  CHECK(counters.gaps == 1);
  CHECK(counters.resyncs == 4);

  fixture.Inject("http 418 1");
  fixture.Inject("cut");
  counters = fixture.UntilCounters([](const AdapterCounters& now) {
    return now.banned_until_unix_ns != 0 && now.books_waiting == 3 && now.requests_waiting >= 3;
  });
  CHECK(counters.banned_until_unix_ns > WallClock().Now().unix_seconds() * 1'000'000'000);
  CHECK(counters.books_waiting == 3);
  CHECK(counters.requests_waiting >= 3);
  CHECK(counters.requests_refused > 0);
  CHECK(counters.reconnects == 1);
  CHECK(counters.connections == 1);
  CHECK(counters.resyncs == 4);
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
}

// Pins EX-57.
TEST_CASE("a ban holds over a restart when there is a state store") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  venue.ban_ms = 6'000;
  Fixture fixture(BinanceMarket::kSpot, venue);
  fixture.state = MakeMemoryStore(WallClock());
  const std::string key = "exchange.ban.127.0.0.1";
  const auto refused = [&] {  // requests made in spite of the ban, the one that began it too
    std::uint64_t count = 0;
    REQUIRE(fixture.server
                ->With([&](sim::BinanceVenue& one, std::int64_t) { count = one.counters().banned; })
                .ok());
    return count;
  };
  fixture.options.requests_in_flight = 1;
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.UntilAllLive(1));
  CHECK(fixture.state->Get("exchange", key).status().code() == StatusCode::kNotFound);
  fixture.Inject("http 418 1");
  fixture.Inject("cut");
  const auto banned = [](const AdapterCounters& now) { return now.banned_until_unix_ns != 0; };
  const std::int64_t until = fixture.UntilCounters(banned).banned_until_unix_ns;
  REQUIRE(until != 0);
  fixture.adapter.reset();
  CHECK(refused() == 1);
  const Result<StateItem> kept = fixture.state->Get("exchange", key);
  REQUIRE_MESSAGE(kept.ok(), kept.status().ToString());
  const Timestamp told = Timestamp::Parse(kept->value).value();
  CHECK(told.unix_seconds() * 1'000'000'000 >= until);
  CHECK(told.unix_seconds() * 1'000'000'000 <= until + 1'000'000'000);

  fixture.bus.StartOver();
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.UntilAllLive(1));
  CHECK(refused() == 1);
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());

  // One that cannot be read keeps nothing back.
  REQUIRE(fixture.state->Set("exchange", key, "tomorrow").ok());
  fixture.bus.StartOver();
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.UntilAllLive(1));
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
}

TEST_CASE("an adapter that is destroyed on an executor thread stops, too") {
  Fixture fixture;
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(fixture.bus.UntilAllLive(1));
  test::Gate gone;
  fixture.executor.Post([&] {
    fixture.adapter.reset();
    gone.Open();
  });
  REQUIRE(gone.Wait());
  const std::uint64_t events = fixture.bus.events();
  for (int i = 0; i < 6000 && fixture.server->counters().sockets > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(fixture.server->counters().sockets == 0);
  CHECK(fixture.bus.events() == events);
}

// Pins EX-57.
TEST_CASE("the record of a ban is named after the host alone") {
  Fixture fixture;
  const auto store = MakeMemoryStore(WallClock());
  const auto key = [&](std::string_view url) {
    return std::make_shared<detail::BanKeeper>(*store, fixture.runtime, url)->key();
  };
  CHECK(key("https://API.example.com/v3") == "exchange.ban.api.example.com");
  CHECK(key("http://me:secret@10.0.0.1:8080") == "exchange.ban.10.0.0.1");
  CHECK(key("http://[::1]:8080") == "exchange.ban.::1");
  CHECK(key("http://[FE80::1]") == "exchange.ban.fe80::1");
}

// Pins EX-58.
TEST_CASE("a book is published once more for who came late") {
  Fixture fixture;
  fixture.Make();
  const FeedHandle book = fixture.Subscribe(FeedChannel::kBook, kSymbols.at(0));
  const FeedHandle quote = fixture.Subscribe(FeedChannel::kQuote, kSymbols.at(0));
  CHECK(fixture.adapter->Republish(book).ok());  // not live yet: without effect
  CHECK(fixture.adapter->Republish(quote).code() == StatusCode::kUnimplemented);
  CHECK(fixture.adapter->Republish(quote + 1).code() == StatusCode::kNotFound);
  REQUIRE(fixture.adapter->Start().ok());
  const auto snapshots = [](std::uint64_t count) {
    return [count](const test::EventBooks& books) {
      for (const auto& [name, one] : books.books()) {
        if (one.snapshots >= count) return true;
      }
      return false;
    };
  };
  REQUIRE(fixture.bus.Until(snapshots(1)));
  CHECK(fixture.adapter->Republish(book).ok());
  REQUIRE(fixture.bus.Until(snapshots(2)));
  CHECK(fixture.bus.complaints().empty());  // no hole in the sequence, equal to the copy
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
  CHECK(fixture.adapter->Republish(book).code() == StatusCode::kUnavailable);
}

TEST_CASE("an adapter that an inline handler destroys on its own loop ends with that handler") {
  Fixture fixture;
  fixture.Make();
  fixture.SubscribeBooks();
  test::Gate gone;
  std::atomic<bool> first{true};
  const std::string topic = MarketTopics("binance").Of<OrderBookSnapshot>(kSymbols.at(0));
  auto subscription =
      fixture.bus.Subscribe(std::vector<std::string_view>{topic}, {.dispatch = Dispatch::kInline},
                            [&](const Message&, const DeliveryInfo&) {
                              if (!first.exchange(false)) return Delivery::kSuccess;
                              fixture.adapter.reset();
                              gone.Open();
                              return Delivery::kSuccess;
                            });
  REQUIRE(subscription.ok());
  REQUIRE(fixture.adapter->Start().ok());
  REQUIRE(gone.Wait());
  subscription->Unsubscribe();
  const std::uint64_t events = fixture.bus.events();
  // The loop's sockets go with it; what it held is freed, as the leak check sees.
  for (int i = 0; i < 6000 && fixture.server->counters().sockets > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(fixture.server->counters().sockets == 0);
  CHECK(fixture.bus.events() == events);
}

namespace {

/// Its file is locked by somebody else.
class StuckStore final : public StateStore {
 public:
  test::Gate free;

  Result<StateItem> Get(std::string_view, std::string_view) override {
    static_cast<void>(free.Wait());
    return Away();
  }
  Result<std::string> Set(std::string_view, std::string_view, std::string_view,
                          const SetOptions&) override {
    return Away();
  }
  Result<bool> Delete(std::string_view, std::string_view, std::string_view) override {
    return Away();
  }
  Result<std::vector<StateItem>> GetBulk(std::string_view, std::span<const std::string>) override {
    return Away();
  }
  Result<std::vector<std::string>> DeleteBulk(std::string_view,
                                              std::span<const std::string>) override {
    return Away();
  }
  Result<QueryPage> Query(std::string_view, std::string_view, std::size_t) override {
    return Away();
  }

 private:
  static Status Away() { return Status(StatusCode::kUnavailable, "test", "locked"); }
};

}  // namespace

TEST_CASE("a state store that hangs keeps neither the market data nor Stop waiting") {
  Fixture fixture;
  auto store = std::make_unique<StuckStore>();
  test::Gate free = store->free;
  fixture.state = std::move(store);
  fixture.Make();
  fixture.SubscribeBooks();
  REQUIRE(fixture.adapter->Start().ok());
  CHECK(fixture.bus.UntilAllLive(1));
  CHECK(fixture.adapter->Stop(std::chrono::milliseconds(100)).code() ==
        StatusCode::kDeadlineExceeded);
  free.Open();
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
}
