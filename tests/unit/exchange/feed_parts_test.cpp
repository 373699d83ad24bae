// BinanceFeed: what is made of a symbol, where its streams run, and which answers still count.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/exchange/feed_fixture.hpp"

using namespace virtufin;
using test::FeedFixture;
using Lines = std::vector<std::string>;

namespace {

BinanceFeedParts Depth(std::int64_t interval_ms, std::size_t levels = 20) {
  BinanceFeedParts parts;
  parts.book = parts.quote = false;
  parts.depth_interval_ms = interval_ms;
  parts.depth_levels = levels;
  return parts;
}

/// The tails of the topics.
Lines Tails(FeedFixture& feed) {
  Lines tails;
  for (const std::string& line : feed.Events()) tails.push_back(line.substr(0, line.find(' ')));
  return tails;
}

}  // namespace

TEST_CASE("a book is synchronised when its stream runs, not when a socket opens") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  REQUIRE(feed.feed->Subscribe("ETHUSDT", feed.Now()).ok());
  feed.feed->OnOpen(1, feed.Now());
  CHECK(feed.sink.fetches.empty());
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kDisconnected);
  feed.feed->OnLive(1, "BTCUSDT", feed.Now());
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kResync);
  CHECK(feed.feed->state("ETHUSDT") == FeedState::kDisconnected);
  feed.feed->OnLive(7, "ETHUSDT", feed.Now());  // a socket that is not open
  CHECK(feed.feed->state("ETHUSDT") == FeedState::kDisconnected);
}

TEST_CASE("the first frame of a stream says that it runs, and is kept for the snapshot") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.feed->OnOpen(1, feed.Now());
  feed.Diff(101, 103);
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
  CHECK(feed.Snapshot(100).ok());
  CHECK(feed.feed->FindBook("BTCUSDT")->last_update_id() == 103);
  feed.feed->OnLive(1, "BTCUSDT", feed.Now());  // the confirmation comes after the data
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
}

TEST_CASE("a socket that does not carry a book neither resets it nor ends it") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open(1);
  REQUIRE(feed.Snapshot(100).ok());
  feed.sink.messages.clear();
  feed.feed->OnOpen(2, feed.Now());
  feed.feed->OnClose(2, feed.Now(), "lost");
  CHECK(feed.States().empty());
  feed.feed->OnOpen(3, feed.Now());
  feed.feed->OnClose(1, feed.Now(), "lost");
  CHECK(feed.States() == Lines{"disconnected"});
}

TEST_CASE("a stream that ends on its socket takes the book with it") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open(1);
  feed.Open(2);
  REQUIRE(feed.Snapshot(100).ok());
  feed.sink.messages.clear();
  feed.feed->OnLost(2, "BTCUSDT", feed.Now(), "moved");
  CHECK(feed.States().empty());
  feed.feed->OnLost(1, "BTCUSDT", feed.Now(), "refused");
  CHECK(feed.States() == Lines{"disconnected"});
  feed.Wait(100'000);
  CHECK(feed.sink.fetches == Lines{"BTCUSDT"});
}

TEST_CASE("an answer asked for before the stream was lost does not count, a slow one does") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open(1);
  feed.Wait(10'500);
  REQUIRE(feed.sink.requests == std::vector<std::uint64_t>{1, 2});
  feed.feed->OnClose(1, feed.Now(), "lost");
  CHECK(feed.sink.cancelled == Lines{"BTCUSDT 2"});
  feed.Open(2);
  REQUIRE(feed.sink.requests == std::vector<std::uint64_t>{1, 2, 3});
  feed.sink.messages.clear();
  CHECK(feed.Snapshot(100, "BTCUSDT", 1).ok());
  CHECK(feed.Snapshot(100, "BTCUSDT", 2).ok());
  feed.feed->OnSnapshotFailed("BTCUSDT", 2, feed.Now());
  CHECK(feed.States().empty());
  CHECK(feed.feed->counters().snapshots_late == 2);
  CHECK(feed.feed->counters().snapshots_failed == 1);  // the one that took too long
  feed.Wait(10'500);
  REQUIRE(feed.sink.requests.back() == 4);
  CHECK(feed.Snapshot(100, "BTCUSDT", 3).ok());
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
}

TEST_CASE("without a timeout of its own the feed waits for the end of each request") {
  BinanceFeedOptions options;
  options.snapshot_timeout_ms = 0;
  FeedFixture feed(options);
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open(1);
  feed.Wait(50'000);
  CHECK(feed.sink.fetches.size() == 1);
  feed.feed->OnSnapshotFailed("BTCUSDT", 1, feed.Now());
  feed.Wait(500);
  CHECK(feed.sink.fetches.size() == 2);
}

TEST_CASE("frames of a closed socket do not end silence") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Open(1);
  feed.Open(2);
  REQUIRE(feed.Snapshot(100).ok());
  feed.feed->OnClose(1, feed.Now(), "lost");
  feed.Wait(60'000);
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kStale);
  feed.Diff(101, 101, "[]", "[]", 1);
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kStale);
  feed.Diff(101, 101, "[]", "[]", 2);
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kLive);
}

// Pins EX-32.
TEST_CASE("a symbol that is unsubscribed says so, is forgotten, and counts on when it returns") {
  FeedFixture feed;
  for (const char* symbol : {"BTCUSDT", "ETHUSDT"}) {
    REQUIRE(feed.feed->Subscribe(symbol, feed.Now()).ok());
  }
  feed.Open(1);
  REQUIRE(feed.Snapshot(100).ok());
  feed.Diff(101, 101);
  feed.sink.messages.clear();
  feed.feed->Unsubscribe("BTCUSDT", feed.Now(), "unsubscribed");
  CHECK(feed.States() == Lines{"disconnected"});
  CHECK(feed.feed->symbols() == Lines{"ETHUSDT"});
  CHECK(feed.feed->FindBook("BTCUSDT") == nullptr);
  feed.Diff(102, 102);
  CHECK(feed.feed->counters().unsubscribed == 1);
  CHECK(feed.feed->counters().books.applied == 1);
  feed.feed->Unsubscribe("BTCUSDT", feed.Now(), "unsubscribed");
  CHECK(feed.sink.messages.empty());

  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now()).ok());
  feed.Diff(103, 103);
  REQUIRE(feed.Snapshot(102).ok());
  REQUIRE(feed.sink.messages.size() == 3);
  CHECK(feed.sink.messages[1].event().ExtensionText("sequence") == "3");
  feed.feed->Unsubscribe("ETHUSDT", feed.Now(), "unsubscribed");
  feed.feed->OnClose(1, feed.Now(), "lost");
  CHECK(feed.feed->state("BTCUSDT") == FeedState::kDisconnected);
}

TEST_CASE("quotes alone fetch nothing and say nothing of a book") {
  FeedFixture feed;
  BinanceFeedParts parts;
  parts.book = false;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), parts).ok());
  feed.Open(1);
  feed.Diff(101, 101);
  CHECK(feed.sink.fetches.empty());
  CHECK(feed.sink.messages.empty());
  feed.Frame(R"({"u":7,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"2"})");
  CHECK(Tails(feed) == Lines{"quote.update.BTCUSDT"});
  feed.feed->OnClose(1, feed.Now(), "lost");
  CHECK(feed.sink.messages.empty());
}

// Pins EX-34.
TEST_CASE("conflated depth: the top levels, at most once an interval, only when they changed") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), Depth(500, 1)).ok());
  feed.Open(1);
  CHECK(Tails(feed) == Lines{"feed.status.BTCUSDT"});
  REQUIRE(feed.Snapshot(100).ok());
  CHECK(Tails(feed) == Lines{"feed.status.BTCUSDT"});
  feed.feed->OnTick(feed.Now());
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].event().type() ==
        "com.virtufin.exchange.binance.orderbook.conflated");
  CHECK(feed.Events() ==
        Lines{R"(orderbook.depth.BTCUSDT {"bids":[["10.0","1"]],"asks":[["11","3"]],)"
              R"("last_update_id":100,"snapshot_at":"2023-11-14T22:13:20.000Z","state":"live",)"
              R"("depth":1})"});
  feed.Diff(101, 101, R"([["10.1","5"]])");
  feed.Diff(102, 102, R"([["10.1","6"]])");
  feed.Wait(490);
  CHECK(feed.sink.messages.empty());
  feed.Wait(10);
  REQUIRE(feed.sink.messages.size() == 1);
  CHECK(feed.sink.messages[0].event().ExtensionText("sequence") == "2");
  CHECK(feed.Events()[0].substr(0, 60) ==
        R"(orderbook.depth.BTCUSDT {"bids":[["10.1","6"]],"asks":[["11")");
  feed.Diff(103, 103, R"([["3","1"]])");  // below the top
  feed.Wait(2'000);
  CHECK(feed.sink.messages.empty());
  CHECK(feed.feed->next_tick_ns() > feed.Now().monotonic_ns + 1'000'000);
  feed.Diff(104, 104, R"([["10.1","7"]])");
  feed.Diff(109, 109);  // a gap before it is due: what is not live is not shown
  feed.Wait(10);
  CHECK(Tails(feed) == Lines{"feed.status.BTCUSDT", "feed.status.BTCUSDT"});
}

TEST_CASE("conflated depth that returns shows the book at once, also an unchanged one") {
  FeedFixture feed;
  BinanceFeedParts all = Depth(100);
  all.book = true;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), all).ok());
  feed.Open(1);
  REQUIRE(feed.Snapshot(100).ok());
  feed.Wait(100);
  all.depth_interval_ms = 0;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), all).ok());
  feed.Wait(1'000);
  feed.sink.messages.clear();
  all.depth_interval_ms = 100;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), all).ok());
  feed.Wait(10);
  CHECK(Tails(feed) == Lines{"orderbook.depth.BTCUSDT"});
}

TEST_CASE("many conflated books are each due at their own time") {
  FeedFixture feed;
  for (int i = 0; i < 50; ++i) {
    const std::string symbol = "S" + std::to_string(100 + i);
    REQUIRE(feed.feed->Subscribe(symbol, feed.Now(), Depth(100 + 10 * i)).ok());
  }
  feed.Open(1);
  for (const std::string& symbol : feed.feed->symbols()) REQUIRE(feed.Snapshot(100, symbol).ok());
  feed.feed->OnTick(feed.Now());
  CHECK(Tails(feed).size() == 100 + 50);
  feed.Advance(5);
  for (const std::string& symbol : feed.feed->symbols()) {
    feed.Frame(R"({"e":"depthUpdate","E":1700000000123,"s":")" + symbol +
               R"(","U":101,"u":101,"b":[["10.5","1"]],"a":[]})");
  }
  feed.feed->Unsubscribe("S110", feed.Now(), "unsubscribed");
  feed.sink.messages.clear();
  Lines order;
  for (int i = 0; i < 1'000; ++i) {
    feed.Advance(1);
    feed.feed->OnTick(feed.Now());
    for (const std::string& tail : Tails(feed)) order.push_back(tail.substr(tail.size() - 3));
  }
  REQUIRE(order.size() == 49);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(feed.feed->next_tick_ns() > feed.Now().monotonic_ns + 1'000'000'000);
}

TEST_CASE("what is made of a symbol may change while it is live") {
  FeedFixture feed;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), Depth(100)).ok());
  feed.Open(1);
  REQUIRE(feed.Snapshot(100).ok());
  feed.Diff(101, 101, R"([["10.1","5"]])");
  feed.sink.messages.clear();
  BinanceFeedParts all = Depth(100);
  all.book = true;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), all).ok());
  CHECK(Tails(feed) == Lines{"orderbook.snapshot.BTCUSDT"});
  feed.Diff(102, 102);
  CHECK(Tails(feed) == Lines{"orderbook.update.BTCUSDT"});
  BinanceFeedParts quote;
  quote.book = false;
  REQUIRE(feed.feed->Subscribe("BTCUSDT", feed.Now(), quote).ok());
  CHECK(feed.States() == Lines{"disconnected"});
  feed.Diff(103, 103);
  feed.Wait(1'000);
  CHECK(feed.sink.messages.empty());
}

TEST_CASE("parts and times that cannot be are refused") {
  FeedFixture feed;
  BinanceFeedParts parts;
  parts.book = parts.quote = false;
  CHECK(feed.feed->Subscribe("A", {}, parts).code() == StatusCode::kInvalidArgument);
  CHECK(feed.feed->Subscribe("A", {}, Depth(-1)).code() == StatusCode::kInvalidArgument);
  CHECK(feed.feed->Subscribe("A", {}, Depth(100, 0)).code() == StatusCode::kInvalidArgument);
  BinanceFeedOptions options;
  options.max_retry_ms = BinanceFeedOptions::kMaxMs + 1;
  ManualClock clock(Timestamp::FromUnixMillis(0));
  test::KeepingSink sink;
  CHECK(BinanceFeed::Create(options, clock, sink).status().code() == StatusCode::kInvalidArgument);
  options.retry_ms = options.max_retry_ms = BinanceFeedOptions::kMaxMs;
  FeedFixture slow(options);
  REQUIRE(slow.feed->Subscribe("BTCUSDT", slow.Now()).ok());
  slow.Open();
  for (int i = 1; i < 100; ++i) {
    slow.feed->OnSnapshotFailed("BTCUSDT", slow.sink.requests.back(), slow.Now());
    slow.Advance(BinanceFeedOptions::kMaxMs);
    slow.feed->OnTick(slow.Now());
    CHECK(slow.sink.fetches.size() == static_cast<std::size_t>(i + 1));
  }
}
