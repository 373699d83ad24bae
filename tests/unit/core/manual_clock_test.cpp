// Pins the manual clock's two sides without an executor.
#include <chrono>
#include <memory>
#include <vector>

#include "doctest/doctest.h"
#include "virtufin/core/time.hpp"

namespace virtufin {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST_CASE("a manual clock moves only when told, both sides by the same") {
  ManualClock clock(*Timestamp::Parse("2024-12-31T23:59:59.999999999Z"));
  const MonotonicTime before = clock.Monotonic();
  CHECK(clock.Now() == *Timestamp::Parse("2024-12-31T23:59:59.999999999Z"));
  clock.Advance(nanoseconds(1));
  CHECK(clock.Now() == *Timestamp::Parse("2025-01-01T00:00:00Z"));
  clock.Advance(nanoseconds(-5));
  clock.Advance(nanoseconds(0));
  CHECK(clock.Now() == *Timestamp::Parse("2025-01-01T00:00:00Z"));
  CHECK(clock.Monotonic() - before == nanoseconds(1));
}

TEST_CASE("a manual clock starts before 1970 and ends with the year 9999") {
  ManualClock early(*Timestamp::Parse("1969-12-31T23:59:59.5Z"));
  early.Advance(nanoseconds(500'000'001));
  CHECK(early.Now() == *Timestamp::Parse("1970-01-01T00:00:00.000000001Z"));

  ManualClock late(*Timestamp::Parse("9999-12-31T00:00:00Z"));
  late.Advance(hours(48));
  CHECK(late.Now() <= *Timestamp::Parse("9999-12-31T23:59:59.999999999Z"));
  CHECK(late.Now() > *Timestamp::Parse("9999-12-31T00:00:00Z"));
  late.Advance(nanoseconds::max());
  late.Advance(nanoseconds::max());
  CHECK(late.Monotonic() < MonotonicTime::max());
}

class OneTimer final : public Clock::TimerSink {
 public:
  MonotonicTime EarliestTimer() const noexcept override { return due; }
  bool RunTimer(MonotonicTime now) override {
    if (due > now) return false;
    ran_at.push_back(now);
    due = MonotonicTime::max();
    return true;
  }

  MonotonicTime due = MonotonicTime::max();
  std::vector<MonotonicTime> ran_at;
};

TEST_CASE("a clock that drives timers runs each at its time and forgets sinks that are gone") {
  ManualClock clock{Timestamp()};
  auto sink = std::make_shared<OneTimer>();
  auto other = std::make_shared<OneTimer>();
  CHECK(clock.DrivesTimers(sink));
  CHECK(clock.DrivesTimers(other));
  CHECK_FALSE(WallClock().DrivesTimers(sink));
  sink->due = clock.Monotonic() + nanoseconds(10);
  other->due = clock.Monotonic() + nanoseconds(4);
  clock.Advance(nanoseconds(9));
  CHECK(sink->ran_at.empty());
  CHECK(other->ran_at == std::vector<MonotonicTime>{MonotonicTime(nanoseconds(4))});
  other.reset();
  clock.Advance(nanoseconds(9));
  CHECK(sink->ran_at == std::vector<MonotonicTime>{MonotonicTime(nanoseconds(10))});
  CHECK(clock.Monotonic() == MonotonicTime(nanoseconds(18)));
}

}  // namespace
}  // namespace virtufin
