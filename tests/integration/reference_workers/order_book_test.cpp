// binance_order_book through the native engine: frames of the venue, checked against its own books.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/venue_truth.hpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/worker/json.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

constexpr std::uint32_t kStream = 1;

/// The worker, loaded from its library, and a gateway that keeps what is saved.
struct Loaded {
  explicit Loaded(bool gateway = true)
      : host(gateway ? std::make_shared<RecordingHost>([this](auto service, auto method,
                                                              auto json) -> Result<std::string> {
          CHECK(std::string(service) + "." + std::string(method) == "virtufin.State.SaveState");
          saved.push_back(Json::parse(json));
          return std::string("{}");
        })
                     : std::make_shared<RecordingHost>()),
        worker(LoadWorker(*engine, NativeFile(WORKERS "/libbinance_order_book.so"), host)) {}

  /// The reply; its data are {} when there is none.
  std::optional<CloudEvent> Give(const CloudEvent& event) {
    CallOutcome outcome = Call(*worker, event);
    REQUIRE_MESSAGE(outcome.status.ok(), outcome.status.ToString());
    return std::move(outcome.reply);
  }

  std::vector<Json> saved;
  std::shared_ptr<RecordingHost> host;
  std::unique_ptr<Engine> engine = MakeNativeEngine();
  std::unique_ptr<LoadedWorker> worker;
};

using Extensions = std::map<std::string, std::string>;

CloudEvent Frame(std::string_view text, const Extensions& extensions = {}) {
  CloudEvent::Builder builder;
  builder.Source("urn:com.virtufin:websocketmanager:c1")
      .Type("com.virtufin.websocketmanager.frame")
      .Time(Timestamp::FromUnixMillis(1'700'000'000'000))
      .JsonData(text, Validate::kTrusted);
  for (const auto& [name, value] : extensions) builder.Extension(name, std::string_view(value));
  return builder.Build().value();
}
CloudEvent Snapshot(std::string_view pair, std::string_view text, Extensions extensions = {}) {
  extensions["currencypair"] = pair;
  return Frame(text, extensions);
}

std::string Topic(const std::optional<CloudEvent>& reply) {
  return reply ? std::string(reply->ExtensionText("publishtopic")) : "no reply";
}

void CheckTop(const CloudEvent& reply, const sim::VenueBook* truth) {
  REQUIRE(truth != nullptr);
  const Json top = Json::parse(reply.data_text());
  const auto text = [&top](const char* name) { return top.at(name).get<std::string>(); };
  CHECK(Decimal::Parse(text("bid")).value() == truth->bids.rbegin()->first);
  CHECK(Decimal::Parse(text("bid_qty")).value() == truth->bids.rbegin()->second);
  CHECK(Decimal::Parse(text("ask")).value() == truth->asks.begin()->first);
  CHECK(Decimal::Parse(text("ask_qty")).value() == truth->asks.begin()->second);
}

/// Some thousand changes of two books, with polled snapshots; every lost frame must show.
void Play(BinanceMarket market) {
  const std::string venue(BinanceVenueName(market));
  const Extensions extensions = {{"venue", venue}, {"session", "3"}};
  const std::string topic = "act.exchange." + venue + ".orderbook.changed.";
  VenueTruth truth(market, 11, 2);
  Loaded loaded;
  truth.OpenStream(kStream);
  int changed = 0, gaps = 0, came_back = 0;
  std::vector<bool> lost(2, false), live(2, false);
  for (int round = 0; round < 600; ++round) {
    truth.Trade(4);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string& pair = truth.symbols()[i];
      const std::string text = truth.Diff(kStream, i);
      if (!text.empty() && round % 97 == 40) {
        lost[i] = live[i];
        continue;
      }
      if (!text.empty()) {
        const auto reply = loaded.Give(Frame(text, extensions));
        if (lost[i]) {
          REQUIRE(reply.has_value());
          CHECK(Topic(reply) == topic + pair + ".error");
          const Json error = Json::parse(reply->data_text());
          CHECK(error.size() == 3);
          CHECK(error.at("pair") == pair);
          CHECK(error.at("got") > error.at("expected"));
          lost[i] = live[i] = false;
          ++gaps;
        } else if (live[i] && reply) {  // none: the snapshot had it already
          CHECK(Topic(reply) == topic + pair);
          CheckTop(*reply, truth.At(i, Json::parse(reply->data_text()).at("last_update_id")));
          ++changed;
        } else if (!live[i]) {
          CHECK_FALSE(reply.has_value());
        }
      }
      if (round % 10 == 5 && !lost[i]) {
        const auto reply = loaded.Give(Snapshot(pair, truth.Snapshot(i, 0), extensions));
        CHECK(reply.has_value() == !live[i]);  // a live book has no use for it
        if (reply) {
          CheckTop(*reply, truth.At(i, Json::parse(reply->data_text()).at("last_update_id")));
          CHECK(reply->type() == "com.virtufin.exchange." + venue + ".orderbook.changed");
          CHECK(reply->subject() == "currency_pair/" + pair);
          ++came_back;
        }
        live[i] = true;
      }
    }
  }
  CHECK(changed > 500);
  CHECK(gaps >= 8);
  CHECK(came_back == gaps + 2);
}

}  // namespace

// Pins SDK-44.
TEST_CASE("books made of frames are the venue's at every change, and a lost frame is told") {
  SUBCASE("spot") { Play(BinanceMarket::kSpot); }
  SUBCASE("USD-M") { Play(BinanceMarket::kUsdm); }
}

// Pins SDK-44.
TEST_CASE("diffs before the first snapshot are kept and tried on it") {
  VenueTruth truth(BinanceMarket::kSpot, 5, 1);
  Loaded loaded;
  truth.OpenStream(kStream);
  for (int i = 0; i < 20; ++i) {
    truth.Trade(3);
    const std::string text = truth.Diff(kStream, 0);
    if (!text.empty()) CHECK_FALSE(loaded.Give(Frame(text)).has_value());
  }
  const auto reply = loaded.Give(Snapshot("sym0usdt", truth.Snapshot(0, 10)));
  REQUIRE(reply.has_value());
  CHECK(Json::parse(reply->data_text()).at("last_update_id") == truth.last_id(0));
  CheckTop(*reply, truth.At(0, truth.last_id(0)));
}

// Pins SDK-45.
TEST_CASE("books are saved whole, at most once in the interval that config names") {
  VenueTruth truth(BinanceMarket::kSpot, 6, 1);
  Loaded loaded;
  truth.OpenStream(kStream);
  const Extensions replay = {{"clocktype", "historical"},
                             {"marketworld", "hyp.test"},
                             {"stateservice", "books"},
                             {"stateintervalms", "0"}};
  loaded.Give(Snapshot("SYM0USDT", truth.Snapshot(0, 0), replay));
  REQUIRE(loaded.saved.size() == 1);
  const Json& request = loaded.saved[0];
  CHECK(request.at("service") == "books");
  CHECK(request.at("key") == "hyp.test.exchange.binance.orderbook.SYM0USDT");
  const Json book = Json::parse(request.at("value").get<std::string>());
  const sim::VenueBook* const venue = truth.At(0, truth.last_id(0));
  CHECK(book.at("bids").size() == std::min<std::size_t>(30, venue->bids.size()));
  const auto number = [](const Json& text) { return Decimal::Parse(text.get<std::string>()); };
  CHECK(number(book.at("bids")[0][0]).value() == venue->bids.rbegin()->first);
  CHECK(number(book.at("asks")[0][1]).value() == venue->asks.begin()->second);
  CHECK(book.at("last_update_id") == truth.last_id(0));
  CHECK(book.at("updated_at") == "2023-11-14T22:13:20.000000000Z");

  Extensions slow = replay;
  slow["stateintervalms"] = "1000";
  std::size_t before = loaded.saved.size();
  for (int i = 0; i < 10; ++i) {
    truth.Trade(2);
    const std::string text = truth.Diff(kStream, 0);
    if (!text.empty()) loaded.Give(Frame(text, i < 5 ? slow : replay));  // the time stands still
    if (i == 4) CHECK(loaded.saved.size() == before);
  }
  CHECK(loaded.saved.size() > before);
}

// Pins SDK-45.
TEST_CASE("time that goes back stops no book from being saved") {
  VenueTruth truth(BinanceMarket::kSpot, 12, 1);
  Loaded loaded;
  truth.OpenStream(kStream);
  Extensions replay = {{"clocktype", "historical"}, {"eventtime", "2024-05-06T00:00:00Z"}};
  loaded.Give(Snapshot("SYM0USDT", truth.Snapshot(0, 0), replay));
  REQUIRE(loaded.saved.size() == 1);
  const auto saves = [&](const char* eventtime) {
    replay["eventtime"] = eventtime;
    const std::size_t before = loaded.saved.size();
    for (int changes = 0; changes < 2;) {
      truth.Trade(2);
      const std::string text = truth.Diff(kStream, 0);
      if (!text.empty() && loaded.Give(Frame(text, replay)).has_value()) ++changes;
    }
    return loaded.saved.size() - before;
  };
  CHECK(saves("2024-05-06T00:00:00.999Z") == 0);
  CHECK(saves("2024-05-06T00:00:01Z") == 1);
  CHECK(saves("2024-05-05T00:00:00Z") == 1);  // another day, before it
}

// Pins SDK-44, SDK-45.
TEST_CASE("a pair has a book in each world and at each venue") {
  VenueTruth truth(BinanceMarket::kSpot, 13, 1);
  Loaded loaded;
  const std::string snapshot = truth.Snapshot(0, 0);
  for (const char* venue : {"binance", "elsewhere"}) {
    for (const char* world : {"act", "hyp.test"}) {
      const auto reply =
          loaded.Give(Snapshot("SYM0USDT", snapshot, {{"venue", venue}, {"world", world}}));
      CHECK(Topic(reply) ==
            std::string(world) + ".exchange." + venue + ".orderbook.changed.SYM0USDT");
    }
  }
  CHECK(loaded.saved.size() == 4);
}

// Pins SDK-45.
TEST_CASE("without a gateway the worker says so once and goes on") {
  VenueTruth truth(BinanceMarket::kSpot, 7, 2);
  Loaded loaded(false);
  const Extensions always = {{"stateintervalms", "0"}};
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(loaded.Give(Snapshot(truth.symbols()[i], truth.Snapshot(i, 0), always)).has_value());
  }
  CHECK(loaded.host->lines() == std::vector<std::string>{"3 books are not saved: no gateway here"});
}

TEST_CASE("only the pairs that config names get a book; what the venue says of them is told") {
  VenueTruth truth(BinanceMarket::kSpot, 8, 2);
  Loaded loaded;
  const Extensions pairs = {{"currencypairs", "sym1usdt,GONEUSDT"}};
  CHECK_FALSE(loaded.Give(Snapshot("SYM0USDT", truth.Snapshot(0, 0), pairs)).has_value());
  CHECK(loaded.Give(Snapshot("SYM1USDT", truth.Snapshot(1, 0), pairs)).has_value());
  const char* info = R"({"symbols":[{"symbol":"SYM1USDT","status":"BREAK"}]})";
  CHECK_FALSE(loaded.Give(Frame(info, pairs)).has_value());
  CHECK_FALSE(loaded.Give(Frame(info, pairs)).has_value());
  CHECK(loaded.host->lines() == std::vector<std::string>{"3 GONEUSDT is not listed at the venue",
                                                         "3 SYM1USDT is BREAK at the venue"});
}

TEST_CASE("frames that make no sense are skipped, a level that does not parse is a gap") {
  VenueTruth truth(BinanceMarket::kSpot, 9, 1);
  Loaded loaded;
  REQUIRE(loaded.Give(Snapshot("SYM0USDT", truth.Snapshot(0, 0))).has_value());
  for (const char* text :
       {"[]", "{\"stream\":\"a@depth\"", R"({"stream":"a@depth","data":{"e":"depthUpdate"}})",
        R"({"symbols":7})", R"({"symbols":[{}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(loaded.Give(Frame(text)).has_value());
  }
  CHECK(loaded.host->lines().size() == 5);
  CHECK_FALSE(loaded.Give(Snapshot("SYM0USDT", R"({"lastUpdateId":1,"bids":[[1,2]],"asks":[]})")));
  for (const char* text :
       {R"({"result":null,"id":1})", R"({"stream":"a@trade","data":{"e":"trade"}})"}) {
    CHECK_FALSE(loaded.Give(Frame(text)).has_value());
  }
  CHECK(loaded.host->lines().size() == 6);
  for (const char* times_and_ids :
       {R"("E":9223372036854775807,"U":1,"u":1)", R"("E":-1,"U":1,"u":1)",
        R"("E":1,"U":9223372036854775807,"u":9223372036854775807)", R"("E":1,"U":3,"u":2)",
        R"("E":1,"U":-1,"u":2)"}) {
    CAPTURE(times_and_ids);
    CHECK_FALSE(loaded.Give(Frame(R"({"stream":"sym0usdt@depth","data":{"e":"depthUpdate",)" +
                                  std::string(times_and_ids) + R"(,"b":[],"a":[]}})")));
  }
  CHECK(loaded.host->lines().size() == 11);
  const std::int64_t next = truth.last_id(0) + 1;
  const Json bad = {{"stream", "sym0usdt@depth"},
                    {"data",
                     {{"e", "depthUpdate"},
                      {"E", 1},
                      {"U", next},
                      {"u", next},
                      {"b", {{"1.0", "x"}}},
                      {"a", Json::array()}}}};
  const auto reply = loaded.Give(Frame(bad.dump()));
  REQUIRE(reply.has_value());
  CHECK(Json::parse(reply->data_text()) ==
        Json{{"pair", "SYM0USDT"}, {"expected", nullptr}, {"got", nullptr}});
}
