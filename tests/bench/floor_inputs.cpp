// The floors' inputs. Frozen.
#include "bench/floors.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace floors {

namespace {

#define FLOOR_PADDING                                                  \
  "                                                                  " \
  "                                                                  "

template <std::size_t N>
constexpr std::string_view Unpadded(const char (&text)[N]) {
  return {text, N - sizeof(FLOOR_PADDING)};
}

constexpr char kBookTicker[] =
    R"({"stream":"abcusdt@bookTicker","data":{"u":499860001,"s":"ABCUSDT","b":"0.41210000",)"
    R"("B":"612.00000000","a":"0.41250000","A":"1123.00000000"}})" FLOOR_PADDING;
constexpr char kSpotDepth[] =
    R"({"stream":"abcusdt@depth@100ms","data":{"e":"depthUpdate","E":1633990012868,)"
    R"("s":"ABCUSDT","U":499860008,"u":499860009,"b":[["2841.92000000","119253.00000000"],)"
    R"(["2841.81000000","1299650.00000000"]],"a":[]}})" FLOOR_PADDING;
constexpr char kFuturesDepth[] =
    R"({"stream":"abcdusdt@depth@100ms","data":{"e":"depthUpdate","E":1626990002448,)"
    R"("T":1626990002409,"s":"ABCDUSDT","U":600850005421,"u":600850006824,"pu":600850004403,)"
    R"("b":[["0.02727","1271644"],["0.02728","633891"],["0.02729","5"]],)"
    R"("a":[["0.02732","74607"],["0.02736","943"],["0.02737","357242"],["0.02739","54"],)"
    R"(["0.02768","5"]]}})" FLOOR_PADDING;

constexpr char kEventJson[] =
    R"({"specversion":"1.0","id":"7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342",)"
    R"("source":"urn:com.virtufin:exchange:binance",)"
    R"("type":"com.virtufin.exchange.binance.quote.updated",)"
    R"("subject":"currency_pair/ABCUSDT","time":"2026-03-04T05:06:07.089Z",)"
    R"("datacontenttype":"application/json","exchange":"binance","sequence":"48151",)"
    R"("data":{"bid":"0.41210000","bid_qty":"612.00000000","ask":"0.41250000",)"
    R"("ask_qty":"1123.00000000","update_id":4998601}})" FLOOR_PADDING;

static_assert(Unpadded(kBookTicker).size() == 141);
static_assert(Unpadded(kSpotDepth).size() == 205);
static_assert(Unpadded(kFuturesDepth).size() == 326);
static_assert(Unpadded(kEventJson).size() == 426);

Event MakeEvent(std::string_view data) {
  return {"7d3f1c52-9b0e-4a6d-8f21-0c5ad1e7b342",
          "com.virtufin.exchange.binance.quote.updated",
          "urn:com.virtufin:exchange:binance",
          "1.0",
          "application/json",
          "currency_pair/ABCUSDT",
          "2026-03-04T05:06:07.089Z",
          {{"exchange", "binance"}, {"sequence", "48151"}},
          data};
}

std::string Data500() {
  std::string data = R"({"levels":[)";
  for (int i = 0; data.size() < 465; ++i) {
    if (i > 0) data += ',';
    data.append(R"(["0.4)").append(std::to_string(1000 + i)).append(R"(","123.5"])");
  }
  data += R"(],"note":")";
  data.append(500 - data.size() - 2, 'x');
  return data += R"("})";
}

std::string Depth1k() {
  std::string text = R"({"lastUpdateId":499860009,"E":1633990012868,"T":1633990012868,"bids":[)";
  for (int i = 0; i < 32; ++i) {
    if (i == 16) text += R"(],"asks":[)";
    if (i % 16 != 0) text += ',';
    text.append(R"(["0.41)").append(std::to_string(2000 + i)).append(R"(","95)");
    text.append(std::to_string(10 + i)).append(R"(.00000000"])");
  }
  return text += "]}";
}

}  // namespace

const Event& EventWith500Bytes() {
  static const std::string data = Data500();
  static const Event event = MakeEvent(data);
  return event;
}

const Event& Event426() {
  static const Event event = [] {
    const std::string_view json = Event426Json();
    const std::size_t at = json.find(R"("data":)") + 7;
    return MakeEvent(json.substr(at, json.size() - at - 1));
  }();
  return event;
}

std::string_view Event426Json() { return Unpadded(kEventJson); }
std::string_view SpotBookTickerFrame() { return Unpadded(kBookTicker); }
std::string_view SpotDepthFrame() { return Unpadded(kSpotDepth); }
std::string_view FuturesDepthFrame() { return Unpadded(kFuturesDepth); }

std::string_view DepthMessage1k() {
  static const std::string text = Depth1k();
  return text;
}

}  // namespace floors
