// When a simulated Binance cuts a connection: pongs, message rate, age, connection attempts.
#include "unit/sim/venue_fixture.hpp"

using namespace virtufin;
using test::VenueFixture;

namespace {

sim::VenueOptions Pinging() {
  sim::VenueOptions options;
  options.ping_interval_ms = 1'000;
  options.pong_timeout_ms = 3'000;
  return options;
}

}  // namespace

TEST_CASE("by default spot pings every 20 s and cuts after 60 s, USD-M 3 min and 10 min") {
  VenueFixture spot, usdm(VenueFixture::Usdm());
  for (VenueFixture* const each : {&spot, &usdm}) {
    each->Open(1);
    const std::int64_t interval = each == &spot ? 20'000 : 180'000;
    const std::int64_t timeout = each == &spot ? 60'000 : 600'000;
    each->Wait(interval - 1, false);
    CHECK(each->output.pings[1].empty());
    each->Wait(1, false);
    CHECK(each->output.pings[1].size() == 1);
    each->Wait(timeout - 1, false);
    CHECK(each->output.ended.empty());
    each->Wait(1, false);
    CHECK(each->output.ended.count(1) == 1);
    CHECK(each->venue->counters().pong_cuts == 1);
  }
}

TEST_CASE("who echoes each ping stays connected") {
  VenueFixture fixture(Pinging());
  fixture.Open(1);
  fixture.Wait(60'000);
  CHECK(fixture.output.ended.empty());
  CHECK(fixture.venue->counters().pongs == 60);
}

TEST_CASE("a pong with another payload does not count on spot and keeps the link on USD-M") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options = Pinging();
    options.market = market;
    VenueFixture fixture(options);
    fixture.Open(1);
    for (int second = 0; second < 20; ++second) {
      fixture.Wait(1'000, false);
      fixture.venue->OnPong(1, "", fixture.now_ms);
    }
    CHECK((fixture.output.ended.count(1) == 1) == (market == sim::VenueMarket::kSpot));
  }
}

TEST_CASE("more messages in a second than allowed are cut with 1008, pings and pongs counted") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    const int most = market == sim::VenueMarket::kSpot ? 5 : 10;
    fixture.Open(1);
    for (int round = 0; round < 3; ++round) {
      for (int n = 0; n < most; ++n) {
        if (n % 3 == 0) fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
        if (n % 3 == 1) fixture.venue->OnPing(1, fixture.now_ms);
        if (n % 3 == 2) fixture.venue->OnPong(1, "x", fixture.now_ms);
      }
      CHECK(fixture.output.ended.empty());
      if (round < 2) fixture.Wait(1'000);
    }
    fixture.Wait(999);
    fixture.venue->OnPing(1, fixture.now_ms);
    REQUIRE(fixture.output.ended.count(1) == 1);
    CHECK(fixture.output.ended[1].code == 1008);
    CHECK(fixture.output.ended[1].reason == "Too many requests");
    CHECK(fixture.venue->counters().rate_cuts == 1);
    fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":2})");  // nobody is there any more
    CHECK(fixture.venue->counters().errors == 0);
  }
}

TEST_CASE("a connection is cut at its greatest age") {
  sim::VenueOptions options = Pinging();
  options.max_age_ms = 30'000;
  VenueFixture fixture(options);
  fixture.Open(1);
  fixture.Wait(10'000);
  fixture.Open(2);
  fixture.Wait(19'999);
  CHECK(fixture.output.ended.empty());
  fixture.Wait(1);
  CHECK(fixture.output.ended.count(1) == 1);
  CHECK(fixture.output.ended.count(2) == 0);
  CHECK(fixture.venue->counters().age_cuts == 1);
}

TEST_CASE("too many connection attempts in five minutes are refused, refused ones counted") {
  sim::VenueOptions options;
  options.max_connects_per_5min = 3;
  VenueFixture fixture(options);
  CHECK(fixture.Open(1) == 101);
  CHECK(fixture.Open(2, "/nowhere") == 404);
  CHECK(fixture.Open(3) == 101);
  CHECK(fixture.Open(4) == 429);
  fixture.Wait(299'999);
  CHECK(fixture.Open(5) == 429);
  fixture.Wait(1);
  CHECK(fixture.Open(6) == 101);
}

TEST_CASE("a closed connection is forgotten with its streams") {
  VenueFixture fixture;
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Open(2, "/ws/btcusdt@depth@100ms");
  fixture.Wait(1'000);
  fixture.venue->OnClosed(1, fixture.now_ms);
  fixture.Taken(1);
  fixture.Taken(2);
  fixture.Wait(30'000);
  CHECK(fixture.Taken(1).empty());
  CHECK(!fixture.Taken(2).empty());
}
