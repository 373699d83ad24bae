// What a simulated Binance answers: paths, routes and control messages.
#include "unit/sim/venue_fixture.hpp"

using namespace virtufin;
using test::VenueFixture;
using Texts = std::vector<std::string>;

TEST_CASE("the paths of spot and USD-M are accepted, others are not") {
  struct Row {
    const char* target;
    int spot, usdm;
  };
  const Row rows[] = {
      {"/ws", 101, 101},
      {"/ws/0", 101, 101},
      {"/ws/btcusdt@depth@100ms", 101, 101},
      {"/ws/btcusdt@depth/ethusdt@bookTicker", 101, 101},
      {"/stream", 101, 101},
      {"/stream?streams=btcusdt@depth/ethusdt@bookTicker", 101, 101},
      {"/stream?streams=btcusdt%40depth%2Fethusdt%40bookTicker", 101, 101},
      {"/public/ws/0", 404, 101},
      {"/market/stream?streams=btcusdt@aggTrade", 404, 101},
      {"/private/ws", 404, 404},
      {"/", 404, 404},
      {"/streams", 404, 404},
  };
  VenueFixture spot, usdm(VenueFixture::Usdm());
  sim::ConnectionId id = 0;
  for (const Row& row : rows) {
    CAPTURE(row.target);
    ++id;
    CHECK(spot.Open(id, row.target) == row.spot);
    CHECK(usdm.Open(id, row.target) == row.usdm);
  }
}

TEST_CASE("a raw connection gets bare payloads, a combined one gets them wrapped") {
  VenueFixture fixture;
  fixture.Open(1, "/ws/btcusdt@depth@100ms");
  fixture.Open(2, "/stream?streams=btcusdt@depth@100ms");
  fixture.Wait(1'000);
  const auto raw = fixture.Frames(1), combined = fixture.Frames(2);
  REQUIRE(!raw.empty());
  REQUIRE(!combined.empty());
  CHECK(raw[0].at("e") == "depthUpdate");
  CHECK(combined[0].at("stream") == "btcusdt@depth@100ms");
  CHECK(combined[0].at("data").at("e") == "depthUpdate");
}

TEST_CASE("control messages are answered, with ids of all three forms") {
  VenueFixture fixture;
  struct Row {
    const char *text, *answer;
  };
  const Row rows[] = {
      {R"({"method":"SUBSCRIBE","params":["btcusdt@depth","btcusdt@bookTicker"],"id":1})",
       R"({"result":null,"id":1})"},
      {R"({"method":"LIST_SUBSCRIPTIONS","id":"abc-1"})",
       R"({"result":["btcusdt@depth","btcusdt@bookTicker"],"id":"abc-1"})"},
      {R"({"method":"UNSUBSCRIBE","params":["btcusdt@depth"],"id":null})",
       R"({"result":null,"id":null})"},
      {R"({"method":"LIST_SUBSCRIPTIONS","id":-3})",
       R"({"result":["btcusdt@bookTicker"],"id":-3})"},
      {R"({"method":"GET_PROPERTY","params":["combined"],"id":4})", R"({"result":false,"id":4})"},
      {R"({"method":"SET_PROPERTY","params":["combined",true],"id":5})",
       R"({"result":null,"id":5})"},
      {R"({"method":"GET_PROPERTY","params":["combined"],"id":6})", R"({"result":true,"id":6})"},
      {R"({"method":"UNSUBSCRIBE","params":["nothing@depth"],"id":7})",
       R"({"result":null,"id":7})"},
      {R"({"method":"SUBSCRIBE","params":["nosuchusdt@depth"],"id":9223372036854775807})",
       R"({"result":null,"id":9223372036854775807})"},
  };
  fixture.Open(1);
  for (const Row& row : rows) {
    CAPTURE(row.text);
    fixture.Text(row.text);
    CHECK(fixture.Answers() == Texts{row.answer});
    fixture.Wait(1'001);  // not too many in a second
  }
}

TEST_CASE("wrong control messages are refused with the venue's codes") {
  struct Row {
    const char* text;
    int code;
    const char* id;
  };
  const Row rows[] = {
      {"{", 3, "absent"},
      {"nonsense", 3, "absent"},
      {"[]", 2, "absent"},
      {R"({"params":["a@b"],"id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","params":"a@b","id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","params":[1],"id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","params":[],"id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","params":["btcusdt"],"id":1})", 2, "1"},
      {R"({"method":"SUBSCRIBE","params":["a@depth"],"id":1.5})", 2, "absent"},
      {R"({"method":"SUBSCRIBE","params":["a@depth"],"id":18446744073709551615})", 2, "absent"},
      {R"({"method":"SUBSCRIBE","params":["a@depth"],"id":"with blank"})", 2, "absent"},
      {R"({"method":"SUBSCRIBE","params":["a@depth"],)"
       R"("id":"0123456789012345678901234567890123456"})",
       2, "absent"},
      {R"({"method":"subscribe","params":["a@depth"],"id":"x"})", 2, "\"x\""},
      {R"({"method":"SET_PROPERTY","params":["combined","yes"],"id":2})", 1, "2"},
      {R"({"method":"SET_PROPERTY","params":["colour",true],"id":2})", 0, "2"},
      {R"({"method":"GET_PROPERTY","params":["colour"],"id":2})", 0, "2"},
      {R"({"method":"GET_PROPERTY","params":["combined",1],"id":2})", 2, "2"},
      {R"({"method":"GET_PROPERTY","params":[5],"id":2})", 2, "2"},
  };
  for (const sim::ErrorShape shape : {sim::ErrorShape::kFlat, sim::ErrorShape::kNested}) {
    sim::VenueOptions options;
    options.error_shape = shape;
    VenueFixture fixture(options);
    fixture.Open(1);
    for (const Row& row : rows) {
      CAPTURE(row.text);
      fixture.Text(row.text);
      const auto answers = fixture.Frames();
      REQUIRE(answers.size() == 1);
      const bool nested = shape == sim::ErrorShape::kNested;
      const nlohmann::json& error = nested ? answers[0].at("error") : answers[0];
      CHECK(error.at("code") == row.code);
      CHECK(!error.at("msg").get<std::string>().empty());
      CHECK((answers[0].contains("id") ? answers[0].at("id").dump() : "absent") ==
            std::string(row.id));
      fixture.Wait(1'001);
    }
  }
}

TEST_CASE("more streams than allowed are refused whole") {
  sim::VenueOptions options;
  options.max_streams = 2;
  VenueFixture fixture(options);
  fixture.Open(1);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["a@depth","b@depth","c@depth"],"id":1})");
  CHECK(fixture.Frames().at(0).at("code") == 4);
  fixture.Text(R"({"method":"LIST_SUBSCRIPTIONS","id":2})");
  CHECK(fixture.Taken() == Texts{R"({"result":[],"id":2})"});
  fixture.Text(R"({"method":"SUBSCRIBE","params":["a@depth","b@depth","a@depth"],"id":3})");
  CHECK(fixture.Taken() == Texts{R"({"result":null,"id":3})"});
  CHECK(fixture.Open(2, "/stream?streams=a@depth/b@depth/c@depth") == 400);
}

TEST_CASE("an unknown symbol, an upper-case one and an unknown stream are acked and silent") {
  VenueFixture fixture;
  fixture.Open(1);
  fixture.Text(
      R"({"method":"SUBSCRIBE","params":["nosuchusdt@depth","BTCUSDT@depth","btcusdt@dance",)"
      R"("btcusdt@markPrice","btcusdt@kline_7m"],"id":1})");
  CHECK(fixture.Taken() == Texts{R"({"result":null,"id":1})"});
  fixture.Wait(10'000);
  CHECK(fixture.Taken().empty());
  CHECK(fixture.venue->counters().silent_streams == 5);
}

TEST_CASE("USD-M carries a stream only on its own route; the old URL has public ones only") {
  struct Row {
    const char *route, *stream;
    bool speaks;
  };
  const Row rows[] = {
      {"/public", "btcusdt@depth@100ms", true}, {"/public", "btcusdt@bookTicker", true},
      {"/public", "btcusdt@trade", true},       {"/public", "btcusdt@aggTrade", false},
      {"/market", "btcusdt@aggTrade", true},    {"/market", "btcusdt@markPrice@1s", true},
      {"/market", "btcusdt@kline_1m", true},    {"/market", "!miniTicker@arr", true},
      {"/market", "btcusdt@depth", false},      {"/market", "btcusdt@bookTicker", false},
      {"", "btcusdt@depth@100ms", true},        {"", "btcusdt@bookTicker", true},
      {"", "btcusdt@aggTrade", false},          {"", "btcusdt@markPrice@1s", false},
      {"", "btcusdt@kline_1m", false},          {"", "!markPrice@arr", false},
  };
  VenueFixture fixture(VenueFixture::Usdm());
  sim::ConnectionId id = 0;
  for (const Row& row : rows) {
    REQUIRE(fixture.Open(++id, std::string(row.route) + "/ws") == 101);
    fixture.Text(R"({"method":"SUBSCRIBE","params":[")" + std::string(row.stream) + R"("],"id":1})",
                 id);
    CHECK(fixture.Answers(id) == Texts{R"({"result":null,"id":1})"});
  }
  fixture.Wait(5'000);
  id = 0;
  for (const Row& row : rows) {
    CAPTURE(row.route);
    CAPTURE(row.stream);
    CHECK(!fixture.Taken(++id).empty() == row.speaks);
  }
}

TEST_CASE("an answer may come after the first data") {
  sim::VenueOptions options;
  options.ack_order = sim::AckOrder::kAfterData;
  VenueFixture fixture(options);
  fixture.Open(1);
  fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1})");
  CHECK(fixture.Taken().empty());
  fixture.Wait(450);
  const Texts texts = fixture.Taken();
  REQUIRE(texts.size() > 2);
  CHECK(texts[0].find("depthUpdate") != std::string::npos);
  CHECK(texts[1] == R"({"result":null,"id":1})");
  // Without data it comes all the same.
  fixture.Text(R"({"method":"SUBSCRIBE","params":["nosuch@depth"],"id":2})");
  CHECK(fixture.Answers().empty());
  fixture.Wait(options.ack_patience_ms);
  CHECK(fixture.Answers() == Texts{R"({"result":null,"id":2})"});
}

TEST_CASE("a message or URL that is too long is not answered") {
  VenueFixture fixture;
  fixture.Open(1);
  std::string params = "\"btcusdt@depth\"";
  while (params.size() < 17'000) params += ",\"nosuch@depth\"";
  fixture.Text("{\"method\":\"SUBSCRIBE\",\"params\":[" + params + "],\"id\":1}");
  fixture.Wait(3'000);
  CHECK(fixture.Taken().empty());
  std::string url = "/stream?streams=btcusdt@depth";
  while (url.size() < 17'000) url += "/btcusdt@depth";
  CHECK(fixture.Open(2, url) == 101);
  fixture.Wait(3'000);
  CHECK(fixture.Taken(2).empty());
  CHECK(fixture.venue->counters().too_long == 2);
}

TEST_CASE("two runs with the same calls give the same bytes, however often the clock ticks") {
  const auto run = [](sim::VenueMarket market, std::uint64_t seed, std::int64_t step_ms) {
    sim::VenueOptions options;
    options.market = market;
    options.seed = seed;
    options.ack_order = sim::AckOrder::kMixed;
    options.faults = sim::FaultPlan::Draw(seed, 20'000, 60, {"BTCUSDT", "ETHUSDT"});
    VenueFixture fixture(options);
    std::string rest;
    for (int n = 0; n < 4; ++n) {
      const auto id = static_cast<sim::ConnectionId>(n + 1);
      fixture.Open(id, market == sim::VenueMarket::kSpot ? "/stream" : "/public/stream");
      fixture.Text(R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","ethusdt@bookTicker",)"
                   R"("btcusdt@trade","ethusdt@depth"],"id":1})",
                   id);
      const std::int64_t end = fixture.now_ms + 5'000;
      while (fixture.now_ms < end) {
        fixture.now_ms = std::min(end, fixture.now_ms + step_ms);
        fixture.venue->OnTick(fixture.now_ms);
      }
      rest +=
          *fixture
               .Get(market == sim::VenueMarket::kSpot ? "/api/v3/depth?symbol=BTCUSDT&limit=10"
                                                      : "/fapi/v1/depth?symbol=BTCUSDT&limit=10")
               .body;
    }
    return fixture.output.log + rest;
  };
  for (const auto market : {sim::VenueMarket::kSpot, sim::VenueMarket::kUsdm}) {
    const std::string once = run(market, 3, 7);
    CHECK(once.size() > 25'000);
    CHECK(once == run(market, 3, 7));
    CHECK(once == run(market, 3, 5'000));
    CHECK(once != run(market, 4, 7));
  }
}
