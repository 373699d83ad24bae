// BinanceSession: requests by priority and weight, refusals of the host, and what exchangeInfo
// tells.
#include <doctest/doctest.h>

#include <string>

#include "unit/exchange/session_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::string Symbol(int i) { return "S" + std::to_string(1000 + i); }

std::string ExchangeInfo(const Lines& symbols, int weight = 1200) {
  std::string body = R"({"timezone":"UTC","serverTime":1700000000000,"rateLimits":[)"
                     R"({"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,)"
                     R"("limit":)" +
                     std::to_string(weight) + R"(}],"exchangeFilters":[],"symbols":[)";
  for (const std::string& symbol : symbols) {
    body += (&symbol == &symbols.front() ? "" : ",");
    body += R"({"symbol":")" + symbol +
            R"(","status":"TRADING","baseAsset":"B","quoteAsset":"Q","filters":[]})";
  }
  return body + "]}";
}

/// `count` books whose streams run; their snapshots are asked for in order.
struct ManyBooks : SessionFixture {
  ManyBooks(int count, const vd::BinanceSessionOptions& options) : SessionFixture(options) {
    Start();
    for (int i = 0; i < count; ++i) handles.push_back(Subscribe(FeedChannel::kBook, Symbol(i)));
    Opened(1);
    for (std::size_t at = 0; at < link.sent.size(); ++at) Ack(at);
  }
  std::vector<FeedHandle> handles;
};

}  // namespace

// Pins EX-16.
TEST_CASE("at most so many requests are in flight, the next one follows an answer") {
  auto options = PlainSession();
  options.requests_in_flight = 3;
  ManyBooks session(10, options);
  REQUIRE(session.link.asked.size() == 3);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(session.link.asked.at(i).url ==
          "https://r.example/api/v3/depth?symbol=" + Symbol(static_cast<int>(i)) + "&limit=1000");
    session.Snapshot(i, 100);
  }
  for (const FeedHandle handle : session.handles) CHECK(session.State(handle) == "live");
}

// Pins EX-15.
TEST_CASE("weight: what does not fit into the minute waits, in order, as resync") {
  auto options = PlainSession();
  options.weight_per_minute = 250;
  options.weight_percent = 80;  // 200: four snapshots of 50
  ManyBooks session(10, options);
  REQUIRE(session.link.asked.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) session.Snapshot(i, 100);
  CHECK(session.link.asked.size() == 4);
  CHECK(session.State(session.handles[0]) == "live");
  CHECK(session.State(session.handles[9]) == "resync");
  session.Run(59'999);
  CHECK(session.link.asked.size() == 4);
  session.Run(1);
  REQUIRE(session.link.asked.size() == 8);
  CHECK(session.link.asked[4].url.find("S1004&") != std::string::npos);
  // The venue counts what others on this address used.
  session.Answer(4, 200, R"({"lastUpdateId":1,"bids":[],"asks":[]})",
                 {{"x-mbx-used-weight-1m", "350"}});
  session.Run(59'000);
  CHECK(session.link.asked.size() == 8);
}

// Pins EX-15.
TEST_CASE("a shared limiter is shared") {
  auto options = PlainSession();
  options.request_limiter = std::make_shared<vd::RateLimiter>(100, 60'000);
  LiveSession first(options);
  LiveSession second(options);
  SessionFixture third(options);
  third.Start();
  third.Subscribe(FeedChannel::kBook, "BTCUSDT");
  third.Opened(1);
  third.Ack(0);
  CHECK(third.link.asked.empty());
  third.Run(60'000);
  CHECK(third.link.asked.size() == 1);
}

// Pins EX-16.
TEST_CASE("the first exchangeInfo does not wait; snapshots go before the repair of trades") {
  auto options = PlainSession();
  options.requests_in_flight = 1;
  SessionFixture session(options);
  session.Start();
  session.Subscribe(FeedChannel::kBook, "AUSDT");
  session.Subscribe(FeedChannel::kTrade, "BUSDT");
  session.Opened(1);
  session.Ack(0);
  REQUIRE(session.link.asked.size() == 1);
  session.Subscribe(FeedChannel::kInstrument, "");
  const auto trade = [&](int id) {
    session.Frame(1, R"({"stream":"busdt@aggTrade","data":{"e":"aggTrade","E":1700000000000,)"
                     R"("s":"BUSDT","a":)" +
                         std::to_string(id) +
                         R"(,"p":"1","q":"1","f":1,"l":1,"T":1700000000000,"m":true,"M":true}})");
  };
  trade(10);
  trade(15);  // a hole
  session.Subscribe(FeedChannel::kBook, "CUSDT");
  session.Run(1'000);
  session.AckLast();
  Lines order;
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(session.link.asked.size() == i + 1);
    std::string url = session.link.asked[i].url;
    order.push_back(url.substr(url.find("v3/") + 3));
    session.Answer(i, 500, "");
  }
  CHECK(order == Lines{"depth?symbol=AUSDT&limit=1000", "exchangeInfo",
                       "depth?symbol=CUSDT&limit=1000",
                       "aggTrades?symbol=BUSDT&fromId=11&limit=1000"});
}

// Pins EX-17.
TEST_CASE("429: nothing is asked until Retry-After is over; without it, ever longer") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  REQUIRE(session.link.asked.size() == 1);
  session.Answer(0, 429, R"({"code":-1003,"msg":"Too much request weight used"})",
                 {{"retry-after", "7"}});
  CHECK(session.State(session.handle) == "resync");
  session.Run(6'999);
  CHECK(session.link.asked.size() == 1);
  session.Run(1);
  CHECK(session.link.asked.size() == 2);
  std::int64_t wait_ms = 5'000;
  for (std::size_t i = 1; i < 8; ++i) {
    session.AnswerLast(429, "");
    session.Run(wait_ms - 1);
    CHECK(session.link.asked.size() == i + 1);
    session.Run(1);
    CHECK(session.link.asked.size() == i + 2);
    wait_ms = std::min<std::int64_t>(2 * wait_ms, 120'000);
  }
  CHECK(session.session->counters().limited == 8);
  CHECK(session.session->banned_until_unix_ns() == 0);
  session.Snapshot(session.link.asked.size() - 1, 150);
  CHECK(session.State(session.handle) == "live");
}

// Pins EX-18.
TEST_CASE("418: banned until Retry-After, or until the time in the text, and the venue says so") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  session.Statuses();
  session.Answer(0, 418, "", {{"retry-after", "120"}});
  CHECK(session.session->banned_until_unix_ns() == session.Now().unix_ns + 120'000'000'000);
  CHECK(session.Statuses() == Lines{"venue resync: requests are banned until "
                                    "2023-11-14T22:15:20.500Z: books wait"});
  CHECK(session.Reason(session.handle) ==
        "waits for a snapshot; banned until 2023-11-14T22:15:20.500Z");
  session.Run(119'999);
  CHECK(session.link.asked.size() == 1);
  session.Run(1);
  CHECK(session.link.asked.size() == 2);
  CHECK(session.Statuses() == Lines{"venue live: the ban is over"});
  CHECK(session.session->banned_until_unix_ns() == 0);

  const std::int64_t until_ms = 1'700'000'000'000 + session.elapsed_ms + 300'000;
  session.AnswerLast(418, R"({"code":-1003,"msg":"Way too much request weight used; IP banned )"
                          R"(until )" +
                              std::to_string(until_ms) + R"(. Please use WebSocket."})");
  CHECK(session.session->banned_until_unix_ns() == until_ms * 1'000'000);
  session.Run(299'999);
  CHECK(session.link.asked.size() == 2);
  session.Run(1);
  CHECK(session.link.asked.size() == 3);
  session.AnswerLast(418, "nothing that tells");
  session.Run(119'999);
  CHECK(session.link.asked.size() == 3);
  session.Run(1);
  CHECK(session.link.asked.size() == 4);
  CHECK(session.session->counters().banned == 3);
  session.Snapshot(3, 150);
  CHECK(session.State(session.handle) == "live");
}

// Pins EX-18.
TEST_CASE("a ban that is told before Start holds") {
  SessionFixture session;
  session.session->SetBannedUntil(session.Now().unix_ns + 60'000'000'000, session.Now());
  session.session->SetBannedUntil(session.Now().unix_ns - 1, session.Now());
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Opened(1);
  session.Ack(0);
  CHECK(session.State(book) == "resync");
  session.Run(59'999);
  CHECK(session.link.asked.empty());
  session.Run(1);
  CHECK(session.link.asked.size() == 1);
}

TEST_CASE("a ban is told to be over also when nothing is subscribed") {
  SessionFixture session;
  session.session->SetBannedUntil(session.Now().unix_ns + 60'000'000'000, session.Now());
  session.Start();
  CHECK(session.Statuses().size() == 1);
  session.Run(60'000);
  CHECK(session.Statuses() == Lines{"venue disconnected: nothing is subscribed"});
}

// Pins EX-17, EX-18.
TEST_CASE("whatever a host says, it is not asked again at once") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  const auto waits = [&](std::int64_t ms) {
    const std::size_t asked = session.link.asked.size();
    session.Run(ms - 1);
    CHECK(session.link.asked.size() == asked);
    session.Run(1);
    CHECK(session.link.asked.size() == asked + 1);
  };
  session.AnswerLast(429, "", {{"retry-after", "0"}});
  waits(1'000);
  session.AnswerLast(418, "", {{"retry-after", "0"}});
  CHECK(session.session->banned_until_unix_ns() != 0);
  waits(1'000);
  session.AnswerLast(418, R"({"code":-1003,"msg":"banned until 9999999999999."})");
  CHECK(session.session->banned_until_unix_ns() == session.Now().unix_ns + 7 * 86'400'000'000'000);
}

TEST_CASE("a ban during a pause is a ban, refusals that were under way together are one") {
  auto options = PlainSession();
  ManyBooks session(4, options);
  REQUIRE(session.link.asked.size() == 4);
  session.Answer(0, 429, "", {{"retry-after", "600"}});
  session.Answer(1, 418, "");
  CHECK(session.session->banned_until_unix_ns() == session.Now().unix_ns + 120'000'000'000);
  session.Answer(2, 418, "");
  session.Answer(3, 418, "");
  CHECK(session.session->banned_until_unix_ns() == session.Now().unix_ns + 120'000'000'000);
  session.Run(599'999);
  CHECK(session.link.asked.size() == 4);
  session.Run(1);
  CHECK(session.link.asked.size() == 8);
}

TEST_CASE("numbers that cannot be are not believed") {
  auto options = PlainSession();
  options.check_symbols = true;
  options.request_limiter = std::make_shared<vd::RateLimiter>(6'000, 60'000);
  SessionFixture session(options);
  session.Start();
  session.Answer(0, 200, ExchangeInfo({"BTCUSDT"}),
                 {{"x-mbx-used-weight-1m", "9223372036854775807"}});
  session.Run(60'000);
  CHECK(options.request_limiter->used(session.Now()) == 0);
}

TEST_CASE("exchangeInfo that cannot be read is not asked for without end") {
  auto options = PlainSession();
  options.check_symbols = true;
  options.symbols_fresh_ms = 0;
  SessionFixture session(options);
  session.Start();
  session.Answer(0, 200, ExchangeInfo({"BTCUSDT"}));
  session.Run(1'000);
  const FeedHandle unknown = session.Subscribe(FeedChannel::kQuote, "NOSUCH");
  session.Opened(1);
  REQUIRE(session.link.asked.size() == 2);
  for (int i = 0; i < 3; ++i) {
    const std::size_t asked = session.link.asked.size();
    session.AnswerLast(200, "<html>");
    CHECK(session.link.asked.size() == asked);  // not at once
    session.Run(30'000);
    CHECK(session.link.asked.size() > asked);
  }
  session.AnswerLast(200, ExchangeInfo({"BTCUSDT"}));
  CHECK(session.State(unknown) == "rejected");
  const std::size_t asked = session.link.asked.size();
  session.Run(60'000);
  CHECK(session.link.asked.size() == asked);
}

TEST_CASE("a venue that serves requests only is live once it answered, also after a ban") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kInstrument, "");
  session.AnswerLast(418, "", {{"retry-after", "5"}});
  session.Run(5'000);
  CHECK(session.Statuses().size() == 2);
  session.sink.messages.clear();
  session.AnswerLast(200, ExchangeInfo({"BTCUSDT"}));
  CHECK(session.Statuses().back() == "venue live: requests are answered");
}

// Pins EX-17.
TEST_CASE("403 and 451 are tried again slowly") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  session.AnswerLast(451, "<html>");
  session.Run(59'999);
  CHECK(session.link.asked.size() == 1);
  session.Run(1);
  CHECK(session.link.asked.size() == 2);
  session.AnswerLast(403, "");
  session.Run(119'999);
  CHECK(session.link.asked.size() == 2);
  session.Run(1);
  CHECK(session.link.asked.size() == 3);
  CHECK(session.session->counters().forbidden == 2);
}

// Pins EX-19.
TEST_CASE("errors, timeouts and truncated answers: the book asks again, ever later") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  const auto fails = [&](int status, std::string_view body, std::int64_t wait_ms) {
    const std::size_t before = session.link.asked.size();
    session.AnswerLast(status, body);
    session.Run(wait_ms - 1);
    CHECK(session.link.asked.size() == before);
    session.Run(1);
    CHECK(session.link.asked.size() == before + 1);
  };
  fails(503, "<html>", 1'000);
  fails(0, "", 2'000);
  fails(200, R"({"lastUpdateId":150,"bids":[["9","1"],["8)", 4'000);
  fails(400, R"({"code":-1000,"msg":"An unknown error occurred"})", 8'000);
  session.Snapshot(session.link.asked.size() - 1, 150);
  CHECK(session.State(session.handle) == "live");
  CHECK(session.session->counters().requests_failed == 3);
}

// Pins EX-4.
TEST_CASE("a symbol that REST does not know is rejected with the venue's words") {
  SessionFixture session;
  session.Start();
  const FeedHandle book = session.Subscribe(FeedChannel::kBook, "NOSUCH");
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "NOSUCH");
  session.Opened(1);
  session.Ack(0);
  session.Answer(0, 400, R"({"code":-1121,"msg":"Invalid symbol."})");
  CHECK(session.State(book) == "rejected");
  CHECK(session.Reason(book) == "HTTP 400: Invalid symbol.");
  CHECK(session.State(quote) == "live");
  session.Run(1'000);
  CHECK(session.link.sent.back().method == "UNSUBSCRIBE");
  CHECK(session.link.sent.back().streams == Lines{"nosuch@depth@100ms"});
}

// Pins EX-4.
TEST_CASE(
    "exchangeInfo: symbols it lacks are rejected, its limit holds, newer ones are looked up") {
  auto options = PlainSession();
  options.check_symbols = true;
  SessionFixture session(options);
  const FeedHandle good = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  const FeedHandle bad = session.Subscribe(FeedChannel::kQuote, "NOSUCH");
  session.Start();
  REQUIRE(session.link.asked.size() == 1);
  CHECK(session.link.asked[0].url == "https://r.example/api/v3/exchangeInfo");
  session.Opened(1);
  session.Ack(0);
  CHECK(session.State(bad) == "live");  // not known yet
  session.Answer(0, 200, ExchangeInfo({"BTCUSDT"}));
  CHECK(session.State(good) == "live");
  CHECK(session.State(bad) == "rejected");
  CHECK(session.Reason(bad) == "the venue lists no symbol NOSUCH");
  session.Run(1'000);
  CHECK(session.link.sent.back().streams == Lines{"nosuch@bookTicker"});
  session.AckLast();

  // Fresh: refused at once, nothing is sent.
  const std::size_t sent = session.link.sent.size();
  CHECK(session.State(session.Subscribe(FeedChannel::kQuote, "NONE")) == "rejected");
  session.Run(1'000);
  CHECK(session.link.sent.size() == sent);

  // Older: asked again first, and subscribed meanwhile.
  session.Run(60'000);
  const std::size_t asked = session.link.asked.size();
  const FeedHandle fresh = session.Subscribe(FeedChannel::kQuote, "NEWUSDT");
  CHECK(session.State(fresh) == "pending");
  CHECK(session.link.sent.size() == sent + 1);
  REQUIRE(session.link.asked.size() == asked + 1);
  session.AnswerLast(200, ExchangeInfo({"BTCUSDT", "NEWUSDT"}));
  session.AckLast();
  CHECK(session.State(fresh) == "live");
}

TEST_CASE("the weight that exchangeInfo names replaces the option") {
  auto options = PlainSession();
  options.check_symbols = true;
  options.request_limiter = std::make_shared<vd::RateLimiter>(6'000, 60'000);
  SessionFixture session(options);
  session.Start();
  session.Answer(0, 200, ExchangeInfo({"BTCUSDT"}, 2'000));
  CHECK(options.request_limiter->limit() == 1'600);
}

TEST_CASE("answers that nobody waits for any more do nothing") {
  LiveSession session;
  session.Diff(1, 150, 150);
  session.Run(500);
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).ok());
  session.sink.messages.clear();
  session.Snapshot(0, 150);
  session.Snapshot(0, 150);  // twice
  vd::VenueAnswer answer;
  answer.status = 200;
  session.session->OnAnswer(0, session.Now(), answer);
  session.session->OnAnswer(999, session.Now(), answer);
  CHECK(session.sink.messages.empty());
  const FeedHandle again = session.Subscribe(FeedChannel::kBook, "ETHUSDT");
  session.Run(1'000);
  for (std::size_t i = 0; i < session.link.sent.size(); ++i) session.Ack(i);
  CHECK(session.State(again) == "resync");
  CHECK(session.link.asked.size() == 2);
}
