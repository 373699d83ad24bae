// BinanceMarketFeed: tickers, mark prices and funding, by symbol and for all symbols.
#include <doctest/doctest.h>

#include <string>

#include "unit/exchange/market_fixture.hpp"

using namespace virtufin;
using detail::MarketRequest;
using test::MarketFixture;
using Lines = MarketFixture::Lines;

namespace {

MarketRequest Request(FeedChannel channel, std::string symbol = "BTCUSDT") {
  MarketRequest request;
  request.channel = channel;
  request.symbol = std::move(symbol);
  return request;
}

std::string Mini(std::int64_t sent, std::string_view symbol = "BTCUSDT") {
  return R"({"e":"24hrMiniTicker","E":)" + std::to_string(sent) + R"(,"s":")" +
         std::string(symbol) + R"(","c":"0.0025","o":"0.0010","h":"0.0026","l":"0.0009",)" +
         R"("v":"10000","q":"18"})";
}

std::string Ticker(std::int64_t sent) {
  return R"({"e":"24hrTicker","E":)" + std::to_string(sent) +
         R"(,"s":"BTCUSDT","p":"-0.0015","P":"-25.50","w":"1","c":"0.0025","Q":"10","o":"0.0010",)"
         R"("h":"0.0026","l":"0.0009","v":"10000","q":"18","O":1,"C":2,"F":0,"L":1,"n":18151})";
}

std::string Mark(std::int64_t sent, std::string_view rate = "0.0001", std::int64_t next = 0,
                 std::string_view symbol = "BTCUSDT") {
  return R"({"e":"markPriceUpdate","E":)" + std::to_string(sent) + R"(,"s":")" +
         std::string(symbol) + R"(","p":"11794.15","i":"11784.62","P":"11784.25","r":")" +
         std::string(rate) + R"(","T":)" + std::to_string(next) + "}";
}

std::string Combined(std::string_view stream, std::string_view data) {
  return R"({"stream":")" + std::string(stream) + R"(","data":)" + std::string(data) + "}";
}

}  // namespace

// Pins EX-41.
TEST_CASE("a ticker is published with all its fields") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kTicker));
  feed.Live("btcusdt@ticker");
  feed.sink.messages.clear();
  feed.Frame(Ticker(1'700'000'000'001));
  REQUIRE(feed.sink.messages.size() == 1);
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(feed.sink.messages[0].topic() == "act.exchange.binance.ticker.update.BTCUSDT");
  CHECK(event.type() == "com.virtufin.exchange.binance.ticker.updated");
  CHECK(event.time_text() == "2023-11-14T22:13:20.001Z");
  CHECK(event.ExtensionText("timesource") == "venue");
  CHECK(event.data_text() ==
        R"({"last_price":"0.0025","volume_24h":"10000","change_24h_pct":"-25.50","last_qty":"10",)"
        R"("open":"0.0010","high":"0.0026","low":"0.0009","quote_volume_24h":"18",)"
        R"("window":"24h","trades":18151})");
}

// Pins EX-41.
TEST_CASE("a ticker of two sockets is published once; a venue's clock that jumps back goes on") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kTicker));
  feed.Live("btcusdt@ticker", 1);
  feed.Live("btcusdt@ticker", 2);
  feed.Frame(Ticker(1'700'000'001'000), 1);
  feed.Frame(Ticker(1'700'000'001'000), 2);
  feed.Frame(Ticker(1'700'000'000'000), 2);
  feed.Frame(Ticker(1'700'000'002'000), 2);
  CHECK(feed.Brief() == Lines{"live", "ticker.update.BTCUSDT", "ticker.update.BTCUSDT"});
  feed.Frame(Ticker(1'600'000'000'000), 2);
  CHECK(feed.Brief() == Lines{"ticker.update.BTCUSDT"});
  CHECK(feed.feed->counters().duplicates == 2);
}

TEST_CASE("mini tickers of an array are used when all were asked for, else they are not") {
  MarketFixture feed;
  const std::string array =
      "[" + Mini(1'700'000'000'000) + "," + Mini(1'700'000'000'000, "ETHUSDT") + "]";
  feed.Subscribe(Request(FeedChannel::kTicker));
  feed.Live("btcusdt@ticker");
  feed.Frame(Combined("!miniTicker@arr", array));
  CHECK(feed.Brief() == Lines{"live"});
  CHECK(feed.feed->counters().unsubscribed == 2);

  const MarketRequest all = Request(FeedChannel::kTicker, "");
  CHECK(detail::MarketStreamName(all) == "!miniTicker@arr");
  feed.Subscribe(all);
  CHECK(feed.feed->StatusOf(all).state == SubscriptionState::kPending);
  feed.Frame(Combined("!miniTicker@arr", array));
  const Lines lines = feed.Events();
  REQUIRE(lines.size() == 3);
  CHECK(
      lines[0].starts_with(R"(feed.status {"state":"live","scope":"channel","channel":"ticker")"));
  CHECK(lines[1] ==
        R"(ticker.update.BTCUSDT {"last_price":"0.0025","volume_24h":"10000","open":"0.0010",)"
        R"("high":"0.0026","low":"0.0009","quote_volume_24h":"18","window":"24h"})");
  CHECK(lines[2].starts_with("ticker.update.ETHUSDT "));
  CHECK(feed.feed->StatusOf(all).state == SubscriptionState::kLive);
}

TEST_CASE("a mini ticker of one symbol is a stream of its own") {
  MarketFixture feed;
  MarketRequest request = Request(FeedChannel::kTicker);
  request.mini = true;
  CHECK(detail::MarketStreamName(request) == "btcusdt@miniTicker");
  feed.Subscribe(request);
  feed.Frame(Combined("btcusdt@ticker", Ticker(1'700'000'000'000)));
  CHECK(feed.Brief().empty());
  feed.Frame(Combined("btcusdt@miniTicker", Mini(1'700'000'000'000)));
  CHECK(feed.Brief() == Lines{"live", "ticker.update.BTCUSDT"});
}

// Pins EX-42.
TEST_CASE("mark price and funding share a stream; funding is told when it changes") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kMark));
  feed.Subscribe(Request(FeedChannel::kFunding));
  CHECK(detail::MarketStreamName(Request(FeedChannel::kFunding)) == "btcusdt@markPrice@1s");
  feed.Live("btcusdt@markPrice@1s");
  CHECK(feed.Brief() == Lines{"live", "live"});
  feed.Frame(Mark(1'700'000'000'000, "0.00010000", 1'700'006'400'000));
  CHECK(feed.Events() ==
        Lines{R"(mark.price.BTCUSDT {"mark_price":"11794.15","index_price":"11784.62"})",
              R"(funding.rate.BTCUSDT {"funding_rate":"0.00010000","next_funding_time":)"
              R"("2023-11-15T00:00:00.000Z"})"});
  feed.Frame(Mark(1'700'000'001'000, "0.00010000", 1'700'006'400'000));
  feed.Frame(Mark(1'700'000'001'000, "0.00020000", 1'700'006'400'000));
  CHECK(feed.Brief() == Lines{"mark.price.BTCUSDT"});
  feed.Frame(Mark(1'700'000'002'000, "0.00020000", 1'700'006'400'000));
  CHECK(feed.Brief() == Lines{"mark.price.BTCUSDT", "funding.rate.BTCUSDT"});
  feed.Frame(Mark(1'700'000'003'000, "0.00020000", 1'700'035'200'000));
  CHECK(feed.Brief() == Lines{"mark.price.BTCUSDT", "funding.rate.BTCUSDT"});
}

// Pins EX-42.
TEST_CASE("a dated contract has a mark price and no funding") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kMark));
  feed.Subscribe(Request(FeedChannel::kFunding));
  feed.Frame(Mark(1'700'000'000'000, "", 0));
  CHECK(feed.Brief() == Lines{"live", "live", "mark.price.BTCUSDT"});
}

TEST_CASE("a channel that joins a live stream is live at once") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kMark));
  feed.Live("btcusdt@markPrice@1s", 4);
  feed.Subscribe(Request(FeedChannel::kFunding));
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kFunding)).state == SubscriptionState::kLive);
  feed.feed->Unsubscribe(Request(FeedChannel::kMark));
  feed.Brief();
  feed.Frame(Combined("btcusdt@markPrice@1s", Mark(1'700'000'000'000)), 4);
  CHECK(feed.Brief() == Lines{"funding.rate.BTCUSDT"});
  feed.Lose(4);
  CHECK(feed.Brief() == Lines{"disconnected"});
}

TEST_CASE("another speed of the same symbol is not taken for the one that was asked for") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  MarketRequest slow = Request(FeedChannel::kMark);
  slow.slow = true;
  CHECK(detail::MarketStreamName(slow) == "btcusdt@markPrice");
  feed.Subscribe(slow);
  feed.Frame(Combined("btcusdt@markPrice@1s", Mark(1'700'000'000'000)));
  CHECK(feed.Brief().empty());
  feed.Frame(Combined("btcusdt@markPrice", Mark(1'700'000'000'000)));
  CHECK(feed.Brief() == Lines{"live", "mark.price.BTCUSDT"});
}

TEST_CASE("marks of all symbols") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  const MarketRequest all = Request(FeedChannel::kMark, "");
  CHECK(detail::MarketStreamName(all) == "!markPrice@arr@1s");
  feed.Subscribe(all);
  feed.Live("!markPrice@arr@1s");
  feed.Frame(
      Combined("!markPrice@arr@1s", "[" + Mark(1, "", 0, "A") + "," + Mark(1, "1", 0, "B") + "]"));
  CHECK(feed.Brief() == Lines{"live", "mark.price.A", "mark.price.B"});
}

// Pins EX-45.
TEST_CASE("a silent mark stream is stale after nine seconds, a quiet trade stream never") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kMark));
  feed.Subscribe(Request(FeedChannel::kTrade));
  feed.Live("btcusdt@markPrice@1s");
  feed.Live("btcusdt@aggTrade");
  feed.Brief();
  feed.Wait(8'900);
  CHECK(feed.Brief().empty());
  feed.Wait(1'200);
  CHECK(feed.Brief() == Lines{"stale"});
  CHECK(feed.sink.resubscribed == Lines{"btcusdt@markPrice@1s"});
  feed.Wait(600'000);
  CHECK(feed.sink.resubscribed.size() == 6);  // after 9, 18, 36, 72, 144, 288 seconds each
  CHECK(feed.Brief().empty());
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kTrade)).state == SubscriptionState::kLive);
  feed.Frame(Mark(1'700'000'700'000));
  CHECK(feed.Brief() == Lines{"live", "mark.price.BTCUSDT"});
}

// Pins EX-45.
TEST_CASE("a silent ticker is stale after three seconds, on USD-M after six") {
  for (const BinanceMarket market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    CAPTURE(std::string(BinanceVenueName(market)));
    MarketFixture feed({}, market);
    feed.Subscribe(Request(FeedChannel::kTicker));
    feed.Live("btcusdt@ticker");
    feed.Brief();
    feed.Wait(market == BinanceMarket::kSpot ? 2'900 : 5'900);
    CHECK(feed.Brief().empty());
    feed.Wait(1'200);
    CHECK(feed.Brief() == Lines{"stale"});
    CHECK(feed.sink.resubscribed == Lines{"btcusdt@ticker"});
  }
}

TEST_CASE("states of a channel tell what, where and since when") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kTrade));
  feed.Live("btcusdt@aggTrade", 3);
  feed.feed->OnStreamEnded("btcusdt@aggTrade", 3, feed.Now(), "unsubscribed");
  CHECK(feed.Events() ==
        Lines{R"(feed.status.BTCUSDT {"state":"live","scope":"instrument","channel":"trade",)"
              R"("session":3,"reason":"subscribed","since":"2023-11-14T22:13:20.000000000Z"})",
              R"(feed.status.BTCUSDT {"state":"disconnected","scope":"instrument","channel":)"
              R"("trade","session":3,"reason":"unsubscribed","since":)"
              R"("2023-11-14T22:13:20.000000000Z"})"});
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kTrade)).reason == "unsubscribed");
}

// Pins EX-42.
TEST_CASE("whoever subscribes funding again gets the rate, though it did not change") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kFunding));
  feed.Frame(Mark(1'700'000'000'000));
  feed.feed->Unsubscribe(Request(FeedChannel::kFunding));
  feed.Frame(Mark(1'700'000'001'000));
  feed.Subscribe(Request(FeedChannel::kFunding));
  feed.Frame(Mark(1'700'000'002'000));
  CHECK(feed.Brief() == Lines{"live", "funding.rate.BTCUSDT", "live", "funding.rate.BTCUSDT"});
}

TEST_CASE("only subscribed symbols count against the limit") {
  detail::BinanceMarketFeedOptions options;
  options.max_symbols = 2;
  MarketFixture feed(options);
  for (const char* const symbol : {"A", "B", "C", "D"}) {
    feed.Subscribe(Request(FeedChannel::kTrade, symbol));
    feed.feed->Unsubscribe(Request(FeedChannel::kTrade, symbol));
  }
  feed.Subscribe(Request(FeedChannel::kTrade, "A"));
  feed.Subscribe(Request(FeedChannel::kTrade, "E"));
  feed.Subscribe(Request(FeedChannel::kTicker, "E"));
  CHECK(feed.feed->Subscribe(Request(FeedChannel::kTrade, "B"), feed.Now()).code() ==
        StatusCode::kResourceExhausted);
}
