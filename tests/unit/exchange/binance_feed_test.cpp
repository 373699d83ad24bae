// BinanceFeed: which events it makes of frames, what stands in them, and what it asks for.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "unit/exchange/feed_fixture.hpp"

using namespace virtufin;
using test::FeedFixture;
using Lines = std::vector<std::string>;

namespace {

std::map<std::string, std::string> Extensions(const CloudEvent& event) {
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < event.extension_count(); ++i) {
    const std::string name(event.extension(i).first);
    out[name] = event.ExtensionText(name);
  }
  return out;
}

/// With a book at 100, and nothing noted yet.
struct LiveFeed : FeedFixture {
  explicit LiveFeed(BinanceFeedOptions options = {}) : FeedFixture(std::move(options)) {
    REQUIRE(feed->Subscribe("BTCUSDT", Now()).ok());
    Open();
    REQUIRE(Snapshot(100).ok());
    REQUIRE(feed->state("BTCUSDT") == FeedState::kLive);
    sink.messages.clear();
    sink.fetches.clear();
  }
};

}  // namespace

// Pins EX-31.
TEST_CASE("a feed asks for a snapshot when its socket opens, and is live with it") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  CHECK(feed.sink.fetches.empty());
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kDisconnected);
  feed.Open();
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
  feed.Diff(101, 102, R"([["10.5","7.000"]])");
  CHECK(feed.Events() ==
        Lines{R"(feed.status.BTCUSDT {"state":"resync","scope":"instrument","channel":"book",)"
              R"("session":1,"reason":"connected","since":"2023-11-14T22:13:20.000000000Z"})"});
  feed.Advance(250);
  CHECK(feed.Snapshot(101).ok());
  CHECK(feed.Events() ==
        Lines{R"(orderbook.snapshot.BTCUSDT {"bids":[["10.5","7.000"],["10.0","1"],["9.5",)"
              R"("2.50"]],"asks":[["11","3"]],"last_update_id":102,"snapshot_at":)"
              R"("2023-11-14T22:13:20.123Z","state":"live"})",
              R"(feed.status.BTCUSDT {"state":"live","scope":"instrument","channel":"book",)"
              R"("session":1,"reason":"synchronised","since":"2023-11-14T22:13:20.250000000Z"})"});
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
}

// Pins EV-31.
TEST_CASE("an applied diff is published whole, with the text of the venue") {
  LiveFeed feed;
  feed.Diff(101, 105, R"([["10.00","0.000"],["10.2","1.50"]])", R"([])");
  CHECK(feed.Events() ==
        Lines{R"(orderbook.update.BTCUSDT {"bids_delta":[["10.00","0.000"],["10.2","1.50"]],)"
              R"("asks_delta":[],"first_update_id":101,"last_update_id":105})"});
  feed.Diff(101, 105);
  CHECK(feed.Events().empty());
  feed.Diff(106, 106, R"([["10.2","2.0",[]]])", R"([["11","0"],["11.10","1"]])");
  CHECK(feed.Events() ==
        Lines{R"(orderbook.update.BTCUSDT {"bids_delta":[["10.2","2.0"]],"asks_delta":)"
              R"([["11","0"],["11.10","1"]],"first_update_id":106,"last_update_id":106})"});
}

// Pins EV-28.
TEST_CASE("USD-M updates chain on what was published before") {
  BinanceFeedOptions options;
  options.market = BinanceMarket::kUsdm;
  FeedFixture feed(options);
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open();
  REQUIRE(feed.Snapshot(100).ok());
  feed.sink.messages.clear();
  feed.Frame(
      R"({"e":"depthUpdate","E":1700000000123,"T":1700000000120,"s":"BTCUSDT","U":99,"u":105,)"
      R"("pu":95,"b":[],"a":[]})");
  REQUIRE(feed.sink.messages.size() == 1);
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(event.data_text() == R"({"bids_delta":[],"asks_delta":[],"first_update_id":99,)"
                             R"("last_update_id":105,"prev_update_id":100})");
  CHECK(event.type() == "com.virtufin.exchange.binance-usdm.orderbook.updated");
  CHECK(event.source() == "urn:com.virtufin:exchange:binance-usdm");
  CHECK(event.subject() == "instrument/BTCUSDT");
  CHECK(event.ExtensionText("timesource") == "engine");
  CHECK(event.time_text() == "2023-11-14T22:13:20.120Z");
}

// Pins EV-28, EV-29, TOP-5.
TEST_CASE("an event carries all its attributes under the wall clock") {
  BinanceFeedOptions options;
  options.run_id = "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342";
  LiveFeed feed(options);
  feed.Advance(1);
  feed.Diff(101, 101);
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].topic() == "act.exchange.binance.orderbook.update.BTCUSDT");
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(event.source() == "urn:com.virtufin:exchange:binance");
  CHECK(event.type() == "com.virtufin.exchange.binance.orderbook.updated");
  CHECK(event.subject() == "currency_pair/BTCUSDT");
  CHECK(event.data_content_type() == "application/json");
  CHECK(event.time_text() == "2023-11-14T22:13:20.123Z");
  CHECK(event.id_uuid().has_value());
  auto extensions = Extensions(event);
  CHECK(Uuid::Parse(extensions["correlationid"]).ok());
  extensions.erase("correlationid");
  CHECK(extensions ==
        std::map<std::string, std::string>{{"exchange", "binance"},
                                           {"clocktype", "wall"},
                                           {"eventtime", "2023-11-14T22:13:20.123Z"},
                                           {"walltime", "2023-11-14T22:13:20.500Z"},
                                           {"receivetime", "2023-11-14T22:13:20.001000000Z"},
                                           {"timesource", "venue"},
                                           {"sequence", "2"},
                                           {"marketworld", "act"},
                                           {"marketuniverse", "ALL"},
                                           {"runid", "7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342"}});
}

// Pins EV-29, TOP-6.
TEST_CASE("a historical world has no walltime, and its name leads the topic") {
  BinanceFeedOptions options;
  options.historical = true;
  options.world = "hyp.replay";
  options.universe = "TOP10";
  LiveFeed feed(options);
  feed.Diff(101, 101);
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].topic() == "hyp.replay.exchange.binance.orderbook.update.BTCUSDT");
  const auto extensions = Extensions(feed.sink.messages[0].event());
  CHECK(extensions.count("walltime") == 0);
  CHECK(extensions.at("clocktype") == "historical");
  CHECK(extensions.at("marketworld") == "hyp.replay");
  CHECK(extensions.at("marketuniverse") == "TOP10");
}

// Pins EV-30.
TEST_CASE("events of one frame share a correlation, others do not") {
  LiveFeed feed;
  feed.Diff(101, 101);
  feed.Diff(102, 102);
  REQUIRE(feed.sink.messages.size() == 2);
  CHECK(feed.sink.messages[0].event().ExtensionText("correlationid") !=
        feed.sink.messages[1].event().ExtensionText("correlationid"));
  CHECK(feed.sink.messages[0].event().id() != feed.sink.messages[1].event().id());
  feed.sink.messages.clear();
  feed.Diff(109, 109);
  REQUIRE(feed.sink.messages.size() == 2);
  CHECK(feed.sink.messages[0].event().ExtensionText("correlationid") ==
        feed.sink.messages[1].event().ExtensionText("correlationid"));
}

// Pins EX-31, EX-32.
TEST_CASE("a gap says what was expected, stops updates, and ends with a snapshot") {
  LiveFeed feed;
  feed.Diff(103, 103);
  CHECK(feed.Events() ==
        Lines{R"(feed.status.BTCUSDT {"state":"gap","scope":"instrument","channel":"book",)"
              R"("session":1,"reason":"diffs are missing","since":)"
              R"("2023-11-14T22:13:20.000000000Z","expected":101,"got":103})",
              R"(feed.status.BTCUSDT {"state":"resync","scope":"instrument","channel":"book",)"
              R"("session":1,"reason":"waits for a snapshot","since":)"
              R"("2023-11-14T22:13:20.000000000Z"})"});
  feed.Diff(104, 104);
  CHECK(feed.Events().empty());
  feed.Wait(600);
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
  CHECK(feed.Snapshot(102).ok());
  REQUIRE(feed.sink.messages.size() == 2);
  CHECK(feed.sink.messages[0].event().ExtensionText("sequence") == "2");
  CHECK(feed.feed->FindBook("BTCUSDT")->last_update_id() == 104);
  feed.sink.messages.clear();
  feed.Diff(105, 105);
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].event().ExtensionText("sequence") == "3");
}

// Pins EX-27.
TEST_CASE("a level that does not parse is a gap, nothing of its diff is published") {
  LiveFeed feed;
  feed.Diff(101, 101, R"([["10.7","5"],["x","1"]])");
  CHECK(feed.States() == Lines{"gap", "resync"});
  CHECK(feed.feed->FindBook("BTCUSDT")->book().bids().front().price.ToString() == "10.0");
}

// Pins EX-19.
TEST_CASE("a snapshot that never comes, fails or is too old is asked for again, ever slower") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open();
  REQUIRE(feed.sink.fetches.size() == 1);
  feed.Diff(201, 201);
  feed.Wait(10'000);  // no answer within the time
  CHECK(feed.sink.fetches.size() == 1);
  feed.Wait(500);
  CHECK(feed.sink.fetches.size() == 2);
  feed.feed->OnSnapshotFailed("BTCUSDT", feed.sink.requests.back(), feed.Now());
  feed.Wait(990);
  CHECK(feed.sink.fetches.size() == 2);
  feed.Wait(10);
  CHECK(feed.sink.fetches.size() == 3);
  CHECK_FALSE(feed.feed->OnSnapshot("BTCUSDT", 3, feed.Now(), R"({"code":-1,"msg":"no"})").ok());
  feed.Wait(2'000);
  CHECK(feed.sink.fetches.size() == 4);
  CHECK(feed.Snapshot(199).ok());  // too old for the diff at hand
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kResync);
  feed.Wait(4'000);
  CHECK(feed.sink.fetches.size() == 5);
  CHECK(feed.Snapshot(200).ok());
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
  CHECK(feed.States() == Lines{"resync", "live"});
  const auto counters = feed.feed->counters();
  CHECK(counters.snapshots_asked == 5);
  CHECK(counters.snapshots_failed == 3);
  CHECK(counters.books.snapshots_stale == 1);
  CHECK(counters.books.gaps == 0);
}

// Pins EX-19.
TEST_CASE("requests wait at most max_retry_ms, and a stable book starts anew") {
  BinanceFeedOptions options;
  options.max_retry_ms = 2'000;
  LiveFeed feed(options);
  for (int i = 0; i < 8; ++i) {
    feed.Diff(1'000 * (i + 1), 1'000 * (i + 1));
    feed.Wait(2'000);
    REQUIRE(feed.Snapshot(1'000 * (i + 1)).ok());
  }
  CHECK(feed.sink.fetches.size() == 8);
  feed.Wait(60'000);
  feed.Diff(50'000, 50'000);
  CHECK(feed.sink.fetches.size() == 9);
}

TEST_CASE("a late answer to an old request is used, one that nobody needs is not") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open();
  feed.Wait(10'100);
  CHECK(feed.Snapshot(100).ok());
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
  feed.sink.messages.clear();
  CHECK(feed.Snapshot(200).ok());
  CHECK(feed.sink.messages.empty());
  feed.Wait(20'000);
  CHECK(feed.sink.fetches.size() == 1);
  CHECK(feed.Snapshot(100, "ETHUSDT").code() == StatusCode::kNotFound);
}

// Pins EX-22, EX-35.
TEST_CASE("quotes: published when new, once, also while the book is not live") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open();
  feed.sink.messages.clear();
  const auto quote = [](int id, const char* bid) {
    return R"({"u":)" + std::to_string(id) + R"(,"s":"BTCUSDT","b":")" + bid +
           R"(","B":"1.0","a":"11.0","A":"2"})";
  };
  feed.Frame(quote(7, "10.0"));
  feed.Frame(quote(7, "10.0"));
  feed.Frame(quote(6, "9.0"));
  feed.Frame(quote(7, "10.1"));
  feed.Frame(quote(8, ""));
  CHECK(feed.feed->counters().quotes_stale == 2);
  REQUIRE(feed.sink.messages.size() == 3);
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(event.type() == "com.virtufin.exchange.binance.quote.updated");
  CHECK(event.ExtensionText("timesource") == "receive");
  CHECK(event.ExtensionText("sequence") == "1");
  CHECK(event.ExtensionText("eventtime") == event.time_text());
  CHECK(feed.Events() == Lines{R"(quote.update.BTCUSDT {"bid":"10.0","bid_qty":"1.0","ask":)"
                               R"("11.0","ask_qty":"2","update_id":7})",
                               R"(quote.update.BTCUSDT {"bid":"10.1","bid_qty":"1.0","ask":)"
                               R"("11.0","ask_qty":"2","update_id":7})",
                               R"(quote.update.BTCUSDT {"bid_qty":"1.0","ask":"11.0","ask_qty":)"
                               R"("2","update_id":8})"});
  for (int i = 0; i < 25; ++i) feed.Frame(quote(1, "5"));  // ids that restart do not stop quotes
  CHECK(feed.Events().size() == 1);
}

// Pins EX-46.
TEST_CASE("a lost socket: disconnected, and a new snapshot with the next one") {
  LiveFeed feed;
  feed.feed->OnClose(1, feed.Now(), "reset by \"peer\" \x01");
  CHECK(feed.Events() ==
        Lines{R"(feed.status.BTCUSDT {"state":"disconnected","scope":"instrument","channel":)"
              R"("book","session":1,"reason":"reset by \"peer\" ?","since":)"
              R"("2023-11-14T22:13:20.000000000Z"})"});
  feed.Diff(101, 101);
  CHECK(feed.feed->counters().stray == 1);
  feed.Wait(100'000);
  CHECK(feed.sink.fetches.empty());
  feed.Open(2);
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
  CHECK(feed.Snapshot(150).ok());
  CHECK(feed.States() == Lines{"resync", "live"});
}

// Pins EX-46.
TEST_CASE("while another socket is open, the loss of one changes nothing") {
  LiveFeed feed;
  feed.Open(2);
  feed.Diff(101, 102, "[]", "[]", 2);
  feed.Diff(101, 102, "[]", "[]", 1);
  feed.feed->OnClose(1, feed.Now(), "rotation");
  feed.Diff(103, 103, "[]", "[]", 2);
  CHECK(feed.States().empty());
  CHECK(feed.feed->FindBook("BTCUSDT")->last_update_id() == 103);
}

// Pins EX-45.
TEST_CASE("silence on all sockets makes books stale until a frame comes") {
  LiveFeed feed;
  feed.Wait(59'990);
  CHECK(feed.States().empty());
  feed.Wait(10);
  CHECK(feed.States() == Lines{"stale"});
  CHECK(feed.feed->next_tick_ns() == BinanceFeed::kNoTick);
  feed.Diff(101, 101);
  REQUIRE(feed.sink.messages.size() == 2);
  CHECK(feed.sink.messages[1].topic() == "act.exchange.binance.orderbook.update.BTCUSDT");
  CHECK(feed.States() == Lines{"live"});
}

// Pins EX-20, EX-21.
TEST_CASE("frames of other symbols, bad frames and other messages change nothing") {
  LiveFeed feed;
  feed.Frame(R"({"e":"depthUpdate","E":1,"s":"OTHER","U":1,"u":2,"b":[],"a":[]})");
  feed.Frame(R"({"u":1,"s":"OTHER","b":"1","B":"1","a":"1","A":"1"})");
  feed.Frame(
      R"({"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"1","q":"1","f":1,"l":1,"T":1,"m":true})");
  feed.Frame(R"({"e":"depthUpdate")");
  CHECK(feed.sink.messages.empty());
  CHECK(feed.feed->counters().unsubscribed == 2);
  CHECK(feed.feed->frame_counters().of(BinanceKind::kMalformed) == 1);
  CHECK(feed.feed->frame_counters().of(BinanceKind::kAggTrade) == 1);
}

// Pins TOP-2.
TEST_CASE("a symbol that is no plain word is percent-encoded in topics only") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("币.A_B-1", feed.Now()).ok());
  feed.Open();
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].topic() == "act.exchange.binance.feed.status.%E5%B8%81%2EA_B-1");
  CHECK(feed.sink.messages[0].event().subject() == "currency_pair/币.A_B-1");
}

// Pins EX-29.
TEST_CASE("the published depth may be limited, the stored one is not") {
  BinanceFeedOptions options;
  options.max_depth = 1;
  FeedFixture feed(options);
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open();
  feed.sink.messages.clear();
  REQUIRE(feed.Snapshot(100).ok());
  CHECK(
      feed.Events()[0] ==
      R"(orderbook.snapshot.BTCUSDT {"bids":[["10.0","1"]],"asks":[["11","3"]],)"
      R"("last_update_id":100,"snapshot_at":"2023-11-14T22:13:20.000Z","state":"live","depth":1})");
  CHECK(feed.feed->FindBook("BTCUSDT")->book().bids().size() == 2);
}

TEST_CASE("a diff too large for an event is a gap") {
  LiveFeed feed;
  std::string levels = "[";
  while (levels.size() < (std::size_t{16} << 20) - 200) levels += R"(["1.0","1"],)";
  levels.back() = ']';
  feed.Diff(101, 101, levels);
  CHECK(feed.feed->counters().too_large == 1);
  CHECK(feed.States() == Lines{"gap", "resync"});
  CHECK(feed.feed->FindBook("BTCUSDT")->state() == BookState::kWaiting);
}

// Pins EX-49, TOP-6.
TEST_CASE("options that cannot be, and too many symbols, are refused") {
  ManualClock clock(Timestamp::FromUnixMillis(0));
  test::KeepingSink sink;
  const auto refused = [&](const BinanceFeedOptions& options) {
    return std::string(BinanceFeed::Create(options, clock, sink).status().message());
  };
  BinanceFeedOptions options;
  options.world = "hyp";
  CHECK(refused(options) == "option world: expected 'act' or 'hyp.<name>', found 'hyp'");
  options = {};
  options.run_id = "7";
  CHECK(refused(options) == "option run_id: expected a UUID, found '7'");
  options = {};
  options.retry_ms = 0;
  CHECK_FALSE(refused(options).empty());
  options = {};
  options.universe = "\xff";
  CHECK_FALSE(refused(options).empty());

  options = {};
  options.max_symbols = 1;
  FeedFixture feed(options);
  CHECK(feed.feed->Subscribe("", {}).code() == StatusCode::kInvalidArgument);
  CHECK(feed.feed->Subscribe("\xff", {}).code() == StatusCode::kInvalidArgument);
  CHECK(feed.feed->Subscribe("A", {}).ok());
  CHECK(feed.feed->Subscribe("A", {}).ok());
  CHECK(feed.feed->Subscribe("B", {}).code() == StatusCode::kResourceExhausted);
  CHECK(feed.feed->symbols() == Lines{"A"});
}
