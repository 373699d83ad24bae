// BookSynchroniser: decides which diffs of a venue may touch a book, by their ids alone.
//
// A pure state machine: no socket, no timer, no clock. Frames and snapshot answers go in, outcomes
// come out; the same object serves the live adapter, the player and the tests.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "virtufin/event/time_source.hpp"
#include "virtufin/exchange/order_book.hpp"

namespace virtufin::inline v0 {

/// How a venue numbers its diffs.
enum class BookRules : std::uint8_t {
  kSpot,  // ids per instrument: a diff covers [first_id, last_id], the next one starts right after
  kUsdm,  // ids of the whole venue: a diff names the one before it by prev_id
};

enum class BookState : std::uint8_t {
  kWaiting,  // for a snapshot; diffs are kept
  kLive,
};

enum class BookOutcome : std::uint8_t {
  kApplied,
  kStale,          // nothing new in it
  kSnapshotStale,  // the snapshot is too old for the diffs at hand: fetch again
  kGap,            // something is missing or wrong: fetch a snapshot
  kKept,           // no snapshot yet
  kDropped,        // kept, but an older one had to go
};

struct EventTime {
  std::int64_t unix_ns = 0;
  TimeSource source = TimeSource::kReceive;
};

struct DepthDiff {
  std::int64_t first_id = 0;
  std::int64_t last_id = 0;
  std::int64_t prev_id = 0;  // USD-M only
  bool readable = true;      // false: a level did not parse, bids and asks are not complete
  EventTime time;
  std::span<const Level> bids, asks;
};

struct DepthSnapshot {
  std::int64_t last_id = 0;
  EventTime time;
  std::span<const Level> bids, asks;
};

struct BookGap {
  std::string reason;
  std::optional<std::int64_t> expected, got;  // ids, when ids were the reason
};

struct BookCounters {
  std::uint64_t applied = 0, stale = 0;  // diffs; kept ones count when a snapshot decides
  std::uint64_t gaps = 0;                // crossed ones included
  std::uint64_t crossed = 0;
  std::uint64_t snapshots_stale = 0;
  std::uint64_t dropped = 0;  // kept diffs that had to go
};

struct BookSyncOptions {
  BookRules rules = BookRules::kSpot;
  std::size_t max_stored_levels = OrderBook::kDefaultMaxStoredLevels;  // of each side
  std::size_t max_kept_diffs = 4096;
  std::size_t max_kept_levels = 262'144;  // of all kept diffs together
  int stale_limit = 20;  // so many in a row on the only socket: the venue restarted its ids
};

/// [owner] for everything.
class BookSynchroniser {
 public:
  explicit BookSynchroniser(const BookSyncOptions& options = {});

  /// `connection` rises with each socket that the adapter opens. `diff` is borrowed for the call.
  /// After kGap and kSnapshotStale the book waits for a snapshot, with this diff kept.
  BookOutcome OnDiff(std::uint32_t connection, const DepthDiff& diff);

  /// kApplied: the book is live, kept diffs are in it. kSnapshotStale: still waiting, diffs kept.
  /// kGap: the kept diffs do not follow on each other, or the snapshot is unusable; waiting.
  /// kStale: the book did not wait for one, nothing changed. `snapshot` is borrowed for the call.
  BookOutcome OnSnapshot(const DepthSnapshot& snapshot);

  /// Live, and diffs before this one are missing. With several sockets they may still come on the
  /// slower one: whoever has time holds this one back until then.
  bool IsAhead(const DepthDiff& diff) const noexcept;

  /// The newest of the sockets that carry the stream, and how many do; until then the highest
  /// number that OnDiff saw, alone. Of several one may lag behind the others for long: stale diffs
  /// then tell nothing.
  void SetNewest(std::uint32_t connection, std::size_t sockets = 1) noexcept;

  /// Forgets kept diffs and waits for a snapshot: after the last socket was lost.
  void Reset();

  BookState state() const noexcept { return state_; }
  /// The last book; it is the venue's only while state() is kLive.
  const OrderBook& book() const noexcept { return book_; }
  std::int64_t last_update_id() const noexcept { return last_id_; }
  /// Of what was applied last.
  EventTime last_time() const noexcept { return last_time_; }
  const BookGap& last_gap() const noexcept { return gap_; }
  const BookCounters& counters() const noexcept { return counters_; }
  std::size_t kept() const noexcept { return kept_.size(); }

 private:
  struct Kept {
    std::uint32_t connection;
    DepthDiff diff;  // its spans are set when it is used
    std::vector<Level> levels;
    std::size_t bids;
  };

  BookOutcome Step(std::uint32_t connection, const DepthDiff& diff);
  BookOutcome Apply(std::uint32_t connection, const DepthDiff& diff);
  BookOutcome Stale(std::uint32_t connection, const DepthDiff& diff);
  BookOutcome Gap(std::string reason, std::optional<std::int64_t> expected = {},
                  std::optional<std::int64_t> got = {});
  BookOutcome SnapshotTooOld(std::int64_t snapshot_id, const DepthDiff& first);
  BookOutcome ReplayKept();
  BookOutcome Keep(std::uint32_t connection, const DepthDiff& diff);
  void NoticeRestart(std::uint32_t connection, const DepthDiff& diff);
  void DropOldest();
  bool OnOnlySocket(std::uint32_t connection) const noexcept {
    return connection == newest_ && sockets_ <= 1;
  }
  bool Covered(const DepthDiff& diff, std::int64_t snapshot_id) const noexcept;
  bool TooOldFor(std::int64_t snapshot_id, const DepthDiff& diff) const noexcept;

  BookSyncOptions options_;
  OrderBook book_;
  BookState state_ = BookState::kWaiting;
  bool anchored_ = false;  // a diff was applied since the snapshot
  bool replaying_ = false;
  std::uint32_t newest_ = 0;
  std::size_t sockets_ = 1;
  std::uint32_t applied_connection_ = 0;
  int run_ = 0;  // stale diffs (waiting: diffs behind kept ones) in a row on the only socket
  std::int64_t last_id_ = 0;
  EventTime last_time_;
  BookGap gap_;
  BookCounters counters_;
  std::deque<Kept> kept_;
  std::size_t kept_levels_ = 0;
  std::int64_t kept_high_ = 0;
};

}  // namespace virtufin::inline v0
