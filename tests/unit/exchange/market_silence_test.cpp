// The recorded sessions of both markets: none of their streams is silent, however long it rests.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exchange/recording/line_reader.hpp"
#include "support/shared_data.hpp"
#include "unit/exchange/market_fixture.hpp"

using namespace virtufin;

namespace {

struct Session {
  BinanceMarket market;
  std::string file;
  std::vector<std::string> symbols;
  std::size_t speaking;  // of the streams of trades and candles
};

const Session kSessions[] = {
    {BinanceMarket::kSpot, "binance.ws.1.0", {"NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}, 4},
    {BinanceMarket::kUsdm,
     "binance_futures.ws.1.0",
     {"SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"},
     8}};

}  // namespace

// Pins EX-63.
TEST_CASE("trades and candles of the recorded sessions are quiet, not stale") {
  for (const Session& session : kSessions) {
    const std::string path = test::SharedData("binance/" + session.file);
    if (path.empty()) return;
    CAPTURE(path);
    test::MarketFixture feed({}, session.market);
    for (const std::string& symbol : session.symbols) {
      for (const FeedChannel channel : {FeedChannel::kTrade, FeedChannel::kCandle}) {
        detail::MarketRequest request;
        request.channel = channel;
        request.symbol = symbol;
        request.interval = "1m";
        feed.Subscribe(request);
        feed.Live(detail::MarketStreamName(request));
      }
    }
    detail::Problems problems;
    auto recording = detail::LineReader::Open(path, problems).value();
    std::map<std::string, int> frames;
    bool began = false;
    for (detail::RecordedLine line; recording.Next(line);) {
      if (line.kind != detail::RecordedLine::Kind::kFrame) continue;
      if (!std::exchange(began, true)) feed.start_ns = line.unix_ns;
      feed.Wait((line.unix_ns - feed.Now().unix_ns) / 1'000'000);
      const std::string stream = nlohmann::json::parse(line.body).at("stream");
      if (stream.find("@kline") == stream.npos && stream.find("@aggTrade") == stream.npos) continue;
      ++frames[stream];
      feed.Frame(line.body);
    }
    CHECK(frames.size() == session.speaking);
    CHECK(feed.elapsed_ns > 29'000'000'000);
    for (const auto& line : feed.Events()) CHECK(line.find("\"stale\"") == line.npos);
    CHECK(feed.sink.resubscribed.empty());
  }
}
