// The recorded sessions of spot and USD-M, against the table of what a correct replay gives.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "exchange/recording/line_reader.hpp"
#include "support/event_books.hpp"
#include "support/imported_session.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_folder.hpp"
#include "unit/exchange/feed_fixture.hpp"
#include "virtufin/exchange/recording_import.hpp"

using namespace virtufin;
using detail::LineReader, detail::Problems, detail::RecordedLine;

namespace {

struct Expected {
  BinanceMarket market;
  std::string frames, answers, instruments;
  std::uint64_t depth, applied, stale, tickers, trades, klines;
  std::vector<std::string> books;
};

const std::array<Expected, 2> kExpected = {
    Expected{BinanceMarket::kSpot,
             "binance.ws.1.0",
             "binance.http.0.0",
             "binance.0",
             177,
             172,
             5,
             84,
             2,
             2,
             {"BLZETH 281916638 0.00006547x100.00000000 0.00006560x1528.00000000 173/999",
              "LRCBTC 259345563 0.00000637x2500.00000000 0.00000638x2285.00000000 176/1000",
              "NKNUSDT 499870179 0.35270000x9602.00000000 0.35310000x152.00000000 614/994",
              "RUNEEUR 15602513 6.25100000x69.30000000 6.26900000x69.30000000 222/468"}},
    Expected{BinanceMarket::kUsdm,
             "binance_futures.ws.1.0",
             "binance_futures.http.0.0",
             "binance_futures.0",
             764,
             752,
             12,
             613,
             91,
             67,
             {"AKROUSDT 600860423964 0.01734x502 0.01735x50697 613/761",
              "CTKUSDT 600860423222 1.01100x1698 1.01200x10123 486/742",
              "KEEPUSDT 600860420312 0.2463x249 0.2467x9047 401/614",
              "SUSHIUSDT 600860425198 7.6120x303 7.6160x267 1006/1000"}}};

std::string Show(const Level& level) {
  return level.price.ToString() + "x" + level.quantity.ToString();
}

std::string Show(const std::string& symbol, const BookSynchroniser& book) {
  const auto bids = book.book().bids();
  const auto asks = book.book().asks();
  return symbol + " " + std::to_string(book.last_update_id()) + " " + Show(bids.front()) + " " +
         Show(asks.front()) + " " + std::to_string(bids.size()) + "/" + std::to_string(asks.size());
}

void CheckBooks(const BinanceFeed& feed, const Expected& expected) {
  std::vector<std::string> shown;
  for (const std::string& symbol : feed.symbols()) {
    CHECK(feed.state(symbol) == FeedState::kLive);
    shown.push_back(Show(symbol, *feed.FindBook(symbol)));
  }
  std::sort(shown.begin(), shown.end());
  CHECK(shown == expected.books);
}

void CheckEventBooks(const BinanceFeed& feed, const test::EventBooks& events) {
  for (const std::string& symbol : feed.symbols()) {
    CAPTURE(symbol);
    const test::EventBooks::Book& book = events.books().at(symbol);
    const BookSynchroniser& own = *feed.FindBook(symbol);
    CHECK(book.live);
    CHECK(book.last_id == own.last_update_id());
    test::PlainBook levels;
    for (const Level& level : own.book().bids()) {
      test::PlainBook::Set(levels.bids, level.price, level.quantity);
    }
    for (const Level& level : own.book().asks()) {
      test::PlainBook::Set(levels.asks, level.price, level.quantity);
    }
    CHECK(book.levels == levels);
  }
}

RecordingImportOptions Files(const Expected& expected) {
  RecordingImportOptions options;
  options.frames_path = test::SharedData("binance/" + expected.frames);
  options.answers_paths = {test::SharedData("binance/" + expected.answers),
                           test::SharedData("binance/" + expected.instruments)};
  return options;
}

}  // namespace

// Pins EX-52.
TEST_CASE("a replay gives the table: counts, final books, and the same books from events alone") {
  for (const Expected& expected : kExpected) {
    for (const bool check_symbols : {false, true}) {
      CAPTURE(expected.frames);
      CAPTURE(check_symbols);
      test::TemporaryFolder folder;
      auto options = Files(expected);
      if (options.frames_path.empty()) return;
      if (!check_symbols) options.answers_paths.pop_back();
      options.path = folder / "recording";
      const auto made = ImportRecording(options).value();
      CHECK(made.problems.empty());
      CHECK(made.unanswered == 0);
      CHECK(made.left_out == 0);
      CHECK(made.answers == (check_symbols ? 5 : 4));
      CHECK(made.frames == expected.depth + expected.tickers + expected.trades + expected.klines);

      test::ImportedReplay replay(options.path);
      const Status played = replay.player->Play(0);
      REQUIRE_MESSAGE(played.ok(), played.ToString());
      CHECK(replay.player->info().market == expected.market);
      CHECK(replay.player->info().subscriptions.size() == 16);
      const BinanceFeed& feed = replay.player->books();
      CHECK(feed.symbols().size() == 4);
      const BinanceCounters& frames = feed.frame_counters();
      CHECK(frames.of(BinanceKind::kDepth) == expected.depth);
      CHECK(frames.of(BinanceKind::kBookTicker) == expected.tickers);
      CHECK(frames.of(BinanceKind::kAggTrade) == expected.trades);
      CHECK(frames.of(BinanceKind::kKline) == expected.klines);
      CHECK(frames.of(BinanceKind::kUnknown) == 0);
      CHECK(frames.unknown_fields.empty());
      const BinanceFeedCounters counters = feed.counters();
      CHECK(counters.books.applied == expected.applied);
      CHECK(counters.books.stale == expected.stale);
      CHECK(counters.books.gaps == 0);
      CHECK(counters.books.crossed == 0);
      CHECK(replay.player->counters().events == replay.bus.messages.size());
      CheckBooks(feed, expected);
      CheckEventBooks(feed, replay.bus.books);
    }
  }
}

// Pins EX-52.
TEST_CASE("each frame delivered twice in a row gives the same books and no gap") {
  for (const Expected& expected : kExpected) {
    CAPTURE(expected.frames);
    const auto options = Files(expected);
    if (options.frames_path.empty()) return;
    BinanceFeedOptions feed_options;
    feed_options.market = expected.market;
    test::FeedFixture fixture(feed_options);
    RecordedLine line;
    Problems problems;
    auto answers = LineReader::Open(options.answers_paths[0], problems).value();
    fixture.Open();
    while (answers.Next(line)) {
      const auto from = line.url.find("symbol=") + 7;
      const auto symbol = line.url.substr(from, line.url.find('&') - from);
      REQUIRE(fixture.feed->Subscribe(symbol, fixture.Now()).ok());
      fixture.feed->OnLive(1, symbol, fixture.Now());
      REQUIRE(fixture.feed->OnSnapshot(symbol, 0, fixture.Now(), line.body).ok());
    }
    auto frames = LineReader::Open(options.frames_path, problems).value();
    while (frames.Next(line)) {
      if (line.kind != RecordedLine::Kind::kFrame) continue;
      fixture.Frame(line.body);
      fixture.Frame(line.body);
    }
    const BinanceFeedCounters counters = fixture.feed->counters();
    CHECK(counters.books.applied == expected.applied);
    CHECK(counters.books.stale == 2 * expected.depth - expected.applied);
    CHECK(counters.books.gaps == 0);
    CHECK(counters.quotes_stale >= expected.tickers);
    CheckBooks(*fixture.feed, expected);
    test::EventBooks events;
    const test::EventBooks::Book* changed = nullptr;
    for (const Message& message : fixture.sink.messages) {
      CHECK(events.Take(message, changed) == "");
    }
    CheckEventBooks(*fixture.feed, events);
  }
}

TEST_CASE("every recorded trade and candle decodes with all its fields") {
  for (const Expected& expected : kExpected) {
    CAPTURE(expected.frames);
    const auto options = Files(expected);
    if (options.frames_path.empty()) return;
    BinanceDecoder decoder(expected.market);
    Problems problems;
    auto frames = LineReader::Open(options.frames_path, problems).value();
    RecordedLine line;
    std::uint64_t trades = 0, candles = 0;
    while (frames.Next(line)) {
      if (line.kind != RecordedLine::Kind::kFrame) continue;
      const BinanceFrame& frame = decoder.Decode(line.body);
      if (frame.kind != BinanceKind::kAggTrade && frame.kind != BinanceKind::kKline) continue;
      const auto data = nlohmann::json::parse(line.body).at("data");
      CHECK(data.at("s") == frame.symbol);
      if (frame.kind == BinanceKind::kAggTrade) {
        ++trades;
        const BinanceTrade& trade = frame.trade;
        CHECK(data.at("a") == trade.id);
        CHECK(data.at("f") == trade.first_id);
        CHECK(data.at("l") == trade.last_id);
        CHECK(data.at("p") == trade.price);
        CHECK(data.at("q") == trade.quantity);
        CHECK(data.at("m") == trade.buyer_is_maker);
        CHECK(data.at("T").get<std::int64_t>() * 1'000'000 == frame.time.unix_ns);
        continue;
      }
      ++candles;
      const auto& k = data.at("k");
      const BinanceCandle& candle = frame.candle;
      CHECK(k.at("t").get<std::int64_t>() * 1'000'000 == candle.open_ns);
      CHECK(k.at("T").get<std::int64_t>() * 1'000'000 == candle.close_ns);
      CHECK(k.at("i") == candle.interval);
      CHECK(k.at("o") == candle.open);
      CHECK(k.at("h") == candle.high);
      CHECK(k.at("l") == candle.low);
      CHECK(k.at("c") == candle.close);
      CHECK(k.at("v") == candle.volume);
      CHECK(k.at("q") == candle.quote_volume);
      CHECK(k.at("V") == candle.taker_volume);
      CHECK(k.at("Q") == candle.taker_quote_volume);
      CHECK(k.at("n") == candle.trades);
      CHECK(k.at("f") == candle.first_trade_id);
      CHECK(k.at("L") == candle.last_trade_id);
      CHECK(k.at("x") == candle.closed);
    }
    CHECK(trades == expected.trades);
    CHECK(candles == expected.klines);
    CHECK(decoder.counters().unknown_fields.empty());
  }
}
