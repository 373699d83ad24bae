// BinanceMarketFeed: instruments and their status, from exchangeInfo.
#include <doctest/doctest.h>

#include <string>

#include "exchange/binance/instrument_watch.hpp"
#include "unit/exchange/market_fixture.hpp"

using namespace virtufin;
using detail::BinanceFetchKind;
using detail::MarketRequest;
using test::MarketFixture;
using Lines = MarketFixture::Lines;

namespace {

MarketRequest Request(FeedChannel channel, std::string symbol = "") {
  MarketRequest request;
  request.channel = channel;
  request.symbol = std::move(symbol);
  return request;
}

std::string Spot(std::string_view symbol, std::string_view status, std::string_view tick = "0.01") {
  return R"({"symbol":")" + std::string(symbol) + R"(","status":")" + std::string(status) +
         R"(","baseAsset":"BTC","quoteAsset":"USDT","filters":[{"filterType":"PRICE_FILTER",)"
         R"("minPrice":"0.01","maxPrice":"1000000","tickSize":")" +
         std::string(tick) +
         R"("},{"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"9000","stepSize":"0.00001"},)"
         R"({"filterType":"NOTIONAL","minNotional":"5.0"}],"permissionSets":[["SPOT"]]})";
}

std::string Info(std::initializer_list<std::string> symbols) {
  std::string body =
      R"({"timezone":"UTC","serverTime":1,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT",)"
      R"("interval":"MINUTE","intervalNum":1,"limit":6000},{"rateLimitType":"RAW_REQUESTS",)"
      R"("interval":"MINUTE","intervalNum":5,"limit":61000}],"symbols":[)";
  bool first = true;
  for (const std::string& symbol : symbols) {
    if (!first) body += ",";
    first = false;
    body += symbol;
  }
  return body + "]}";
}

}  // namespace

// Pins EX-43, TOP-8.
TEST_CASE("instruments are fetched at the start and told once") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kInstrument));
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kInstrument)).state ==
        SubscriptionState::kPending);
  CHECK_FALSE(feed.feed->instruments_known());
  feed.feed->Start(feed.Now());
  REQUIRE(feed.sink.fetches.size() == 1);
  CHECK(feed.sink.fetches[0].kind == BinanceFetchKind::kInstruments);
  feed.feed->RefreshInstruments(feed.Now());
  CHECK(feed.sink.fetches.size() == 1);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING"), Spot("ETHUSDT", "BREAK")}));
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kInstrument)).state == SubscriptionState::kLive);
  CHECK(feed.feed->request_weight_per_minute() == 6000);
  REQUIRE(feed.sink.messages.size() == 2);
  const CloudEvent& event = feed.sink.messages[1].event();
  CHECK(feed.sink.messages[1].topic() == "act.exchange.binance.instrument.info");
  CHECK(event.type() == "com.virtufin.exchange.binance.instrument.updated");
  CHECK(event.subject() == "currency_pair/ETHUSDT");
  CHECK(event.ExtensionText("timesource") == "receive");
  CHECK(event.data_text() ==
        R"({"symbol":"ETHUSDT","status":"halted","base_asset":"BTC","quote_asset":"USDT",)"
        R"("kind":"spot","lot_size":"0.00001","tick_size":"0.01","min_qty":"0.001",)"
        R"("max_qty":"9000","min_notional":"5.0","venue_symbol":"ETHUSDT",)"
        R"("venue_status":"BREAK"})");
  feed.Brief();

  feed.Wait(299'999);
  CHECK(feed.sink.fetches.size() == 1);
  feed.Wait(1);
  REQUIRE(feed.sink.fetches.size() == 2);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING", "0.10"), Spot("ETHUSDT", "BREAK")}));
  const Lines lines = feed.Events();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(R"("tick_size":"0.10")") != std::string::npos);
}

// Pins EX-44.
TEST_CASE("a status is told at first sight and when it changes, with the venue's word") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kStatus, "BTCUSDT"));
  feed.feed->Start(feed.Now());
  feed.Answer(Info({Spot("BTCUSDT", "TRADING"), Spot("ETHUSDT", "TRADING")}));
  CHECK(feed.Events() ==
        Lines{R"(instrument.status.BTCUSDT {"state":"trading","reason":"TRADING"})"});
  feed.Wait(300'000);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING"), Spot("ETHUSDT", "HALT")}));
  CHECK(feed.Events().empty());
  feed.Wait(300'000);
  feed.Answer(Info({Spot("BTCUSDT", "NEW_WORD"), Spot("ETHUSDT", "HALT")}));
  CHECK(feed.Events() ==
        Lines{R"(instrument.status.BTCUSDT {"state":"unknown","reason":"NEW_WORD"})"});
  feed.Wait(300'000);
  feed.Answer(Info({Spot("ETHUSDT", "HALT")}));
  CHECK(feed.Events() ==
        Lines{R"(instrument.status.BTCUSDT {"state":"closed","reason":"no longer listed"})"});
  detail::MarketInstrument found;
  CHECK_FALSE(feed.feed->FindInstrument("BTCUSDT", found));
  CHECK(feed.feed->FindInstrument("ETHUSDT", found));
  CHECK(found.state == "halted");
  CHECK(found.venue_status == "HALT");
  feed.Subscribe(Request(FeedChannel::kStatus));
  CHECK(feed.Brief() == Lines{"instrument.status.BTCUSDT", "instrument.status.ETHUSDT"});
  feed.feed->Unsubscribe(Request(FeedChannel::kStatus));
  feed.feed->Unsubscribe(Request(FeedChannel::kStatus, "BTCUSDT"));
  feed.Wait(300'000);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING")}));
  CHECK(feed.Brief().empty());
}

// Pins EX-44.
TEST_CASE("the venues' words for a status become one of five") {
  const auto spot = [](std::string_view word) {
    return detail::InstrumentState(BinanceMarket::kSpot, word);
  };
  CHECK(spot("TRADING") == "trading");
  CHECK(spot("HALT") == "halted");
  CHECK(spot("BREAK") == "halted");
  CHECK(spot("AUCTION_MATCH") == "auction");
  for (const auto word : {"PRE_TRADING", "POST_TRADING", "END_OF_DAY"})
    CHECK(spot(word) == "closed");
  CHECK(spot("") == "unknown");
  const auto usdm = [](std::string_view word) {
    return detail::InstrumentState(BinanceMarket::kUsdm, word);
  };
  CHECK(usdm("TRADING") == "trading");
  for (const auto word : {"PENDING_TRADING", "DELIVERED", "CLOSE"}) CHECK(usdm(word) == "closed");
  for (const auto word : {"PRE_DELIVERING", "DELIVERING", "PRE_SETTLE", "SETTLING"}) {
    CHECK(usdm(word) == "halted");
  }
  CHECK(usdm("HALT") == "unknown");
}

// Pins EX-43.
TEST_CASE("USD-M instruments tell kind, settlement and expiry") {
  MarketFixture feed({}, BinanceMarket::kUsdm);
  feed.Subscribe(Request(FeedChannel::kInstrument));
  feed.feed->Start(feed.Now());
  const auto contract = [](std::string_view symbol, std::string_view type, std::string_view date) {
    return R"({"symbol":")" + std::string(symbol) + R"(","contractType":")" + std::string(type) +
           R"(","deliveryDate":)" + std::string(date) +
           R"(,"status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDC",)"
           R"("filters":[{"stepSize":"0.001","filterType":"LOT_SIZE","maxQty":"1000","minQty":)"
           R"("0.002"},{"notional":"100","filterType":"MIN_NOTIONAL"}]})";
  };
  feed.Answer(Info({contract("BTCUSDT", "PERPETUAL", "4133404800000"),
                    contract("BTCUSDT_261225", "CURRENT_QUARTER", "1798185600000"),
                    contract("TSLAUSDT", "TRADIFI_PERPETUAL", "4133404800000")}));
  REQUIRE(feed.sink.messages.size() == 3);
  const auto data = [&](std::size_t i) {
    return nlohmann::json::parse(feed.sink.messages[i].event().data_text());
  };
  CHECK(data(0).at("kind") == "perpetual");
  CHECK_FALSE(data(0).contains("expiry"));
  CHECK(data(0).at("settle_asset") == "USDC");
  CHECK(data(0).at("lot_size") == "0.001");
  CHECK(data(0).at("min_notional") == "100");
  CHECK_FALSE(data(0).contains("tick_size"));
  CHECK(data(1).at("kind") == "future");
  CHECK(data(1).at("expiry") == "2026-12-25T08:00:00.000Z");
  CHECK(data(2).at("kind") == "perpetual");
}

// Pins EX-43.
TEST_CASE("a failed exchangeInfo is asked for again and never empties the list") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kStatus, "BTCUSDT"));
  feed.feed->Start(feed.Now());
  feed.Fail();
  CHECK(feed.feed->StatusOf(Request(FeedChannel::kStatus, "BTCUSDT")).state ==
        SubscriptionState::kStale);
  feed.Wait(500);
  REQUIRE(feed.sink.fetches.size() == 2);
  feed.Answer(R"({"code":-1003,"msg":"Too much"})");
  feed.Wait(1'000);
  REQUIRE(feed.sink.fetches.size() == 3);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING")}));
  CHECK(feed.Brief() == Lines{"instrument.status.BTCUSDT"});
  feed.Wait(300'000);
  feed.Answer(Info({}));
  CHECK(feed.Brief().empty());
  detail::MarketInstrument found;
  CHECK(feed.feed->FindInstrument("BTCUSDT", found));
  CHECK(feed.feed->counters().fetches_failed == 3);
}

TEST_CASE("texts of the venue are escaped") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kInstrument));
  feed.feed->Start(feed.Now());
  feed.Answer(
      Info({R"({"symbol":"币\"\\\u0001X","status":"A\"B","baseAsset":"\n","quoteAsset":""})"}));
  REQUIRE(feed.sink.messages.size() == 1);
  const auto data = nlohmann::json::parse(feed.sink.messages[0].event().data_text());
  CHECK(data.at("symbol") == "币\"\\\x01X");
  CHECK(data.at("venue_status") == "A\"B");
  CHECK(data.at("base_asset") == "\n");
}

// Pins EX-43.
TEST_CASE("an instrument that is no longer listed is told as closed, and as new when it is back") {
  MarketFixture feed;
  feed.Subscribe(Request(FeedChannel::kInstrument));
  feed.feed->Start(feed.Now());
  feed.Answer(Info({Spot("BTCUSDT", "TRADING"), Spot("ETHUSDT", "TRADING")}));
  feed.Brief();
  feed.Wait(300'000);
  feed.Answer(Info({Spot("ETHUSDT", "TRADING")}));
  Lines lines = feed.Events();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with(
      R"(instrument.info {"symbol":"BTCUSDT","status":"closed","base_asset":"BTC")"));
  feed.Wait(300'000);
  feed.Answer(Info({Spot("ETHUSDT", "TRADING")}));
  CHECK(feed.Events().empty());
  feed.Wait(300'000);
  feed.Answer(Info({Spot("BTCUSDT", "TRADING"), Spot("ETHUSDT", "TRADING")}));
  lines = feed.Events();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(R"("symbol":"BTCUSDT","status":"trading")") != std::string::npos);
}

TEST_CASE("limits beyond reason are cut") {
  MarketFixture feed;
  feed.feed->Start(feed.Now());
  feed.Answer(R"({"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"SECOND",)"
              R"("intervalNum":1,"limit":9223372036854775807}],"symbols":[]})");
  CHECK(feed.feed->request_weight_per_minute() == 1'000'000'000);
}
