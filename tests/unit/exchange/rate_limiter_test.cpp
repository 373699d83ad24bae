// RateLimiter: no window of its length holds more than the limit.
#include "exchange/rate_limiter.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>

using namespace virtufin;
using virtufin::detail::RateLimiter;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kUnix = 1'700'000'000'000'000'000;

FeedTime At(std::int64_t ms) { return {kUnix + ms * kMs, ms * kMs}; }

}  // namespace

TEST_CASE("weight is spent up to the limit, and comes back after the interval") {
  RateLimiter limiter(10, 1'000);
  CHECK(limiter.TryTake(6, At(0)));
  CHECK(limiter.TryTake(4, At(500)));
  CHECK_FALSE(limiter.TryTake(1, At(999)));
  CHECK(limiter.NextNs(1, At(999)) == 1'000 * kMs);
  CHECK(limiter.NextNs(6, At(999)) == 1'000 * kMs);
  CHECK(limiter.NextNs(7, At(999)) == 1'500 * kMs);
  CHECK(limiter.TryTake(6, At(1'000)));
  CHECK_FALSE(limiter.TryTake(1, At(1'499)));
  CHECK(limiter.used(At(1'499)) == 10);
  CHECK(limiter.used(At(1'500)) == 6);
}

TEST_CASE("what is heavier than the limit goes alone") {
  RateLimiter limiter(10, 1'000);
  CHECK(limiter.TryTake(1, At(0)));
  CHECK_FALSE(limiter.TryTake(50, At(500)));
  CHECK(limiter.NextNs(50, At(500)) == 1'000 * kMs);
  CHECK(limiter.TryTake(50, At(1'000)));
  CHECK_FALSE(limiter.TryTake(1, At(1'999)));
}

// Pins EX-15.
TEST_CASE("any window, wherever it begins, holds at most the limit") {
  std::mt19937 random(7);
  RateLimiter limiter(1'000, 60'000);
  std::deque<std::pair<std::int64_t, std::int64_t>> taken;
  std::int64_t now = 0;
  std::int64_t total = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += random() % 100;
    const std::int64_t weight = 1 + random() % 50;
    if (!limiter.TryTake(weight, At(now))) {
      CHECK(limiter.NextNs(weight, At(now)) > now * kMs);
      continue;
    }
    taken.emplace_back(now, weight);
    total += weight;
    std::int64_t in_window = 0;
    while (taken.front().first <= now - 60'000) taken.pop_front();
    for (const auto& [_, one] : taken) in_window += one;
    REQUIRE(in_window <= 1'000);
  }
  // Nearly all of what was allowed was used.
  CHECK(total > 1'000 * (now / 60'000) * 95 / 100);
}

TEST_CASE("at the time that NextNs names, it is let through") {
  std::mt19937 random(8);
  RateLimiter limiter(100, 1'000);
  std::int64_t now_ns = 0;
  for (int i = 0; i < 5'000; ++i) {
    now_ns += random() % (20 * kMs);
    const std::int64_t weight = 1 + random() % 120;
    const std::int64_t next = limiter.NextNs(weight, {kUnix + now_ns, now_ns});
    if (next > now_ns) CHECK_FALSE(limiter.TryTake(weight, {kUnix + next - 1, next - 1}));
    REQUIRE(limiter.TryTake(weight, {kUnix + next, next}));
    now_ns = next;
  }
}

// Pins EX-15.
TEST_CASE("what the venue counted beyond our own is taken as spent") {
  RateLimiter limiter(100, 60'000);
  CHECK(limiter.TryTake(10, At(0)));
  limiter.OnUsed(8, At(1));  // its minute began later
  CHECK(limiter.used(At(1)) == 10);
  limiter.OnUsed(95, At(2));
  CHECK_FALSE(limiter.TryTake(10, At(3)));
  CHECK(limiter.TryTake(5, At(3)));
}

TEST_CASE("a pause lets nothing through, and only grows") {
  RateLimiter limiter(10, 1'000);
  limiter.PauseUntil(kUnix + 5'000 * kMs, At(0));
  limiter.PauseUntil(kUnix + 1'000 * kMs, At(0));
  CHECK_FALSE(limiter.TryTake(1, At(4'999)));
  CHECK(limiter.NextNs(1, At(0)) == 5'000 * kMs);
  CHECK(limiter.paused_until_unix_ns(At(4'999)) == kUnix + 5'000 * kMs);
  CHECK(limiter.paused_until_unix_ns(At(5'000)) == 0);
  CHECK(limiter.TryTake(1, At(5'000)));
}

TEST_CASE("what could not wait counts, too") {
  RateLimiter limiter(4, 1'000);
  for (int i = 0; i < 6; ++i) limiter.Take(1, At(100 * i));
  CHECK_FALSE(limiter.TryTake(1, At(1'199)));
  CHECK(limiter.NextNs(1, At(1'000)) == 1'200 * kMs);
}

TEST_CASE("a limit may change while it is used") {
  RateLimiter limiter(10, 1'000);
  CHECK(limiter.TryTake(10, At(0)));
  limiter.SetLimit(20, 2'000);
  CHECK(limiter.TryTake(10, At(1)));
  CHECK_FALSE(limiter.TryTake(1, At(1'500)));
  CHECK(limiter.limit() == 20);
  CHECK(limiter.interval_ms() == 2'000);
}
