// Pins timers: once, in order, cancelled by their handle, on the wall, the manual and the real
// clock.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::Gate;
using test::kLong;
using test::Tally;
using test::WithThreads;

TEST_CASE("wall timers fire once, the earliest first") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  std::vector<int> order;
  Tally fired;
  const auto note = [&](int which) {
    return [&, which] {
      CHECK(CurrentThreadKind() == ThreadKind::kExecutor);
      order.push_back(which);
      fired.Add();
    };
  };
  // Armed before the start, so that all are due when the first is looked at.
  const auto c = executor.AfterReal(milliseconds(2), note(3));
  const auto a = executor.After(milliseconds(-1), note(1));
  const auto b = executor.After(milliseconds(1), note(2));
  const auto until = std::chrono::steady_clock::now() + milliseconds(2);
  while (std::chrono::steady_clock::now() <= until) std::this_thread::yield();
  REQUIRE(executor.Start().ok());
  fired.Wait(3);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(executor.counters().tasks == 3);
}

TEST_CASE("a real timer is not late for one that is due much later") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  const auto late = executor.AfterReal(hours(1), [] { FAIL("fired an hour early"); });
  Gate fired;
  const auto soon = executor.AfterReal(milliseconds(1), [&] { fired.Open(); });
  fired.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a destroyed timer does not fire and frees its task") {
  auto captured = std::make_shared<int>(0);
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  {
    const auto timer = executor.AfterReal(hours(1), [captured] {});
    CHECK(captured.use_count() == 2);
  }
  CHECK(captured.use_count() == 1);
  auto timer = executor.After(hours(1), [captured] {});
  timer = executor.After(hours(1), [] {});
  CHECK(captured.use_count() == 1);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a timer destroyed before its task began never runs, posted or not") {
  ExecutorOptions options = WithThreads(1);
  options.blocking_after_ms = 3'600'000;  // no second thread
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  int ran = 0;
  for (int round = 0; round < 200; ++round) {
    executor.Post([&, round] {
      const auto timer = executor.AfterReal(nanoseconds(0), [&] { ++ran; });
      for (int i = 0; i < round; ++i) std::this_thread::yield();
    });
  }
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(ran == 0);
}

TEST_CASE("a timer may be destroyed and armed again inside its own task") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Executor::Timer timer;
  int left = 20;
  Gate done;
  struct Tick {
    Executor& executor;
    Executor::Strand& strand;
    Executor::Timer& timer;
    int& left;
    Gate& done;
    void operator()() const {
      strand.Post([tick = *this] {
        tick.timer = {};
        if (--tick.left == 0) return tick.done.Open();
        tick.timer = tick.executor.AfterReal(nanoseconds(1), Tick(tick));
      });
    }
  };
  strand.Post([&] {
    timer = executor.AfterReal(nanoseconds(1), Tick{executor, strand, timer, left, done});
  });
  done.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("timers that are pending when the executor ends are freed") {
  auto captured = std::make_shared<int>(0);
  ManualClock clock{Timestamp()};
  {
    Executor executor(WithThreads(1), clock, NullLog());
    REQUIRE(executor.Start().ok());
    const auto a = executor.AfterReal(hours(1), [captured] {});
    const auto b = executor.After(hours(1), [captured] {});
    CHECK(captured.use_count() == 3);
  }
  CHECK(captured.use_count() == 1);
  clock.Advance(hours(2));
}

std::string At(const ManualClock& clock, const char* what) {
  return std::to_string(clock.Monotonic().time_since_epoch() / milliseconds(1)) + what;
}

// Pins CO-14.
TEST_CASE("Advance runs due timers in order of time, then of creation, at their own time") {
  ManualClock clock(*Timestamp::Parse("2024-02-29T23:59:59Z"));
  Executor executor(WithThreads(2), clock, NullLog());
  REQUIRE(executor.Start().ok());
  std::vector<std::string> ran;
  const auto note = [&](const char* what) { return [&, what] { ran.push_back(At(clock, what)); }; };
  std::vector<Executor::Timer> timers;
  timers.push_back(executor.After(milliseconds(300), note("c")));
  timers.push_back(executor.After(milliseconds(100), note("a")));
  timers.push_back(executor.After(milliseconds(300), note("d")));
  timers.push_back(executor.After(milliseconds(200), note("b")));
  timers.push_back(executor.After(milliseconds(1001), note("late")));
  clock.Advance(milliseconds(99));
  CHECK(ran.empty());
  clock.Advance(milliseconds(901));
  CHECK(ran == std::vector<std::string>{"100a", "200b", "300c", "300d"});
  CHECK(clock.Now() == *Timestamp::Parse("2024-03-01T00:00:00Z"));
  clock.Advance(milliseconds(1));
  CHECK(ran.back() == "1001late");
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().tasks == 5);
}

TEST_CASE("timers armed by a timer task run in the same Advance when they are due") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  REQUIRE(executor.Start().ok());
  std::vector<std::string> ran;
  Executor::Timer every;
  struct Every {
    Executor& executor;
    ManualClock& clock;
    Executor::Timer& timer;
    std::vector<std::string>& ran;
    void operator()() const {
      ran.push_back(At(clock, ""));
      timer = executor.After(milliseconds(30), Every(*this));
    }
  };
  every = executor.After(milliseconds(30), Every{executor, clock, every, ran});
  clock.Advance(milliseconds(100));
  CHECK(ran == std::vector<std::string>{"30", "60", "90"});
  CHECK(At(clock, "") == "100");
  clock.Advance(milliseconds(20));
  CHECK(ran.size() == 4);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a timer task of Advance runs on the advancing thread, marked as an executor's") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  REQUIRE(executor.Start().ok());
  const auto here = std::this_thread::get_id();
  bool ran = false;
  const auto timer = executor.After(seconds(1), [&] {
    CHECK(std::this_thread::get_id() == here);
    CHECK(CurrentThreadKind() == ThreadKind::kExecutor);
    CHECK(executor.Stop(kLong).code() == StatusCode::kFailedPrecondition);
    ran = true;
  });
  clock.Advance(seconds(1));
  CHECK(ran);
  CHECK(CurrentThreadKind() == ThreadKind::kForeign);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a timer cancelled by an earlier one in the same Advance does not run") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  REQUIRE(executor.Start().ok());
  bool ran = false;
  auto second = executor.After(milliseconds(2), [&] { ran = true; });
  const auto first = executor.After(milliseconds(1), [&] { second = {}; });
  clock.Advance(milliseconds(5));
  CHECK_FALSE(ran);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("what a timer task throws is logged and the Advance goes on") {
  ManualClock clock{Timestamp()};
  test::KeptLog log;
  Executor executor(WithThreads(1), clock, log);
  REQUIRE(executor.Start().ok());
  const auto timer = executor.After(milliseconds(1), [] { throw std::string("no"); });
  clock.Advance(milliseconds(5));
  CHECK(log.lines().size() == 1);
  CHECK(At(clock, "") == "5");
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("timers of an executor that has not started wait for it") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  std::vector<std::string> ran;
  const auto timer = executor.After(milliseconds(1), [&] { ran.push_back(At(clock, "")); });
  clock.Advance(milliseconds(5));
  CHECK(ran.empty());
  REQUIRE(executor.Start().ok());
  clock.Advance(nanoseconds(-1));
  CHECK(ran == std::vector<std::string>{"5"});
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("two executors on one clock take turns in order of time") {
  ManualClock clock{Timestamp()};
  auto gone = std::make_unique<Executor>(WithThreads(1), clock, NullLog());
  Executor a(WithThreads(1), clock, NullLog());
  Executor b(WithThreads(1), clock, NullLog());
  REQUIRE(a.Start().ok());
  REQUIRE(b.Start().ok());
  gone.reset();
  std::vector<std::string> ran;
  const auto note = [&](const char* what) { return [&, what] { ran.push_back(At(clock, what)); }; };
  const auto b2 = b.After(milliseconds(2), note("b"));
  const auto a1 = a.After(milliseconds(1), note("a"));
  const auto a3 = a.After(milliseconds(3), note("a"));
  clock.Advance(seconds(1));
  CHECK(ran == std::vector<std::string>{"1a", "2b", "3a"});
  REQUIRE(a.Stop(kLong).ok());
  REQUIRE(b.Stop(kLong).ok());
}

// Pins CO-14.
TEST_CASE("AfterReal fires though the manual clock stands still, and After does not") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  REQUIRE(executor.Start().ok());
  Gate real;
  const auto manual = executor.After(nanoseconds(0), [] { FAIL("the clock did not move"); });
  const auto timer = executor.AfterReal(milliseconds(1), [&] { real.Open(); });
  real.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("random timers and cancellations run as a sorted list says") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    ManualClock clock{Timestamp()};
    Executor executor(WithThreads(1), clock, NullLog());
    REQUIRE(executor.Start().ok());
    std::vector<std::optional<Executor::Timer>> timers(60);
    std::vector<std::pair<long, int>> want;
    std::vector<std::pair<long, int>> ran;
    for (int i = 0; i < 60; ++i) {
      const long due = static_cast<long>(random() % 20);
      timers[i] = executor.After(milliseconds(due), [&, i] {
        ran.emplace_back(clock.Monotonic().time_since_epoch() / milliseconds(1), i);
      });
      if (random() % 4 == 0) {
        timers[i].reset();
      } else {
        want.emplace_back(due, i);
      }
    }
    std::stable_sort(want.begin(), want.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    while (ran.size() < want.size()) clock.Advance(milliseconds(random() % 5));
    CHECK(ran == want);
    REQUIRE(executor.Stop(kLong).ok());
  }
}

TEST_CASE("timers armed and cancelled by many threads while the clock moves run at most once") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(2), clock, NullLog());
  REQUIRE(executor.Start().ok());
  Tally armed;
  Tally kept;
  Tally fired;
  std::vector<std::thread> armers;
  for (int t = 0; t < 4; ++t) {
    armers.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        auto ran = std::make_shared<std::atomic<int>>(0);
        const auto task = [&, ran] {
          if (ran->fetch_add(1) == 0) fired.Add();
        };
        const auto delay = nanoseconds(i % 3);
        auto timer = t % 2 == 0 ? executor.After(delay, task) : executor.AfterReal(delay, task);
        armed.Add();
        if (i % 2 == 0) continue;  // cancelled, or just in time
        kept.Add();
        while (ran->load() == 0) std::this_thread::yield();
      }
    });
  }
  Gate end;
  std::thread mover([&] {
    while (!end.IsOpen()) clock.Advance(nanoseconds(1));
  });
  for (auto& armer : armers) armer.join();
  end.Open();
  mover.join();
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(kept.count() == 400);
  CHECK(fired.count() >= kept.count());
  CHECK(fired.count() <= armed.count());
}

}  // namespace
}  // namespace virtufin
