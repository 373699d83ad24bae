// BinanceMarketFeed, candles: each close once and in order, also when it was missed.
#include <doctest/doctest.h>

#include <string>

#include "unit/exchange/market_fixture.hpp"

using namespace virtufin;
using detail::BinanceFetchKind;
using detail::MarketRequest;
using Lines = test::MarketFixture::Lines;

namespace {

MarketRequest Minutes(bool open = false) {
  MarketRequest request;
  request.channel = FeedChannel::kCandle;
  request.symbol = "BTCUSDT";
  request.interval = "1m";
  request.open = open;
  return request;
}

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kFirst = 1'699'999'980'000;  // 22:13:00, twenty seconds before the clock

struct Candles : test::MarketFixture {
  explicit Candles(detail::BinanceMarketFeedOptions options = Quiet(), bool open = false)
      : MarketFixture(options) {
    MarketRequest trades;
    trades.symbol = "BTCUSDT";
    Subscribe(trades);
    Live("btcusdt@aggTrade", 2);
    Brief();
    Subscribe(Minutes(open));
    Live("btcusdt@kline_1m");
    CHECK(Brief() == Lines{"live"});
  }
  static detail::BinanceMarketFeedOptions Quiet() {
    detail::BinanceMarketFeedOptions options;
    options.candle_stale_ms = 0;
    return options;
  }
  /// The frame of minute `n`, sent now.
  void Candle(int n, bool closed, std::uint32_t connection = 1) {
    const std::int64_t open = kFirst + n * kMinute;
    Frame(R"({"e":"kline","E":)" + std::to_string(NowMs() - 1) + R"(,"s":"BTCUSDT","k":{"t":)" +
              std::to_string(open) + R"(,"T":)" + std::to_string(open + kMinute - 1) +
              R"(,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"1.0","c":"2.0","h":"3.0","l":"0.5",)"
              R"("v":"10.00","n":2,"x":)" +
              (closed ? "true" : "false") + R"(,"q":"20.0","V":"4.0","Q":"8.0","B":"0"}})",
          connection);
  }
  /// The symbol trades, which is not what is tested here.
  void Trade() {
    const std::string id = std::to_string(++trades_);
    Frame(R"({"e":"aggTrade","E":1700000000000,"s":"BTCUSDT","a":)" + id +
              R"(,"p":"1","q":"1","f":)" + id + R"(,"l":)" + id +
              R"(,"T":1700000000000,"m":true,"M":true})",
          2);
    std::erase_if(sink.messages, [](const Message& message) {
      return message.topic().find(".trade.tape.") != std::string_view::npos;
    });
  }
  /// The same, each second for so long.
  void TradeFor(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      Wait(1'000);
      Trade();
    }
  }
  /// To `ms` after the end of minute `n`, with ticks.
  void WaitForEnd(int n, std::int64_t ms = 2) { Wait(kFirst + (n + 1) * kMinute + ms - NowMs()); }
  static std::string Page(int from, int to) {
    std::string page = "[";
    for (int n = from; n <= to; ++n) {
      const std::int64_t open = kFirst + n * kMinute;
      page += (n == from ? "[" : ",[") + std::to_string(open) +
              R"(,"1.0","3.0","0.5","2.0","10.00",)" + std::to_string(open + kMinute - 1) +
              R"(,"20.0",2,"4.0","8.0","0"])";
    }
    return page + "]";
  }
  SubscriptionState State() { return feed->StatusOf(Minutes()).state; }

 private:
  int trades_ = 0;
};

}  // namespace

// Pins EX-39.
TEST_CASE("a candle is published when it closes, with all its fields") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(0);
  feed.Candle(0, true);
  REQUIRE(feed.sink.messages.size() == 1);
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(feed.sink.messages[0].topic() == "act.exchange.binance.ohlcv.candle.1m.BTCUSDT");
  CHECK(event.type() == "com.virtufin.exchange.binance.candle.closed");
  CHECK(event.ExtensionText("timesource") == "venue");
  CHECK(event.time_text() == "2023-11-14T22:14:00.001Z");
  CHECK(event.data_text() ==
        R"({"open":"1.0","high":"3.0","low":"0.5","close":"2.0","volume":"10.00",)"
        R"("candle_close_time":"2023-11-14T22:13:59.999Z","candle_open_time":)"
        R"("2023-11-14T22:13:00.000Z","interval":"1m","trades":2,"quote_volume":"20.0",)"
        R"("taker_buy_volume":"4.0","closed":true})");
}

// Pins EX-39.
TEST_CASE("each close is published once, over two sockets and a rotation") {
  Candles feed;
  feed.Live("btcusdt@kline_1m", 2);
  feed.Candle(0, false, 1);
  feed.Candle(0, false, 2);
  feed.WaitForEnd(0);
  feed.Candle(0, true, 1);
  feed.Candle(0, true, 2);
  feed.Lose(1);
  feed.WaitForEnd(1);
  feed.Candle(1, true, 2);
  CHECK(feed.Brief() == Lines{"closed 22:13:00", "closed 22:14:00"});
  CHECK(feed.sink.fetches.empty());
}

// Pins EX-39, TOP-7.
TEST_CASE("open candles come by request, each change once, as another type on the same topic") {
  Candles feed(Candles::Quiet(), true);
  feed.Live("btcusdt@kline_1m", 2);
  feed.Candle(0, false, 1);
  feed.Candle(0, false, 2);
  feed.Advance(1000);
  feed.Candle(0, false, 2);
  REQUIRE(feed.sink.messages.size() == 2);
  CHECK(feed.sink.messages[0].event().type() == "com.virtufin.exchange.binance.candle.updated");
  feed.WaitForEnd(0);
  feed.Candle(0, true, 1);
  feed.Candle(1, false, 1);
  CHECK(feed.Brief() ==
        Lines{"open 22:13:00", "open 22:13:00", "closed 22:13:00", "open 22:14:00"});
  feed.Subscribe(Minutes());
  feed.feed->Unsubscribe(Minutes(true));
  feed.Advance(1000);
  feed.Candle(1, false, 1);
  CHECK(feed.Brief().empty());
}

// Pins EX-40.
TEST_CASE("a close that was missed over a reconnect is fetched, in order, once") {
  Candles feed;
  feed.Candle(0, false);
  feed.Lose();
  feed.WaitForEnd(2, 10'000);
  CHECK(feed.sink.fetches.empty());
  feed.Live("btcusdt@kline_1m", 2);
  CHECK(feed.Brief() == Lines{"disconnected", "resync"});
  REQUIRE(feed.sink.fetches.size() == 1);
  CHECK(feed.sink.fetches[0].kind == BinanceFetchKind::kCandles);
  CHECK(feed.sink.fetches[0].interval == "1m");
  CHECK(feed.sink.fetches[0].start_ms == kFirst);
  feed.Answer(Candles::Page(0, 3));
  CHECK(feed.Brief() == Lines{"closed 22:13:00", "closed 22:14:00", "closed 22:15:00", "live"});
  CHECK(feed.feed->counters().recovered == 3);
  feed.WaitForEnd(3);
  feed.Candle(2, true, 2);
  feed.Candle(3, true, 2);
  CHECK(feed.Brief() == Lines{"closed 22:16:00"});
}

TEST_CASE("a recovered candle carries the time of its close") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(1, 1000);
  feed.Candle(2, false);
  feed.sink.messages.clear();
  feed.Answer(Candles::Page(0, 2));
  REQUIRE_FALSE(feed.sink.messages.empty());
  const CloudEvent& event = feed.sink.messages[0].event();
  CHECK(event.time_text() == "2023-11-14T22:13:59.999Z");
  CHECK(event.ExtensionText("timesource") == "engine");
}

TEST_CASE("a reconnect within one candle asks for nothing") {
  Candles feed;
  feed.Candle(0, false);
  feed.Lose();
  feed.Advance(10'000);
  feed.Live("btcusdt@kline_1m", 2);
  CHECK(feed.Brief() == Lines{"disconnected", "live"});
  CHECK(feed.sink.fetches.empty());
}

TEST_CASE("a later candle shows that a close is missing; closes behind it wait") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(0);
  feed.Candle(1, false);
  CHECK(feed.Brief() == Lines{"gap 1699999980000-1700000040000", "resync"});
  feed.WaitForEnd(1);
  feed.Candle(1, true);
  feed.Candle(2, false);
  CHECK(feed.Brief().empty());
  CHECK(feed.sink.fetches.size() == 1);
  feed.Answer(Candles::Page(0, 1));
  CHECK(feed.Brief() == Lines{"closed 22:13:00", "closed 22:14:00", "live"});
}

TEST_CASE("a close that does not come is asked for a while after its time") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(0, 4'900);
  CHECK(feed.sink.fetches.empty());
  feed.WaitForEnd(0, 5'100);
  REQUIRE(feed.sink.fetches.size() == 1);
  CHECK(feed.State() == SubscriptionState::kLive);
  feed.Answer(Candles::Page(0, 1));
  CHECK(feed.Brief() == Lines{"closed 22:13:00"});
  feed.WaitForEnd(1);
  feed.Candle(1, true);
  CHECK(feed.Brief() == Lines{"closed 22:14:00"});
  CHECK(feed.sink.fetches.size() == 1);
}

// Pins EX-40.
TEST_CASE("what of an answer is still open is not taken for closed") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(0, 5'100);
  feed.Answer(Candles::Page(0, 0));  // ended a while ago, though nothing follows
  CHECK(feed.Brief() == Lines{"closed 22:13:00"});
  feed.WaitForEnd(1, 5'100);
  feed.Answer(Candles::Page(1, 2));
  CHECK(feed.Brief() == Lines{"closed 22:14:00"});
  CHECK(feed.sink.fetches.size() == 2);
}

TEST_CASE("a repair that fails for good is announced with the openings in milliseconds") {
  Candles feed;
  feed.Candle(0, true);
  feed.WaitForEnd(3);
  feed.Candle(3, true);
  feed.Brief();
  for (int i = 0; i < 5; ++i) {
    feed.Fail();
    feed.Wait(4'000);
  }
  CHECK(feed.Brief() == Lines{"gap 1700000040000-1700000160000", "closed 22:16:00", "live"});
  CHECK(feed.feed->counters().missing == 2);
  feed.Candle(4, false);
  feed.WaitForEnd(4);
  feed.Candle(4, true);
  CHECK(feed.Brief() == Lines{"closed 22:17:00"});
}

// Pins EX-40.
TEST_CASE("a candle that the venue does not have at all is not asked for without end") {
  Candles feed;
  feed.Candle(0, true);
  feed.WaitForEnd(1, 5'100);
  for (std::size_t answered = 0; answered < feed.sink.fetches.size() && answered < 40; ++answered) {
    feed.Answer("[]");
    feed.Wait(20'000);
  }
  CHECK(feed.sink.fetches.size() == 5);
  CHECK(feed.Brief() == Lines{"closed 22:13:00"});
  CHECK(feed.State() == SubscriptionState::kLive);
  feed.Candle(2, false);
  feed.Answer(Candles::Page(2, 3));
  CHECK(feed.Brief() == Lines{"gap 1700000040000-1700000100000", "resync",
                              "gap 1700000040000-1700000100000", "resync", "closed 22:15:00",
                              "live"});
  CHECK(feed.feed->counters().missing == 1);
}

TEST_CASE("a candle from the future does not freeze the channel, nor a clock that goes back") {
  Candles feed;
  feed.Candle(0, false);
  feed.Candle(500, true);
  CHECK(feed.Brief().empty());
  feed.WaitForEnd(0);
  feed.Candle(0, true);
  CHECK(feed.Brief() == Lines{"closed 22:13:00"});
  Candles later;
  later.Wait(100 * kMinute);
  later.Candle(100, true);
  later.Brief();
  later.start_ns -= 95 * kMinute * 1'000'000;  // the venue started anew
  later.Candle(5, true);
  CHECK(later.Brief() == Lines{"closed 22:18:00"});
  CHECK(later.feed->counters().restarts == 1);
}

// Pins TOP-7.
TEST_CASE("candles of another time zone are a channel of their own") {
  test::MarketFixture feed(Candles::Quiet());
  MarketRequest request = Minutes();
  request.interval = "1d@+08:00";
  feed.Subscribe(request);
  CHECK(detail::MarketStreamName(request) == "btcusdt@kline_1d@+08:00");
  feed.Live("btcusdt@kline_1d@+08:00");
  const std::string data =
      R"({"e":"kline","E":1700000000000,"s":"BTCUSDT","k":{"t":1699977600000,)"
      R"("T":1699999999999,"i":"1d","o":"1","c":"1","h":"1","l":"1","v":"1","n":1,"x":true,)"
      R"("q":"1","V":"1","Q":"1"}})";
  feed.Frame(R"({"stream":"btcusdt@kline_1d","data":)" + data + "}");
  CHECK(feed.Brief() == Lines{"live"});
  feed.Frame(R"({"stream":"btcusdt@kline_1d@+08:00","data":)" + data + "}");
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].topic() ==
        "act.exchange.binance.ohlcv.candle.1d%40%2B08%3A00.BTCUSDT");
  CHECK(nlohmann::json::parse(feed.sink.messages[0].event().data_text()).at("interval") ==
        "1d@+08:00");
}

// Pins EX-45.
TEST_CASE("a silent candle stream is stale and subscribed again, ever less often") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Candle(0, false);
  feed.TradeFor(5);
  CHECK(feed.State() == SubscriptionState::kLive);
  feed.TradeFor(2);
  CHECK(feed.State() == SubscriptionState::kStale);
  CHECK(feed.sink.resubscribed == Lines{"btcusdt@kline_1m"});
  feed.Wait(13'000);
  CHECK(feed.sink.resubscribed.size() == 2);
  feed.Candle(0, false);
  CHECK(feed.Brief() == Lines{"stale", "live"});
}

TEST_CASE("a renewed stream stays stale until data arrive, and is renewed ever less often") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Brief();
  std::size_t renewed = 0;
  for (int seconds = 0; seconds < 600; ++seconds) {
    feed.TradeFor(1);
    if (feed.sink.resubscribed.size() == renewed) continue;
    renewed = feed.sink.resubscribed.size();
    feed.feed->OnStreamEnded("btcusdt@kline_1m", 1, feed.Now(), "ended");
    feed.Live("btcusdt@kline_1m");
  }
  CHECK(renewed == 6);  // after 6, 12, 24, 48, 96, 192 seconds of silence each
  CHECK(feed.Brief() == Lines{"stale"});
  feed.Candle(5, false);
  CHECK(feed.Brief() == Lines{"live"});
  feed.TradeFor(7);
  CHECK(feed.Brief() == Lines{"stale"});
  feed.Lose();
  CHECK(feed.Brief() == Lines{"disconnected"});
}

TEST_CASE("a close that is fetched does not make a silent stream live") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Candle(0, false);
  feed.TradeFor(7);
  CHECK(feed.State() == SubscriptionState::kStale);
  feed.WaitForEnd(0, 5'100);
  feed.Answer(Candles::Page(0, 1));
  CHECK(feed.Brief() == Lines{"stale", "closed 22:13:00"});
  CHECK(feed.State() == SubscriptionState::kStale);
}

// Pins EX-63.
TEST_CASE("a candle stream rests while nothing trades, as it does in the recordings") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Candle(0, false);
  feed.Wait(45);
  feed.Trade();  // the candle was first with it
  feed.Wait(10'349);
  CHECK(feed.State() == SubscriptionState::kLive);
  feed.Candle(0, false);
  feed.Wait(200);
  feed.Trade();
  feed.Wait(150);
  feed.Trade();  // told with the next one only
  feed.Wait(2'300);
  feed.Trade();
  feed.Wait(1'000);
  CHECK(feed.sink.resubscribed.empty());
  CHECK(feed.Brief().empty());
}

// Pins EX-63.
TEST_CASE("a candle stream that did not speak yet may be one of a market without trades") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Wait(3'600'000);
  CHECK(feed.Brief().empty());
  feed.Trade();
  feed.Wait(1'900);
  feed.Candle(60, false);
  feed.Wait(10'000);
  CHECK(feed.Brief().empty());
  CHECK(feed.sink.resubscribed.empty());
}

// Pins EX-63.
TEST_CASE("a candle with trades that only the venue's answer tells shows that its stream is dead") {
  Candles feed(detail::BinanceMarketFeedOptions{});
  feed.Candle(0, false);
  feed.WaitForEnd(0, 5'100);
  CHECK(feed.State() == SubscriptionState::kLive);
  SUBCASE("with trades") {
    feed.Answer(Candles::Page(0, 1));
    CHECK(feed.Brief() == Lines{"closed 22:13:00", "stale"});
    CHECK(feed.sink.resubscribed == Lines{"btcusdt@kline_1m"});
    feed.feed->OnStreamEnded("btcusdt@kline_1m", 1, feed.Now(), "ended");
    feed.Live("btcusdt@kline_1m");
    feed.Candle(1, false);
    CHECK(feed.Brief() == Lines{"live"});
  }
  SUBCASE("without, it is quiet") {
    std::string page = Candles::Page(0, 1);
    for (std::size_t at; (at = page.find("\"20.0\",2,")) != page.npos;) {
      page.replace(at, 9, "\"20.0\",0,");
    }
    feed.Answer(page);
    CHECK(feed.Brief() == Lines{"closed 22:13:00"});
    CHECK(feed.State() == SubscriptionState::kLive);
    CHECK(feed.sink.resubscribed.empty());
  }
}

TEST_CASE("a close that waited is published with its own texts") {
  Candles feed;
  feed.Candle(0, false);
  feed.WaitForEnd(1);
  feed.Candle(1, true);
  for (int i = 0; i < 4; ++i) {  // over the bytes that the closed candle came in
    feed.decoder.Decode(R"({"e":"kline","E":1700000000000,"s":"XXXXXXXXXX","k":{"i":")" +
                        std::string(300, 'Z') + R"("}})");
  }
  feed.sink.messages.clear();
  feed.Answer(Candles::Page(0, 0));
  REQUIRE(feed.sink.messages.size() == 2);
  const auto data = nlohmann::json::parse(feed.sink.messages[1].event().data_text());
  CHECK(data.at("interval") == "1m");
  CHECK(data.at("volume") == "10.00");
  CHECK(data.at("candle_open_time") == "2023-11-14T22:14:00.000Z");
}

// Pins EX-40.
TEST_CASE("candles that the venue's answer skips are announced") {
  Candles feed;
  feed.Candle(0, true);
  feed.WaitForEnd(4);
  feed.Candle(4, true);
  feed.Brief();
  feed.Answer("[" + Candles::Page(1, 1).substr(1, Candles::Page(1, 1).size() - 2) + "," +
              Candles::Page(3, 3).substr(1));
  CHECK(feed.Brief() == Lines{"closed 22:14:00", "gap 1700000100000-1700000160000", "resync",
                              "closed 22:16:00", "closed 22:17:00", "live"});
  CHECK(feed.feed->counters().missing == 1);
}

TEST_CASE("one message with a wrong time closes no candle") {
  Candles feed;
  MarketRequest ticker;
  ticker.channel = FeedChannel::kTicker;
  ticker.symbol = "ETHUSDT";
  feed.Subscribe(ticker);
  feed.Candle(0, false);
  feed.Frame(R"({"e":"24hrTicker","E":1900000000000,"s":"ETHUSDT","P":"1","c":"1","Q":"1",)"
             R"("o":"1","h":"1","l":"1","v":"1","q":"1","n":1})");
  feed.Wait(5'000);
  CHECK(feed.sink.fetches.empty());
  feed.Frame(R"({"e":"24hrTicker","E":1900000001000,"s":"ETHUSDT","P":"1","c":"1","Q":"1",)"
             R"("o":"1","h":"1","l":"1","v":"1","q":"1","n":1})");
  feed.Lose();
  feed.Live("btcusdt@kline_1m", 2);
  REQUIRE(feed.sink.fetches.size() == 1);
  feed.Brief();
  feed.Answer(Candles::Page(0, 0));  // twenty-five seconds into the minute
  for (const std::string& line : feed.Brief()) CHECK_FALSE(line.starts_with("closed"));
}
