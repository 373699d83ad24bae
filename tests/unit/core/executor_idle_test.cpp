// Pins waiting until an executor has nothing to do, and the order of a repeatable one.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Gate;
using test::kLong;
using test::WithThreads;

ExecutorOptions Repeatable() {
  ExecutorOptions options;
  options.repeatable = true;
  options.threads = 4;
  return options;
}

// What ran, in order. Only one task at a time may write it, which ThreadSanitizer sees.
using Order = std::vector<std::string>;

// Pins CO-17.
TEST_CASE("WaitIdle returns when what tasks posted in turn is done") {
  Executor executor(WithThreads(3), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ran{0};
    std::vector<Executor::Strand> strands;
    for (int i = 0; i < 4; ++i) strands.push_back(executor.NewStrand());
    for (int i = 0; i < 4; ++i) {
      executor.Post([&, i] {
        for (int j = 0; j < 5; ++j) {
          strands[static_cast<std::size_t>((i + j) % 4)].Post([&] { ++ran; });
        }
      });
    }
    REQUIRE(executor.WaitIdle().ok());
    CHECK(ran == 20);
  }
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.WaitIdle().ok());
}

// Pins CO-17.
TEST_CASE("WaitIdle waits for a task that blocks, and no longer than its deadline") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate entered;
  Gate leave;
  bool left = false;
  executor.Post([&] {
    const Executor::BlockingScope blocking;
    entered.Open();
    leave.Pass();
    left = true;
  });
  entered.Pass();
  const Status late = executor.WaitIdle(milliseconds(1));
  CHECK(late.code() == StatusCode::kDeadlineExceeded);
  std::thread waiter([&] {
    CHECK(executor.WaitIdle().ok());
    CHECK(left);
  });
  leave.Open();
  waiter.join();
  REQUIRE(executor.Stop(kLong).ok());
}

// Pins CO-17.
TEST_CASE("WaitIdle is for foreign threads and started executors") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  CHECK(executor.WaitIdle().code() == StatusCode::kFailedPrecondition);
  REQUIRE(executor.Start().ok());
  Status inside;
  executor.Post([&] { inside = executor.WaitIdle(); });
  REQUIRE(executor.WaitIdle().ok());
  CHECK(inside.code() == StatusCode::kFailedPrecondition);
  {
    const ThreadMark mark(ThreadKind::kCallback);
    CHECK(executor.WaitIdle().code() == StatusCode::kFailedPrecondition);
  }
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("WaitIdle does not wait for a parked strand or a timer that is not due") {
  ManualClock clock((Timestamp()));
  Executor executor(WithThreads(2), clock, NullLog());
  REQUIRE(executor.Start().ok());
  Executor::Strand strand = executor.NewStrand();
  Executor::ParkToken token;
  int ran = 0;
  strand.Post([&] { token = Executor::ParkCurrentStrand(); });
  strand.Post([&] { ++ran; });
  const auto timer = executor.After(seconds(1), [&] { token = Executor::ParkToken(); });
  REQUIRE(executor.WaitIdle().ok());
  CHECK(ran == 0);
  CHECK(clock.NextTimer() == clock.Monotonic() + seconds(1));
  clock.Advance(seconds(1));
  CHECK(clock.NextTimer() == MonotonicTime::max());
  REQUIRE(executor.WaitIdle().ok());
  CHECK(ran == 1);
  REQUIRE(executor.Stop(kLong).ok());
}

// Pins CO-18.
TEST_CASE("a repeatable executor runs one task at a time, in one order") {
  for (int round = 0; round < 20; ++round) {
    ExecutorOptions options = Repeatable();
    options.blocking_after_ms = 1;
    Executor executor(options, WallClock(), NullLog());
    std::vector<Executor::Strand> strands;
    for (int i = 0; i < 3; ++i) strands.push_back(executor.NewStrand());
    Order order;
    for (int i = 0; i < 3; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      strands[static_cast<std::size_t>(i)].Post([&, name] {
        order.push_back(name);
        // Longer than after what others would be given a thread.
        const auto until = std::chrono::steady_clock::now() + milliseconds(4);
        while (std::chrono::steady_clock::now() < until) {
        }
        for (auto& strand : strands) {
          strand.Post([&order, name] { order.push_back("after " + name); });
        }
      });
    }
    REQUIRE(executor.Start().ok());
    CHECK(executor.repeatable());
    REQUIRE(executor.WaitIdle().ok());
    CHECK(executor.counters().threads == 1);
    CHECK(order == Order{"a", "after a", "b", "after a", "after b", "c", "after a", "after b",
                         "after c", "after b", "after c", "after c"});
    REQUIRE(executor.Stop(kLong).ok());
  }
}

// Pins CO-19.
TEST_CASE("what a timer of a repeatable executor posts is done before the clock moves on") {
  ManualClock clock((Timestamp()));
  Executor executor(Repeatable(), clock, NullLog());
  REQUIRE(executor.Start().ok());
  Executor::Strand strand = executor.NewStrand();
  Order order;
  std::vector<Executor::Timer> timers;
  const auto arm = [&](milliseconds after, const std::string& name) {
    timers.push_back(executor.After(after, [&, name] {
      strand.Post([&, name] {
        order.push_back(name + " posted at " +
                        std::to_string(clock.Monotonic().time_since_epoch() / milliseconds(1)));
        if (name == "b") {
          timers.push_back(executor.After(milliseconds(5), [&] { order.push_back("d"); }));
        }
      });
      std::this_thread::yield();
      order.push_back(name);
    }));
  };
  arm(milliseconds(20), "c");
  arm(milliseconds(10), "a");
  arm(milliseconds(10), "b");
  clock.Advance(seconds(1));
  CHECK(order == Order{"a", "a posted at 10", "b", "b posted at 10", "d", "c", "c posted at 20"});
  REQUIRE(executor.Stop(kLong).ok());
}

// Pins CO-20.
TEST_CASE("a task of a repeatable executor that waits for another one is given way, and logged") {
  test::KeptLog log;
  ExecutorOptions options = Repeatable();
  options.blocking_after_ms = 2;
  Executor executor(options, WallClock(), log);
  REQUIRE(executor.Start().ok());
  Gate other_ran;
  executor.Post([&] {
    executor.Post([&] { other_ran.Open(); });
    const Executor::BlockingScope blocking;
    other_ran.Pass();
  });
  REQUIRE(executor.WaitIdle().ok());
  REQUIRE(executor.Stop(kLong).ok());
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("their order is not repeatable") != std::string::npos);
}

}  // namespace
}  // namespace virtufin
