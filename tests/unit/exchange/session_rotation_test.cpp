// Rotation step by step: when a socket is replaced while it runs, and by what.
#include <doctest/doctest.h>

#include "session_fixture.hpp"

using namespace virtufin;
using test::Lines;
using test::LiveSession;
using test::PlainSession;

namespace {

constexpr std::int64_t kAfterMs = 100'000;

detail::BinanceSessionOptions Rotating() {
  auto options = PlainSession();
  options.rotate_after_ms = kAfterMs;
  options.stable_ms = 10'000;
  return options;
}

/// The book of BTCUSDT is live on socket 1, and socket 2 has been asked for.
struct RotatingSession : LiveSession {
  RotatingSession() : LiveSession(Rotating()) {
    while (link.opened.empty() && elapsed_ms < 2 * kAfterMs) Run(100);
    REQUIRE(link.opened.size() == 1);
    REQUIRE(link.opened[0].first == 2);
    link.sent.clear();
    sink.messages.clear();
  }
  /// Socket 2 is open, and carries the stream.
  void Join() {
    Opened(2);
    REQUIRE(link.sent.size() == 1);
    REQUIRE(link.sent[0].socket == 2);
    AckLast();
  }
};

}  // namespace

// Pins EX-99.
TEST_CASE("a socket is replaced before the venue cuts it") {
  RotatingSession session;
  CHECK(session.elapsed_ms <= kAfterMs);
  CHECK(session.elapsed_ms >= kAfterMs - kAfterMs / 46 - 100);
  session.Join();
  CHECK(session.link.sent[0].streams == Lines{"btcusdt@depth@100ms"});
  session.Run(1'999);
  CHECK(session.link.closed.empty());
  session.Run(1);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.State(session.handle) == "live");
  CHECK(session.session->counters().rotations == 1);
  CHECK(session.Statuses() == Lines{"connection live: socket 2 is open",
                                    "connection disconnected: socket 1: replaced by socket 2"});
  session.Diff(2, 101, 102);
  CHECK(session.Topics() == Lines{"orderbook.update.BTCUSDT"});
  CHECK(session.link.asked.empty());
}

TEST_CASE("what both sockets bring is told once, whichever is faster") {
  RotatingSession session;
  session.Join();
  session.Diff(2, 103, 104);  // its predecessor is still on its way on the old socket
  session.Diff(2, 105, 105);
  CHECK(session.Topics().empty() == false);  // the new socket's status
  session.Diff(1, 101, 102);
  CHECK(session.Topics() == Lines(3, "orderbook.update.BTCUSDT"));
  session.Diff(1, 103, 104);
  session.Diff(1, 105, 106);
  session.Diff(2, 106, 106);
  CHECK(session.Topics() == Lines{"orderbook.update.BTCUSDT"});
  CHECK(session.session->books().counters().books.gaps == 0);
}

// Pins EX-100.
TEST_CASE("a diff whose predecessor does not come is a gap after two seconds") {
  RotatingSession session;
  session.Join();
  session.Run(1'000);
  session.Diff(2, 103, 104);
  session.Run(999);
  CHECK(session.State(session.handle) == "live");
  session.Run(1'001);  // the old socket is closed: nothing else can bring it
  CHECK(session.State(session.handle) == "resync");
  CHECK(session.session->books().counters().books.gaps == 1);
}

// Pins EX-101.
TEST_CASE("a new socket that dies is tried again, the old one goes on") {
  RotatingSession session;
  session.Join();
  session.Closed(2);
  CHECK(session.State(session.handle) == "live");
  CHECK(session.session->counters().rotations_failed == 1);
  session.Diff(1, 101, 101);
  session.Run(1'000);
  REQUIRE(session.link.opened.size() == 2);
  CHECK(session.link.opened[1].first == 3);
  session.Closed(3, "refused");
  session.Run(2'000);
  REQUIRE(session.link.opened.size() == 3);
  session.Opened(4);
  session.AckLast();
  session.Run(2'000);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.session->books().counters().synchronised == 1);
}

TEST_CASE("an old socket that is cut is followed by the new one, as far as that has come") {
  SUBCASE("it carries the streams") {
    RotatingSession session;
    session.Join();
    session.Closed(1);
    CHECK(session.State(session.handle) == "live");
    session.Diff(2, 101, 101);
    CHECK(session.link.asked.empty());
  }
  SUBCASE("it is asked for them") {
    RotatingSession session;
    session.Opened(2);
    session.Closed(1, "cut");
    CHECK(session.State(session.handle) == "disconnected");
    session.AckLast();
    CHECK(session.State(session.handle) == "resync");
  }
  SUBCASE("it is not open yet") {
    RotatingSession session;
    session.Closed(1, "cut");
    CHECK(session.State(session.handle) == "disconnected");
    session.Opened(2);
    session.AckLast();
    CHECK(session.State(session.handle) == "resync");
  }
  // None of them asked for a third socket.
}

// Pins EX-102.
TEST_CASE("streams that come and go meanwhile do so on both sockets") {
  RotatingSession session;
  session.Join();
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "ETHUSDT");
  REQUIRE(session.link.sent.size() == 3);
  CHECK(session.link.sent[1].socket + session.link.sent[2].socket == 3);
  session.Ack(1);
  session.Ack(2);
  CHECK(session.State(quote) == "live");
  REQUIRE(session.session->Unsubscribe(session.handle, session.Now()).ok());
  REQUIRE(session.link.sent.size() == 5);
  CHECK(session.link.sent[3].method == "UNSUBSCRIBE");
  CHECK(session.link.sent[4].method == "UNSUBSCRIBE");
  session.Ack(3);
  session.Run(2'000);  // the other one is not answered: it is asked again, on the new socket
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.State(quote) == "live");
  session.AckLast();
  CHECK(session.session->Totals(session.Now()).streams_waiting == 0);
}

TEST_CASE("nobody needs the streams any more: both sockets end") {
  RotatingSession session;
  session.Join();
  REQUIRE(session.session->Unsubscribe(session.handle, session.Now()).ok());
  session.Ack(1);
  session.Ack(2);
  session.Run(20'000);
  std::sort(session.link.closed.begin(), session.link.closed.end());
  CHECK(session.link.closed == std::vector<std::uint32_t>{1, 2});
  session.session->Stop(session.Now());
}

TEST_CASE("stopped in the middle, both sockets are closed") {
  RotatingSession session;
  session.Join();
  session.session->Stop(session.Now());
  std::sort(session.link.closed.begin(), session.link.closed.end());
  CHECK(session.link.closed == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("a stream that new sockets refuse is left behind by the fourth, the others are not") {
  RotatingSession session;
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "ETHUSDT");
  session.Ack(0);
  std::size_t sent = session.link.sent.size();
  for (std::uint32_t socket = 2; socket <= 4; ++socket) {
    session.Opened(socket);
    REQUIRE(session.link.sent.size() == sent + 1);
    session.Refuse(sent++, "Invalid request", true);  // both: halves are asked for
    session.Run(1'250);
    while (sent < session.link.sent.size()) {
      const bool book = session.link.sent[sent].streams == Lines{"btcusdt@depth@100ms"};
      book ? session.Refuse(sent, "Invalid request", true) : session.Ack(sent);
      ++sent;
      session.Run(1'250);
    }
    CHECK(session.link.closed.size() == socket - 1);
    CHECK(session.State(session.handle) == "live");
    CHECK(session.State(quote) == "live");
    while (session.link.opened.size() < socket) session.Run(100);
    sent = session.link.sent.size();
  }
  session.Opened(5);
  session.Refuse(sent++, "Invalid request", true);
  for (int i = 0; i < 8 && session.link.closed.size() < 4; ++i) {
    session.Run(1'250);
    while (sent < session.link.sent.size()) {
      const bool book = session.link.sent[sent].streams == Lines{"btcusdt@depth@100ms"};
      book ? session.Refuse(sent, "Invalid request", true) : session.Ack(sent);
      ++sent;
    }
  }
  CHECK(session.link.closed.back() == 1);
  CHECK(session.State(quote) == "live");
  session.Run(2'000);
  session.Refuse(session.link.sent.size() - 1, "Invalid request", true);
  CHECK(session.State(session.handle) == "rejected");
}
