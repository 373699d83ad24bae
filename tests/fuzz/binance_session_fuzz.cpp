// Any bytes as a session with Binance: both ways of reading a frame agree, what is taken for good
// is JSON, and the events of the feed rebuild into books that an application can follow.
//
// The first byte is the market, then one line each: a letter for what happens, and its text.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "support/event_books.hpp"
#include "virtufin/exchange/binance_feed.hpp"

using namespace virtufin;

namespace {

std::string Show(const BinanceFrame& frame) {
  if (frame.kind == BinanceKind::kMalformed) return "malformed";
  std::string out(BinanceKindName(frame.kind));
  const auto add = [&](const auto& text) { out.append("|").append(text); };
  add(frame.stream);
  add(frame.event);
  add(frame.symbol);
  for (const std::int64_t number :
       {frame.time.unix_ns, static_cast<std::int64_t>(frame.time.source), frame.first_id,
        frame.last_id, frame.prev_id}) {
    add(std::to_string(number));
  }
  if (frame.readable) {
    for (const auto side : {frame.bids, frame.asks}) {
      for (const Level& level : side) {
        add(level.price.ToString());
        add(level.quantity.ToString());
      }
      add("-");
    }
  } else {
    add("unreadable");
  }
  for (const auto text :
       {frame.bids_json, frame.asks_json, frame.bid, frame.bid_qty, frame.ask, frame.ask_qty,
        frame.trade.price, frame.trade.quantity, frame.trade.condition, frame.candle.interval,
        frame.candle.open, frame.candle.close, frame.candle.volume, frame.control.id_text,
        frame.control.result, frame.control.message}) {
    add(text);
  }
  for (const std::int64_t number :
       {frame.trade.id, frame.trade.first_id, frame.trade.last_id, frame.trade.unix_ns,
        std::int64_t{frame.trade.buyer_is_maker}, frame.candle.open_ns, frame.candle.close_ns,
        frame.candle.trades, std::int64_t{frame.candle.closed}, frame.control.id_number,
        frame.control.code}) {
    add(std::to_string(number));
  }
  for (const BinanceTicker& ticker : frame.tickers) {
    for (const auto text : {ticker.symbol, ticker.last, ticker.volume}) add(text);
  }
  for (const BinanceMark& mark : frame.marks) {
    for (const auto text : {mark.symbol, mark.mark, mark.funding_rate}) add(text);
  }
  return out;
}

void CheckFrame(BinanceDecoder& decoder, std::string_view text) {
  const std::string quick = Show(decoder.Decode(text));
  const BinanceFrame& frame = decoder.DecodeAnyShape(text);
  FUZZ_CHECK(quick == Show(frame));
  if (frame.kind == BinanceKind::kMalformed) {
    FUZZ_CHECK(!frame.error.empty());
    return;
  }
  FUZZ_CHECK(nlohmann::json::accept(text));
  FUZZ_CHECK(frame.control.result.empty() || nlohmann::json::accept(frame.control.result));
  if (frame.bids_json.empty()) return;
  const auto bids = nlohmann::json::parse(frame.bids_json);
  FUZZ_CHECK(!frame.readable || bids.size() == frame.bids.size());
  for (std::size_t i = 0; frame.readable && i < bids.size(); ++i) {
    FUZZ_CHECK(bids[i][0] == frame.bids[i].price.ToString());
    FUZZ_CHECK(bids[i][1] == frame.bids[i].quantity.ToString());
  }
}

class Sink final : public BinanceFeedSink {
 public:
  void Publish(const Message& message) override {
    const test::EventBooks::Book* changed = nullptr;
    FUZZ_CHECK(books_.Take(message, changed) == "");
    if (changed != nullptr && !changed->levels.bids.empty() && !changed->levels.asks.empty()) {
      FUZZ_CHECK(changed->levels.bids.rbegin()->first < changed->levels.asks.begin()->first);
    }
  }
  void FetchSnapshot(std::string_view, std::uint64_t) override {}
  void CancelSnapshot(std::string_view, std::uint64_t) override {}

 private:
  test::EventBooks books_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  BinanceFeedOptions options;
  options.market = rest[0] == 'u' ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
  options.historical = true;
  options.max_stored_levels = 8;
  rest.remove_prefix(1);
  BinanceDecoder decoder(options.market);
  Sink sink;
  FeedTime now{1'700'000'000'000'000'000, 0};
  auto feed = BinanceFeed::Create(options, WallClock(), sink).value();
  FUZZ_CHECK(feed->Subscribe("BTCUSDT", now).ok());
  feed->OnOpen(1, now);
  feed->OnLive(1, "BTCUSDT", now);
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    const auto text = line.substr(1);
    now.unix_ns += 1'000'000;
    now.monotonic_ns += 1'000'000;
    switch (line[0]) {
      case 'F':
      case 'G':
        CheckFrame(decoder, text);
        feed->OnFrame(line[0] == 'F' ? 1 : 2, now, text);
        break;
      case 'S':
        FUZZ_CHECK(feed->OnSnapshot("BTCUSDT", 0, now, text).ok() ||
                   feed->state("BTCUSDT") != FeedState::kLive);
        break;
      case 'O':
        feed->OnOpen(2, now);
        feed->OnLive(2, "BTCUSDT", now);
        break;
      case 'C':
        feed->OnClose(text.empty() ? 1 : 2, now, text);
        break;
      default:
        now.monotonic_ns += 61'000'000'000;
        feed->OnTick(now);
        break;
    }
  }
  return 0;
}
