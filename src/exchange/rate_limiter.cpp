// Spent weight over a sliding window.
#include "exchange/rate_limiter.hpp"

#include <algorithm>

namespace virtufin::inline v0::detail {
namespace {
constexpr std::int64_t kMs = 1'000'000;
// What was spent within so much of the window counts as spent at once: the log stays short.
constexpr std::int64_t kGrains = 256;
}  // namespace

RateLimiter::RateLimiter(std::int64_t limit, std::int64_t interval_ms) noexcept
    : limit_(std::max<std::int64_t>(1, limit)),
      interval_ns_(std::max<std::int64_t>(1, interval_ms) * kMs) {}

void RateLimiter::Expire(std::int64_t now_ns) const {
  while (!spent_.empty() && spent_.front().at_ns <= now_ns - interval_ns_) {
    sum_ -= spent_.front().weight;
    spent_.pop_front();
  }
}

std::int64_t RateLimiter::NextLocked(std::int64_t weight, FeedTime now) const {
  Expire(now.monotonic_ns);
  const std::int64_t from = std::max(now.monotonic_ns, pause_ns_);
  std::int64_t over = sum_ + weight - limit_;
  if (over <= 0 || sum_ == 0) return from;
  for (const Spent& spent : spent_) {
    over -= spent.weight;
    if (over <= 0) return std::max(from, spent.at_ns + interval_ns_);
  }
  return std::max(from, spent_.back().at_ns + interval_ns_);  // heavier than the limit: all of it
}

bool RateLimiter::TryTake(std::int64_t weight, FeedTime now) {
  const std::lock_guard lock(mutex_);
  if (NextLocked(weight, now) > now.monotonic_ns) return false;
  Spend(weight, now.monotonic_ns);
  return true;
}

std::int64_t RateLimiter::NextNs(std::int64_t weight, FeedTime now) const {
  const std::lock_guard lock(mutex_);
  return NextLocked(weight, now);
}

void RateLimiter::Take(std::int64_t weight, FeedTime now) {
  const std::lock_guard lock(mutex_);
  Expire(now.monotonic_ns);
  Spend(weight, now.monotonic_ns);
}

void RateLimiter::Spend(std::int64_t weight, std::int64_t now_ns) {
  sum_ += weight;
  // The later time counts, so that nothing is given back too early.
  if (!spent_.empty() && now_ns - first_of_last_ns_ < interval_ns_ / kGrains) {
    spent_.back().weight += weight;
    spent_.back().at_ns = std::max(spent_.back().at_ns, now_ns);
    return;
  }
  first_of_last_ns_ = now_ns;
  spent_.push_back({now_ns, weight});
}

void RateLimiter::SetLimit(std::int64_t limit, std::int64_t interval_ms) {
  const std::lock_guard lock(mutex_);
  limit_ = std::max<std::int64_t>(1, limit);
  interval_ns_ = std::max<std::int64_t>(1, interval_ms) * kMs;
}

void RateLimiter::OnUsed(std::int64_t used, FeedTime now) {
  const std::lock_guard lock(mutex_);
  Expire(now.monotonic_ns);
  // The venue's window is younger than ours: what it counts beyond our own was spent by others.
  if (used > sum_) Spend(used - sum_, now.monotonic_ns);
}

void RateLimiter::PauseUntil(std::int64_t unix_ns, FeedTime now) {
  const std::lock_guard lock(mutex_);
  const std::int64_t until_ns = now.monotonic_ns + (unix_ns - now.unix_ns);
  if (until_ns <= pause_ns_) return;
  pause_ns_ = until_ns;
  pause_unix_ns_ = unix_ns;
}

std::int64_t RateLimiter::paused_until_unix_ns(FeedTime now) const {
  const std::lock_guard lock(mutex_);
  return pause_ns_ > now.monotonic_ns ? pause_unix_ns_ : 0;
}

std::int64_t RateLimiter::limit() const {
  const std::lock_guard lock(mutex_);
  return limit_;
}

std::int64_t RateLimiter::interval_ms() const {
  const std::lock_guard lock(mutex_);
  return interval_ns_ / kMs;
}

std::int64_t RateLimiter::used(FeedTime now) const {
  const std::lock_guard lock(mutex_);
  Expire(now.monotonic_ns);
  return sum_;
}

}  // namespace virtufin::inline v0::detail
