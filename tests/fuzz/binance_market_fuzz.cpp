// Any bytes as frames and REST answers of a market feed: its events are JSON with gap-free
// sequences, no trade comes twice between two announced breaks, and REST bodies that are taken for
// good are JSON.
//
// The first byte is the market, then one line each: a letter for what happens, and its text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/market_feed.hpp"
#include "exchange/binance/rest.hpp"
#include "fuzz/check.hpp"

using namespace virtufin;

namespace {

class Owner final : public detail::MarketFeedSink, public detail::BinanceFetcher {
 public:
  void Publish(const Message& message) override {
    const std::string topic(message.topic());
    const std::string sequence = std::to_string(++sequences_[topic]);
    FUZZ_CHECK(message.event().ExtensionText("sequence") == sequence);
    const auto data = nlohmann::json::parse(message.event().data_text(), nullptr, false);
    FUZZ_CHECK(data.is_object());
    if (topic.find(".feed.status.") != std::string::npos) {
      if (data.at("channel") == "trade" && data.at("state") == "gap") may_jump_ = true;
    } else if (topic.find(".trade.tape.") != std::string::npos) {
      const std::int64_t id = data.at("trade_id");
      FUZZ_CHECK(may_jump_ || id == last_trade_ + 1);
      may_jump_ = false;
      last_trade_ = id;
    }
  }
  void Resubscribe(std::string_view, FeedTime) override {}
  void Fetch(const detail::BinanceFetch& fetch) override { fetches.push_back(fetch.id); }
  void CancelFetch(std::uint64_t id) override { FUZZ_CHECK(std::erase(fetches, id) == 1); }
  std::vector<std::uint64_t> fetches;

 private:
  std::map<std::string, std::uint64_t> sequences_;
  std::int64_t last_trade_ = -1;
  bool may_jump_ = true;
};

void CheckBody(std::string_view body) {
  detail::BinanceRestReader reader;
  const auto good = [&](bool ok) { FUZZ_CHECK(!ok || nlohmann::json::accept(body)); };
  good(reader.Trades(body).ok());
  good(reader.Candles(body, "1m").ok());
  good(reader.Instruments(body).ok());
}

detail::MarketRequest Request(FeedChannel channel, std::string symbol) {
  detail::MarketRequest request;
  request.channel = channel;
  request.symbol = std::move(symbol);
  request.interval = "1m";
  request.open = true;
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto market = rest[0] == 'u' ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
  rest.remove_prefix(1);
  detail::FeedIdentity identity;
  identity.venue = BinanceVenueName(market);
  identity.world = "act";
  identity.universe = "ALL";
  identity.historical = true;
  identity.subject_kind = "instrument";
  detail::BinanceMarketFeedOptions options;
  options.max_symbols = 8;
  options.max_held = 4;
  options.repair_attempts = 2;
  options.repair_pages = 2;
  detail::StatusBoard statuses(identity, 4 * options.max_symbols);
  BinanceDecoder decoder(market);
  Owner owner;
  detail::BinanceMarketFeed feed(market, options, identity, statuses, WallClock(), owner, owner);
  FeedTime now{1'700'000'000'000'000'000, 0};
  for (const auto channel : {FeedChannel::kTrade, FeedChannel::kCandle, FeedChannel::kTicker,
                             FeedChannel::kMark, FeedChannel::kFunding}) {
    (void)feed.Subscribe(Request(channel, "BTCUSDT"), now);
  }
  for (const auto channel :
       {FeedChannel::kTicker, FeedChannel::kMark, FeedChannel::kInstrument, FeedChannel::kStatus}) {
    (void)feed.Subscribe(Request(channel, ""), now);
  }
  feed.Start(now);
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    const auto text = line.substr(1);
    now.unix_ns += 1'000'000;
    now.monotonic_ns += 1'000'000;
    const std::uint64_t fetch = owner.fetches.empty() ? 0 : owner.fetches.front();
    switch (line[0]) {
      case 'F':
      case 'G':
        feed.OnFrame(line[0] == 'F' ? 1 : 2, now, decoder.Decode(text));
        break;
      case 'A':
        CheckBody(text);
        std::erase(owner.fetches, fetch);
        feed.OnAnswer(fetch, now, text);
        break;
      case 'X':
        std::erase(owner.fetches, fetch);
        feed.OnFetchFailed(fetch, now, text);
        break;
      case 'L':
        feed.OnStreamLive(text, 1, now);
        break;
      case 'C':
        feed.OnConnectionLost(text.empty() ? 1 : 2, now, text);
        break;
      default: {
        const std::int64_t step = std::min<std::int64_t>(
            feed.next_tick_ns() > now.monotonic_ns ? feed.next_tick_ns() - now.monotonic_ns : 0,
            600'000'000'000);
        now.unix_ns += step;
        now.monotonic_ns += step;
        feed.OnTick(now);
        break;
      }
    }
  }
  return 0;
}
