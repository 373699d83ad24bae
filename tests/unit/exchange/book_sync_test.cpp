// BookSynchroniser: each rule of the venues' books by itself.
#include "virtufin/exchange/book_sync.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace virtufin;

namespace {

Level L(const std::string& price, const std::string& quantity) {
  return {Decimal::Parse(price).value(), Decimal::Parse(quantity).value()};
}

const std::vector<Level> kBids{L("10", "1"), L("9", "1")};
const std::vector<Level> kAsks{L("11", "1"), L("12", "1")};

struct Spot {
  BookSynchroniser sync;
  explicit Spot(BookSyncOptions options = {}) : sync(options) {}
  BookOutcome Diff(std::int64_t first, std::int64_t last, std::vector<Level> bids = {},
                   std::vector<Level> asks = {}, std::uint32_t connection = 1) {
    DepthDiff diff;
    diff.first_id = first;
    diff.last_id = last;
    diff.bids = bids;
    diff.asks = asks;
    return sync.OnDiff(connection, diff);
  }
  BookOutcome Snapshot(std::int64_t id) { return sync.OnSnapshot({id, {}, kBids, kAsks}); }
};

struct Usdm {
  BookSynchroniser sync{[] {
    BookSyncOptions options;
    options.rules = BookRules::kUsdm;
    return options;
  }()};
  BookOutcome Diff(std::int64_t prev, std::int64_t first, std::int64_t last,
                   std::vector<Level> bids = {}, std::uint32_t connection = 1) {
    DepthDiff diff;
    diff.prev_id = prev;
    diff.first_id = first;
    diff.last_id = last;
    diff.bids = bids;
    return sync.OnDiff(connection, diff);
  }
  BookOutcome Snapshot(std::int64_t id) { return sync.OnSnapshot({id, {}, kBids, kAsks}); }
};

std::string BestBid(const BookSynchroniser& sync) {
  const auto& best = sync.book().bids().front();
  return best.price.ToString() + " x " + best.quantity.ToString();
}

}  // namespace

// Pins EX-23.
TEST_CASE("spot: diffs are kept until a snapshot comes, then those it lacks are applied") {
  Spot book;
  CHECK(book.Diff(98, 100, {L("10", "7")}) == BookOutcome::kKept);
  CHECK(book.Diff(101, 103, {L("10", "8")}) == BookOutcome::kKept);
  CHECK(book.sync.state() == BookState::kWaiting);
  CHECK(book.Snapshot(100) == BookOutcome::kApplied);
  CHECK(book.sync.state() == BookState::kLive);
  CHECK(book.sync.last_update_id() == 103);
  CHECK(BestBid(book.sync) == "10 x 8");
  CHECK(book.sync.counters().applied == 1);
  CHECK(book.sync.counters().stale == 1);
  CHECK(book.sync.kept() == 0);
}

// Pins EX-25.
TEST_CASE("spot: a snapshot that ends right before the first kept diff is complete") {
  Spot book;
  book.Diff(101, 103);
  CHECK(book.Snapshot(99) == BookOutcome::kSnapshotStale);
  CHECK(book.sync.kept() == 1);
  CHECK(book.sync.last_gap().expected == 100);
  CHECK(book.sync.last_gap().got == 101);
  CHECK(book.Snapshot(100) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 103);
}

// Pins EX-23.
TEST_CASE("spot: a stale diff leaves the book unchanged, an overlapping one is applied") {
  Spot book;
  book.Snapshot(100);
  CHECK(book.Diff(99, 100, {L("10", "5")}) == BookOutcome::kStale);
  CHECK(BestBid(book.sync) == "10 x 1");
  CHECK(book.Diff(101, 105, {L("10", "2")}) == BookOutcome::kApplied);
  CHECK(book.Diff(101, 105, {L("10", "9")}) == BookOutcome::kStale);
  CHECK(book.Diff(103, 107, {L("10", "3")}) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 107);
  CHECK(BestBid(book.sync) == "10 x 3");
}

// Pins EX-23.
TEST_CASE("spot: a hole is a gap, and the diff behind it is kept for the next snapshot") {
  Spot book;
  book.Snapshot(100);
  REQUIRE(book.Diff(101, 101) == BookOutcome::kApplied);
  CHECK(book.Diff(103, 104, {L("10", "4")}) == BookOutcome::kGap);
  CHECK(book.sync.last_gap().expected == 102);
  CHECK(book.sync.last_gap().got == 103);
  CHECK(book.sync.state() == BookState::kWaiting);
  CHECK(BestBid(book.sync) == "10 x 1");
  CHECK(book.Diff(105, 105, {L("9", "0")}) == BookOutcome::kKept);
  CHECK(book.Snapshot(103) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 105);
  CHECK(BestBid(book.sync) == "10 x 4");
  CHECK(book.sync.book().bids().size() == 1);
  CHECK(book.sync.counters().gaps == 1);
}

// Pins EX-23.
TEST_CASE("spot: a hole among the kept diffs is a gap; what lies behind it stays kept") {
  Spot book;
  book.Diff(101, 102);
  book.Diff(105, 106);
  book.Diff(107, 108);
  CHECK(book.Snapshot(100) == BookOutcome::kGap);
  CHECK(book.sync.state() == BookState::kWaiting);
  CHECK(book.sync.kept() == 2);
  CHECK(book.Snapshot(106) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 108);
}

// Pins EX-24.
TEST_CASE("USD-M: the first diff needs prev <= snapshot <= last, holes are legal") {
  for (const auto& ids : std::vector<std::array<std::int64_t, 3>>{
           {90, 95, 105}, {100, 103, 105}, {90, 101, 105}, {95, 98, 100}}) {
    const std::int64_t prev = ids[0], first = ids[1], last = ids[2];
    CAPTURE(prev);
    Usdm book;
    book.Diff(80, 85, 90);
    book.Diff(prev, first, last, {L("10", "4")});
    CHECK(book.Snapshot(100) == BookOutcome::kApplied);
    CHECK(book.sync.last_update_id() == last);
    CHECK(BestBid(book.sync) == "10 x 4");
    CHECK(book.sync.counters().applied == 1);
    CHECK(book.sync.counters().stale == 1);
  }
}

// Pins EX-25.
TEST_CASE("USD-M: a diff whose predecessor the snapshot lacks asks for another snapshot") {
  Usdm kept;
  kept.Diff(101, 102, 105);
  CHECK(kept.Snapshot(100) == BookOutcome::kSnapshotStale);
  CHECK(kept.sync.kept() == 1);
  CHECK(kept.Snapshot(103) == BookOutcome::kApplied);
  CHECK(kept.sync.last_update_id() == 105);

  Usdm live;
  live.Snapshot(100);
  CHECK(live.Diff(101, 102, 105) == BookOutcome::kSnapshotStale);
  CHECK(live.sync.state() == BookState::kWaiting);
  CHECK(live.Snapshot(101) == BookOutcome::kApplied);
  CHECK(live.sync.last_update_id() == 105);
}

// Pins EX-24.
TEST_CASE("USD-M: on one socket each diff must name the one before it") {
  Usdm book;
  book.Snapshot(100);
  REQUIRE(book.Diff(99, 100, 105) == BookOutcome::kApplied);
  CHECK(book.Diff(105, 109, 110) == BookOutcome::kApplied);
  CHECK(book.Diff(105, 109, 110) == BookOutcome::kStale);
  CHECK(book.Diff(107, 108, 115) == BookOutcome::kGap);
  CHECK(book.sync.last_gap().expected == 110);
  CHECK(book.sync.last_gap().got == 107);
}

// Pins EX-24.
TEST_CASE("USD-M: two sockets that cut one history at different ids make no gap") {
  Usdm book;
  book.Snapshot(100);
  REQUIRE(book.Diff(95, 99, 105, {L("10", "2")}, 1) == BookOutcome::kApplied);
  CHECK(book.Diff(98, 101, 103, {L("10", "9")}, 2) == BookOutcome::kStale);
  CHECK(book.Diff(103, 104, 108, {L("10", "3")}, 2) == BookOutcome::kApplied);
  CHECK(book.Diff(105, 106, 110, {L("10", "4")}, 1) == BookOutcome::kApplied);
  CHECK(book.Diff(108, 109, 112, {L("10", "5")}, 2) == BookOutcome::kApplied);
  CHECK(BestBid(book.sync) == "10 x 5");
  CHECK(book.Diff(113, 114, 115, {}, 1) == BookOutcome::kGap);
}

// Pins EX-25.
TEST_CASE("a snapshot nobody waits for changes nothing") {
  Spot book;
  REQUIRE(book.Snapshot(100) == BookOutcome::kApplied);
  REQUIRE(book.Diff(101, 105, {L("10", "2")}) == BookOutcome::kApplied);
  CHECK(book.Snapshot(103) == BookOutcome::kStale);
  CHECK(book.sync.last_update_id() == 105);
  CHECK(BestBid(book.sync) == "10 x 2");
}

// Pins EX-26.
TEST_CASE("twenty stale diffs in a row on the newest socket are a gap") {
  Spot book;
  book.Snapshot(1000);
  REQUIRE(book.Diff(1001, 1001) == BookOutcome::kApplied);
  for (int i = 1; i < 20; ++i) CHECK(book.Diff(i, i) == BookOutcome::kStale);
  CHECK(book.Diff(20, 20) == BookOutcome::kGap);
  CHECK(book.Diff(21, 21) == BookOutcome::kKept);
  CHECK(book.Snapshot(20) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 21);
}

// Pins EX-26.
TEST_CASE("stale diffs of an older socket, or with applied ones between, are no gap") {
  Spot book;
  book.Snapshot(1000);
  REQUIRE(book.Diff(1001, 1001, {}, {}, 2) == BookOutcome::kApplied);
  for (int i = 1; i < 50; ++i) CHECK(book.Diff(i, i, {}, {}, 1) == BookOutcome::kStale);
  for (int i = 1; i < 50; ++i) {
    CHECK(book.Diff(i, i, {}, {}, 2) == BookOutcome::kStale);
    if (i % 10 == 0) {
      CHECK(book.Diff(1001 + i / 10, 1001 + i / 10, {}, {}, 1) == BookOutcome::kApplied);
    }
  }
  CHECK(book.sync.counters().gaps == 0);
}

TEST_CASE("when the newest socket is closed, stale diffs of the one left are counted") {
  Spot book;
  book.Snapshot(1000);
  REQUIRE(book.Diff(1001, 1001, {}, {}, 2) == BookOutcome::kApplied);
  book.sync.SetNewest(1);
  for (int i = 1; i < 20; ++i) CHECK(book.Diff(i, i, {}, {}, 1) == BookOutcome::kStale);
  CHECK(book.Diff(20, 20, {}, {}, 1) == BookOutcome::kGap);
}

TEST_CASE("a snapshot far ahead of a slow socket waits for it to catch up") {
  Spot book;
  book.Snapshot(1000);
  for (int i = 900; i <= 1000; ++i) CHECK(book.Diff(i, i) == BookOutcome::kStale);
  CHECK(book.Diff(1001, 1001) == BookOutcome::kApplied);
}

TEST_CASE("ids that restart while a book waits do not keep it waiting") {
  Spot book;
  book.Snapshot(1000);
  REQUIRE(book.Diff(1005, 1006) == BookOutcome::kGap);
  for (int i = 1; i <= 30; ++i) book.Diff(i, i);
  CHECK(book.Snapshot(25) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 30);
}

// Pins EX-27.
TEST_CASE("a level that does not parse makes its diff a gap, nothing of it is seen") {
  Spot book;
  book.Snapshot(100);
  DepthDiff bad;
  bad.first_id = bad.last_id = 101;
  bad.readable = false;
  const std::vector<Level> half{L("10", "99")};
  bad.bids = half;
  CHECK(book.sync.OnDiff(1, bad) == BookOutcome::kGap);
  CHECK(BestBid(book.sync) == "10 x 1");
  CHECK(book.Snapshot(100) == BookOutcome::kGap);
  CHECK(book.Snapshot(101) == BookOutcome::kApplied);
  CHECK(book.sync.counters().stale == 1);
}

// Pins EX-28.
TEST_CASE("a book that is crossed after a whole diff is a gap, crossing within it is not") {
  Spot book;
  book.Snapshot(100);
  CHECK(book.Diff(101, 101, {L("11", "1")}, {L("11", "0")}) == BookOutcome::kApplied);
  CHECK(book.Diff(102, 102, {L("12", "1")}) == BookOutcome::kGap);
  CHECK(book.sync.counters().crossed == 1);
  CHECK(book.sync.counters().gaps == 1);
  CHECK_FALSE(book.sync.book().Crossed());
}

// Pins EX-28.
TEST_CASE("a crossed snapshot is a gap") {
  BookSynchroniser sync;
  CHECK(sync.OnSnapshot({5, {}, kAsks, kBids}) == BookOutcome::kGap);
  CHECK(sync.state() == BookState::kWaiting);
}

// Pins EX-29.
TEST_CASE("more levels than the book may store are a gap") {
  BookSyncOptions options;
  options.max_stored_levels = 3;
  Spot book(options);
  book.Snapshot(100);
  CHECK(book.Diff(101, 101, {L("8", "1"), L("7", "1")}) == BookOutcome::kGap);
  CHECK(book.sync.book().bids().size() == 2);
  options.max_stored_levels = 1;
  Spot small(options);
  CHECK(small.Snapshot(100) == BookOutcome::kGap);
}

// Pins EX-29.
TEST_CASE("kept diffs are bounded: the oldest goes, and the snapshot must be newer") {
  BookSyncOptions options;
  options.max_kept_diffs = 3;
  options.max_kept_levels = 4;
  Spot book(options);
  for (int i = 1; i <= 3; ++i) CHECK(book.Diff(i, i) == BookOutcome::kKept);
  CHECK(book.Diff(4, 4) == BookOutcome::kDropped);
  CHECK(book.sync.kept() == 3);
  CHECK(book.Diff(5, 5, {L("1", "1"), L("2", "1"), L("3", "1")}) == BookOutcome::kDropped);
  CHECK(book.Diff(6, 6, {}, {L("21", "1"), L("22", "1")}) == BookOutcome::kDropped);
  CHECK(book.sync.kept() == 1);
  CHECK(book.sync.counters().dropped == 5);
  CHECK(book.Snapshot(3) == BookOutcome::kSnapshotStale);
  CHECK(book.Snapshot(5) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 6);
}

TEST_CASE("after a reset diffs of before are forgotten and a snapshot is needed") {
  Spot book;
  book.Snapshot(100);
  book.Diff(101, 101);
  book.sync.Reset();
  CHECK(book.sync.state() == BookState::kWaiting);
  CHECK(book.Diff(102, 102) == BookOutcome::kKept);
  book.sync.Reset();
  CHECK(book.sync.kept() == 0);
  CHECK(book.Snapshot(50) == BookOutcome::kApplied);
  CHECK(book.sync.last_update_id() == 50);
}
