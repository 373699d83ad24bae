// The live adapter over real sockets: bans that a store keeps, and its end in odd places.
#include <atomic>
#include <thread>

#include "adapter_fixture.hpp"
#include "exchange/ban_keeper.hpp"
#include "support/gate.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/state/memory.hpp"

using namespace virtufin;
using test::kSymbols;
using test::Venue;
using Fixture = test::AdapterFixture;

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
