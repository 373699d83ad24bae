// BinanceRestReader: lists of trades and candles, exchangeInfo, and answers that are no such thing.
#include <doctest/doctest.h>

#include <string>

#include "exchange/binance/rest.hpp"
#include "exchange/recording/line_reader.hpp"
#include "support/shared_data.hpp"

using namespace virtufin;
using detail::BinanceRestReader;

namespace {

constexpr std::string_view kTrades =
    R"([{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27782,"T":1498793709153,)"
    R"("m":true,"M":true},{"a":26130,"p":"0.0163","q":"1","f":27783,"l":27783,)"
    R"("T":1498793709154,"m":false,"M":true}])";
constexpr std::string_view kCandles =
    R"([[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",)"
    R"(1499644799999,"2434.19055334",308,"1756.87402397","28.46694368","0"]])";

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const auto at = out.find(what);
  REQUIRE(at != std::string::npos);
  return out.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("a list of aggregate trades") {
  BinanceRestReader reader;
  const auto trades = reader.Trades(kTrades);
  REQUIRE(trades.ok());
  REQUIRE(trades->size() == 2);
  CHECK((*trades)[0].id == 26129);
  CHECK((*trades)[0].price == "0.01633102");
  CHECK((*trades)[0].quantity == "4.70443515");
  CHECK((*trades)[0].last_id == 27782);
  CHECK((*trades)[0].unix_ns == 1498793709153000000);
  CHECK((*trades)[0].buyer_is_maker);
  CHECK((*trades)[1].id == 26130);
  CHECK(reader.Trades("[]")->empty());
  CHECK(reader.Trades(" [ ] ")->empty());
}

TEST_CASE("a list of candles") {
  BinanceRestReader reader;
  const auto candles = reader.Candles(kCandles, "1w");
  REQUIRE(candles.ok());
  REQUIRE(candles->size() == 1);
  const BinanceCandle& candle = (*candles)[0];
  CHECK(candle.interval == "1w");
  CHECK(candle.open_ns == 1499040000000000000);
  CHECK(candle.close_ns == 1499644799999000000);
  CHECK(candle.open == "0.01634790");
  CHECK(candle.high == "0.80000000");
  CHECK(candle.low == "0.01575800");
  CHECK(candle.close == "0.01577100");
  CHECK(candle.volume == "148976.11427815");
  CHECK(candle.quote_volume == "2434.19055334");
  CHECK(candle.trades == 308);
  CHECK(candle.taker_volume == "1756.87402397");
  CHECK(candle.taker_quote_volume == "28.46694368");
}

TEST_CASE("what is no such list is refused with the reason") {
  BinanceRestReader reader;
  const auto trades = [&](std::string_view body) { return reader.Trades(body).status(); };
  const auto candles = [&](std::string_view body) { return reader.Candles(body, "1m").status(); };
  CHECK(trades(R"({"code":-1121,"msg":"Invalid symbol."})").code() == StatusCode::kUnavailable);
  CHECK(candles(R"({"code":-1121,"msg":"Invalid symbol."})").message() ==
        "the venue answered: Invalid symbol. (code -1121)");
  CHECK(trades("{}").message() == "trades: expected an array, found an object");
  CHECK(trades("7").message() == "trades: expected an array");
  CHECK(trades("").code() == StatusCode::kInvalidArgument);
  CHECK(trades(R"([7])").message() == "trades: element 1 lacks a field, or one has the wrong type");
  CHECK(trades(Replaced(kTrades, R"("T":1498793709154)", R"("T":"x")")).message() ==
        "trades: element 2 lacks a field, or one has the wrong type");
  CHECK_FALSE(trades(Replaced(kTrades, R"("M":true)", R"("a":1)")).ok());
  CHECK_FALSE(trades(std::string(kTrades) + "]").ok());
  for (const std::string_view cell :
       {"1499040000000", R"("0.01634790")", "308", R"("28.46694368")", "1499644799999"}) {
    CHECK_FALSE(candles(Replaced(kCandles, cell, "null")).ok());
    CHECK_FALSE(candles(Replaced(kCandles, cell, "[]")).ok());
  }
  CHECK_FALSE(candles("[[1,2]]").ok());
  for (const auto whole : {kTrades, kCandles}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CHECK_FALSE(trades(whole.substr(0, length)).ok());
      CHECK_FALSE(candles(whole.substr(0, length)).ok());
    }
  }
}

TEST_CASE("bodies and lists are bounded") {
  BinanceRestReader reader;
  std::string list = "[";
  for (std::size_t i = 0; i <= detail::kMaxBinanceListed; ++i) list += i == 0 ? "{}" : ",{}";
  CHECK(reader.Trades(list + "]").status().code() == StatusCode::kResourceExhausted);
  const std::string long_body(detail::kMaxBinanceBodyBytes + 1, ' ');
  CHECK(reader.Instruments(long_body).status().code() == StatusCode::kResourceExhausted);
}

TEST_CASE("exchangeInfo: odd symbols are skipped, odd filters left out") {
  BinanceRestReader reader;
  const auto info = reader.Instruments(
      R"({"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,)"
      R"("limit":2400}],"symbols":[7,{"status":"TRADING"},{"symbol":"A","status":"TRADING",)"
      R"("filters":[1,{"filterType":"PRICE_FILTER","tickSize":"1e-5"},{"filterType":"LOT_SIZE",)"
      R"("stepSize":0.1,"minQty":"0.1"}],"deliveryDate":"x"}],"new":{"a":[]}})");
  REQUIRE(info.ok());
  REQUIRE(info->instruments.size() == 1);
  CHECK(info->skipped == 1);
  CHECK(info->instruments[0].symbol == "A");
  CHECK(info->instruments[0].tick_size.empty());
  CHECK(info->instruments[0].step_size.empty());
  CHECK(info->instruments[0].min_qty == "0.1");
  CHECK(info->instruments[0].delivery_ns == 0);
  REQUIRE(info->limits.size() == 1);
  CHECK(info->limits[0].type == "REQUEST_WEIGHT");
  CHECK(info->limits[0].limit == 2400);
}

TEST_CASE("an answer that is no exchangeInfo is an error that says why") {
  BinanceRestReader reader;
  const auto status = [&](std::string_view body) { return reader.Instruments(body).status(); };
  CHECK(status(R"({"code":-1003,"msg":"Way too much"})").message() ==
        "the venue answered: Way too much (code -1003)");
  CHECK(status("{}").message() == "exchangeInfo: expected symbols, found none");
  CHECK(status("[]").message() == "exchangeInfo: expected an object");
  const std::string whole = R"({"symbols":[{"symbol":"A","status":"T","filters":[{}]}]})";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(status(whole.substr(0, length)).ok());
  }
}

TEST_CASE("the recorded exchangeInfo of both markets") {
  struct Expected {
    std::string file, symbol, tick, step, notional;
    std::int64_t weight;
  };
  for (const Expected& expected :
       {Expected{"binance/binance.0", "NKNUSDT", "0.00010000", "1.00000000", "10.00000000", 1200},
        Expected{"binance/binance_futures.0", "SUSHIUSDT", "0.0010", "1", "5", 2400}}) {
    const std::string path = test::SharedData(expected.file);
    if (path.empty()) return;
    detail::Problems problems;
    auto recording = detail::LineReader::Open(path, problems).value();
    detail::RecordedLine line;
    REQUIRE(recording.Next(line));
    BinanceRestReader reader;
    const auto info = reader.Instruments(line.body);
    REQUIRE(info.ok());
    CHECK(info->skipped == 0);
    CHECK(info->limits[0].limit == expected.weight);
    bool found = false;
    for (const auto& instrument : info->instruments) {
      CHECK_FALSE(instrument.base_asset.empty());
      CHECK_FALSE(instrument.tick_size.empty());
      CHECK_FALSE(instrument.step_size.empty());
      if (instrument.symbol != expected.symbol) continue;
      found = true;
      CHECK(instrument.tick_size == expected.tick);
      CHECK(instrument.step_size == expected.step);
      CHECK(instrument.min_notional == expected.notional);
    }
    CHECK(found);
  }
}
