// The live adapter over real sockets against the simulated venue: books, subscriptions, limits.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "adapter_fixture.hpp"
#include "support/event_trades.hpp"
#include "support/gate.hpp"

using namespace virtufin;
using test::kSymbols;
using test::Venue;
using Fixture = test::AdapterFixture;

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
    REQUIRE(fixture.bus.UntilDiffAfterSnapshot("AAAUSDT"));
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
      REQUIRE(fixture.bus.UntilLiveAt(kSymbols[i], ids[i]));
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

// Pins EX-47.
TEST_CASE("what a repair brings waits for room, however much it is, and nothing is lost") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  for (sim::SymbolOptions& symbol : venue.symbols) {
    symbol.changes_per_s = 2'000;
    symbol.trade_percent = 50;
  }
  Fixture fixture(BinanceMarket::kSpot, venue);
  fixture.options.reconnect_first_ms = fixture.options.reconnect_max_ms = 3'000;
  fixture.Make();
  std::vector<std::string> topics;
  for (const std::string& symbol : kSymbols) {
    fixture.Subscribe(FeedChannel::kTrade, symbol);
    topics.push_back("act.exchange.binance.trade.tape." + symbol);
    topics.push_back("act.exchange.binance.feed.status." + symbol);
  }
  test::Gate go;
  std::mutex mutex;
  test::EventTrades trades;
  std::set<std::string> wrong;
  std::atomic<std::uint64_t> missed{0}, recovered{0};
  SubscribeOptions options;
  options.capacity = 64;  // a page of a repair has a thousand
  options.block_timeout_ms = 60'000;
  const std::vector<std::string_view> names(topics.begin(), topics.end());
  Subscription slow = fixture.bus
                          .Subscribe(names, options,
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       const std::lock_guard lock(mutex);
                                       missed += info.missed;
                                       nlohmann::json trade;
                                       wrong.insert(trades.Take(message, trade));
                                       if (trade.is_object() && trade.value("recovered", false) &&
                                           ++recovered == 1) {
                                         static_cast<void>(go.Wait());
                                       }
                                       return Delivery::kSuccess;
                                     })
                          .value();
  REQUIRE(fixture.adapter->Start().ok());
  fixture.UntilCounters([](const AdapterCounters& now) { return now.events >= 100; });
  fixture.Inject("cut");
  for (int i = 0; i < 6000 && slow.counters().parked == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(slow.counters().parked == 1);
  CHECK(recovered == 1);
  go.Open();
  for (int i = 0; i < 6000 && recovered < 6'000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(recovered >= 6'000);
  CHECK(fixture.adapter->Stop(std::chrono::seconds(30)).ok());
  slow.Unsubscribe();
  CHECK(missed == 0);
  wrong.erase("");
  CHECK_MESSAGE(wrong.empty(), *wrong.begin());
  for (const auto& tape : trades.tapes()) {
    CAPTURE(tape.first);
    CHECK(tape.second.missing == 0);
  }
}

TEST_CASE("an adapter that a handler destroys while events wait for room ends with that handler") {
  sim::VenueOptions venue = Venue(BinanceMarket::kSpot);
  for (sim::SymbolOptions& symbol : venue.symbols) {
    symbol.changes_per_s = 2'000;
    symbol.trade_percent = 50;
  }
  Fixture fixture(BinanceMarket::kSpot, venue);
  fixture.options.reconnect_first_ms = fixture.options.reconnect_max_ms = 3'000;
  fixture.Make();
  fixture.Subscribe(FeedChannel::kTrade, "AAAUSDT");
  test::Gate go, gone;
  std::atomic<std::uint64_t> recovered{0};
  const std::array<std::string_view, 1> topic = {"act.exchange.binance.trade.tape.AAAUSDT"};
  const auto is_recovered = [](const Message& message) {
    return message.event().data_text().find(R"("recovered":true)") != std::string_view::npos;
  };
  SubscribeOptions queued;
  queued.capacity = 8;
  queued.block_timeout_ms = 60'000;
  Subscription slow = fixture.bus
                          .Subscribe(topic, queued,
                                     [&](const Message& message, const DeliveryInfo&) {
                                       if (is_recovered(message)) static_cast<void>(go.Wait());
                                       return Delivery::kSuccess;
                                     })
                          .value();
  SubscribeOptions inlined;  // the thirtieth is behind a full queue: it is one of those that waited
  inlined.dispatch = Dispatch::kInline;
  Subscription destroyer = fixture.bus
                               .Subscribe(topic, inlined,
                                          [&](const Message& message, const DeliveryInfo&) {
                                            if (is_recovered(message) && ++recovered == 30) {
                                              fixture.adapter.reset();
                                              gone.Open();
                                            }
                                            return Delivery::kSuccess;
                                          })
                               .value();
  REQUIRE(fixture.adapter->Start().ok());
  fixture.UntilCounters([](const AdapterCounters& now) { return now.events >= 100; });
  fixture.Inject("cut");
  for (int i = 0; i < 6000 && slow.counters().parked == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(slow.counters().parked == 1);
  CHECK(recovered < 30);
  go.Open();
  REQUIRE(gone.Wait());
  CHECK(recovered == 30);
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
