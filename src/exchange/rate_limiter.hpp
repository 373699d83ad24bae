// RateLimiter: how much weight may be spent in any window of a given length, and pauses.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// Counts over a sliding window, so that no window of the venue's own, wherever it begins, is
/// exceeded. Shared by all that use one host; every function is [any].
class RateLimiter {
 public:
  /// At most `limit` (1 or more) in any `interval_ms`.
  RateLimiter(std::int64_t limit, std::int64_t interval_ms) noexcept;

  /// True: `weight` was spent. What is heavier than the limit is let through when nothing else was
  /// spent. False: ask again at next_ns(weight).
  bool TryTake(std::int64_t weight, FeedTime now);
  /// When TryTake may succeed; monotonic, `now` when at once.
  std::int64_t NextNs(std::int64_t weight, FeedTime now) const;
  /// Spends, allowed or not: what could not wait.
  void Take(std::int64_t weight, FeedTime now);

  void SetLimit(std::int64_t limit, std::int64_t interval_ms);
  /// What the venue says was used in its current window, by us and by others on our address.
  void OnUsed(std::int64_t used, FeedTime now);

  /// Nothing is let through before that; an earlier time than the one that holds has no effect.
  void PauseUntil(std::int64_t unix_ns, FeedTime now);
  /// 0: no pause, or it is over.
  std::int64_t paused_until_unix_ns(FeedTime now) const;

  std::int64_t limit() const;
  std::int64_t interval_ms() const;
  /// Within the window that ends now.
  std::int64_t used(FeedTime now) const;

 private:
  struct Spent {
    std::int64_t at_ns, weight;
  };
  void Expire(std::int64_t now_ns) const;
  std::int64_t NextLocked(std::int64_t weight, FeedTime now) const;
  void Spend(std::int64_t weight, std::int64_t now_ns);

  mutable std::mutex mutex_;
  std::int64_t limit_;
  std::int64_t interval_ns_;
  mutable std::deque<Spent> spent_;  // oldest first
  mutable std::int64_t sum_ = 0;
  std::int64_t first_of_last_ns_ = 0;  // when spent_.back() began
  std::int64_t pause_unix_ns_ = 0;
  std::int64_t pause_ns_ = 0;  // monotonic
};

}  // namespace virtufin::inline v0::detail
