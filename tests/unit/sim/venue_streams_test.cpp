// The streams of a simulated Binance: what they say adds up to the venue's truth.
#include <set>

#include "unit/sim/venue_fixture.hpp"

using namespace virtufin;
using nlohmann::json;
using test::VenueFixture;

namespace {

using Side = std::map<Decimal, Decimal>;

void Apply(Side& side, const json& levels) {
  for (const json& level : levels) {
    const Decimal price = Decimal::Parse(level.at(0).get<std::string>()).value();
    const Decimal quantity = Decimal::Parse(level.at(1).get<std::string>()).value();
    if (quantity.IsZero()) {
      side.erase(price);
    } else {
      side[price] = quantity;
    }
  }
}

/// A frame's keys in their order.
std::string Keys(const std::string& text) {
  std::string keys;
  const auto document = nlohmann::ordered_json::parse(text);
  for (const auto& item : document.items()) {
    keys += (keys.empty() ? "" : ",") + item.key();
  }
  return keys;
}

}  // namespace

TEST_CASE("snapshot and diffs give the venue's book at every id, at every window phase") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    const bool usdm = market == sim::VenueMarket::kUsdm;
    std::set<std::int64_t> cuts;
    for (sim::ConnectionId id = 1; id <= 4; ++id) {
      fixture.Open(id, std::string(usdm ? "/public" : "") + "/ws/btcusdt@depth@100ms");
    }
    fixture.Wait(2'000);
    const json snapshot = fixture.Json(std::string(usdm ? "/fapi/v1" : "/api/v3") +
                                       "/depth?symbol=BTCUSDT&limit=1000");
    fixture.Wait(10'000);
    for (sim::ConnectionId id = 1; id <= 4; ++id) {
      Side bids, asks;
      Apply(bids, snapshot.at("bids"));
      Apply(asks, snapshot.at("asks"));
      std::int64_t last = snapshot.at("lastUpdateId"), previous = 0, applied = 0;
      for (const json& frame : fixture.Frames(id)) {
        const std::int64_t first_id = frame.at("U"), last_id = frame.at("u");
        if (usdm && previous != 0) CHECK(frame.at("pu") == previous);
        if (!usdm && previous != 0) CHECK(first_id == previous + 1);
        previous = last_id;
        if (last_id < last) continue;
        CHECK((usdm ? frame.at("pu").get<std::int64_t>() : first_id - 1) <= last);
        Apply(bids, frame.at("b"));
        Apply(asks, frame.at("a"));
        last = last_id;
        ++applied;
        cuts.insert(last_id);
        const sim::VenueBook* const truth = fixture.venue->market().BookAt(0, last_id);
        REQUIRE(truth != nullptr);
        REQUIRE(bids == truth->bids);
        REQUIRE(asks == truth->asks);
      }
      CHECK(applied > 50);
    }
    CHECK(cuts.size() > 150);  // each connection cuts the history elsewhere
  }
}

TEST_CASE("the depth speeds of both markets") {
  struct Row {
    const char* stream;
    int spot, usdm;  // frames in ten seconds; 0: silent
  };
  const Row rows[] = {
      {"depth", 10, 40},           {"depth@100ms", 100, 100}, {"depth@250ms", 0, 40},
      {"depth@500ms", 0, 20},      {"depth@1000ms", 10, 0},   {"depth5", 10, 40},
      {"depth20@100ms", 100, 100}, {"depth10@500ms", 0, 20},  {"depth7", 0, 0},
      {"depth@1ms", 0, 0}};
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    options.symbols = sim::DefaultSymbols(market);
    options.symbols[0].changes_per_s = 500;
    VenueFixture fixture(options);
    sim::ConnectionId id = 0;
    for (const Row& row : rows) fixture.Open(++id, "/ws/btcusdt@" + std::string(row.stream));
    fixture.Wait(10'000);
    id = 0;
    for (const Row& row : rows) {
      CAPTURE(row.stream);
      const auto count = static_cast<int>(fixture.Taken(++id).size());
      const int expected = market == sim::VenueMarket::kSpot ? row.spot : row.usdm;
      CHECK(count <= expected);
      CHECK(count >= expected - 1);
    }
  }
}

TEST_CASE("partial depth is the top of the book") {
  VenueFixture fixture;
  fixture.Open(1, "/ws/btcusdt@depth5@100ms");
  fixture.Wait(5'000);
  const auto texts = fixture.Taken();
  REQUIRE(texts.size() > 20);
  for (const std::string& text : texts) {
    CHECK(Keys(text) == "lastUpdateId,bids,asks");
    const json frame = json::parse(text);
    const auto* const truth =
        fixture.venue->market().BookAt(0, frame.at("lastUpdateId").get<std::int64_t>());
    REQUIRE(truth != nullptr);
    if (truth->bids.size() < 5 || truth->asks.size() < 5) continue;
    REQUIRE(frame.at("bids").size() == 5);
    REQUIRE(frame.at("asks").size() == 5);
    CHECK(Decimal::Parse(frame.at("bids").at(0).at(0).get<std::string>()).value() ==
          truth->bids.rbegin()->first);
    CHECK(Decimal::Parse(frame.at("asks").at(4).at(0).get<std::string>()).value() ==
          std::next(truth->asks.begin(), 4)->first);
  }
}

TEST_CASE("keys come in the venue's order") {
  struct Row {
    const char *stream, *spot, *usdm;
  };
  const Row rows[] = {
      {"depth@100ms", "e,E,s,U,u,b,a", "e,E,T,s,U,u,pu,b,a"},
      {"bookTicker", "u,s,b,B,a,A", "e,u,s,b,B,a,A,T,E"},
      {"aggTrade", "e,E,s,a,p,q,f,l,T,m,M", "e,E,a,s,p,q,f,l,T,m"},
      {"trade", "e,E,s,t,p,q,T,m,M", "e,E,T,s,t,p,q,X,m"},
      {"kline_1m", "e,E,s,k", "e,E,s,k"},
      {"ticker", "e,E,s,p,P,w,x,c,Q,b,B,a,A,o,h,l,v,q,O,C,F,L,n",
       "e,E,s,p,P,w,c,Q,o,h,l,v,q,O,C,F,L,n"},
      {"miniTicker", "e,E,s,c,o,h,l,v,q", "e,E,s,c,o,h,l,v,q"},
      {"markPrice@1s", nullptr, "e,E,s,p,i,P,r,T"},
  };
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    const bool usdm = market == sim::VenueMarket::kUsdm;
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    sim::ConnectionId id = 0;
    for (const Row& row : rows) {
      const std::string stream = "/ws/btcusdt@" + std::string(row.stream);
      if (usdm) fixture.Open(++id, "/public" + stream);
      fixture.Open(++id, (usdm ? "/market" : "") + stream);
    }
    fixture.Wait(10'000);
    id = 0;
    for (const Row& row : rows) {
      CAPTURE(row.stream);
      auto texts = fixture.Taken(++id);
      if (usdm && texts.empty())
        texts = fixture.Taken(++id);
      else if (usdm)
        ++id;
      const char* const expected = usdm ? row.usdm : row.spot;
      REQUIRE(texts.empty() == (expected == nullptr));
      if (expected != nullptr) CHECK(Keys(texts.back()) == expected);
      if (std::string_view(row.stream) == "kline_1m") {
        CHECK(Keys(nlohmann::ordered_json::parse(texts.back()).at("k").dump()) ==
              "t,T,s,i,f,L,o,c,h,l,v,n,x,q,V,Q,B");
      }
    }
  }
}

TEST_CASE("aggregate trades and trades come whole and in order") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    const bool usdm = market == sim::VenueMarket::kUsdm;
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    fixture.Open(1, std::string(usdm ? "/market" : "") + "/ws/btcusdt@aggTrade");
    fixture.Open(2, std::string(usdm ? "/public" : "") + "/ws/btcusdt@trade");
    fixture.Wait(120'000);
    const auto aggregates = fixture.Frames(1), trades = fixture.Frames(2);
    const auto& symbol = fixture.venue->market().at(0);
    REQUIRE(aggregates.size() == symbol.aggregates.size());
    REQUIRE(trades.size() == symbol.trades.size());
    for (std::size_t i = 0; i < aggregates.size(); ++i) {
      CHECK(aggregates[i].at("a") == symbol.aggregates[i].id);
      CHECK(aggregates[i].at("m") == symbol.aggregates[i].buyer_is_maker);
      if (i > 0 && !usdm) {
        CHECK(aggregates[i].at("f") == aggregates[i - 1].at("l").get<std::int64_t>() + 1);
      }
    }
    for (std::size_t i = 0; i < trades.size(); ++i) {
      CHECK(trades[i].at("t") == symbol.trades[i].id);
    }
  }
}

TEST_CASE("a bookTicker is the best of the book at its id") {
  VenueFixture fixture;
  fixture.Open(1, "/ws/btcusdt@bookTicker");
  fixture.Wait(30'000);
  const auto frames = fixture.Frames();
  REQUIRE(frames.size() > 100);
  std::int64_t last = 0;
  for (const json& frame : frames) {
    CHECK(frame.at("u").get<std::int64_t>() > last);
    last = frame.at("u");
    const auto* const truth = fixture.venue->market().BookAt(0, last);
    REQUIRE(truth != nullptr);
    CHECK(Decimal::Parse(frame.at("b").get<std::string>()).value() == truth->bids.rbegin()->first);
    CHECK(Decimal::Parse(frame.at("A").get<std::string>()).value() == truth->asks.begin()->second);
  }
}

TEST_CASE("each candle is closed once, and is what its trades made") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    const bool usdm = market == sim::VenueMarket::kUsdm;
    sim::VenueOptions options;
    options.market = market;
    VenueFixture fixture(options);
    const std::string base = std::string(usdm ? "/market" : "") + "/ws/btcusdt@kline_";
    fixture.Open(1, base + "1m");
    fixture.Open(2, base + "3m");
    fixture.Open(3, base + "1s");
    fixture.Wait(600'000);
    CHECK(fixture.Taken(3).empty() == usdm);
    for (const sim::ConnectionId id : {1, 2}) {
      std::int64_t open = 0, closed = 0, updates = 0;
      for (const json& frame : fixture.Frames(id)) {
        const json& k = frame.at("k");
        if (!k.at("x").get<bool>()) {
          ++updates;
          continue;
        }
        if (open != 0) CHECK(k.at("t") == open + (id == 1 ? 60'000 : 180'000));
        open = k.at("t");
        ++closed;
        if (open < options.start_unix_ms) continue;  // began before the venue
        const auto truth = fixture.venue->CandleAt("BTCUSDT", id == 1 ? "1m" : "3m", open).value();
        std::string text;
        sim::MarketModel::AppendPrice(text, fixture.venue->market().at(0), truth.close);
        CHECK(k.at("c") == text);
        CHECK(k.at("n") == truth.count);
        CHECK(k.at("f") == truth.first_id);
        CHECK(k.at("L") == truth.last_id);
        CHECK(k.at("T") == truth.close_ms);
        CHECK(frame.at("E").get<std::int64_t>() > truth.close_ms);
      }
      CHECK(closed == (id == 1 ? 10 : 3));
      CHECK(updates > 100);
    }
  }
}

TEST_CASE("a candle says nothing while its symbol does not trade, but that it closes") {
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    sim::VenueOptions options;
    options.market = market;
    options.faults = sim::FaultPlan::Parse("100 silent BTCUSDT 240000").value();
    VenueFixture fixture(options);
    fixture.Open(1, std::string(market == sim::VenueMarket::kUsdm ? "/market" : "") +
                        "/ws/btcusdt@kline_1m");
    fixture.Wait(5'000);
    fixture.Taken(1);
    fixture.Wait(180'000);
    const std::vector<json> frames = fixture.Frames(1);
    CHECK(frames.size() == 3);
    for (const json& frame : frames) CHECK(frame.at("k").at("x") == true);
    fixture.Wait(90'000);
    CHECK(fixture.Frames(1).size() > 5);
  }
}

TEST_CASE("candles begin where Binance's do") {
  struct Row {
    const char* interval;
    std::int64_t zone_ms, time, open, close;
  };
  constexpr std::int64_t kDay = 86'400'000;
  constexpr std::int64_t kSunday = 1'763'856'000'000;  // 2025-11-23 00:00 UTC
  const Row rows[] = {
      {"1m", 0, kSunday + 61'000, kSunday + 60'000, kSunday + 119'999},
      {"4h", 0, kSunday + 5 * 3'600'000, kSunday + 4 * 3'600'000, kSunday + 8 * 3'600'000 - 1},
      {"1d", 0, kSunday + 1, kSunday, kSunday + kDay - 1},
      {"1d", 8 * 3'600'000, kSunday, kSunday - 8 * 3'600'000, kSunday + 16 * 3'600'000 - 1},
      {"1w", 0, kSunday, kSunday - 6 * kDay, kSunday + kDay - 1},
      {"1M", 0, kSunday, kSunday - 22 * kDay, kSunday + 8 * kDay - 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.interval);
    sim::CandleInterval interval;
    REQUIRE(
        sim::CandleInterval::Parse(row.interval, sim::VenueMarket::kSpot, row.zone_ms, interval));
    CHECK(interval.OpenOf(row.time) == row.open);
    CHECK(interval.OpenOf(row.open) == row.open);
    CHECK(interval.OpenOf(row.open - 1) < row.open);
    CHECK(interval.CloseOf(row.open) == row.close);
  }
}

TEST_CASE("the arrays of all symbols never stop, whoever trades") {
  sim::VenueOptions options = VenueFixture::Usdm();
  options.symbols = sim::DefaultSymbols(options.market);
  for (auto& symbol : options.symbols) symbol.changes_per_s = 0;
  VenueFixture fixture(options);
  fixture.Open(1, "/market/stream?streams=!miniTicker@arr");
  fixture.Open(2, "/market/stream?streams=!markPrice@arr@1s");
  fixture.Wait(10'000);
  const auto mini = fixture.Frames(1), marks = fixture.Frames(2);
  CHECK(mini.size() == 10);
  REQUIRE(marks.size() == 10);
  CHECK(mini[0].at("stream") == "!miniTicker@arr");
  CHECK(mini[0].at("data").at(0).at("e") == "24hrMiniTicker");
  CHECK(marks[0].at("data").size() == 10);
  CHECK(marks[0].at("data").at(0).at("r").get<std::string>().size() > 9);
}

TEST_CASE("tickers count what was traded") {
  VenueFixture fixture;
  fixture.Open(1, "/ws/btcusdt@ticker");
  fixture.Wait(60'500);
  const auto frames = fixture.Frames();
  REQUIRE(frames.size() >= 60);
  const json& last = frames.back();
  const std::int64_t until = last.at("C");
  std::int64_t trades = 0, volume = 0;
  const auto& symbol = fixture.venue->market().at(0);
  for (const auto& trade : symbol.trades) {
    if (trade.time_ms > until) break;
    ++trades;
    volume += trade.quantity;
  }
  CHECK(last.at("n").get<std::int64_t>() <= trades);
  CHECK(last.at("n").get<std::int64_t>() >= trades - 3);
  std::string text;
  if (last.at("n") == trades) {
    sim::MarketModel::AppendQuantity(text, symbol, volume);
    CHECK(last.at("v") == text);
  }
  CHECK(last.at("F") == symbol.trades.front().id);
}

TEST_CASE("times are microseconds where asked for, on spot") {
  VenueFixture fixture;
  fixture.Open(1, "/stream?streams=btcusdt@trade&timeUnit=MICROSECOND");
  fixture.Wait(10'000);
  const auto frames = fixture.Frames();
  REQUIRE(!frames.empty());
  CHECK(frames[0].at("data").at("T").get<std::int64_t>() > 1'000'000'000'000'000);
}

TEST_CASE("symbols beyond ASCII stream under their own name") {
  sim::VenueOptions options;
  options.symbols = sim::DefaultSymbols(options.market);
  options.symbols[0].name = "币安人生USDT";
  VenueFixture fixture(options);
  fixture.Open(1, "/stream?streams=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@depth@100ms");
  fixture.Open(2);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["币安人生usdt@depth@100ms"],"id":1})", 2);
  fixture.Wait(2'000);
  CHECK(fixture.Frames(1).at(0).at("data").at("s") == "币安人生USDT");
  CHECK(fixture.Frames(2).at(1).at("s") == "币安人生USDT");
}

TEST_CASE("all mini tickers and mark prices come each second, whatever else is quiet") {
  for (const bool usdm : {false, true}) {
    CAPTURE(usdm);
    sim::VenueOptions options = usdm ? VenueFixture::Usdm() : sim::VenueOptions();
    options.faults = sim::FaultPlan::Parse("0 silent BTCUSDT 20000\n20000 halt BTCUSDT").value();
    VenueFixture fixture(std::move(options));
    fixture.Open(1, usdm ? "/market/ws/btcusdt@markPrice@1s" : "/ws/!miniTicker@arr");
    fixture.Open(2, usdm ? "/public/ws/ethusdt@depth@100ms" : "/ws/ethusdt@depth@100ms");
    for (int second = 0; second < 60; ++second) {
      CAPTURE(second);
      if (second == 40) fixture.venue->StopTrading();
      fixture.Wait(1'000);
      CHECK(fixture.Taken(1).size() == 1);
      if (second > 40) CHECK(fixture.Taken(2).empty());
      fixture.Taken(2);
    }
  }
}
