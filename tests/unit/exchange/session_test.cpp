// BinanceSession: its sockets, and the control messages on them.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "unit/exchange/session_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::string Symbol(int i) { return "S" + std::to_string(1000 + i) + "USDT"; }

/// All streams asked for so far, in order.
Lines Streams(const ScriptedLink& link) {
  Lines all;
  for (const auto& sent : link.sent) {
    all.insert(all.end(), sent.streams.begin(), sent.streams.end());
  }
  return all;
}

}  // namespace

// Pins EX-9.
TEST_CASE("spot: one combined socket for all streams, opened when something is subscribed") {
  SessionFixture session;
  const FeedHandle before = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  CHECK(session.State(before) == "pending");
  CHECK(session.link.opened.empty());
  session.Start();
  REQUIRE(session.link.opened.size() == 1);
  CHECK(session.link.opened[0].second == "wss://s.example/stream");
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Subscribe(FeedChannel::kTrade, "BTCUSDT");
  CHECK(session.link.sent.empty());
  session.Opened(1);
  REQUIRE(session.link.sent.size() == 1);
  CHECK(session.link.sent[0].method == "SUBSCRIBE");
  CHECK(session.link.sent[0].streams ==
        Lines{"btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@aggTrade"});
  CHECK(session.link.opened.size() == 1);
  CHECK(session.session->Start(session.Now()).code() == StatusCode::kFailedPrecondition);
}

// Pins EX-9.
TEST_CASE("USD-M: two sockets, each stream on the one that carries it") {
  SessionFixture session(PlainSession(BinanceMarket::kUsdm));
  session.Start();
  session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Subscribe(FeedChannel::kMark, "BTCUSDT");
  session.Subscribe(FeedChannel::kFunding, "BTCUSDT");
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Subscribe(FeedChannel::kCandle, "BTCUSDT", {{"interval", "1h"}});
  REQUIRE(session.link.opened.size() == 2);
  CHECK(session.link.opened[0].second == "wss://s.example/public/stream");
  CHECK(session.link.opened[1].second == "wss://s.example/market/stream");
  session.Opened(1);
  session.Opened(2);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[0].streams == Lines{"btcusdt@depth@100ms", "btcusdt@bookTicker"});
  CHECK(session.link.sent[1].streams == Lines{"btcusdt@markPrice@1s", "btcusdt@kline_1h"});
}

// Pins EX-2.
TEST_CASE("an acknowledged stream is live: the book is fetched, then live itself") {
  SessionFixture session;
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  CHECK(session.State(book) == "pending");
  session.Opened(1);
  CHECK(session.State(book) == "pending");
  CHECK(session.link.asked.empty());
  session.Ack(0);
  CHECK(session.State(book) == "resync");
  CHECK(session.State(quote) == "live");
  REQUIRE(session.link.asked.size() == 1);
  CHECK(session.link.asked[0].url == "https://r.example/api/v3/depth?symbol=BTCUSDT&limit=1000");
  session.Snapshot(0, 100);
  CHECK(session.State(book) == "live");
  CHECK(session.session->books().FindBook("BTCUSDT")->last_update_id() == 100);
}

// Pins EX-2, EX-6.
TEST_CASE("data before the acknowledgement prove a stream, and stand for a lost one") {
  SessionFixture session;
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  session.Diff(1, 101, 102);
  CHECK(session.State(book) == "resync");
  REQUIRE(session.link.asked.size() == 1);
  session.Snapshot(0, 100);
  CHECK(session.session->books().FindBook("BTCUSDT")->last_update_id() == 102);
  session.Run(30'000);  // the acknowledgement never comes
  CHECK(session.State(book) == "live");
  CHECK(session.link.sent.size() == 1);
  CHECK(session.link.closed.empty());
}

// Pins EX-6.
TEST_CASE("a lost acknowledgement: asked again, then a new connection") {
  SessionFixture session;
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  session.Run(4'999);
  CHECK(session.link.sent.size() == 1);
  session.Run(1);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].streams == session.link.sent[0].streams);
  CHECK(session.link.sent[1].id != session.link.sent[0].id);
  CHECK(session.link.closed.empty());
  session.Run(5'000);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.Reason(book) == "no answer to SUBSCRIBE");
  CHECK(session.session->counters().acks_lost == 2);
  session.Run(1'000);
  REQUIRE(session.link.opened.size() == 2);
  session.Opened(2);
  session.AckLast();
  CHECK(session.State(book) == "resync");
}

// Pins EX-7.
TEST_CASE("many streams: bounded batches, at most four messages a second on spot") {
  SessionFixture session;
  session.Start();
  for (int i = 0; i < 700; ++i) session.Subscribe(FeedChannel::kQuote, Symbol(i));
  session.Opened(1);
  session.Run(5'000 - 1);
  const auto& sent = session.link.sent;
  std::set<std::string> streams;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].streams.size() <= 100);
    CHECK(sent[i].bytes <= 4096);
    if (i >= 4) CHECK(sent[i].at_ms - sent[i - 4].at_ms >= 1'250);
    streams.insert(sent[i].streams.begin(), sent[i].streams.end());
  }
  CHECK(streams.size() == 700);
  CHECK(sent.size() == 7);
}

// Pins EX-7, EX-8.
TEST_CASE("USD-M: eight messages a second, two hundred streams a connection") {
  SessionFixture session(PlainSession(BinanceMarket::kUsdm));
  session.Start();
  for (int i = 0; i < 1'000; ++i) session.Subscribe(FeedChannel::kQuote, Symbol(i));
  REQUIRE(session.link.opened.size() == 5);
  for (std::uint32_t socket = 1; socket <= 5; ++socket) session.Opened(socket);
  CHECK(Streams(session.link).size() == 1'000);
  for (int i = 0; i < 10; ++i) session.session->OnSignOfLife(1, session.Now());
  session.Subscribe(FeedChannel::kQuote, "MORE");  // on a sixth
  CHECK(session.link.opened.size() == 6);

  auto options = PlainSession(BinanceMarket::kUsdm);
  options.streams_per_message = 1;
  SessionFixture slow(options);
  slow.Start();
  for (int i = 0; i < 20; ++i) slow.Subscribe(FeedChannel::kQuote, Symbol(i));
  slow.Opened(1);
  CHECK(slow.link.sent.size() == 8);
  slow.Run(1'249);  // a second and what messages may be delayed by
  CHECK(slow.link.sent.size() == 8);
  slow.Run(1);
  CHECK(slow.link.sent.size() == 16);
}

// Pins EX-6.
TEST_CASE("an answer to an earlier attempt says nothing of a later one") {
  SessionFixture session;
  session.Start();
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Opened(1);
  session.Run(5'000);
  REQUIRE(session.link.sent.size() == 2);
  session.Ack(0);
  CHECK(session.State(quote) == "pending");
  CHECK(session.session->counters().acks_unknown == 1);
  session.Ack(1);
  CHECK(session.State(quote) == "live");
  session.Frame(1, R"({"error":{"code":3,"msg":"Invalid JSON"},"id":null})");
  session.Frame(1, R"({"id":1)");
  CHECK(session.State(quote) == "live");
}

TEST_CASE("a message stays under its bytes, one long name goes alone") {
  auto options = PlainSession();
  options.bytes_per_message = 160;
  SessionFixture session(options);
  session.Start();
  const std::string longest(300, 'X');
  for (const std::string& symbol : {std::string("AUSDT"), longest, std::string("BUSDT"),
                                    std::string("CUSDT"), std::string("DUSDT")}) {
    session.Subscribe(FeedChannel::kQuote, symbol);
  }
  session.Opened(1);
  session.Run(2'000);
  REQUIRE(session.link.sent.size() == 3);
  CHECK(session.link.sent[1].streams.size() == 1);
  CHECK(session.link.sent[2].bytes <= 160);
  CHECK(Streams(session.link).size() == 5);
}

// Pins EX-7.
TEST_CASE("pongs and pings count as messages; the ping waits for its turn") {
  auto options = PlainSession();
  options.ping_ms = 20'000;
  SessionFixture session(options);
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Opened(1);
  session.AckLast();
  session.Run(19'900);
  for (int i = 0; i < 4; ++i) session.session->OnSignOfLife(1, session.Now());
  session.Subscribe(FeedChannel::kQuote, "ETHUSDT");
  CHECK(session.link.sent.size() == 1);
  session.Run(1'249);
  CHECK(session.link.sent.size() == 1);
  CHECK(session.link.pings.empty());
  session.Run(10);
  CHECK(session.link.sent.size() == 2);
  CHECK(session.link.pings.size() == 1);
}

TEST_CASE("a link that takes nothing for now is asked again") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.link.refuse_sends = 2;
  session.Opened(1);
  CHECK(session.link.sent.empty());
  session.Run(300);
  CHECK(session.link.sent.size() == 1);
}

// Pins EX-5.
TEST_CASE("a refusal, in both shapes, rejects the stream with the venue's reason") {
  for (const bool nested : {false, true}) {
    SessionFixture session;
    session.Start();
    const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
    session.Opened(1);
    session.Statuses();
    session.Refuse(0, "bad stream", nested);
    CHECK(session.State(quote) == "rejected");
    CHECK(session.Reason(quote) == "refused: bad stream (code 2)");
    CHECK(session.Statuses() ==
          Lines{"channel disconnected: rejected: refused: bad stream (code 2)"});
    session.Run(60'000);
    CHECK(session.link.sent.size() == 1);
    // All handles given back, it may be tried anew.
    CHECK(session.session->Unsubscribe(quote, session.Now()).ok());
    const FeedHandle again = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
    session.Run(2'000);
    CHECK(session.State(again) == "pending");
  }
}

// Pins EX-5.
TEST_CASE("of a refused batch only the stream at fault is rejected") {
  SessionFixture session;
  session.Start();
  std::vector<FeedHandle> handles;
  for (int i = 0; i < 8; ++i) {
    handles.push_back(session.Subscribe(FeedChannel::kQuote, Symbol(i)));
  }
  session.Opened(1);
  for (std::size_t at = 0; at < session.link.sent.size(); ++at) {
    const Lines streams = session.link.sent[at].streams;
    const bool bad = std::count(streams.begin(), streams.end(), "s1005usdt@bookTicker") != 0;
    if (bad) {
      session.Refuse(at, "unknown", at % 2 == 0);
    } else {
      session.Ack(at);
    }
    session.Run(1'000);
    REQUIRE(at < 20);
  }
  for (int i = 0; i < 8; ++i) {
    CHECK(session.State(handles[static_cast<std::size_t>(i)]) == (i == 5 ? "rejected" : "live"));
  }
  CHECK(session.session->counters().rejected == 1);
}

// Pins EX-10.
TEST_CASE("reconnecting never gives up: delays double to 30 s, with jitter from the seed") {
  std::vector<std::int64_t> first_times;
  for (const std::uint64_t seed : {7u, 7u, 8u}) {
    auto options = PlainSession();
    options.seed = seed;
    SessionFixture session(options);
    session.Start();
    session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
    std::int64_t expected_ms = 1'000;
    for (std::uint32_t socket = 1; socket < 60; ++socket) {
      REQUIRE(session.link.opened.back().first == socket);
      const std::int64_t failed_ms = session.elapsed_ms;
      session.Closed(socket, "refused");
      session.Run(expected_ms);
      REQUIRE(session.link.opened.size() == socket + 1);
      const std::int64_t waited = session.link.open_times_ms.back() - failed_ms;
      CHECK(waited <= expected_ms);
      CHECK(waited >= expected_ms * 8 / 10 - 1);
      expected_ms = std::min<std::int64_t>(2 * expected_ms, 30'000);
    }
    const auto times = session.link.open_times_ms;
    if (seed == 8) {
      CHECK(times != first_times);
    } else if (!first_times.empty()) {
      CHECK(times == first_times);
    }
    first_times = times;
  }
}

// Pins EX-10.
TEST_CASE("a stable minute starts the delays anew, a short connection does not") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  const auto reconnect = [&] {  // after how long
    const std::size_t before = session.link.opened.size();
    const std::int64_t lost_ms = session.elapsed_ms;
    session.Closed(session.link.opened.back().first);
    while (session.link.opened.size() == before) session.Run(10);
    return session.link.open_times_ms.back() - lost_ms;
  };
  for (int i = 0; i < 8; ++i) {
    session.Opened(session.link.opened.back().first);
    session.Run(100);
    reconnect();
  }
  session.Opened(session.link.opened.back().first);
  session.AckLast();
  session.Run(59'999);
  CHECK(reconnect() >= 24'000);
  session.Opened(session.link.opened.back().first);
  session.AckLast();
  session.Run(60'000);
  CHECK(reconnect() <= 1'000);
}

// Pins EX-11, EX-46.
TEST_CASE("after a reconnect all subscriptions are asked for again, and books resynchronised") {
  LiveSession session;
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "ETHUSDT");
  session.Run(1'000);
  session.AckLast();
  session.Statuses();
  session.Closed(1, "reset by peer");
  CHECK(session.State(session.handle) == "disconnected");
  CHECK(session.State(quote) == "disconnected");
  CHECK(session.Reason(quote) == "reset by peer");
  const Lines lost = session.Statuses();
  REQUIRE(lost.size() == 3);
  CHECK(lost[0].substr(0, 58) == "connection disconnected: socket 1: reset by peer; next att");
  CHECK(lost[1] == "instrument disconnected");
  CHECK(lost[2] == "venue disconnected: no socket is open");
  session.Diff(1, 101, 101);
  CHECK(session.session->counters().stray == 1);
  session.link.sent.clear();
  session.Run(1'000);
  session.Opened(2);
  REQUIRE(session.link.sent.size() == 1);
  CHECK(session.link.sent[0].streams == Lines{"btcusdt@depth@100ms", "ethusdt@bookTicker"});
  session.AckLast();
  CHECK(session.State(quote) == "live");
  session.Snapshot(0, 150);
  CHECK(session.State(session.handle) == "live");
  CHECK(session.Statuses() == Lines{"connection live: socket 2 is open", "venue live: connected",
                                    "instrument resync", "instrument live"});
}

// Pins EX-11.
TEST_CASE("an answer from before the reconnect is not taken for a new one") {
  LiveSession session;
  session.Diff(1, 103, 103);  // a gap
  session.Run(1'000);
  REQUIRE(session.link.asked.size() == 1);
  session.Closed(1);
  session.Run(1'000);
  session.Opened(2);
  session.AckLast();
  REQUIRE(session.link.asked.size() == 2);
  session.Snapshot(0, 200);
  CHECK(session.State(session.handle) == "resync");
  session.Snapshot(1, 300);
  CHECK(session.State(session.handle) == "live");
  CHECK(session.session->books().FindBook("BTCUSDT")->last_update_id() == 300);
}

// Pins EX-12.
TEST_CASE("a half-open socket is replaced after 60 s without any sign of life") {
  auto options = PlainSession();
  options.ping_ms = 20'000;
  options.life_timeout_ms = 60'000;
  LiveSession session(options);
  session.Run(20'000);
  CHECK(session.link.pings.size() == 1);
  session.session->OnSignOfLife(1, session.Now());  // the pong
  session.Run(59'999);
  CHECK(session.link.pings.size() == 3);
  CHECK(session.State(session.handle) == "live");
  session.Run(1);
  CHECK(session.State(session.handle) == "disconnected");
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.session->counters().half_open == 1);
  session.Run(1'000);
  CHECK(session.link.opened.size() == 1);
}

// Pins EX-12.
TEST_CASE("any frame is a sign of life") {
  auto options = PlainSession();
  options.life_timeout_ms = 60'000;
  LiveSession session(options);
  for (int i = 0; i < 10; ++i) {
    session.Run(50'000);
    session.Frame(1, R"({"stream":"x@trade","data":{"e":"trade"}})");
  }
  CHECK(session.State(session.handle) == "live");
}

// Pins EX-12.
TEST_CASE("a socket that never opens is given up and tried again") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Run(15'000);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  session.Run(1'000);
  CHECK(session.link.opened.size() == 2);
  session.Opened(1);  // too late: nobody waits for it
  CHECK(session.link.sent.empty());
}

// Pins EX-13.
TEST_CASE("an announced shutdown, bare or combined, opens a new connection beside the old one") {
  for (const char* text : {R"({"e":"serverShutdown","E":1700000000000})",
                           R"({"stream":"x","data":{"e":"serverShutdown","E":1700000000000}})"}) {
    LiveSession session;
    session.Run(59'999);
    session.Frame(1, text);  // a new socket would hear the same
    CHECK(session.link.opened.empty());
    session.Run(1);
    session.Frame(1, text);
    CHECK(session.link.closed.empty());
    CHECK(session.link.opened.size() == 1);
    CHECK(session.State(session.handle) == "live");
    CHECK(session.session->counters().shutdowns == 1);
  }
}

// Pins EX-8.
TEST_CASE("streams beyond one connection's limit get a further one") {
  auto options = PlainSession();
  options.streams_per_connection = 3;
  SessionFixture session(options);
  session.Start();
  for (int i = 0; i < 7; ++i) session.Subscribe(FeedChannel::kQuote, Symbol(i));
  REQUIRE(session.link.opened.size() == 3);
  for (std::uint32_t socket = 1; socket <= 3; ++socket) session.Opened(socket);
  REQUIRE(session.link.sent.size() == 3);
  CHECK(session.link.sent[2].streams == Lines{"s1006usdt@bookTicker"});
  session.Closed(2);
  session.Run(1'000);
  session.Opened(4);
  CHECK(session.link.sent.back().streams == session.link.sent[1].streams);
}

// Pins EX-8.
TEST_CASE("connection attempts stay under the venue's limit") {
  auto options = PlainSession();
  options.connections_per_5_minutes = 5;
  options.reconnect_max_ms = 1'000;
  SessionFixture session(options);
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  for (std::uint32_t socket = 1; socket <= 5; ++socket) {
    session.Closed(socket);
    session.Run(1'000);
  }
  CHECK(session.link.opened.size() == 5);
  session.Run(290'000);
  CHECK(session.link.opened.size() == 5);
  session.Run(10'000);
  CHECK(session.link.opened.size() == 6);
}

// Pins EX-14.
TEST_CASE("stop closes all, says so, and ignores what still comes") {
  LiveSession session;
  session.session->Stop(session.Now());
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.State(session.handle) == "stopped");
  CHECK(session.Statuses() == Lines{"connection disconnected: socket 1: stopped",
                                    "instrument disconnected", "venue disconnected: stopped"});
  session.Diff(1, 101, 101);
  session.Opened(2);
  session.Closed(1);
  session.Run(600'000);
  session.session->Stop(session.Now());
  CHECK(session.sink.messages.empty());
  CHECK(session.link.opened.empty());
  CHECK(session.session->next_tick_ns() == BinanceFeed::kNoTick);
  CHECK(session.session->Subscribe({FeedChannel::kQuote, "A", {}}, session.Now()).status().code() ==
        StatusCode::kUnavailable);
  CHECK(session.session->Start(session.Now()).code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("a batch that is never answered is asked for in halves while others are answered") {
  SessionFixture session;
  session.Start();
  std::vector<FeedHandle> handles;
  for (int i = 0; i < 8; ++i) {
    handles.push_back(session.Subscribe(FeedChannel::kQuote, Symbol(i)));
  }
  session.Opened(1);
  std::size_t seen = 0;
  for (int second = 0; second < 120; ++second) {
    for (; seen < session.link.sent.size(); ++seen) {
      const Lines streams = session.link.sent[seen].streams;
      if (std::count(streams.begin(), streams.end(), "s1003usdt@bookTicker") == 0) {
        session.Ack(seen);
      }
    }
    session.Run(1'000);
  }
  CHECK(session.link.closed.empty());
  for (int i = 0; i < 8; ++i) {
    CHECK(session.State(handles[static_cast<std::size_t>(i)]) == (i == 3 ? "pending" : "live"));
  }
  CHECK(session.link.sent.back().streams == Lines{"s1003usdt@bookTicker"});
}

TEST_CASE("an error that names no message makes the next attempts smaller") {
  SessionFixture session;
  session.Start();
  for (int i = 0; i < 150; ++i) session.Subscribe(FeedChannel::kQuote, Symbol(i));
  session.Opened(1);
  REQUIRE(session.link.sent.size() == 2);
  session.Frame(1, R"({"code":3,"msg":"Invalid JSON","id":null})");
  session.Run(5'000);
  REQUIRE(session.link.sent.size() > 2);
  CHECK(session.link.sent[2].streams.size() == 50);
}

// Pins EX-5.
TEST_CASE("a refusal for a passing reason is asked for again, ever later") {
  SessionFixture session;
  session.Start();
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Opened(1);
  const auto refuse = [&] {
    session.Frame(
        1, R"({"code":1,"msg":"busy","id":)" + std::to_string(session.link.sent.back().id) + "}");
  };
  for (const std::int64_t wait_ms : {1'000, 2'000, 4'000}) {
    refuse();
    CHECK(session.State(quote) == "pending");
    CHECK(session.Reason(quote) == "refused: busy (code 1)");
    const std::size_t sent = session.link.sent.size();
    session.Run(wait_ms - 1);
    CHECK(session.link.sent.size() == sent);
    session.Run(1);
    CHECK(session.link.sent.size() == sent + 1);
  }
  session.AckLast();
  CHECK(session.State(quote) == "live");
}

TEST_CASE("a stream that is one too many for its connection moves to another") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kQuote, "AUSDT");
  session.Opened(1);
  session.Ack(0);
  const FeedHandle second = session.Subscribe(FeedChannel::kQuote, "BUSDT");
  session.Frame(1, R"({"code":4,"msg":"Too many subscriptions","id":2})");
  REQUIRE(session.link.opened.size() == 2);
  session.Opened(2);
  CHECK(session.link.sent.back().socket == 2);
  session.AckLast();
  CHECK(session.State(second) == "live");
  session.Subscribe(FeedChannel::kQuote, "CUSDT");
  session.Run(1'000);
  CHECK(session.link.sent.back().socket == 2);
}
