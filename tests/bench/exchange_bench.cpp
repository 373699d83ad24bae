// The exchange component against its floors: level apply and frame to book.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "exchange/binance/session.hpp"
#include "virtufin/exchange/binance.hpp"
#include "virtufin/exchange/binance_feed.hpp"
#include "virtufin/exchange/order_book.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace {

using namespace virtufin;

Decimal Tick(std::int64_t ticks) { return Decimal::FromCoefficient(ticks, 4).value(); }

/// `levels` a side around 100 000 ticks, ten ticks apart.
OrderBook MakeBook(std::size_t levels) {
  std::vector<Level> bids, asks;
  const Decimal one = Decimal::Parse("1.00000000").value();
  for (std::size_t i = 0; i < levels; ++i) {
    bids.push_back({Tick(100'000 - 10 * static_cast<std::int64_t>(i)), one});
    asks.push_back({Tick(100'010 + 10 * static_cast<std::int64_t>(i)), one});
  }
  OrderBook book;
  if (!book.Assign(bids, asks)) std::abort();
  return book;
}

/// One frame over and over, its ids ten further each time. The text of a frame is changed right
/// after its use and used again ten frames later, when those writes have long left the core.
class MovingFrame {
 public:
  explicit MovingFrame(std::string_view frame) {
    const std::string text(frame);
    const auto at = [&](std::string_view key) {
      const auto found = text.find(key);
      return found == std::string::npos ? found : text.find_first_of(",}", found) - 1;
    };
    first_ = at("\"U\":");
    last_ = at("\"u\":");
    prev_ = at("\"pu\":");
    const std::size_t begin = text.find("\"u\":") + 4;
    start_ = std::stoll(text.substr(begin)) / 100 * 100;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      frames_[i] = text;
      const auto id = start_ + 10 * static_cast<std::int64_t>(i + 1);
      Put(frames_[i], last_, id);
      Put(frames_[i], first_, id - (prev_ == std::string::npos ? 9 : 4));
      Put(frames_[i], prev_, id - 10);
    }
  }
  std::string_view Next() {
    if (last_used_ != nullptr) {
      for (const std::size_t end : {first_, last_, prev_}) {
        if (end != std::string::npos) AddHundred(*last_used_, end);
      }
    }
    last_used_ =
        last_used_ == nullptr || last_used_ == &frames_.back() ? &frames_[0] : last_used_ + 1;
    return *last_used_;
  }
  std::int64_t start() const { return start_; }  // the id before the first

 private:
  static void Put(std::string& text, std::size_t end, std::int64_t id) {
    if (end == std::string::npos) return;
    for (; id > 0; id /= 10) text[end--] = static_cast<char>('0' + id % 10);
  }
  static void AddHundred(std::string& text, std::size_t end) {
    for (end -= 2; text[end] == '9'; --end) text[end] = '0';
    ++text[end];
  }
  std::array<std::string, 10> frames_;
  std::string* last_used_ = nullptr;
  std::size_t first_, last_, prev_;  // where the ids end
  std::int64_t start_;
};

}  // namespace

// Sets a level within the best 100 of 1000, the floor's own sequence of prices.
static void LevelSet(benchmark::State& state) {
  floors::Levels floor;
  OrderBook book = MakeBook(1000);
  const Decimal quantity = Decimal::Parse("2.50000000").value();
  std::vector<Level> steps;
  for (std::size_t i = 0; i < 4096; ++i) {
    const std::int64_t below = (109'990 - floor.PriceOfStep(i)) / 10;
    steps.push_back({Tick(100'000 - 10 * below), quantity});
  }
  std::size_t at = 0;
  bench::ReportRatio(
      state, 0,
      [&] {
        return book.Apply({&steps[at++ & 4095], 1}, {});
      },
      [&] { floor.ApplyNext(); });
}
VIRTUFIN_RATIO(LevelSet);

// The same prices, a third each: set, removed, inserted.
static void LevelMix(benchmark::State& state) {
  const auto levels = static_cast<std::size_t>(state.range(0));
  floors::Levels floor(levels < 100 ? 1000 : levels);
  OrderBook book = MakeBook(levels);
  std::vector<Level> steps;
  const Decimal quantity = Decimal::Parse("2.50000000").value();
  for (std::size_t i = 0; i < 4096; ++i) {
    const auto within = static_cast<std::int64_t>(std::min<std::size_t>(levels, 100));
    const std::int64_t below =
        (static_cast<std::int64_t>(99'990 + 10 * (levels < 100 ? 1000 : levels)) -
         floor.PriceOfStep(i)) /
        10 % within;
    const bool bid = i % 2 == 0;
    const Decimal price = Tick(bid ? 100'000 - 10 * below : 100'010 + 10 * below);
    steps.push_back({price, quantity});
    steps.push_back({price, Decimal()});
    steps.push_back({price, quantity});
  }
  std::size_t at = 0;
  const bench::Ratio result = bench::ReportRatio(
      state, 0,
      [&] {
        const Level& level = steps[at];
        const bool bid = (at / 3) % 2 == 0;
        at = at + 1 == steps.size() ? 0 : at + 1;
        return bid ? book.Apply({&level, 1}, {}) : book.Apply({}, {&level, 1});
      },
      [&] { floor.ApplyNext(); });
  state.counters["per_item_ns"] = result.ours_ns;
}
BENCHMARK(LevelMix)->Arg(10)->Arg(100)->Arg(1000)->Arg(5000)->Iterations(1)->UseManualTime()->Unit(
    benchmark::kNanosecond);

// A raw frame, decoded, checked by its ids and applied to a book of 1000 levels a side.
static void FrameToBook(benchmark::State& state) {
  const bool usdm = state.range(0) != 0;
  MovingFrame frame(usdm ? floors::FuturesDepthFrame() : floors::SpotDepthFrame());
  BinanceDecoder decoder(usdm ? BinanceMarket::kUsdm : BinanceMarket::kSpot);
  BookSyncOptions options;
  options.rules = usdm ? BookRules::kUsdm : BookRules::kSpot;
  BookSynchroniser book(options);
  std::vector<Level> bids, asks;
  const Decimal one = Decimal::Parse("1").value();
  for (std::int64_t i = 0; i < 1000; ++i) {
    bids.push_back(
        {Decimal::FromCoefficient(usdm ? 2729 - i : 284195 - i, usdm ? 5 : 2).value(), one});
    asks.push_back(
        {Decimal::FromCoefficient(usdm ? 2730 + i : 284196 + i, usdm ? 5 : 2).value(), one});
  }
  if (book.OnSnapshot({frame.start(), {}, bids, asks}) != BookOutcome::kApplied) std::abort();
  const auto step = [&] {
    const BinanceFrame& decoded = decoder.Decode(frame.Next());
    DepthDiff diff;
    diff.first_id = decoded.first_id;
    diff.last_id = decoded.last_id;
    diff.prev_id = decoded.prev_id;
    diff.readable = decoded.readable;
    diff.time = decoded.time;
    diff.bids = decoded.bids;
    diff.asks = decoded.asks;
    return book.OnDiff(1, diff) == BookOutcome::kApplied;
  };
  if (!step()) return state.SkipWithError(book.last_gap().reason.c_str());
  floors::Json floor;
  const auto floor_frame = usdm ? floors::FuturesDepthFrame() : floors::SpotDepthFrame();
  bench::ReportRatio(state, 1.5, step, [&] { return floor.DepthDecimals(floor_frame, usdm); });
  if (book.counters().gaps + book.counters().stale != 0) state.SkipWithError("a diff was refused");
}
BENCHMARK(FrameToBook)
    ->ArgName("usd_m")
    ->Arg(0)
    ->Arg(1)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kNanosecond);

namespace {

/// The feed's events on the in-process bus, with one inline subscriber that counts them.
class CountingBus final : public BinanceFeedSink {
 public:
  explicit CountingBus(std::string_view topic)
      : executor_({}, WallClock(), NullLog()), bus_(Runtime{executor_, WallClock(), NullLog()}) {
    SubscribeOptions options;
    options.dispatch = Dispatch::kInline;
    subscription_ = bus_.Subscribe(topic, options,
                                   [this](const Message& message, const auto&) {
                                     bytes += message.event().data().size();
                                     ++events;
                                     return Delivery::kSuccess;
                                   })
                        .value();
  }
  void Publish(const Message& message) override {
    if (!bus_.Publish(message).ok()) std::abort();
  }
  void FetchSnapshot(std::string_view, std::uint64_t) override {}
  void CancelSnapshot(std::string_view, std::uint64_t) override {}
  std::uint64_t events = 0, bytes = 0;

 private:
  Executor executor_;
  InprocBroker bus_;
  Subscription subscription_;
};

}  // namespace

// A raw frame to a CloudEvent with all its extensions in the hands of an inline subscriber.
static void TickerToEvent(benchmark::State& state) {
  CountingBus sink("act.exchange.binance.quote.update.ABCUSDT");
  auto feed = BinanceFeed::Create({}, WallClock(), sink).value();
  if (!feed->Subscribe("ABCUSDT", {}).ok()) std::abort();
  feed->OnOpen(1, {});
  MovingFrame frame(floors::SpotBookTickerFrame());
  FeedTime now{1'700'000'000'123'456'789, 1};
  const auto step = [&] {
    now.unix_ns += 1000;
    feed->OnFrame(1, now, frame.Next());
    return sink.events;
  };
  floors::Json floor;
  const auto floor_frame = floors::SpotBookTickerFrame();
  bench::ReportRatio(state, 3, step, [&] { return floor.BookTickerFields(floor_frame); });
  if (feed->counters().quotes_stale != 0) state.SkipWithError("a bookTicker was refused");
}
VIRTUFIN_RATIO(TickerToEvent);

static void DepthToEvent(benchmark::State& state) {
  const bool usdm = state.range(0) != 0;
  CountingBus sink(usdm ? "act.exchange.binance-usdm.orderbook.update.ABCDUSDT"
                        : "act.exchange.binance.orderbook.update.ABCUSDT");
  BinanceFeedOptions options;
  options.market = usdm ? BinanceMarket::kUsdm : BinanceMarket::kSpot;
  auto feed = BinanceFeed::Create(options, WallClock(), sink).value();
  if (!feed->Subscribe(usdm ? "ABCDUSDT" : "ABCUSDT", {}).ok()) std::abort();
  feed->OnOpen(1, {});
  feed->OnLive(1, usdm ? "ABCDUSDT" : "ABCUSDT", {});
  MovingFrame frame(usdm ? floors::FuturesDepthFrame() : floors::SpotDepthFrame());
  std::string snapshot = "{\"lastUpdateId\":" + std::to_string(frame.start());
  for (const int side : {0, 1}) {
    snapshot += side == 0 ? ",\"bids\":[" : "],\"asks\":[";
    const std::int64_t best = side == 0 ? (usdm ? 2729 : 284195) : (usdm ? 2730 : 284196);
    for (std::int64_t i = 0; i < 1000; ++i) {
      const std::int64_t ticks = side == 0 ? best - i : best + i;
      snapshot += (i == 0 ? "[\"" : ",[\"") +
                  Decimal::FromCoefficient(ticks, usdm ? 5 : 2).value().ToString() + "\",\"1\"]";
    }
  }
  if (!feed->OnSnapshot(usdm ? "ABCDUSDT" : "ABCUSDT", 0, {}, snapshot + "]}").ok()) std::abort();
  FeedTime now{1'700'000'000'123'456'789, 1};
  const auto step = [&] {
    now.unix_ns += 1000;
    feed->OnFrame(1, now, frame.Next());
    return sink.events;
  };
  floors::Json floor;
  const auto floor_frame = usdm ? floors::FuturesDepthFrame() : floors::SpotDepthFrame();
  bench::ReportRatio(state, 3, step, [&] { return floor.DepthFields(floor_frame, usdm); });
  const auto books = feed->counters().books;
  if (books.gaps + books.stale != 0) state.SkipWithError("a diff was refused");
}
BENCHMARK(DepthToEvent)
    ->ArgName("usd_m")
    ->Arg(0)
    ->Arg(1)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kNanosecond);

namespace {

/// Its socket is open, its streams are acknowledged: nothing more is asked of a link.
class QuietLink final : public detail::VenueLink {
 public:
  void Open(std::uint32_t, std::string_view) override {}
  bool Send(std::uint32_t, std::string_view) override { return true; }
  void Ping(std::uint32_t) override {}
  void Close(std::uint32_t) override {}
  void Get(std::uint64_t, std::string_view, std::int64_t) override {}
};

class CountingSink final : public detail::BinanceSessionSink {
 public:
  void Publish(const Message&) override { ++events; }
  std::uint64_t events = 0;
};

}  // namespace

// What a session of 200 streams adds to a frame, beside the feed's own work: no event is published.
static void FrameThroughSession(benchmark::State& state) {
  QuietLink link;
  CountingSink sink;
  detail::BinanceSessionOptions options;
  options.check_symbols = false;
  auto session = detail::BinanceSession::Create(options, WallClock(), link, sink).value();
  FeedTime now{1'700'000'000'123'456'789, 1};
  for (int i = 0; i < 200; ++i) {
    const FeedRequest request{FeedChannel::kQuote, "S" + std::to_string(i), {}};
    if (!session->Subscribe(request, now).ok()) std::abort();
  }
  if (!session->Start(now).ok()) std::abort();
  session->OnOpen(1, now);
  for (int id = 1; id <= 3; ++id) {  // a hundred streams each, the canary among them
    session->OnFrame(1, now, R"({"result":null,"id":)" + std::to_string(id) + "}");
  }
  auto feed_sink = CountingBus("x");
  auto feed = BinanceFeed::Create({}, WallClock(), feed_sink).value();
  feed->OnOpen(1, {});
  MovingFrame frame(floors::SpotBookTickerFrame());
  MovingFrame other(floors::SpotBookTickerFrame());
  bench::ReportRatio(
      state, 1.2,
      [&] {
        now.monotonic_ns += 1000;
        session->OnFrame(1, now, frame.Next());
        return session->next_tick_ns();
      },
      [&] {
        now.monotonic_ns += 1000;
        feed->OnFrame(1, now, other.Next());
        return feed->next_tick_ns();
      });
  if (session->counters().acks != 3) state.SkipWithError("streams were not acknowledged");
}
VIRTUFIN_RATIO(FrameThroughSession);
