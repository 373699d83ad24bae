// Backoff: delays double up to the longest, jitter comes from the seed alone, nothing overflows.
#include "virtufin/core/backoff.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

using virtufin::Backoff;
using virtufin::BackoffOptions;

namespace {

std::vector<std::int64_t> Delays(Backoff& backoff, int count) {
  std::vector<std::int64_t> delays;
  for (int i = 0; i < count; ++i) delays.push_back(backoff.NextMs());
  return delays;
}

}  // namespace

TEST_CASE("delays double from the first to the longest and stay there") {
  Backoff backoff({.first_ms = 1000, .max_ms = 30'000, .jitter = 0}, 1);
  CHECK(Delays(backoff, 7) ==
        std::vector<std::int64_t>{1000, 2000, 4000, 8000, 16'000, 30'000, 30'000});
}

TEST_CASE("after Reset the next delay is the first one again") {
  Backoff backoff({.first_ms = 100, .max_ms = 1000, .jitter = 0}, 1);
  CHECK(Delays(backoff, 3) == std::vector<std::int64_t>{100, 200, 400});
  backoff.Reset();
  CHECK(Delays(backoff, 2) == std::vector<std::int64_t>{100, 200});
}

TEST_CASE("jitter shortens a delay by at most its share, and uses that share") {
  Backoff backoff({.first_ms = 10'000, .max_ms = 10'000, .jitter = 0.2}, 42);
  std::int64_t shortest = 10'000;
  std::int64_t longest = 0;
  for (const std::int64_t delay : Delays(backoff, 10'000)) {
    REQUIRE(delay >= 8000);
    REQUIRE(delay <= 10'000);
    shortest = std::min(shortest, delay);
    longest = std::max(longest, delay);
  }
  CHECK(shortest < 8010);
  CHECK(longest > 9990);
}

TEST_CASE("a seed always gives the same delays, and another seed others") {
  std::set<std::vector<std::int64_t>> all;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Backoff a({}, seed);
    Backoff b({}, seed);
    const auto delays = Delays(a, 10);
    CHECK(delays == Delays(b, 10));
    all.insert(delays);
  }
  CHECK(all.size() == 100);
  // Pinned: replays of old recordings depend on it.
  Backoff first({}, 1);
  CHECK(Delays(first, 6) == std::vector<std::int64_t>{953, 1749, 3988, 7041, 13639, 27722});
}

TEST_CASE("the longest delays neither overflow nor turn negative") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const double jitter : {0.0, 0.2, 1.0}) {
    Backoff backoff({.first_ms = 1, .max_ms = kMost, .jitter = jitter}, 7);
    for (const std::int64_t delay : Delays(backoff, 200)) REQUIRE(delay >= 0);
    Backoff longest({.first_ms = kMost, .max_ms = kMost, .jitter = jitter}, 7);
    for (const std::int64_t delay : Delays(longest, 200)) REQUIRE(delay >= 0);
  }
}

TEST_CASE("options outside their range are taken as the nearest inside") {
  Backoff least({.first_ms = -5, .max_ms = 0, .jitter = -1}, 1);
  CHECK(Delays(least, 3) == std::vector<std::int64_t>{1, 1, 1});
  Backoff above({.first_ms = 5000, .max_ms = 100, .jitter = 0}, 1);
  CHECK(Delays(above, 2) == std::vector<std::int64_t>{100, 100});
  Backoff odd({.first_ms = 100, .max_ms = 100, .jitter = std::nan("")}, 1);
  CHECK(Delays(odd, 2) == std::vector<std::int64_t>{100, 100});
  Backoff all({.first_ms = 100, .max_ms = 100, .jitter = 9}, 1);
  for (const std::int64_t delay : Delays(all, 1000)) {
    REQUIRE(delay >= 0);
    REQUIRE(delay <= 100);
  }
}
