// A quiet stream and a dead one look alike: the venue's own book tells which it is.
#include "exchange/binance/book_watch.hpp"

#include <algorithm>
#include <utility>

#include "exchange/binance/feed_access.hpp"
#include "exchange/binance/session.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;
constexpr std::int64_t kGraceNs = 2 * kSecond;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr int kTopLevels = 5;
constexpr std::int64_t kNever = BinanceFeed::kNoTick;

/// The answer's levels are the book's best ones.
bool SameTop(std::span<const Level> answer, const BookSide& side) {
  if (answer.size() != side.size()) return false;
  return std::equal(answer.begin(), answer.end(), side.begin(), [](const Level& a, const Level& b) {
    return a.price == b.price && a.quantity == b.quantity;
  });
}

}  // namespace

BookWatch::BookWatch(const BinanceSessionOptions& options, const BinanceFeed& books,
                     BookWatchOwner& owner)
    : options_(options),
      books_(books),
      owner_(owner),
      decoder_(options.feed.market),
      share_(std::max<std::int64_t>(1, options.weight_per_minute / 10), kMinuteMs) {}

void BookWatch::Add(std::string_view symbol, FeedTime now) {
  if (options_.book_idle_ms == 0) return;
  const auto [at, added] = watched_.try_emplace(
      std::string(symbol), Escalation(options_.renew_cool_down_ms, options_.renews_per_hour));
  if (!added) return;
  at->second.looked_ns = now.monotonic_ns;
  next_ns_ = std::min(next_ns_, now.monotonic_ns + options_.book_idle_ms * kMs);
}

void BookWatch::Remove(std::string_view symbol) {
  const auto at = watched_.find(symbol);
  if (at != watched_.end()) watched_.erase(at);
}

/// Spot numbers the changes of each book. USD-M numbers those of all: there the levels tell.
bool BookWatch::HasMoved(std::string_view symbol, std::string_view body) {
  const auto snapshot = decoder_.DecodeSnapshot(body);
  const BookSynchroniser* const book = books_.FindBook(symbol);
  if (!snapshot.ok() || book == nullptr) return false;
  if (snapshot->last_id <= book->last_update_id()) return false;
  if (options_.feed.market == BinanceMarket::kSpot) return true;
  return !SameTop(snapshot->bids, book->book().bids(kTopLevels)) ||
         !SameTop(snapshot->asks, book->book().asks(kTopLevels));
}

void BookWatch::OnAnswer(std::uint64_t id, FeedTime now, std::string_view body) {
  const auto at = std::find_if(watched_.begin(), watched_.end(),
                               [&](const auto& entry) { return entry.second.fetch == id; });
  if (at == watched_.end()) return;
  Book& book = at->second;
  book.fetch = 0;
  const bool spoke = FeedAccess::LastDiffNs(books_, at->first) >= book.looked_ns;
  if (spoke || books_.state(at->first) != FeedState::kLive || !HasMoved(at->first, body)) return;
  book.suspect_since = now.monotonic_ns;
  book.suspect_until = now.monotonic_ns + kGraceNs;
  next_ns_ = std::min(next_ns_, book.suspect_until);
}

void BookWatch::OnFailed(std::uint64_t id) {
  for (auto& [_, book] : watched_) {
    if (book.fetch == id) book.fetch = 0;
  }
}

void BookWatch::OnHeld(FeedTime now) {
  for (auto& [_, book] : watched_) {
    book.looked_ns = now.monotonic_ns;
    book.suspect_until = 0;
  }
}

void BookWatch::OnTick(FeedTime now) {
  if (now.monotonic_ns < next_ns_) return;
  std::int64_t next = kNever;
  for (auto& [symbol, book] : watched_) {
    const bool suspect = book.suspect_until != 0;
    next = std::min(next, suspect ? LookAtSuspect(symbol, book, now) : Look(symbol, book, now));
  }
  // Once a second at most, whatever their phases: there may be thousands.
  next_ns_ = next == kNever ? kNever : (std::max(next, now.monotonic_ns) / kSecond + 1) * kSecond;
}

/// When to look again.
std::int64_t BookWatch::LookAtSuspect(const std::string& symbol, Book& book, FeedTime now) {
  if (now.monotonic_ns < book.suspect_until) return book.suspect_until;
  const bool spoke = FeedAccess::LastDiffNs(books_, symbol) >= book.suspect_since;
  book.suspect_until = 0;
  book.looked_ns = now.monotonic_ns;
  if (!spoke && books_.state(symbol) == FeedState::kLive) {
    owner_.OnBookLost(symbol, now, book.renewals.TryTake(now.monotonic_ns));
  }
  return now.monotonic_ns + options_.book_idle_ms * kMs;
}

std::int64_t BookWatch::Look(const std::string& symbol, Book& book, FeedTime now) {
  const std::int64_t idle_ns = options_.book_idle_ms * kMs;
  const std::int64_t last = std::max(book.looked_ns, FeedAccess::LastDiffNs(books_, symbol));
  if (now.monotonic_ns < last + idle_ns) return last + idle_ns;
  const FeedState state = books_.state(symbol);
  if (state == FeedState::kStale && book.renewals.NextNs() <= now.monotonic_ns) {
    // Found dead when nothing could be done about it.
    (void)book.renewals.TryTake(now.monotonic_ns);
    owner_.OnBookLost(symbol, now, true);
  } else if (state == FeedState::kLive && book.fetch == 0 && owner_.IsTraded(symbol)) {
    const std::int64_t weight = options_.feed.market == BinanceMarket::kSpot ? 5 : 2;
    if (!share_.TryTake(weight, now)) return share_.NextNs(weight, now);
    BinanceFetch fetch;
    fetch.id = book.fetch = ++last_fetch_;
    fetch.kind = BinanceFetchKind::kTop;
    fetch.symbol = symbol;
    fetch.limit = kTopLevels;
    owner_.FetchTop(fetch);
  }
  book.looked_ns = now.monotonic_ns;
  return now.monotonic_ns + idle_ns;
}

}  // namespace virtufin::inline v0::detail
