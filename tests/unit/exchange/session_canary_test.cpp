// Silence step by step: what a socket, a book and an instrument without data are worth.
#include <doctest/doctest.h>

#include <algorithm>

#include "exchange/binance/escalation.hpp"
#include "session_fixture.hpp"

using namespace virtufin;
using test::Lines;
using test::LiveSession;
using test::PlainSession;
using test::SessionFixture;

namespace {

constexpr const char* kCanary = R"({"stream":"!miniTicker@arr","data":[]})";

detail::BinanceSessionOptions Watched(BinanceMarket market = BinanceMarket::kSpot) {
  auto options = PlainSession(market);
  options.canary_ms = 5'000;
  options.reconnect_first_ms = 100;
  return options;
}

detail::BinanceSessionOptions WithWatchedBooks() {
  auto options = PlainSession();
  options.book_idle_ms = 60'000;
  return options;
}

std::size_t Renewals(const SessionFixture& session) {
  return static_cast<std::size_t>(
      std::count_if(session.link.sent.begin(), session.link.sent.end(),
                    [](const auto& sent) { return sent.method == "UNSUBSCRIBE"; }));
}

}  // namespace

// Pins EX-59.
TEST_CASE("every socket carries a canary, which nobody sees") {
  SessionFixture session(Watched());
  session.Start();
  session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  REQUIRE(session.link.sent.size() == 1);
  CHECK(session.link.sent[0].streams == Lines{"!miniTicker@arr", "btcusdt@depth@100ms"});
  session.Ack(0);
  session.Snapshot(0, 100);
  session.sink.messages.clear();
  const auto frames = session.session->books().frame_counters().of(BinanceKind::kMiniTicker);
  session.Frame(1, kCanary);
  CHECK(session.sink.messages.empty());
  CHECK(session.session->books().frame_counters().of(BinanceKind::kMiniTicker) == frames);
  CHECK(session.session->channels().counters().unsubscribed == 0);
}

TEST_CASE("of USD-M each route has its own") {
  auto options = Watched(BinanceMarket::kUsdm);
  options.canary_symbol = "ETHUSDT";
  SessionFixture session(options);
  session.Start();
  session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Subscribe(FeedChannel::kTicker, "BTCUSDT");
  session.Opened(1);
  session.Opened(2);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[0].streams[0] == "ethusdt@bookTicker");
  CHECK(session.link.sent[1].streams[0] == "ethusdt@markPrice@1s");
}

// Pins EX-60.
TEST_CASE("a socket without data is stale after five seconds and replaced after ten") {
  LiveSession session(Watched());
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.AckLast();
  session.Frame(1, kCanary);
  session.Run(4'999);
  CHECK(session.State(session.handle) == "live");
  session.sink.messages.clear();
  session.Run(1);
  CHECK(session.State(session.handle) == "stale");
  CHECK(session.State(quote) == "stale");
  CHECK(session.Statuses() ==
        Lines{"connection stale: socket 1: no data for 5000 ms", "instrument stale"});
  SUBCASE("data that come again make it live") {
    session.Frame(1, kCanary);
    CHECK(session.State(session.handle) == "live");
    CHECK(session.State(quote) == "live");
    CHECK(session.Statuses() ==
          Lines{"connection live: socket 1: data arrive again", "instrument live"});
    session.Diff(1, 101, 101);
    session.Run(4'999);
    CHECK(session.link.closed.empty());
    CHECK(session.link.asked.empty());
  }
  SUBCASE("what was lost meanwhile is a gap") {
    session.Frame(1, kCanary);
    session.Diff(1, 105, 106);
    CHECK(session.State(session.handle) == "resync");
  }
  SUBCASE("signs of life are no data") {
    session.session->OnSignOfLife(1, session.Now());
    session.Run(4'999);
    CHECK(session.link.closed.empty());
    session.Run(1);
    CHECK(session.link.closed == std::vector<std::uint32_t>{1});
    CHECK(session.State(session.handle) == "disconnected");
    CHECK(session.session->counters().muted == 1);
    session.Run(100);
    CHECK(session.link.opened.size() == 1);
  }
}

// Pins EX-61.
TEST_CASE("new connections because of silence cool down, and are so many an hour") {
  auto options = Watched();
  options.stale_reconnects_per_hour = 3;
  options.connections_per_5_minutes = 1'000;
  LiveSession session(options);
  session.Frame(1, kCanary);
  std::vector<std::int64_t> times_ms;
  std::uint32_t socket = 1;
  std::size_t acked = 0;
  while (session.elapsed_ms < 3'500'000) {  // every socket opens, answers, and never brings data
    session.Run(500);
    while (acked < session.link.sent.size()) session.Ack(acked++);
    if (session.link.closed.size() == times_ms.size()) continue;
    times_ms.push_back(session.elapsed_ms);
    while (session.link.opened.size() < times_ms.size()) session.Run(100);
    session.Opened(++socket);
  }
  REQUIRE(times_ms.size() == 3);
  CHECK(times_ms[0] == 10'000);
  CHECK(times_ms[1] - times_ms[0] >= 30'000);
  CHECK(times_ms[2] - times_ms[1] >= 30'000);
  CHECK(times_ms[2] < 75'000);
}

TEST_CASE("a canary that was acknowledged and never came has three times as long") {
  LiveSession session(Watched());
  session.Run(14'999);
  CHECK(session.State(session.handle) == "live");
  session.Run(1);
  CHECK(session.State(session.handle) == "stale");
  session.AckLast();  // the canary is asked for again
  session.Run(1'250);
  session.AckLast();
  session.Run(13'749);
  CHECK(session.link.closed.empty());
  session.Run(1);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
}

TEST_CASE("what becomes live on a silent socket is stale") {
  SessionFixture session(Watched());
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  session.Ack(0);
  session.Frame(1, kCanary);
  session.Run(6'000);
  CHECK(session.State(book) == "resync");
  session.Snapshot(0, 100);
  CHECK(session.State(book) == "stale");
  const FeedHandle trades = session.Subscribe(FeedChannel::kTrade, "BTCUSDT");
  session.AckLast();
  CHECK(session.State(trades) == "stale");
  session.Frame(1, kCanary);
  CHECK(session.State(book) == "live");
  CHECK(session.State(trades) == "live");
}

TEST_CASE("a pause of our own is nobody's silence") {
  LiveSession session(Watched());
  session.Frame(1, kCanary);
  session.elapsed_ms += 12'000;  // without a tick: nothing was read
  session.session->OnHeld(12'000'000'000, session.Now());
  CHECK(session.State(session.handle) == "live");
  session.Run(4'999);
  CHECK(session.State(session.handle) == "live");
  session.Run(1);
  CHECK(session.State(session.handle) == "stale");
}

TEST_CASE("a silent socket whose successor dies stays silent") {
  auto options = Watched();
  options.rotate_after_ms = 60'000;
  LiveSession session(options);
  while (session.link.opened.empty()) {
    session.Frame(1, kCanary);
    session.Run(500);
  }
  const std::uint32_t next = session.link.opened[0].first;
  session.Opened(next);
  session.AckLast();
  session.Run(5'000);  // neither brings data
  CHECK(session.State(session.handle) == "live");
  session.Closed(next);
  CHECK(session.State(session.handle) == "stale");
  session.Frame(1, kCanary);
  CHECK(session.State(session.handle) == "live");
}

TEST_CASE("a canary that somebody subscribes is his, and comes back when he leaves") {
  LiveSession session(Watched());
  session.Frame(1, kCanary);
  const FeedHandle tickers = session.Subscribe(FeedChannel::kTicker, "");
  REQUIRE(session.link.sent.size() == 1);
  session.AckLast();
  session.sink.messages.clear();
  session.Frame(1, R"({"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","E":1700000000000,)"
                   R"("s":"BTCUSDT","c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}]})");
  CHECK(session.Topics() == Lines{"ticker.update.BTCUSDT"});
  session.Run(5'000);
  CHECK(session.State(session.handle) == "stale");
  session.Frame(1, kCanary);
  REQUIRE(session.session->Unsubscribe(tickers, session.Now()).ok());
  session.Run(1'250);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].method == "UNSUBSCRIBE");
  session.AckLast();  // asked for before, it would end with his
  session.Run(1'250);
  REQUIRE(session.link.sent.size() == 3);
  CHECK(session.link.sent[2].method == "SUBSCRIBE");
  CHECK(session.link.sent[2].streams == Lines{"!miniTicker@arr"});
}

// Pins EX-49.
TEST_CASE("what is no symbol is no canary") {
  for (const char* const name : {"", "btcusdt", "BTC USDT", "A\",\"B", "A@trade"}) {
    CAPTURE(std::string(name));
    ManualClock clock(Timestamp::FromUnixMillis(1'700'000'000'000));
    test::ScriptedLink link;
    test::SessionSink sink;
    auto options = Watched(BinanceMarket::kUsdm);
    options.canary_symbol = name;
    const auto made = detail::BinanceSession::Create(options, clock, link, sink);
    REQUIRE(made.status().code() == StatusCode::kInvalidArgument);
    CHECK(made.status().message().find("canary_symbol") != std::string::npos);
    options.canary_ms = 0;  // then it does not matter
    CHECK(detail::BinanceSession::Create(options, clock, link, sink).ok());
  }
}

TEST_CASE("a venue that does not know the canary is not asked again") {
  SessionFixture session(Watched());
  session.Start();
  session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  session.Refuse(0, "Invalid request", true);  // both: halves are asked for
  session.Run(2'000);
  REQUIRE(session.link.sent.size() == 3);
  CHECK(session.link.sent[1].streams == Lines{"!miniTicker@arr"});
  session.Refuse(1, "Invalid request", true);
  session.Ack(2);
  session.Run(60'000);
  CHECK(session.link.sent.size() == 3);
}

// Pins EX-62.
TEST_CASE("a depth stream that is dead is found by the venue's own book") {
  LiveSession session(WithWatchedBooks());
  session.Run(59'000);
  CHECK(session.link.asked.empty());
  session.Run(2'000);
  REQUIRE(session.link.asked.size() == 1);
  CHECK(session.link.asked[0].url == "https://r.example/api/v3/depth?symbol=BTCUSDT&limit=5");
  SUBCASE("the same book: it is quiet") {
    session.Snapshot(0, 100);
    session.Run(59'000);
    CHECK(session.State(session.handle) == "live");
    CHECK(session.link.asked.size() == 1);
    session.Run(3'000);
    CHECK(session.link.asked.size() == 2);
    CHECK(Renewals(session) == 0);
  }
  SUBCASE("it went on, and the stream brings that within its grace") {
    session.Snapshot(0, 104);
    session.Run(1'900);
    session.Diff(1, 101, 104);
    session.Run(5'000);
    CHECK(session.State(session.handle) == "live");
    CHECK(Renewals(session) == 0);
  }
  SUBCASE("it went on without the stream") {
    session.Snapshot(0, 104);
    session.Run(3'000);
    CHECK(session.Statuses() == Lines{"instrument stale"});
    REQUIRE(session.link.sent.size() == 1);
    CHECK(session.link.sent[0].method == "UNSUBSCRIBE");
    session.AckLast();
    session.Run(1'250);
    session.AckLast();
    session.Snapshot(1, 105);
    CHECK(session.State(session.handle) == "live");
    session.Diff(1, 106, 106);
    CHECK(session.session->books().counters().books.gaps == 0);
  }
  SUBCASE("no answer: asked again after as long") {
    session.Answer(0, 500, "");
    session.Run(61'000);
    CHECK(session.link.asked.size() == 2);
    CHECK(session.State(session.handle) == "live");
  }
}

TEST_CASE("a book that goes on speaking is not compared, and an idle one costs little") {
  LiveSession session(WithWatchedBooks());
  for (int i = 0; i < 70; ++i) {
    session.Run(19'000);
    session.Diff(1, 101 + i, 101 + i);
  }
  CHECK(session.link.asked.empty());
  for (int i = 0; i < 60; ++i) {
    session.Run(61'000);
    REQUIRE(session.link.asked.size() <= static_cast<std::size_t>(i) + 1);
    session.AnswerLast(200, R"({"lastUpdateId":170,"bids":[],"asks":[]})");
  }
  CHECK(session.link.asked.size() >= 55);
  CHECK(session.State(session.handle) == "live");
}

TEST_CASE("of a halted instrument nothing is to be expected") {
  auto options = WithWatchedBooks();
  options.check_symbols = true;
  options.instruments_poll_ms = 0;
  SessionFixture session(options);
  session.Start();
  session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  const FeedHandle ticker = session.Subscribe(FeedChannel::kTicker, "BTCUSDT");
  REQUIRE(session.link.asked.size() == 1);
  session.Answer(0, 200,
                 R"({"rateLimits":[],"symbols":[{"symbol":"BTCUSDT","status":"HALT",)"
                 R"("baseAsset":"BTC","quoteAsset":"USDT","filters":[]}]})");
  session.Opened(1);
  session.Ack(0);
  session.Snapshot(1, 100);
  session.Run(600'000);
  CHECK(session.link.asked.size() == 2);
  CHECK(session.State(ticker) == "live");
  CHECK(Renewals(session) == 0);
}

// Pins EX-60.
TEST_CASE("a canary of a symbol that the venue does not list ends no watch") {
  auto options = Watched(BinanceMarket::kUsdm);
  options.check_symbols = true;
  options.canary_symbol = "NOSUCH";
  SessionFixture session(options);
  session.Start();
  const FeedHandle trades = session.Subscribe(FeedChannel::kTrade, "BTCUSDT");
  session.Answer(0, 200,
                 R"({"rateLimits":[],"symbols":[{"symbol":"BTCUSDT","status":"TRADING",)"
                 R"("baseAsset":"BTC","quoteAsset":"USDT","contractType":"PERPETUAL",)"
                 R"("filters":[]}]})");
  session.Opened(1);
  session.Ack(0);
  CHECK(session.State(trades) == "live");
  session.sink.messages.clear();
  session.Run(16'000);
  REQUIRE_FALSE(session.sink.messages.empty());
  const std::string told(session.sink.messages.front().event().data_text());
  CAPTURE(told);
  CHECK(told.find("no data for 15000 ms; nosuch@markPrice@1s never came") != told.npos);
  CHECK(session.State(trades) == "stale");
}

TEST_CASE("an escalation cools down and has so many an hour") {
  constexpr std::int64_t kSecond = 1'000'000'000;
  detail::Escalation escalation(30'000, 3);
  CHECK(escalation.TryTake(0));
  CHECK(!escalation.TryTake(30 * kSecond - 1));
  CHECK(escalation.NextNs() == 30 * kSecond);
  CHECK(escalation.TryTake(30 * kSecond));
  CHECK(escalation.TryTake(90 * kSecond));
  CHECK(escalation.NextNs() == 3600 * kSecond);
  CHECK(!escalation.TryTake(3600 * kSecond - 1));
  CHECK(escalation.TryTake(3600 * kSecond));
  CHECK(escalation.NextNs() == 3630 * kSecond);
}
