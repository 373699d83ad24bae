// The REST interface of a simulated Binance: answers, weights, 429 and 418.
#include "unit/sim/venue_fixture.hpp"

using namespace virtufin;
using nlohmann::json;
using test::VenueFixture;

namespace {

std::string Header(const sim::RestAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (key == name) return value;
  }
  return "absent";
}

json Body(const sim::RestAnswer& answer) { return json::parse(*answer.body); }

sim::Fault Http(std::int64_t status, std::int64_t count = 1) {
  sim::Fault fault;
  fault.kind = sim::FaultKind::kHttp;
  fault.amount = status;
  fault.count = count;
  return fault;
}

}  // namespace

TEST_CASE("depth is the book at its id, best first, no deeper than the limit") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    const std::string path =
        market == sim::VenueMarket::kSpot ? "/api/v3/depth?" : "/fapi/v1/depth?";
    fixture.Wait(5'000);
    const json whole = fixture.Json(path + "symbol=BTCUSDT&limit=1000");
    const sim::VenueBook* const truth =
        fixture.venue->market().BookAt(0, whole.at("lastUpdateId").get<std::int64_t>());
    REQUIRE(truth != nullptr);
    CHECK(whole.at("bids").size() == truth->bids.size());
    CHECK(whole.at("asks").size() == truth->asks.size());
    auto bid = truth->bids.rbegin();
    for (const json& level : whole.at("bids")) {
      CHECK(Decimal::Parse(level.at(0).get<std::string>()).value() == bid->first);
      CHECK(Decimal::Parse(level.at(1).get<std::string>()).value() == bid->second);
      ++bid;
    }
    CHECK(whole.contains("E") == (market == sim::VenueMarket::kUsdm));
    CHECK(fixture.Json(path + "symbol=BTCUSDT&limit=5").at("asks").size() == 5);
  }
}

TEST_CASE("an old depth answer is the book as it was so many updates ago") {
  sim::VenueOptions options;
  options.faults = sim::FaultPlan::Parse("3000 old 40 1").value();
  VenueFixture fixture(options);
  fixture.Wait(5'000);
  const std::int64_t now = fixture.venue->market().last_update_id(0);
  CHECK(fixture.Json("/api/v3/depth?symbol=BTCUSDT").at("lastUpdateId") == now - 40);
  CHECK(fixture.Json("/api/v3/depth?symbol=BTCUSDT").at("lastUpdateId") == now);
  CHECK(fixture.venue->counters().fault(sim::FaultKind::kOld) == 1);
}

TEST_CASE("each call has its weight, and every answer says what was used this minute") {
  struct Row {
    const char* target;
    int weight;
  };
  const Row spot[] = {{"/api/v3/depth?symbol=BTCUSDT", 5},
                      {"/api/v3/depth?symbol=BTCUSDT&limit=500", 25},
                      {"/api/v3/depth?symbol=BTCUSDT&limit=1000", 50},
                      {"/api/v3/depth?symbol=BTCUSDT&limit=5000", 250},
                      {"/api/v3/exchangeInfo", 20},
                      {"/api/v3/aggTrades?symbol=BTCUSDT", 4},
                      {"/api/v3/klines?symbol=BTCUSDT&interval=1m", 2},
                      {"/api/v3/time", 1},
                      {"/api/v3/ping", 1}};
  const Row usdm[] = {{"/fapi/v1/depth?symbol=BTCUSDT&limit=50", 2},
                      {"/fapi/v1/depth?symbol=BTCUSDT&limit=100", 5},
                      {"/fapi/v1/depth?symbol=BTCUSDT", 10},
                      {"/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20},
                      {"/fapi/v1/exchangeInfo", 1},
                      {"/fapi/v1/aggTrades?symbol=BTCUSDT", 20},
                      {"/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=99", 1},
                      {"/fapi/v1/time", 1}};
  VenueFixture on_spot, on_usdm(VenueFixture::Usdm());
  int used = 0;
  for (const Row& row : spot) {
    CAPTURE(row.target);
    CHECK(Header(on_spot.Get(row.target), "X-MBX-USED-WEIGHT-1M") ==
          std::to_string(used += row.weight));
  }
  used = 0;
  for (const Row& row : usdm) {
    CAPTURE(row.target);
    CHECK(Header(on_usdm.Get(row.target), "X-MBX-USED-WEIGHT-1M") ==
          std::to_string(used += row.weight));
  }
  on_spot.Wait(60'000);
  CHECK(Header(on_spot.Get("/api/v3/time"), "X-MBX-USED-WEIGHT-1M") == "1");
}

TEST_CASE("over the limit is 429 until the minute ends; who goes on is banned") {
  sim::VenueOptions options;
  options.weight_limit = 100;
  options.tolerated_429 = 3;
  options.start_unix_ms = 1'790'000'020'000;  // a minute begins 20 s later
  VenueFixture fixture(options);
  for (int n = 0; n < 20; ++n) CHECK(fixture.Get("/api/v3/depth?symbol=BTCUSDT").status == 200);
  for (int n = 0; n < 3; ++n) {
    const sim::RestAnswer answer = fixture.Get("/api/v3/time");
    CHECK(answer.status == 429);
    CHECK(Header(answer, "Retry-After") == "20");
    CHECK(Body(answer).at("code") == -1003);
    CHECK(Body(answer).at("msg").get<std::string>().find(
              "current limit is 100 request weight per 1 MINUTE") != std::string::npos);
  }
  const sim::RestAnswer banned = fixture.Get("/api/v3/time");
  CHECK(banned.status == 418);
  CHECK(Header(banned, "Retry-After") == "120");
  CHECK(Body(banned).at("msg") == "Way too much request weight used; IP banned until " +
                                      std::to_string(fixture.now_ms + 120'000) +
                                      ". Please use the websocket for live updates to avoid bans.");
  fixture.Wait(119'000);
  CHECK(Header(fixture.Get("/api/v3/time"), "Retry-After") == "1");
  fixture.Wait(1'000);
  CHECK(fixture.Get("/api/v3/time").status == 200);
  CHECK(fixture.venue->counters().limited == 3);
  CHECK(fixture.venue->counters().banned == 2);
}

TEST_CASE("who waits until the minute ends is served again") {
  sim::VenueOptions options;
  options.weight_limit = 10;
  options.start_unix_ms = 1'790'000'020'000;
  VenueFixture fixture(options);
  for (int n = 0; n < 10; ++n) CHECK(fixture.Get("/api/v3/time").status == 200);
  CHECK(fixture.Get("/api/v3/time").status == 429);
  fixture.Wait(20'000);
  CHECK(fixture.Get("/api/v3/time").status == 200);
}

TEST_CASE("wrong calls have the venue's codes") {
  struct Row {
    const char* target;
    int status, code;
  };
  const Row rows[] = {
      {"/api/v3/depth", 400, -1102},
      {"/api/v3/depth?symbol=", 400, -1102},
      {"/api/v3/depth?symbol=NOSUCH", 400, -1121},
      {"/api/v3/depth?symbol=BTCUSDT&limit=x", 400, -1100},
      {"/api/v3/depth?symbol=BTCUSDT&limit=0", 400, -1130},
      {"/api/v3/klines?symbol=BTCUSDT", 400, -1120},
      {"/api/v3/klines?symbol=BTCUSDT&interval=7m", 400, -1120},
      {"/api/v3/exchangeInfo?symbol=NOSUCH", 400, -1121},
      {"/api/v3/exchangeInfo?symbols=BTCUSDT", 400, -1100},
      {"/api/v3/aggTrades?symbol=BTCUSDT&fromId=-1", 400, -1100},
  };
  VenueFixture fixture;
  for (const Row& row : rows) {
    CAPTURE(row.target);
    const sim::RestAnswer answer = fixture.Get(row.target);
    CHECK(answer.status == row.status);
    CHECK(Body(answer).at("code") == row.code);
  }
  CHECK(fixture.Get("/api/v3/dance").status == 404);
  CHECK(fixture.Get("/fapi/v1/depth?symbol=BTCUSDT").status == 404);
  VenueFixture usdm(VenueFixture::Usdm());
  CHECK(Body(usdm.Get("/fapi/v1/depth?symbol=BTCUSDT&limit=7")).at("code") == -4021);
}

TEST_CASE("faults of answers hit as many as asked for") {
  VenueFixture fixture;
  for (const int status : {400, 403, 429, 451, 500, 502, 503}) {
    CAPTURE(status);
    REQUIRE(fixture.venue->Inject(Http(status, 2), fixture.now_ms).ok());
    CHECK(fixture.Get("/api/v3/time").status == status);
    CHECK(fixture.Get("/api/v3/time").status == status);
    CHECK(fixture.Get("/api/v3/time").status == 200);
  }
  REQUIRE(fixture.venue->Inject(Http(418), fixture.now_ms).ok());
  CHECK(fixture.Get("/api/v3/time").status == 418);
  CHECK(fixture.Get("/api/v3/time").status == 418);  // until the ban ends
  fixture.Wait(120'000);

  sim::Fault fault;
  fault.kind = sim::FaultKind::kTruncate;
  REQUIRE(fixture.venue->Inject(fault, fixture.now_ms).ok());
  const sim::RestAnswer cut = fixture.Get("/api/v3/exchangeInfo");
  CHECK(cut.truncate_at < cut.body->size());
  fault.kind = sim::FaultKind::kNoAnswer;
  REQUIRE(fixture.venue->Inject(fault, fixture.now_ms).ok());
  CHECK(fixture.Get("/api/v3/time").no_answer);
  fault.kind = sim::FaultKind::kSlow;
  fault.amount = 5'000;
  REQUIRE(fixture.venue->Inject(fault, fixture.now_ms).ok());
  CHECK(fixture.Get("/api/v3/time").delay_ms == 5'000);
  const sim::RestAnswer fine = fixture.Get("/api/v3/time");
  CHECK(fine.delay_ms == 0);
  CHECK(fine.truncate_at == sim::RestAnswer::kWhole);
  CHECK(!fine.no_answer);
  CHECK(!fine.gzip);
}

TEST_CASE("exchangeInfo tells of all symbols or of those asked for, with status and filters") {
  VenueFixture fixture;
  REQUIRE(fixture.venue->SetStatus("ETHUSDT", "BREAK", fixture.now_ms).ok());
  const json all = fixture.Json("/api/v3/exchangeInfo");
  CHECK(all.at("symbols").size() == 10);
  CHECK(all.at("rateLimits").at(0).at("limit") == 6000);
  const json& btc = all.at("symbols").at(0);
  CHECK(btc.at("symbol") == "BTCUSDT");
  CHECK(btc.at("baseAsset") == "BTC");
  CHECK(btc.at("filters").at(0).at("tickSize") == "0.01000000");
  CHECK(btc.at("filters").at(1).at("stepSize") == "0.00001000");
  CHECK(all.at("symbols").at(1).at("status") == "BREAK");
  CHECK(fixture.Json("/api/v3/exchangeInfo?symbol=SOLUSDT").at("symbols").size() == 1);
  const json two = fixture.Json("/api/v3/exchangeInfo?symbols=%5B%22SOLUSDT%22,%22XRPUSDT%22%5D");
  REQUIRE(two.at("symbols").size() == 2);
  CHECK(two.at("symbols").at(1).at("symbol") == "XRPUSDT");

  sim::VenueOptions options = VenueFixture::Usdm();
  options.symbols = sim::DefaultSymbols(options.market);
  options.symbols.resize(2);
  options.symbols[1].name = "BTCUSDT_261225";
  options.symbols[1].base = "BTC";
  options.symbols[1].contract_type = "CURRENT_QUARTER";
  VenueFixture usdm(options);
  const json info = usdm.Json("/fapi/v1/exchangeInfo");
  CHECK(info.at("rateLimits").at(0).at("limit") == 2400);
  CHECK(info.at("symbols").at(0).at("contractType") == "PERPETUAL");
  CHECK(info.at("symbols").at(0).at("deliveryDate") == 4'133'404'800'000);
  CHECK(info.at("symbols").at(0).at("filters").at(0).at("tickSize") == "0.10");
  CHECK(info.at("symbols").at(1).at("pair") == "BTCUSDT");
  CHECK(info.at("symbols").at(1).at("deliveryDate") == 1'798'185'600'000);
}

TEST_CASE("aggTrades answers from an id on, from a time on, or the newest") {
  VenueFixture fixture;
  fixture.Wait(60'000);
  const auto& symbol = fixture.venue->market().at(0);
  REQUIRE(symbol.aggregates.size() > 100);
  const std::int64_t from = symbol.aggregates[10].id;
  const json some =
      fixture.Json("/api/v3/aggTrades?symbol=BTCUSDT&limit=20&fromId=" + std::to_string(from));
  REQUIRE(some.size() == 20);
  for (std::size_t i = 0; i < some.size(); ++i) {
    CHECK(some[i].at("a") == from + static_cast<std::int64_t>(i));
    if (i > 0) CHECK(some[i].at("f") == some[i - 1].at("l").get<std::int64_t>() + 1);
  }
  const json newest = fixture.Json("/api/v3/aggTrades?symbol=BTCUSDT&limit=3");
  REQUIRE(newest.size() == 3);
  CHECK(newest[2].at("a") == symbol.last_aggregate_id);
  const json timed = fixture.Json("/api/v3/aggTrades?symbol=BTCUSDT&startTime=" +
                                  std::to_string(symbol.aggregates[5].time_ms));
  CHECK(timed.at(0).at("T") == symbol.aggregates[5].time_ms);
}

TEST_CASE("klines are the candles of the trades") {
  VenueFixture fixture;
  fixture.Wait(200'000);
  const std::int64_t open = (fixture.venue->options().start_unix_ms / 60'000 + 1) * 60'000;
  const json lines = fixture.Json("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2&startTime=" +
                                  std::to_string(open));
  REQUIRE(lines.size() == 2);
  const sim::VenueCandle truth = fixture.venue->CandleAt("BTCUSDT", "1m", open).value();
  CHECK(lines[0].at(0) == open);
  CHECK(lines[0].at(6) == open + 59'999);
  CHECK(lines[0].at(8) == truth.count);
  CHECK(lines[1].at(0) == open + 60'000);
  std::int64_t trades = 0;
  for (const auto& trade : fixture.venue->market().at(0).trades) {
    trades += trade.time_ms >= open && trade.time_ms < open + 60'000 ? 1 : 0;
  }
  CHECK(truth.count == trades);
  CHECK(!fixture.venue->CandleAt("BTCUSDT", "1m", open + 1).ok());
  CHECK(!fixture.venue->CandleAt("BTCUSDT", "7m", open).ok());
  CHECK(fixture.venue->CandleAt("NOSUCH", "1m", open).status().code() == StatusCode::kNotFound);
}
