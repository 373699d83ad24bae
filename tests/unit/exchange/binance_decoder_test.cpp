// BinanceDecoder: every kind of frame, both ways of reading, and frames that are no such thing.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "virtufin/exchange/binance.hpp"

using namespace virtufin;

namespace {

constexpr std::string_view kSpotDepth =
    R"({"stream":"nknusdt@depth@100ms","data":{"e":"depthUpdate","E":1633998512568,"s":"NKNUSDT",)"
    R"("U":499869753,"u":499869754,"b":[["0.35170000","4265.00000000"],["0.3516","0.00000000"]],)"
    R"("a":[["0.35290000","10968.00000000"]]}})";
constexpr std::string_view kUsdmDepth =
    R"({"stream":"akrousdt@depth@100ms","data":{"e":"depthUpdate","E":1626992741077,)"
    R"("T":1626992740974,"s":"AKROUSDT","U":600859599831,"u":600859599831,"pu":600859598737,)"
    R"("b":[],"a":[["0.01737","437848"]]}})";
constexpr std::string_view kSpotTicker =
    R"({"stream":"nknusdt@bookTicker","data":{"u":499869751,"s":"NKNUSDT","b":"0.35210000",)"
    R"("B":"672.00000000","a":"0.35280000","A":"5.00000000"}})";
constexpr std::string_view kUsdmTicker =
    R"({"stream":"sushiusdt@bookTicker","data":{"e":"bookTicker","u":600859600576,)"
    R"("s":"SUSHIUSDT","b":"7.6110","B":"2","a":"7.6120","A":"297","T":1626992741012,)"
    R"("E":1626992741017}})";

std::string Raw(std::string_view combined) {
  const auto at = combined.find("\"data\":") + 7;
  return std::string(combined.substr(at, combined.size() - at - 1));
}

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const auto at = out.find(what);
  REQUIRE(at != std::string::npos);
  return out.replace(at, what.size(), with);
}

std::string Text(std::span<const Level> levels) {
  std::string out;
  for (const Level& level : levels) {
    out += level.price.ToString() + "x" + level.quantity.ToString() + " ";
  }
  return out;
}

/// Everything a frame says, in one line.
std::string Show(const BinanceFrame& frame) {
  if (frame.kind == BinanceKind::kMalformed) return "malformed";
  std::string out(BinanceKindName(frame.kind));
  const auto add = [&](const auto& text) { out.append("|").append(text); };
  add(frame.stream);
  add(frame.event);
  add(frame.symbol);
  add(std::to_string(frame.time.unix_ns));
  add(std::to_string(static_cast<int>(frame.time.source)));
  add(std::to_string(frame.first_id));
  add(std::to_string(frame.last_id));
  add(std::to_string(frame.prev_id));
  add(frame.readable ? "readable" : "unreadable");
  add(frame.readable ? Text(frame.bids) : "");
  add(frame.readable ? Text(frame.asks) : "");
  add(frame.bids_json);
  add(frame.asks_json);
  for (const auto text : {frame.bid, frame.bid_qty, frame.ask, frame.ask_qty}) add(text);
  return out;
}

/// Read both ways; the answers must be the same.
const BinanceFrame& Decode(BinanceDecoder& decoder, std::string_view text) {
  CAPTURE(text);
  const std::string quick = Show(decoder.Decode(text));
  const BinanceFrame& frame = decoder.DecodeAnyShape(text);
  CHECK(quick == Show(frame));
  return frame;
}

std::string Error(BinanceDecoder& decoder, std::string_view text) {
  const BinanceFrame& frame = Decode(decoder, text);
  CAPTURE(text);
  CHECK(frame.kind == BinanceKind::kMalformed);
  return std::string(frame.error);
}

}  // namespace

TEST_CASE("a spot depth diff, combined and raw") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string& text : {std::string(kSpotDepth), Raw(kSpotDepth)}) {
    const BinanceFrame& frame = Decode(decoder, text);
    CHECK(frame.kind == BinanceKind::kDepth);
    CHECK(frame.symbol == "NKNUSDT");
    CHECK(frame.time.unix_ns == 1633998512568000000);
    CHECK(frame.time.source == TimeSource::kVenue);
    CHECK(frame.first_id == 499869753);
    CHECK(frame.last_id == 499869754);
    CHECK(frame.readable);
    CHECK(Text(frame.bids) == "0.35170000x4265.00000000 0.3516x0.00000000 ");
    CHECK(Text(frame.asks) == "0.35290000x10968.00000000 ");
    CHECK(frame.bids_json == R"([["0.35170000","4265.00000000"],["0.3516","0.00000000"]])");
    CHECK(frame.asks_json == R"([["0.35290000","10968.00000000"]])");
  }
}

// Pins EX-22.
TEST_CASE("a USD-M depth diff names its predecessor and the engine's time") {
  BinanceDecoder decoder(BinanceMarket::kUsdm);
  for (const std::string& text : {std::string(kUsdmDepth), Raw(kUsdmDepth)}) {
    const BinanceFrame& frame = Decode(decoder, text);
    CHECK(frame.kind == BinanceKind::kDepth);
    CHECK(frame.prev_id == 600859598737);
    CHECK(frame.time.unix_ns == 1626992740974000000);
    CHECK(frame.time.source == TimeSource::kEngine);
    CHECK(frame.bids.empty());
    CHECK(frame.bids_json == "[]");
  }
  CHECK(Error(decoder, kSpotDepth) == "a USD-M depth diff needs pu");
}

// Pins EX-22.
TEST_CASE("a bookTicker, on spot without type and time") {
  BinanceDecoder spot(BinanceMarket::kSpot);
  for (const std::string& text : {std::string(kSpotTicker), Raw(kSpotTicker)}) {
    const BinanceFrame& frame = Decode(spot, text);
    CHECK(frame.kind == BinanceKind::kBookTicker);
    CHECK(frame.symbol == "NKNUSDT");
    CHECK(frame.last_id == 499869751);
    CHECK(frame.bid == "0.35210000");
    CHECK(frame.bid_qty == "672.00000000");
    CHECK(frame.ask == "0.35280000");
    CHECK(frame.ask_qty == "5.00000000");
    CHECK(frame.time.source == TimeSource::kReceive);
  }
  BinanceDecoder usdm(BinanceMarket::kUsdm);
  const BinanceFrame& frame = Decode(usdm, kUsdmTicker);
  CHECK(frame.kind == BinanceKind::kBookTicker);
  CHECK(frame.time.unix_ns == 1626992741012000000);
  CHECK(frame.time.source == TimeSource::kEngine);
  CHECK(frame.ask_qty == "297");
}

// Pins EX-20.
TEST_CASE("fields may come in any order, with white space and with fields we do not know") {
  BinanceDecoder decoder(BinanceMarket::kUsdm);
  const BinanceFrame& frame = Decode(
      decoder, R"( {"data" : {"a":[ ["2" , "1"] ] , "b":[["1","1"]],"pu":4,"x":{"y":[1,{}]},"u":7,)"
               R"("st":2,"U":5,"s":"X","T":1626992740974,"E":1626992741077,"e":"depthUpdate",)"
               R"("ps":"X","z":null},"stream":"x@depth"} )");
  CHECK(frame.kind == BinanceKind::kDepth);
  CHECK(frame.stream == "x@depth");
  CHECK(frame.prev_id == 4);
  CHECK(frame.asks_json == R"([ ["2" , "1"] ])");
  CHECK(decoder.counters().unknown_fields == std::vector<std::string>{"depth.x", "depth.z"});
  Decode(decoder, Replaced(kUsdmTicker, R"("T":)", R"("x":1,"T":)"));
  CHECK(decoder.counters().unknown_fields.size() == 3);
  CHECK(decoder.counters().unknown_fields[2] == "bookTicker.x");
}

// Pins EX-22.
TEST_CASE("times are milliseconds or microseconds") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const auto at = [&](std::string_view time) {
    return Decode(decoder, Replaced(kSpotDepth, "1633998512568", time)).time.unix_ns;
  };
  CHECK(at("1633998512568123") == 1633998512568123000);
  CHECK(at("0") == 0);
  CHECK(Error(decoder, Replaced(kSpotDepth, "1633998512568", "9999999999999")) ==
        "a time is neither milliseconds nor microseconds");
  CHECK(Error(decoder, Replaced(kSpotDepth, "1633998512568", "1633998512568123456")) ==
        "a time is neither milliseconds nor microseconds");
}

TEST_CASE("a symbol may hold letters of any script, as text or escaped") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  CHECK(Decode(decoder, Replaced(kSpotTicker, "NKNUSDT", "币安人生USDT")).symbol == "币安人生USDT");
  CHECK(Decode(decoder, Replaced(kSpotTicker, "NKNUSDT", R"(\u5e01USDT)")).symbol == "币USDT");
}

// Pins EX-27.
TEST_CASE("a level that is no pair of decimals makes the diff unreadable, not malformed") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string_view level :
       {R"(["0.3517","x"])", R"(["","1"])", R"(["1e5","1"])", R"([0.3517,"1"])", R"(["0.3517"])",
        R"([])", R"("0.3517")", R"({"p":"1"})", R"(["0.3517","-1"])", R"(["\u0030","1"])",
        R"(["9223372036854775808","1"])", R"(["0.1234567890123456789","1"])", R"(null)"}) {
    CAPTURE(level);
    const std::string text =
        Replaced(kSpotDepth, R"(["0.35170000","4265.00000000"])", std::string(level));
    const BinanceFrame& frame = Decode(decoder, text);
    CHECK(frame.kind == BinanceKind::kDepth);
    CHECK_FALSE(frame.readable);
  }
}

TEST_CASE("a level with more than two elements is read, but not handed on as it is") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const BinanceFrame& frame = Decode(
      decoder, Replaced(kSpotDepth, R"("4265.00000000"])", R"("4265.00000000",[],{"n":1}])"));
  CHECK(frame.readable);
  CHECK(frame.bids.size() == 2);
  CHECK(frame.bids_json.empty());
  CHECK(frame.asks_json.empty());
}

// Pins EX-21.
TEST_CASE("every cut frame is malformed") {
  for (const auto market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    BinanceDecoder decoder(market);
    for (const auto text : {kSpotDepth, kUsdmDepth, kSpotTicker, kUsdmTicker}) {
      for (std::size_t length = 0; length < text.size(); ++length) {
        CHECK(Decode(decoder, text.substr(0, length)).kind == BinanceKind::kMalformed);
      }
    }
  }
}

// Pins EX-21.
TEST_CASE("what is no JSON is malformed, wherever it stands") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string& text : {std::string(kSpotDepth) + "}",
                                  std::string(kSpotDepth) + " x",
                                  Replaced(kSpotDepth, R"("s":)", R"("z":[1,2},"s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z":nope,"s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z":"\q","s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z":01,"s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z\q":1,"s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z":{"\q":1},"s":)"),
                                  Replaced(kSpotDepth, R"("s":)", R"("z":{"a"},"s":)"),
                                  Replaced(kSpotDepth, R"(,"s":)", R"( "s":)"),
                                  Replaced(kSpotDepth, R"("b":)", R"("b")"),
                                  Replaced(kSpotDepth, R"("],[")", R"("]["))"),
                                  Replaced(kSpotDepth, R"("4265)", std::string("\"42\x01")),
                                  Replaced(kSpotDepth, R"("4265)", R"("\4265)"),
                                  Replaced(kSpotDepth, R"(NKN)", "\xff\xfe"),
                                  std::string("null"),
                                  std::string("17"),
                                  std::string("[1,2"),
                                  std::string("{}x"),
                                  std::string("\"depthUpdate\""),
                                  std::string(200, '['),
                                  std::string("\0{}", 3)}) {
    CAPTURE(text);
    CHECK_FALSE(Error(decoder, text).empty());
  }
  CHECK(decoder.counters().of(BinanceKind::kMalformed) == 2 * 22);
}

// Pins EX-21.
TEST_CASE("a field that comes twice is malformed") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  CHECK(Error(decoder, Replaced(kSpotDepth, R"("U":)", R"("s":"OTHER","U":)")) ==
        "a field came twice");
  CHECK(Error(decoder, Replaced(kSpotDepth, R"("a":)", R"("bids":[],"a":)")) ==
        "a side of the book came twice");
}

// Pins EX-21.
TEST_CASE("ids that are no ids are malformed") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string_view id : {"-1", "1.5", "\"499869753\"", "99999999999999999999", "null",
                                    "4611686018427387905", "499869755"}) {
    CAPTURE(id);
    CHECK_FALSE(Error(decoder, Replaced(kSpotDepth, "499869753", id)).empty());
  }
  CHECK(Error(decoder, Replaced(kSpotDepth, "499869753", "499869755")) == "U is greater than u");
}

TEST_CASE("a price of a bookTicker that is no decimal is malformed, an empty one is absent") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (const std::string_view price : {"x", "1e5", "0.", ".5", "1.2.3", " 1", "-"}) {
    CAPTURE(price);
    CHECK_FALSE(Error(decoder, Replaced(kSpotTicker, "0.35210000", price)).empty());
  }
  const std::string without_bid = Replaced(kSpotTicker, "0.35210000", "");
  CHECK(Decode(decoder, without_bid).bid.empty());
  const std::string long_price(60, '9');
  const std::string huge = Replaced(kSpotTicker, "0.35210000", long_price);
  CHECK(Decode(decoder, huge).bid == long_price);
  CHECK_FALSE(Error(decoder, Replaced(kSpotTicker, R"("0.35210000")", "0.3521")).empty());
}

TEST_CASE("messages are counted by their kind") {
  const std::vector<std::pair<BinanceKind, std::string_view>> frames = {
      {BinanceKind::kAggTrade,
       R"({"stream":"x@aggTrade","data":{"e":"aggTrade","E":1,"s":"X","a":5,"p":"1","q":"2","f":3,)"
       R"("l":4,"T":1,"m":false,"M":true}})"},
      {BinanceKind::kTrade,
       R"({"e":"trade","E":1,"s":"X","t":1,"p":"1","q":"1","b":8,"a":5,"T":1,"m":true,"M":true})"},
      {BinanceKind::kKline,
       R"({"e":"kline","E":1,"s":"X","k":{"t":1,"T":2,"i":"1m","o":"1","h":"1","l":"1","c":"1",)"
       R"("v":"1","q":"1","V":"1","Q":"1","n":1,"x":false,"B":"0"}})"},
      {BinanceKind::kTicker,
       R"({"e":"24hrTicker","E":1,"s":"X","p":"1","P":"1","c":"1","Q":"1","b":"1","B":"1","a":"1",)"
       R"("A":"1","o":"1","h":"1","l":"1","v":"1","q":"1","n":5})"},
      {BinanceKind::kMiniTicker,
       R"({"e":"24hrMiniTicker","E":1,"s":"X","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"})"},
      {BinanceKind::kMiniTicker,
       R"({"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","s":"X"},{"e":"other"}]})"},
      {BinanceKind::kMiniTicker, R"([{"x":[1],"e":"24hrMiniTicker","s":"X"}])"},
      {BinanceKind::kMarkPrice, R"({"e":"markPriceUpdate","E":1,"s":"X","p":"1","r":"","T":0})"},
      {BinanceKind::kForceOrder, R"({"e":"forceOrder","E":1,"o":{"s":"X","S":"SELL","T":1}})"},
      {BinanceKind::kPartialDepth, R"({"lastUpdateId":5,"bids":[["1","1"]],"asks":[]})"},
      {BinanceKind::kPartialDepth,
       R"({"stream":"x@depth5@100ms","data":{"e":"depthUpdate","E":1,"T":1,"s":"X","U":1,"u":2,)"
       R"("pu":0,"b":[],"a":[]}})"},
      {BinanceKind::kOtherKnown, R"({"e":"contractInfo","E":1,"s":"X"})"},
      {BinanceKind::kAck, R"({"result":null,"id":1})"},
      {BinanceKind::kAck, R"({"result":["x@depth"],"id":"abc"})"},
      {BinanceKind::kError, R"({"code":2,"msg":"no","id":1})"},
      {BinanceKind::kError, R"({"error":{"code":2,"msg":"no"},"id":1})"},
      {BinanceKind::kServerShutdown, R"({"e":"serverShutdown","E":1770123456789})"},
  };
  for (const auto market : {BinanceMarket::kSpot, BinanceMarket::kUsdm}) {
    BinanceDecoder decoder(market);
    for (const auto& frame : frames) {
      const auto& kind = frame.first;
      const auto& text = frame.second;
      CAPTURE(text);
      const auto before = decoder.counters().of(kind);
      CHECK(Decode(decoder, text).kind == kind);
      CHECK(decoder.counters().of(kind) == before + 2);
    }
    CHECK(decoder.counters().of(BinanceKind::kMalformed) == 0);
    CHECK(decoder.counters().unknown_messages.empty());
  }
}

// Pins EX-20.
TEST_CASE("messages we do not know are counted, each type is listed once") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  for (int i = 0; i < 3; ++i) {
    CHECK(Decode(decoder, R"({"e":"newThing","u":"x","b":[[1]]})").kind == BinanceKind::kUnknown);
  }
  CHECK(Decode(decoder, R"({"colour":1})").kind == BinanceKind::kUnknown);
  CHECK(Decode(decoder, "[]").kind == BinanceKind::kUnknown);
  CHECK(decoder.counters().of(BinanceKind::kUnknown) == 10);
  CHECK(decoder.counters().unknown_messages ==
        std::vector<std::string>{"newThing", "without e, with colour", "without e"});
  for (std::size_t i = 0; i < BinanceCounters::kMaxListed; ++i) {
    decoder.Decode(R"({"e":"t)" + std::to_string(i) + "\"}");
  }
  CHECK(decoder.counters().unknown_messages.size() == BinanceCounters::kMaxListed);
  CHECK(decoder.counters().unlisted == 3);
}

TEST_CASE("depth snapshots of spot and USD-M") {
  BinanceDecoder decoder(BinanceMarket::kUsdm);
  const auto spot = decoder.DecodeSnapshot(
      R"({"lastUpdateId":7,"bids":[["1.0","2"],["0.9","1"]],"asks":[["1.1","3"]]})");
  REQUIRE(spot.ok());
  CHECK(spot->last_id == 7);
  CHECK(spot->time.source == TimeSource::kReceive);
  CHECK(Text(spot->bids) == "1.0x2 0.9x1 ");
  CHECK(Text(spot->asks) == "1.1x3 ");
  const auto usdm = decoder.DecodeSnapshot(
      R"({"lastUpdateId":9,"E":1626992741264,"T":1626992741261,"bids":[],"asks":[]})");
  REQUIRE(usdm.ok());
  CHECK(usdm->time.unix_ns == 1626992741261000000);
  CHECK(usdm->time.source == TimeSource::kEngine);
}

TEST_CASE("an answer that is no depth snapshot is an error that says why") {
  BinanceDecoder decoder(BinanceMarket::kSpot);
  const auto status = [&](std::string_view body) { return decoder.DecodeSnapshot(body).status(); };
  CHECK(status(R"({"code":-1121,"msg":"Invalid symbol."})").code() == StatusCode::kUnavailable);
  CHECK(status(R"({"code":-1121,"msg":"Invalid symbol."})").message() ==
        "the venue answered: Invalid symbol.");
  CHECK(status("<html>").code() == StatusCode::kInvalidArgument);
  CHECK(status("").code() == StatusCode::kInvalidArgument);
  CHECK(status(R"({"lastUpdateId":7,"bids":[]})").message() ==
        "depth snapshot: expected lastUpdateId, bids and asks");
  CHECK(status(R"({"lastUpdateId":7,"bids":[["1","x"]],"asks":[]})").message() ==
        "depth snapshot: a level does not parse");
  const std::string whole = R"({"lastUpdateId":7,"bids":[["1.0","2"]],"asks":[["1.1","3"]]})";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK_FALSE(status(whole.substr(0, length)).ok());
  }
}
