// The rules by which diffs and snapshots make a book, per venue.
#include "virtufin/exchange/book_sync.hpp"

#include <algorithm>
#include <utility>

namespace virtufin::inline v0 {
namespace {
constexpr int kUnanchoredPatience = 10;
}  // namespace

BookSynchroniser::BookSynchroniser(const BookSyncOptions& options)
    : options_(options), book_(options.max_stored_levels) {}

BookOutcome BookSynchroniser::OnDiff(std::uint32_t connection, const DepthDiff& diff) {
  newest_ = std::max(newest_, connection);
  if (state_ == BookState::kWaiting) return Keep(connection, diff);
  const BookOutcome outcome = Step(connection, diff);
  if (outcome == BookOutcome::kGap || outcome == BookOutcome::kSnapshotStale) {
    state_ = BookState::kWaiting;
    run_ = 0;
    Keep(connection, diff);
  }
  return outcome;
}

bool BookSynchroniser::Covered(const DepthDiff& diff, std::int64_t snapshot_id) const noexcept {
  // USD-M: a diff that ends at the snapshot says nothing new, but it anchors.
  return options_.rules == BookRules::kSpot ? diff.last_id <= snapshot_id
                                            : diff.last_id < snapshot_id;
}

bool BookSynchroniser::TooOldFor(std::int64_t snapshot_id, const DepthDiff& diff) const noexcept {
  return options_.rules == BookRules::kSpot ? diff.first_id > snapshot_id + 1
                                            : diff.prev_id > snapshot_id;
}

bool BookSynchroniser::IsAhead(const DepthDiff& diff) const noexcept {
  return state_ == BookState::kLive && diff.last_id > last_id_ && TooOldFor(last_id_, diff);
}

void BookSynchroniser::SetNewest(std::uint32_t connection, std::size_t sockets) noexcept {
  newest_ = connection;
  if (std::exchange(sockets_, sockets) != sockets) run_ = 0;
}

BookOutcome BookSynchroniser::Step(std::uint32_t connection, const DepthDiff& diff) {
  if (!anchored_ && options_.rules == BookRules::kUsdm) {
    if (Covered(diff, last_id_)) return Stale(connection, diff);
    if (TooOldFor(last_id_, diff)) return SnapshotTooOld(last_id_, diff);
    return Apply(connection, diff);
  }
  if (diff.last_id <= last_id_) return Stale(connection, diff);
  if (options_.rules == BookRules::kSpot) {
    if (diff.first_id <= last_id_ + 1) return Apply(connection, diff);
    return Gap("diffs are missing", last_id_ + 1, diff.first_id);
  }
  // Sockets cut one history at different ids: the first diff of the other socket needs what the
  // first diff after a snapshot needs, prev_id <= last <= last_id.
  const bool follows =
      connection == applied_connection_ ? diff.prev_id == last_id_ : diff.prev_id <= last_id_;
  if (follows) return Apply(connection, diff);
  return Gap("diffs are missing", last_id_, diff.prev_id);
}

BookOutcome BookSynchroniser::Apply(std::uint32_t connection, const DepthDiff& diff) {
  if (!diff.readable) return Gap("a level does not parse");
  if (!book_.Apply(diff.bids, diff.asks)) {
    return Gap("more than " + std::to_string(options_.max_stored_levels) + " levels on a side");
  }
  if (book_.Crossed()) {
    ++counters_.crossed;
    const std::string bid = book_.bids().front().price.ToString();
    const std::string ask = book_.asks().front().price.ToString();
    book_.Clear();
    return Gap("the book is crossed: bid " + bid + ", ask " + ask);
  }
  anchored_ = true;
  run_ = 0;
  applied_connection_ = connection;
  last_id_ = diff.last_id;
  last_time_ = diff.time;
  ++counters_.applied;
  return BookOutcome::kApplied;
}

BookOutcome BookSynchroniser::Stale(std::uint32_t connection, const DepthDiff& diff) {
  // A snapshot may be ahead of a slow socket by many diffs: more patience before the first one.
  const int limit = anchored_ ? options_.stale_limit : options_.stale_limit * kUnanchoredPatience;
  if (!replaying_ && OnOnlySocket(connection) && ++run_ >= limit) {
    return Gap(std::to_string(run_) + " stale diffs in a row", last_id_ + 1, diff.first_id);
  }
  ++counters_.stale;
  return BookOutcome::kStale;
}

BookOutcome BookSynchroniser::Gap(std::string reason, std::optional<std::int64_t> expected,
                                  std::optional<std::int64_t> got) {
  ++counters_.gaps;
  gap_ = {std::move(reason), expected, got};
  return BookOutcome::kGap;
}

BookOutcome BookSynchroniser::SnapshotTooOld(std::int64_t snapshot_id, const DepthDiff& first) {
  ++counters_.snapshots_stale;
  const bool spot = options_.rules == BookRules::kSpot;
  gap_ = {"the snapshot is too old", snapshot_id + (spot ? 1 : 0),
          spot ? first.first_id : first.prev_id};
  return BookOutcome::kSnapshotStale;
}

BookOutcome BookSynchroniser::OnSnapshot(const DepthSnapshot& snapshot) {
  if (state_ == BookState::kLive) return BookOutcome::kStale;
  const auto first = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return !Covered(kept.diff, snapshot.last_id);
  });
  if (first != kept_.end() && TooOldFor(snapshot.last_id, first->diff)) {
    return SnapshotTooOld(snapshot.last_id, first->diff);
  }
  if (!book_.Assign(snapshot.bids, snapshot.asks)) {
    return Gap("more than " + std::to_string(options_.max_stored_levels) +
               " levels on a side of the snapshot");
  }
  if (book_.Crossed()) {
    ++counters_.crossed;
    book_.Clear();
    return Gap("the snapshot is crossed");
  }
  last_id_ = snapshot.last_id;
  last_time_ = snapshot.time;
  anchored_ = false;
  run_ = 0;
  return ReplayKept();
}

BookOutcome BookSynchroniser::ReplayKept() {
  replaying_ = true;
  BookOutcome outcome = BookOutcome::kApplied;
  while (!kept_.empty()) {
    Kept& kept = kept_.front();
    kept.diff.bids = std::span(kept.levels).first(kept.bids);
    kept.diff.asks = std::span(kept.levels).subspan(kept.bids);
    outcome = Step(kept.connection, kept.diff);
    if (outcome == BookOutcome::kGap || outcome == BookOutcome::kSnapshotStale) break;
    outcome = BookOutcome::kApplied;
    DropOldest();
  }
  replaying_ = false;
  if (outcome == BookOutcome::kApplied) state_ = BookState::kLive;
  return outcome;
}

void BookSynchroniser::DropOldest() {
  kept_levels_ -= kept_.front().levels.size();
  kept_.pop_front();
}

BookOutcome BookSynchroniser::Keep(std::uint32_t connection, const DepthDiff& diff) {
  NoticeRestart(connection, diff);
  Kept kept{connection, diff, {}, diff.bids.size()};
  if (diff.readable) {
    kept.levels.reserve(diff.bids.size() + diff.asks.size());
    kept.levels.assign(diff.bids.begin(), diff.bids.end());
    kept.levels.insert(kept.levels.end(), diff.asks.begin(), diff.asks.end());
  } else {
    kept.bids = 0;
  }
  kept.diff.bids = kept.diff.asks = {};
  kept_levels_ += kept.levels.size();
  kept_.push_back(std::move(kept));
  BookOutcome outcome = BookOutcome::kKept;
  while (kept_.size() > options_.max_kept_diffs || kept_levels_ > options_.max_kept_levels) {
    DropOldest();
    ++counters_.dropped;
    outcome = BookOutcome::kDropped;
  }
  return outcome;
}

// A venue that restarted its ids leaves kept diffs behind that no snapshot can ever reach: when the
// newest socket stays behind them for long, they are of the old count.
void BookSynchroniser::NoticeRestart(std::uint32_t connection, const DepthDiff& diff) {
  if (kept_.empty() || diff.last_id >= kept_high_) {
    kept_high_ = diff.last_id;
    run_ = 0;
    return;
  }
  if (!OnOnlySocket(connection) || ++run_ < options_.stale_limit) return;
  run_ = 0;
  std::erase_if(kept_, [&](const Kept& kept) {
    if (kept.diff.last_id <= diff.last_id) return false;
    kept_levels_ -= kept.levels.size();
    ++counters_.dropped;
    return true;
  });
  kept_high_ = diff.last_id;
}

void BookSynchroniser::Reset() {
  state_ = BookState::kWaiting;
  kept_.clear();
  kept_levels_ = 0;
  run_ = 0;
}

}  // namespace virtufin::inline v0
