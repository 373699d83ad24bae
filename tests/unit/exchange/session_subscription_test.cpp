// BinanceSession: subscriptions, what they share, and how they end.
#include <doctest/doctest.h>

#include <string>

#include "unit/exchange/session_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::string ErrorOf(SessionFixture& session, FeedChannel channel, std::string_view symbol,
                    std::vector<std::pair<std::string, std::string>> parameters = {}) {
  return session.session
      ->Subscribe({channel, std::string(symbol), std::move(parameters)}, session.Now())
      .status()
      .ToString();
}

}  // namespace

// Pins EX-1.
TEST_CASE("equal requests share one subscription until the last handle is given back") {
  LiveSession session;
  const FeedHandle second = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  CHECK(second != session.handle);
  CHECK(session.session->StatusOf(second).value().references == 2);
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).ok());
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).code() ==
        StatusCode::kNotFound);
  session.Run(2'000);
  CHECK(session.State(second) == "live");
  CHECK(session.link.sent.empty());

  session.Statuses();
  CHECK(session.session->Unsubscribe(second, session.Now()).ok());
  CHECK(session.Statuses() == Lines{"instrument disconnected"});
  session.Run(1'000);
  REQUIRE(session.link.sent.size() == 1);
  CHECK(session.link.sent[0].method == "UNSUBSCRIBE");
  CHECK(session.link.sent[0].streams == Lines{"btcusdt@depth@100ms"});
  session.Diff(1, 101, 101);
  CHECK(session.sink.messages.empty());
  session.AckLast();
  CHECK(session.session->StatusOf(second).status().code() == StatusCode::kNotFound);
  session.Run(9'000);
  CHECK(session.link.closed.empty());
  session.Run(1'000);  // a socket that nobody needs
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});
  CHECK(session.Statuses() == Lines{"connection disconnected: socket 1: no stream needs it",
                                    "venue disconnected: nothing is subscribed"});
  session.Run(100'000);
  CHECK(session.link.opened.empty());
}

// Pins EX-1.
TEST_CASE("channels that use one stream share it") {
  SessionFixture session(PlainSession(BinanceMarket::kUsdm));
  session.Start();
  const FeedHandle mark = session.Subscribe(FeedChannel::kMark, "BTCUSDT");
  session.Opened(1);
  session.AckLast();
  CHECK(session.State(mark) == "live");
  const FeedHandle funding = session.Subscribe(FeedChannel::kFunding, "BTCUSDT");
  CHECK(session.State(funding) == "live");
  CHECK(session.link.sent.size() == 1);
  CHECK(session.session->Unsubscribe(mark, session.Now()).ok());
  session.Run(1'000);
  CHECK(session.link.sent.size() == 1);
  session.sink.messages.clear();
  session.Frame(1, R"({"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate",)"
                   R"("E":1700000000000,"s":"BTCUSDT","p":"1.5","i":"1.4","P":"1","r":"0.0001",)"
                   R"("T":1700000100000}})");
  CHECK(session.Topics() == Lines{"funding.rate.BTCUSDT"});
}

TEST_CASE("a subscription that returns before its end is acknowledged starts over") {
  LiveSession session;
  session.Run(1'000);
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).ok());
  REQUIRE(session.link.sent.size() == 1);
  const FeedHandle again = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  session.Diff(1, 101, 101);  // still of the old stream
  session.Ack(0);
  CHECK(session.State(again) == "pending");
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].method == "SUBSCRIBE");
  session.link.asked.clear();
  session.Ack(1);
  CHECK(session.State(again) == "resync");
  REQUIRE(session.link.asked.size() == 1);
  session.Snapshot(0, 200);
  CHECK(session.State(again) == "live");
}

TEST_CASE("a stream given back while it is being asked for is ended after the answer") {
  SessionFixture session;
  session.Start();
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Opened(1);
  CHECK(session.session->Unsubscribe(quote, session.Now()).ok());
  CHECK(session.link.sent.size() == 1);
  session.Ack(0);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].method == "UNSUBSCRIBE");
}

// Pins WS-7.
TEST_CASE("a quote of a stream that was on its way out is forgotten with the connection") {
  SessionFixture session;
  session.Start();
  const auto frame = [&](int id) {
    session.Frame(1, R"({"stream":"btcusdt@bookTicker","data":{"u":)" + std::to_string(id) +
                         R"(,"s":"BTCUSDT","b":"10","B":"1","a":"11","A":"2"}})");
  };
  const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  session.Opened(1);
  session.Ack(0);
  frame(7);
  session.Run(1'000);
  TopOfBook top;
  REQUIRE(session.session->TopsOf(quote)->quote.Get(top));
  CHECK(session.session->Unsubscribe(quote, session.Now()).ok());
  REQUIRE(session.link.sent.size() == 2);  // the end was asked for
  const FeedHandle again = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
  const auto tops = session.session->TopsOf(again);
  frame(8);
  CHECK(session.State(again) == "pending");
  REQUIRE(tops->quote.Get(top));
  session.Closed(1);
  CHECK(!tops->quote.Get(top));
}

TEST_CASE("an unanswered end is asked for again; a refused one is as good as done") {
  LiveSession session;
  session.Run(1'000);
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).ok());
  session.Run(5'000);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].method == "UNSUBSCRIBE");
  session.Refuse(1, "not subscribed", true);
  session.Run(10'000);
  CHECK(session.link.sent.size() == 2);
  CHECK(session.link.closed == std::vector<std::uint32_t>{1});  // idle
  CHECK(session.session->counters().half_open == 0);
}

TEST_CASE("an unanswered end of a stream that is wanted again: asked for again, never just live") {
  LiveSession session;
  session.Run(1'000);
  CHECK(session.session->Unsubscribe(session.handle, session.Now()).ok());
  const FeedHandle again = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  CHECK(session.State(again) == "pending");
  session.Run(5'000);
  REQUIRE(session.link.sent.size() == 2);
  CHECK(session.link.sent[1].method == "SUBSCRIBE");
  CHECK(session.State(again) == "pending");
  session.link.asked.clear();
  session.Ack(1);
  session.Snapshot(0, 500);
  CHECK(session.State(again) == "live");
}

TEST_CASE("a stream given back while its acknowledgement is lost is ended at the venue") {
  for (const bool before : {true, false}) {  // given back before the loss is noticed, or after
    SessionFixture session;
    session.Start();
    const FeedHandle quote = session.Subscribe(FeedChannel::kQuote, "BTCUSDT");
    session.Opened(1);
    if (before) CHECK(session.session->Unsubscribe(quote, session.Now()).ok());
    if (!before) session.link.refuse_sends = 1;
    session.Run(5'000);
    if (!before) CHECK(session.session->Unsubscribe(quote, session.Now()).ok());
    session.Run(1'000);
    REQUIRE(session.link.sent.size() == 2);
    CHECK(session.link.sent[1].method == "UNSUBSCRIBE");
    session.Ack(1);
    session.Run(60'000);
    CHECK(session.link.sent.size() == 2);
    CHECK(session.link.closed == std::vector<std::uint32_t>{1});  // idle
  }
}

TEST_CASE("what was subscribed and given back before Start is never asked for") {
  SessionFixture session;
  const FeedHandle one = session.Subscribe(FeedChannel::kBook, "BTCUSDT");
  CHECK(session.session->Unsubscribe(one, session.Now()).ok());
  session.Start();
  session.Run(60'000);
  CHECK(session.link.opened.empty());
}

// Pins EX-34.
TEST_CASE("conflated depth: of several requests the shortest interval and the most levels") {
  LiveSession session;
  const FeedHandle slow =
      session.Subscribe(FeedChannel::kBook, "BTCUSDT", {{"interval_ms", "1000"}});
  session.Subscribe(FeedChannel::kBook, "BTCUSDT", {{"levels", "5"}, {"interval_ms", "200"}});
  CHECK(session.State(slow) == "live");
  CHECK(session.link.sent.empty());  // one stream for all
  session.Run(0);
  CHECK(session.Topics() == Lines{"orderbook.depth.BTCUSDT"});
  session.Diff(1, 101, 101);
  CHECK(session.Topics() == Lines{"orderbook.update.BTCUSDT"});
  session.Run(199);
  CHECK(session.sink.messages.empty());
  session.Run(1);
  REQUIRE(session.sink.messages.size() == 1);
  const auto data = nlohmann::json::parse(session.sink.messages[0].event().data_text());
  CHECK(data.at("depth") == 20);
  CHECK(data.at("bids").size() == 2);
}

TEST_CASE("symbols that are not ASCII: raw in messages, lower case where ASCII, encoded in URLs") {
  SessionFixture session;
  session.Start();
  session.Subscribe(FeedChannel::kBook, "币安人生USDT");
  session.Opened(1);
  REQUIRE(session.link.sent.size() == 1);
  CHECK(session.link.texts[0] ==
        R"({"method":"SUBSCRIBE","params":["币安人生usdt@depth@100ms"],"id":1})");
  session.Ack(0);
  REQUIRE(session.link.asked.size() == 1);
  CHECK(session.link.asked[0].url ==
        "https://r.example/api/v3/"
        "depth?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&limit=1000");
}

// Pins EX-3.
TEST_CASE("requests that cannot be are refused, saying what was expected") {
  SessionFixture session;
  CHECK(ErrorOf(session, FeedChannel::kBook, "") ==
        "INVALID_ARGUMENT [exchange]: instrument: channel book expects one, found none");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "BTC\"USDT").substr(0, 16) == "INVALID_ARGUMENT");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "BTC/USDT").substr(0, 16) == "INVALID_ARGUMENT");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "\xff").substr(0, 16) == "INVALID_ARGUMENT");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "btcusdt") ==
        "INVALID_ARGUMENT [exchange]: instrument: expected the venue's upper case, found "
        "'btcusdt'");
  CHECK(ErrorOf(session, FeedChannel::kMark, "BTCUSDT") ==
        "UNIMPLEMENTED [exchange]: channel: expected one of book, quote, ticker, trade, candle, "
        "instrument, status at binance; found 'mark'");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "BTCUSDT", {{"speed", "1"}}) ==
        "INVALID_ARGUMENT [exchange]: parameter 'speed': unknown for quote, or given twice");
  CHECK(ErrorOf(session, FeedChannel::kBook, "BTCUSDT", {{"interval_ms", "0"}}) ==
        "INVALID_ARGUMENT [exchange]: parameter interval_ms: expected a number from 1 to "
        "86400000, found '0'");
  CHECK(ErrorOf(session, FeedChannel::kBook, "BTCUSDT", {{"levels", "5"}}) ==
        "INVALID_ARGUMENT [exchange]: parameter levels: expected together with interval_ms");
  CHECK(ErrorOf(session, FeedChannel::kTrade, "BTCUSDT", {{"aggregate", "no"}}) ==
        "INVALID_ARGUMENT [exchange]: parameter aggregate: expected true or false, found 'no'");
  for (const char* interval : {"often", "7m", "", "1d@08:00", "1d@+8", "1d@"}) {
    CHECK(ErrorOf(session, FeedChannel::kCandle, "BTCUSDT", {{"interval", interval}}) ==
          "INVALID_ARGUMENT [exchange]: parameter interval: expected one of the venue's, such as "
          "1m or 1d@+08:00, found '" +
              std::string(interval) + "'");
  }
  CHECK(session.session->StatusOf(1).status().code() == StatusCode::kNotFound);
  session.Start();
  session.Run(10'000);
  CHECK(session.link.opened.empty());  // nothing was left behind
}

// Pins EX-3.
TEST_CASE("beyond max_subscriptions different requests are refused, equal ones are not") {
  auto options = PlainSession();
  options.max_subscriptions = 1;
  SessionFixture session(options);
  session.Subscribe(FeedChannel::kQuote, "A");
  session.Subscribe(FeedChannel::kQuote, "A");
  CHECK(ErrorOf(session, FeedChannel::kQuote, "B").substr(0, 18) == "RESOURCE_EXHAUSTED");
}

// Pins EX-49.
TEST_CASE("options that cannot be are refused") {
  ManualClock clock(Timestamp::FromUnixMillis(0));
  ScriptedLink link;
  SessionSink sink;
  const auto refused = [&](auto change) {
    auto options = PlainSession();
    change(options);
    return vd::BinanceSession::Create(options, clock, link, sink).status().code() ==
           StatusCode::kInvalidArgument;
  };
  CHECK_FALSE(refused([](auto&) {}));
  CHECK(refused([](auto& o) { o.ack_timeout_ms = 0; }));
  CHECK(refused([](auto& o) { o.streams_per_message = 0; }));
  CHECK(refused([](auto& o) { o.weight_percent = 101; }));
  CHECK(refused([](auto& o) { o.snapshot_levels = 0; }));
  CHECK(refused([](auto& o) { o.depth_speed_ms = 250; }));
  CHECK(refused([](auto& o) { o.feed.world = "x"; }));
}

// Pins EX-55.
TEST_CASE("the totals tell of duplicates and of what could not be used") {
  LiveSession session;
  session.Diff(1, 101, 101);
  session.Diff(1, 101, 101);
  session.Frame(1, "{");
  session.Diff(1, 5, 6, "ETHUSDT", "ethusdt@depth@100ms");
  session.Diff(9, 102, 102);  // of no socket of ours
  const AdapterCounters totals = session.session->Totals(session.Now());
  CHECK(totals.frames == 6);  // the acknowledgement, too
  CHECK(totals.duplicates == 1);
  CHECK(totals.dropped == 3);
  CHECK(totals.resyncs == 1);
  CHECK(totals.gaps == 0);
  CHECK(totals.connections == 1);
  CHECK(totals.requests == 1);
  CHECK(totals.events == 6);  // socket, venue, resync, snapshot, live, update
}
