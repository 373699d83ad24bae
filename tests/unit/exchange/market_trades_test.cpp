// BinanceMarketFeed, trades: each id once and in order, whatever sockets, holes and answers do.
#include <doctest/doctest.h>

#include <string>

#include "unit/exchange/market_fixture.hpp"

using namespace virtufin;
using detail::BinanceFetchKind;
using detail::MarketRequest;
using Lines = test::MarketFixture::Lines;

namespace {

MarketRequest Aggregates() { return {FeedChannel::kTrade, "BTCUSDT"}; }
MarketRequest Singles() {
  MarketRequest request = Aggregates();
  request.aggregate = false;
  return request;
}

/// Trades are made 10 ms apart, so that an id tells its time.
std::int64_t MadeAt(std::int64_t id) { return 1'699'999'990'000 + 10 * id; }

std::string Element(std::int64_t id, std::int64_t made) {
  const std::string text = std::to_string(id);
  return R"("a":)" + text + R"(,"p":"10.50","q":"1.000","f":)" + text + R"(,"l":)" + text +
         R"(,"T":)" + std::to_string(made) + R"(,"m":true,"M":true})";
}

std::string Page(std::int64_t from, std::int64_t to) {
  std::string page = "[";
  for (std::int64_t id = from; id <= to; ++id) {
    page += (id == from ? "{" : ",{") + Element(id, MadeAt(id));
  }
  return page + "]";
}

struct Trades : test::MarketFixture {
  explicit Trades(detail::BinanceMarketFeedOptions options = {}) : MarketFixture(options) {
    Subscribe(Aggregates());
    Live("btcusdt@aggTrade");
    CHECK(Brief() == Lines{"live"});
  }
  void Trade(std::int64_t id, std::uint32_t connection = 1) { Trade(id, MadeAt(id), connection); }
  void Trade(std::int64_t id, std::int64_t made, std::uint32_t connection) {
    Frame(R"({"e":"aggTrade","E":1700000000000,"s":"BTCUSDT",)" + Element(id, made), connection);
  }
  void TradesOf(std::int64_t from, std::int64_t to, std::uint32_t connection = 1) {
    for (std::int64_t id = from; id <= to; ++id) Trade(id, connection);
  }
  SubscriptionState State() { return feed->StatusOf(Aggregates()).state; }
};

}  // namespace

// Pins TOP-5.
TEST_CASE("a trade is published with all its fields and its own time") {
  Trades feed;
  feed.Trade(7);
  REQUIRE(feed.sink.messages.size() == 1);
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(feed.sink.messages[0].topic() == "act.exchange.binance.trade.tape.BTCUSDT");
  CHECK(event.type() == "com.virtufin.exchange.binance.trade.executed");
  CHECK(event.subject() == "currency_pair/BTCUSDT");
  CHECK(event.time_text() == "2023-11-14T22:13:10.070Z");
  CHECK(event.ExtensionText("timesource") == "engine");
  CHECK(event.ExtensionText("receivetime") == "2023-11-14T22:13:20.000000000Z");
  CHECK(event.data_text() ==
        R"({"trade_id":7,"price":"10.50","qty":"1.000","side":"sell","trade_time":)"
        R"("2023-11-14T22:13:10.070Z","aggregate":true,"first_trade_id":7,"last_trade_id":7})");
}

// Pins EX-36.
TEST_CASE("an id is published once, also over two sockets that race") {
  Trades feed;
  feed.Live("btcusdt@aggTrade", 2);
  feed.TradesOf(10, 12, 1);
  feed.TradesOf(10, 13, 2);
  feed.TradesOf(13, 14, 1);
  feed.Trade(12, 2);
  feed.Trade(14, 2);
  CHECK(feed.Brief() == Lines{"10", "11", "12", "13", "14"});
  CHECK(feed.feed->counters().duplicates == 6);
  CHECK(feed.sink.fetches.empty());
  feed.Lose(1);
  feed.TradesOf(15, 16, 2);
  CHECK(feed.Brief() == Lines{"15", "16"});
}

// Pins EX-37.
TEST_CASE("a hole within the stream is fetched, published first and marked; the live ones wait") {
  Trades feed;
  feed.TradesOf(1, 3);
  feed.Trade(6);
  CHECK(feed.Brief() == Lines{"1", "2", "3", "gap 4-6", "resync"});
  REQUIRE(feed.sink.fetches.size() == 1);
  CHECK(feed.sink.fetches[0].kind == BinanceFetchKind::kAggTrades);
  CHECK(feed.sink.fetches[0].symbol == "BTCUSDT");
  CHECK(feed.sink.fetches[0].from_id == 4);
  CHECK(feed.sink.fetches[0].limit == 1000);
  CHECK(feed.State() == SubscriptionState::kResync);
  feed.TradesOf(6, 8);
  CHECK(feed.Brief().empty());
  feed.Answer(Page(4, 7));
  CHECK(feed.Brief() == Lines{"r4", "r5", "6", "7", "8", "live"});
  feed.Trade(9);
  CHECK(feed.Brief() == Lines{"9"});
  CHECK(feed.feed->counters().recovered == 2);
  CHECK(feed.feed->counters().missing == 0);
  CHECK(feed.State() == SubscriptionState::kLive);
}

// Pins EX-37.
TEST_CASE("after a reconnect what was missed is asked for, before a trade shows a hole") {
  Trades feed;
  feed.TradesOf(1, 3);
  feed.Lose();
  CHECK(feed.Brief() == Lines{"1", "2", "3", "disconnected"});
  feed.Live("btcusdt@aggTrade", 2);
  CHECK(feed.Brief() == Lines{"resync"});
  REQUIRE(feed.sink.fetches.size() == 1);
  CHECK(feed.sink.fetches[0].from_id == 4);
  feed.Trade(6, 2);
  feed.Answer(Page(4, 5));
  CHECK(feed.Brief() == Lines{"r4", "r5", "6", "live"});
  feed.Lose(2);
  feed.Live("btcusdt@aggTrade", 3);
  feed.Answer("[]");
  CHECK(feed.Brief() == Lines{"disconnected", "resync", "live"});
}

TEST_CASE("data before the acknowledgement count as live") {
  Trades feed;
  feed.TradesOf(1, 2);
  feed.Lose();
  feed.Brief();
  feed.Trade(4, 2);
  CHECK(feed.Brief() == Lines{"resync"});
  feed.Live("btcusdt@aggTrade", 2);
  CHECK(feed.sink.fetches.size() == 1);
  feed.Answer(Page(3, 4));
  CHECK(feed.Brief() == Lines{"r3", "4", "live"});
}

TEST_CASE("a long hole takes several pages") {
  Trades feed;
  feed.Trade(1);
  feed.Trade(2503);
  feed.Brief();
  feed.Answer(Page(2, 1001));
  CHECK(feed.sink.fetches.back().from_id == 1002);
  feed.Answer(Page(1002, 2001));
  CHECK(feed.sink.fetches.back().from_id == 2002);
  feed.Answer(Page(2002, 2503));
  const Lines lines = feed.Brief();
  REQUIRE(lines.size() == 2503);
  CHECK(lines[0] == "r2");
  CHECK(lines[2500] == "r2502");
  CHECK(lines[2501] == "2503");
  CHECK(lines[2502] == "live");
}

// Pins EX-38.
TEST_CASE("an answer that lags behind the stream is asked for again, then it is announced") {
  detail::BinanceMarketFeedOptions options;
  options.repair_attempts = 3;
  Trades feed(options);
  feed.Trade(1);
  feed.Trade(5);
  feed.Brief();
  feed.Answer(Page(2, 2));
  CHECK(feed.Brief() == Lines{"r2"});
  CHECK(feed.sink.fetches.size() == 1);
  feed.Wait(499);
  CHECK(feed.sink.fetches.size() == 1);
  feed.Wait(1);
  REQUIRE(feed.sink.fetches.size() == 2);
  CHECK(feed.sink.fetches[1].from_id == 3);
  feed.Answer("[]");
  feed.Wait(1000);
  REQUIRE(feed.sink.fetches.size() == 3);
  feed.Answer("[]");
  CHECK(feed.Brief() == Lines{"gap 3-5", "5", "live"});
  CHECK(feed.feed->counters().missing == 2);
  feed.Trade(6);
  CHECK(feed.Brief() == Lines{"6"});
}

// Pins EX-38.
TEST_CASE("a repair that fails for good is announced, and the channel goes on") {
  Trades feed;
  feed.Trade(1);
  feed.Trade(4);
  feed.Trade(9);
  feed.Brief();
  for (int i = 0; i < 5; ++i) {
    CHECK(feed.State() == SubscriptionState::kResync);
    feed.Fail();
    feed.Wait(30'000);
  }
  CHECK(feed.sink.fetches.size() == 5);
  CHECK(feed.Brief() == Lines{"gap 2-4", "4", "gap 5-9", "9", "live"});
  CHECK(feed.feed->counters().missing == 6);
  CHECK(feed.feed->counters().fetches_failed == 5);
}

TEST_CASE("an answer that is no list of trades counts as failed") {
  Trades feed;
  feed.Trade(1);
  feed.Trade(3);
  for (const std::string_view body :
       {R"({"code":-1003,"msg":"Too many"})", "<html>", R"([{"a":2,"p":"x"}])"}) {
    feed.Answer(body);
    feed.Wait(30'000);
  }
  CHECK(feed.feed->counters().fetches_failed == 3);
  feed.Brief();
  feed.Answer(Page(2, 2));
  CHECK(feed.Brief() == Lines{"r2", "3", "live"});
}

TEST_CASE("trades that the venue itself lacks are announced between those it has") {
  Trades feed;
  feed.Trade(1);
  feed.Trade(8);
  feed.Brief();
  feed.Answer("[{" + Element(2, MadeAt(2)) + ",{" + Element(5, MadeAt(5)) + ",{" +
              Element(7, MadeAt(7)) + "]");
  CHECK(feed.Brief() ==
        Lines{"r2", "gap 3-5", "resync", "r5", "gap 6-7", "resync", "r7", "8", "live"});
}

TEST_CASE("too many waiting trades end the repair") {
  detail::BinanceMarketFeedOptions options;
  options.max_held = 3;
  Trades feed(options);
  feed.Trade(1);
  feed.TradesOf(5, 7);
  CHECK(feed.Brief() == Lines{"1", "gap 2-5", "resync", "gap 2-5", "5", "6", "7", "live"});
  REQUIRE(feed.sink.cancelled.size() == 1);
  feed.Answer(Page(2, 4));
  feed.Trade(8);
  CHECK(feed.Brief() == Lines{"8"});
  CHECK(feed.feed->counters().held_dropped == 1);
}

TEST_CASE("of a hole beyond the limit the newest part is fetched, the rest announced") {
  detail::BinanceMarketFeedOptions options;
  options.repair_pages = 1;
  Trades feed(options);
  feed.Trade(1);
  feed.Trade(5000);
  CHECK(feed.Brief() == Lines{"1", "gap 2-5000", "gap 2-4000", "resync"});
  CHECK(feed.sink.fetches[0].from_id == 4000);
  feed.Answer(Page(4000, 4999));
  const Lines lines = feed.Brief();
  REQUIRE(lines.size() == 1002);
  CHECK(lines[0] == "r4000");
  CHECK(lines[1000] == "5000");
  CHECK(feed.feed->counters().missing == 3998);

  // After a reconnect nobody knows how long the hole is.
  feed.Lose();
  feed.Live("btcusdt@aggTrade", 2);
  feed.Answer(Page(5001, 6000));
  feed.Brief();
  CHECK(feed.State() == SubscriptionState::kLive);
  feed.Trade(9000, 2);
  CHECK(feed.Brief() == Lines{"gap 6001-9000", "live", "9000"});
  feed.Trade(9002, 2);
  CHECK(feed.Brief() == Lines{"gap 9001-9002", "resync"});
}

// Pins EX-36.
TEST_CASE("ids that start anew do not freeze the channel") {
  Trades feed;
  feed.TradesOf(500, 502);
  feed.Brief();
  const std::int64_t later = MadeAt(502);
  feed.Trade(1, later + 10, 1);
  feed.Trade(2, later + 20, 1);
  CHECK(feed.Brief().empty());
  feed.Trade(3, later + 30, 1);
  CHECK(feed.Brief() == Lines{"gap 503-1", "live", "1", "2", "3"});
  feed.Trade(4, later + 40, 1);
  CHECK(feed.Brief() == Lines{"4"});
  CHECK(feed.feed->counters().restarts == 1);
}

TEST_CASE("late duplicates are no new start, however many") {
  Trades feed;
  feed.Live("btcusdt@aggTrade", 2);
  feed.TradesOf(1, 100, 1);
  feed.TradesOf(1, 100, 2);
  feed.TradesOf(101, 102, 1);
  CHECK(feed.Brief().size() == 102);
  CHECK(feed.feed->counters().restarts == 0);
  CHECK(feed.feed->counters().duplicates == 100);
}

TEST_CASE("ids that start anew while a repair is under way end it") {
  Trades feed;
  feed.Trade(500);
  feed.Trade(600);
  feed.Brief();
  const std::int64_t later = MadeAt(600);
  for (std::int64_t id = 1; id <= 3; ++id) feed.Trade(id, later + 10 * id, 1);
  CHECK(feed.Brief() == Lines{"gap 501-600", "600", "live", "gap 601-1", "live", "1", "2", "3"});
  CHECK(feed.sink.cancelled.size() == 1);
}

TEST_CASE("a connection lost during a repair: the trades that waited are not lost") {
  Trades feed;
  feed.Trade(1);
  feed.TradesOf(4, 5);
  feed.Lose();
  CHECK(feed.sink.cancelled.size() == 1);
  CHECK(feed.Brief() == Lines{"1", "gap 2-4", "resync", "disconnected"});
  feed.Wait(60'000);
  CHECK(feed.sink.fetches.size() == 1);
  feed.Live("btcusdt@aggTrade", 2);
  feed.Answer(Page(2, 7));
  CHECK(feed.Brief() == Lines{"resync", "r2", "r3", "4", "5", "r6", "r7", "live"});
}

// Pins EX-38.
TEST_CASE("what the faster of two sockets was ahead of still comes when that one ends") {
  test::MarketFixture feed;
  feed.Subscribe(Singles());
  feed.Live("btcusdt@trade");
  const auto trade = [&](std::int64_t id, std::uint32_t socket) {
    feed.Frame(R"({"e":"trade","E":1700000000000,"s":"BTCUSDT","t":)" + std::to_string(id) +
                   R"(,"p":"1","q":"2","T":)" + std::to_string(MadeAt(id)) +
                   R"(,"m":false,"M":true})",
               socket);
  };
  trade(10, 1);
  feed.Live("btcusdt@trade", 2);
  trade(14, 2);
  feed.Lose(2);
  trade(11, 1);
  trade(12, 1);
  trade(13, 1);
  trade(14, 1);
  CHECK(feed.Brief() == Lines{"live", "10", "11", "12", "13", "14"});
  CHECK(feed.feed->counters().missing == 0);
}

TEST_CASE("single trades have no repair: a hole is announced at once") {
  test::MarketFixture feed;
  feed.Subscribe(Singles());
  CHECK(detail::MarketStreamName(Singles()) == "btcusdt@trade");
  feed.Live("btcusdt@trade");
  const auto trade = [&](std::int64_t id, std::uint32_t socket = 1) {
    feed.Frame(R"({"e":"trade","E":1700000000000,"s":"BTCUSDT","t":)" + std::to_string(id) +
                   R"(,"p":"1","q":"2","T":)" + std::to_string(MadeAt(id)) +
                   R"(,"m":false,"M":true})",
               socket);
  };
  trade(1);
  trade(1);
  trade(5);
  trade(6);
  CHECK(feed.Brief() == Lines{"live", "1", "gap 2-5", "live", "5", "6"});
  feed.Lose();
  feed.Live("btcusdt@trade", 2);
  trade(9, 2);
  CHECK(feed.Brief() == Lines{"disconnected", "live", "gap 7-9", "live", "9"});
  CHECK(feed.sink.fetches.empty());
  CHECK(feed.feed->counters().missing == 5);
  trade(10, 2);
  const Lines events = feed.Events();
  REQUIRE(events.size() == 1);
  CHECK(events[0] ==
        R"(trade.tape.BTCUSDT {"trade_id":10,"price":"1","qty":"2","side":"buy","trade_time":)"
        R"("2023-11-14T22:13:10.100Z","aggregate":false})");
}

// Pins EX-32.
TEST_CASE("a subscription ends with its fetches; the topic's sequence goes on") {
  Trades feed;
  feed.Trade(1);
  feed.Trade(3);
  feed.Brief();
  feed.feed->Unsubscribe(Aggregates());
  CHECK(feed.sink.cancelled.size() == 1);
  CHECK(feed.State() == SubscriptionState::kStopped);
  feed.Answer(Page(2, 2));
  feed.Trade(4);
  CHECK(feed.Brief().empty());
  CHECK(feed.feed->counters().unsubscribed == 1);
  feed.Subscribe(Aggregates());
  CHECK(feed.State() == SubscriptionState::kPending);
  feed.Live("btcusdt@aggTrade");
  feed.Trade(9);
  CHECK(feed.Brief() == Lines{"live", "9"});  // Brief checks the sequence
}

TEST_CASE("what cannot be subscribed is refused with the reason") {
  detail::BinanceMarketFeedOptions options;
  options.max_symbols = 1;
  test::MarketFixture feed(options);
  const auto code = [&](const MarketRequest& request) {
    return feed.feed->Subscribe(request, feed.Now()).code();
  };
  CHECK(code({FeedChannel::kBook, "BTCUSDT"}) == StatusCode::kInvalidArgument);
  CHECK(code({FeedChannel::kTrade, ""}) == StatusCode::kInvalidArgument);
  CHECK(code({FeedChannel::kTrade, "\xff"}) == StatusCode::kInvalidArgument);
  CHECK(code({FeedChannel::kCandle, "BTCUSDT"}) == StatusCode::kInvalidArgument);
  CHECK(code({FeedChannel::kCandle, "BTCUSDT", "1m/x"}) == StatusCode::kInvalidArgument);
  CHECK(code({FeedChannel::kMark, "BTCUSDT"}) == StatusCode::kUnimplemented);
  CHECK(code({FeedChannel::kTrade, "BTCUSDT"}) == StatusCode::kOk);
  CHECK(code({FeedChannel::kTrade, "BTCUSDT"}) == StatusCode::kOk);
  CHECK(code({FeedChannel::kTrade, "ETHUSDT"}) == StatusCode::kResourceExhausted);
}
