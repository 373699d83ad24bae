// BinanceDecoder: trades, candles, tickers, marks and answers, field by field.
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/exchange/binance.hpp"

using namespace virtufin;

namespace {

constexpr std::string_view kSpotAggTrade =
    R"({"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"NKNUSDT",)"
    R"("a":15683430,"p":"0.35280000","q":"58.00000000","f":19862790,"l":19862791,)"
    R"("T":1633998523962,"m":false,"M":true}})";
constexpr std::string_view kUsdmAggTrade =
    R"({"e":"aggTrade","E":1626992741575,"a":16599292,"s":"CTKUSDT","p":"1.01100","q":"10",)"
    R"("nq":"9","f":23961322,"l":23961322,"T":1626992741421,"m":true,"st":1})";
constexpr std::string_view kKline =
    R"({"stream":"nknusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"NKNUSDT","k":{)"
    R"("t":1633998480000,"T":1633998539999,"s":"NKNUSDT","i":"1m","f":19862761,"L":19862790,)"
    R"("o":"0.35270000","c":"0.35280000","h":"0.35290000","l":"0.35220000","v":"25877.00000000",)"
    R"("n":30,"x":true,"q":"9116.04600000","V":"58.00000000","Q":"20.46240000","B":"0"}}})";
constexpr std::string_view kTicker =
    R"({"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"-0.0015","P":"-25.50","w":"0.0018",)"
    R"("x":"0.0009","c":"0.0025","Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100",)"
    R"("o":"0.0010","h":"0.0026","l":"0.0010","v":"10000","q":"18","O":1672429382136,)"
    R"("C":1672515782136,"F":0,"L":18150,"n":18151})";
constexpr std::string_view kMini =
    R"({"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010",)"
    R"("h":"0.0026","l":"0.0009","v":"10000","q":"18"})";
constexpr std::string_view kMark =
    R"({"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000",)"
    R"("ap":"11790.1","i":"11784.62659091","P":"11784.25641265","r":"0.00038167",)"
    R"("T":1562306400000})";

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const auto at = out.find(what);
  REQUIRE(at != std::string::npos);
  return out.replace(at, what.size(), with);
}

std::string Error(BinanceDecoder& decoder, std::string_view text) {
  const BinanceFrame& frame = decoder.Decode(text);
  CAPTURE(text);
  CHECK(frame.kind == BinanceKind::kMalformed);
  return std::string(frame.error);
}

/// Each field, as the message says it, missing or of another type: refused with a reason.
void CheckNeeds(std::string_view text, std::initializer_list<std::string_view> fields) {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const auto field : fields) {
    const std::string key = "\"" + std::string(field) + "\":";
    CAPTURE(text);
    CAPTURE(key);
    CHECK_FALSE(Error(decoder, Replaced(text, key, "\"zz\":")).empty());
    CHECK_FALSE(Error(decoder, Replaced(text, key, key + "[],\"zz\":")).empty());
  }
}

}  // namespace

TEST_CASE("aggTrades of both markets") {
  BinanceDecoder spot(BinanceMarket::kSpot);
  const BinanceFrame& frame = spot.Decode(kSpotAggTrade);
  REQUIRE(frame.kind == BinanceKind::kAggTrade);
  CHECK(frame.symbol == "NKNUSDT");
  CHECK(frame.time.unix_ns == 1633998523962000000);
  CHECK(frame.time.source == TimeSource::kEngine);
  CHECK(frame.trade.unix_ns == 1633998523962000000);
  CHECK(frame.trade.id == 15683430);
  CHECK(frame.trade.first_id == 19862790);
  CHECK(frame.trade.last_id == 19862791);
  CHECK(frame.trade.price == "0.35280000");
  CHECK(frame.trade.quantity == "58.00000000");
  CHECK_FALSE(frame.trade.buyer_is_maker);
  CHECK(frame.trade.condition.empty());

  BinanceDecoder usdm(BinanceMarket::kUsdm);
  CHECK(usdm.Decode(kUsdmAggTrade).kind == BinanceKind::kAggTrade);
  CHECK(usdm.Decode(kUsdmAggTrade).trade.buyer_is_maker);
  CHECK(usdm.Decode(kUsdmAggTrade).trade.quantity == "10");
  CHECK(usdm.counters().unknown_fields.empty());
  CheckNeeds(kSpotAggTrade, {"s", "a", "p", "q", "f", "l", "T", "m"});
}

TEST_CASE("single trades of both markets, with and without order ids") {
  constexpr std::string_view kTrade =
      R"({"e":"trade","E":1633998523963,"s":"BNBBTC","t":12345,"p":"0.001","q":"100",)"
      R"("T":1633998523961234,"m":true,"M":true})";
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const BinanceFrame& frame = decoder.Decode(kTrade);
  REQUIRE(frame.kind == BinanceKind::kTrade);
  CHECK(frame.trade.id == 12345);
  CHECK(frame.trade.first_id == -1);
  CHECK(frame.trade.last_id == -1);
  CHECK(frame.trade.unix_ns == 1633998523961234000);
  CHECK(frame.trade.buyer_is_maker);
  CHECK(decoder.Decode(Replaced(kTrade, R"("T")", R"("b":88,"a":50,"T")")).trade.id == 12345);
  CHECK(decoder.Decode(Replaced(kTrade, R"("m")", R"("X":"INSURANCE_FUND","m")")).trade.condition ==
        "INSURANCE_FUND");
  CHECK(decoder.Decode(kTrade).trade.condition.empty());
  CHECK(decoder.counters().unknown_fields.empty());
  CheckNeeds(kTrade, {"s", "t", "p", "q", "T", "m"});
}

TEST_CASE("candles, whose stream may name another time zone") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const BinanceCandle candle = decoder.Decode(kKline).candle;
  REQUIRE(decoder.Decode(kKline).kind == BinanceKind::kKline);
  CHECK(decoder.Decode(kKline).symbol == "NKNUSDT");
  CHECK(decoder.Decode(kKline).time.unix_ns == 1633998523963000000);
  CHECK(decoder.Decode(kKline).time.source == TimeSource::kVenue);
  CHECK(candle.open_ns == 1633998480000000000);
  CHECK(candle.close_ns == 1633998539999000000);
  CHECK(decoder.Decode(kKline).candle.interval == "1m");
  CHECK(decoder.Decode(kKline).candle.open == "0.35270000");
  CHECK(decoder.Decode(kKline).candle.close == "0.35280000");
  CHECK(decoder.Decode(kKline).candle.high == "0.35290000");
  CHECK(decoder.Decode(kKline).candle.low == "0.35220000");
  CHECK(decoder.Decode(kKline).candle.volume == "25877.00000000");
  CHECK(decoder.Decode(kKline).candle.quote_volume == "9116.04600000");
  CHECK(decoder.Decode(kKline).candle.taker_volume == "58.00000000");
  CHECK(decoder.Decode(kKline).candle.taker_quote_volume == "20.46240000");
  CHECK(candle.trades == 30);
  CHECK(candle.first_trade_id == 19862761);
  CHECK(candle.last_trade_id == 19862790);
  CHECK(candle.closed);
  const auto interval = [&](std::string_view stream) {
    return std::string(
        decoder.Decode(Replaced(kKline, "nknusdt@kline_1m", stream)).candle.interval);
  };
  CHECK(interval("nknusdt@kline_1m@+08:00") == "1m@+08:00");
  CHECK(interval("nknusdt@kline_1mo@+08:00") == "1m");
  CHECK(interval("other") == "1m");
  const std::string no_trades =
      Replaced(Replaced(kKline, R"("f":19862761,"L":19862790)", R"("f":-1,"L":-1)"), R"("n":30)",
               R"("n":0)");
  CHECK(decoder.Decode(no_trades).candle.first_trade_id == -1);
  CHECK(decoder.Decode(no_trades).kind == BinanceKind::kKline);
  CHECK(decoder.counters().unknown_fields.empty());
  CheckNeeds(kKline, {"k", "t", "T", "i", "o", "c", "h", "l", "v", "n", "x", "q", "V", "Q"});
  CHECK(Error(decoder, Replaced(kKline, R"("s":"NKNUSDT","k")", R"("k")")) == "a kline needs s");
  CHECK(Error(decoder, Replaced(kKline, "1633998539999", "1633998480000")) ==
        "a kline ends before it starts");
  CHECK(Error(decoder, Replaced(kKline, R"("B":"0")", R"("t":1)")) == "a field came twice");
}

TEST_CASE("tickers, whole and mini, one or an array of them") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const BinanceFrame& frame = decoder.Decode(kTicker);
  REQUIRE(frame.kind == BinanceKind::kTicker);
  REQUIRE(frame.tickers.size() == 1);
  const BinanceTicker& ticker = frame.tickers[0];
  CHECK_FALSE(ticker.mini);
  CHECK(ticker.symbol == "BNBBTC");
  CHECK(ticker.time.unix_ns == 1672515782136000000);
  CHECK(ticker.time.source == TimeSource::kVenue);
  CHECK(ticker.last == "0.0025");
  CHECK(ticker.last_quantity == "10");
  CHECK(ticker.change_percent == "-25.50");
  CHECK(ticker.open == "0.0010");
  CHECK(ticker.high == "0.0026");
  CHECK(ticker.volume == "10000");
  CHECK(ticker.quote_volume == "18");
  CHECK(ticker.trades == 18151);
  CheckNeeds(kTicker, {"s", "E", "c", "Q", "P", "o", "h", "l", "v", "q", "n"});
  CheckNeeds(kMini, {"s", "E", "c", "o", "h", "l", "v", "q"});

  REQUIRE(decoder.Decode(kMini).tickers.size() == 1);
  CHECK(decoder.Decode(kMini).tickers[0].mini);
  CHECK(decoder.Decode(kMini).tickers[0].low == "0.0009");
  CHECK(decoder.Decode(kMini).tickers[0].trades == -1);
  CHECK(decoder.Decode(kMini).tickers[0].change_percent.empty());

  const std::string other = Replaced(kMini, "BNBBTC", "ETHBTC");
  const std::string bad = Replaced(kMini, R"("c":"0.0025")", R"("c":"x")");
  const std::string array = "[" + std::string(kMini) + "," + bad + ",7," + other + "]";
  for (const std::string& text : {array, R"({"stream":"!miniTicker@arr","data":)" + array + "}"}) {
    const BinanceFrame& many = decoder.Decode(text);
    CHECK(many.kind == BinanceKind::kMiniTicker);
    REQUIRE(many.tickers.size() == 2);
    CHECK(many.tickers[0].symbol == "BNBBTC");
    CHECK(many.tickers[1].symbol == "ETHBTC");
  }
  CHECK(decoder.counters().bad_elements == 2);
  CHECK(decoder.counters().unknown_fields.empty());
}

TEST_CASE("mark prices, dated contracts without funding, and arrays") {
  BinanceDecoder decoder(BinanceMarket::kUsdm);
  const BinanceFrame& frame = decoder.Decode(kMark);
  REQUIRE(frame.kind == BinanceKind::kMarkPrice);
  REQUIRE(frame.marks.size() == 1);
  const BinanceMark& mark = frame.marks[0];
  CHECK(mark.symbol == "BTCUSDT");
  CHECK(mark.time.unix_ns == 1562305380000000000);
  CHECK(mark.mark == "11794.15000000");
  CHECK(mark.index == "11784.62659091");
  CHECK(mark.settle == "11784.25641265");
  CHECK(mark.funding_rate == "0.00038167");
  CHECK(mark.next_funding_ns == 1562306400000000000);
  CHECK(decoder.counters().unknown_fields.empty());

  const std::string dated = Replaced(Replaced(kMark, R"("r":"0.00038167")", R"("r":"")"),
                                     R"("T":1562306400000)", R"("T":0)");
  CHECK(decoder.Decode(dated).marks[0].funding_rate.empty());
  CHECK(decoder.Decode(dated).marks[0].next_funding_ns == 0);
  const std::string negative = Replaced(kMark, "0.00038167", "-0.00038167");
  CHECK(decoder.Decode(negative).marks[0].funding_rate == "-0.00038167");

  CHECK(decoder.Decode("[" + std::string(kMark) + "," + dated + "]").marks.size() == 2);
  CHECK(decoder.Decode("[]").marks.empty());
  CheckNeeds(kMark, {"s", "E", "p"});
  for (const std::string_view field :
       {R"("i":"11784.62659091")", R"("P":"11784.25641265")", R"("r":"0.00038167")"}) {
    const std::string key(field.substr(0, 4));
    CHECK_FALSE(Error(decoder, Replaced(kMark, field, key + "\"x\"")).empty());
    CHECK_FALSE(Error(decoder, Replaced(kMark, field, key + "1.5")).empty());
  }
}

TEST_CASE("the parts of one frame do not stay in the next") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  decoder.Decode(kSpotAggTrade);
  decoder.Decode(kTicker);
  decoder.Decode(R"({"error":{"code":2,"msg":"no"},"id":1})");
  const BinanceFrame& frame = decoder.Decode(R"({"u":1,"s":"X","b":"1","B":"1","a":"1","A":"1"})");
  CHECK(frame.kind == BinanceKind::kBookTicker);
  CHECK(frame.trade.price.empty());
  CHECK(frame.tickers.empty());
  CHECK(frame.control.code == 0);
  CHECK(frame.control.message.empty());
}

TEST_CASE("answers to control messages, with each form of id") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const auto control = [&](std::string_view text) {
    CHECK(decoder.Decode(text).kind == BinanceKind::kAck);
    return decoder.Decode(text).control;
  };
  CHECK(control(R"({"result":null,"id":-7})").id == BinanceControl::Id::kNumber);
  CHECK(control(R"({"result":null,"id":-7})").id_number == -7);
  CHECK(control(R"({"result":null,"id":1})").result == "null");
  CHECK(control(R"({"result":null,"id":"ab-1"})").id == BinanceControl::Id::kText);
  CHECK(control(R"({"result":null,"id":"ab-1"})").id_text == "ab-1");
  CHECK(control(R"({"id":null,"result":true})").id == BinanceControl::Id::kNull);
  CHECK(control(R"({"id":null,"result" : true })").result == "true");
  CHECK(control(R"({"result":[]})").id == BinanceControl::Id::kNone);
  CHECK(control(R"({"result": ["a@b", "c@d"] ,"id":3})").result == R"(["a@b", "c@d"])");
  CHECK(control(R"({"id":3,"result":{"x":[1]}})").result == R"({"x":[1]})");
}

TEST_CASE("complaints of the venue, in both shapes") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string_view text : {R"({"code":2,"msg":"Invalid request","id":9})",
                                      R"({"error":{"code":2,"msg":"Invalid request"},"id":9})",
                                      R"({"id":9,"error":{"msg":"Invalid request","code":2}})"}) {
    CAPTURE(text);
    const BinanceFrame& frame = decoder.Decode(text);
    CHECK(frame.kind == BinanceKind::kError);
    CHECK(frame.control.code == 2);
    CHECK(frame.control.message == "Invalid request");
    CHECK(frame.control.id_number == 9);
  }
  CHECK(decoder.Decode(R"({"code":-1003,"msg":"Too many"})").control.code == -1003);
  CHECK(decoder.Decode(R"({"error":"odd","id":9})").kind == BinanceKind::kError);
  CHECK(decoder.Decode(R"({"error":"odd","id":9})").control.id_number == 9);
}

TEST_CASE("an announced end comes bare or combined, with its time") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string_view text :
       {R"({"e":"serverShutdown","E":1770123456789})",
        R"({"stream":"","data":{"e":"serverShutdown","E":1770123456789}})"}) {
    CHECK(decoder.Decode(text).kind == BinanceKind::kServerShutdown);
    CHECK(decoder.Decode(text).time.unix_ns == 1770123456789000000);
  }
  const BinanceFrame& order = decoder.Decode(
      R"({"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","q":"0.014"}})");
  CHECK(order.kind == BinanceKind::kForceOrder);
}

// Pins EX-20.
TEST_CASE("fields we do not know are listed once by message and name") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (int i = 0; i < 3; ++i) {
    decoder.Decode(Replaced(kSpotAggTrade, R"("M":true)", R"("M":true,"Z":{"y":1},"new":2)"));
    decoder.Decode(Replaced(kKline, R"("B":"0")", R"("B":"0","Y":3)"));
    decoder.Decode("[" + Replaced(kMark, R"("i":)", R"("W":[],"i":)") + "]");
  }
  CHECK(decoder.counters().unknown_fields ==
        std::vector<std::string>{"aggTrade.Z", "aggTrade.new", "kline.k.Y", "markPrice.W"});
}

// Pins EX-21.
TEST_CASE("every cut market message is malformed") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const auto text : {kSpotAggTrade, kUsdmAggTrade, kKline, kTicker, kMini, kMark}) {
    for (std::size_t length = 0; length < text.size(); ++length) {
      CHECK(decoder.Decode(text.substr(0, length)).kind == BinanceKind::kMalformed);
    }
  }
}
