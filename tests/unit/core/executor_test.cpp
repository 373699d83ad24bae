// Pins how the executor runs tasks and strands: once, in order, one at a time, fairly.
#include "virtufin/core/executor.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"

namespace virtufin {
namespace {

using test::Gate;
using test::KeptLog;
using test::kLong;
using test::Tally;
using test::WithThreads;

TEST_CASE("tasks posted before the start are kept and run after it") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  Tally ran;
  for (int i = 0; i < 10; ++i) executor.Post([&] { ran.Add(); });
  CHECK(executor.counters().threads == 0);
  CHECK(ran.count() == 0);
  REQUIRE(executor.Start().ok());
  ran.Wait(10);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().tasks == 10);
  CHECK(executor.counters().threads == 0);
}

TEST_CASE("an executor starts once") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  CHECK(executor.Start().code() == StatusCode::kFailedPrecondition);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.Start().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("an option out of range is named") {
  const auto start = [](ExecutorOptions options) {
    return Executor(options, WallClock(), NullLog()).Start();
  };
  ExecutorOptions options;
  options.threads = -1;
  CHECK(start(options).code() == StatusCode::kInvalidArgument);
  options = {};
  options.blocking_after_ms = 0;
  const Status status = start(options);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == "executor option blocking_after_ms: expected at least 1, found 0");
  options = {};
  options.max_blocking_threads = -1;
  CHECK(start(options).code() == StatusCode::kInvalidArgument);
  options = {};
  options.spin_us = -1;
  CHECK(start(options).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("every task of eight producers runs exactly once on two threads") {
  for (const std::int64_t spin_us : {0, 50}) {
    ExecutorOptions options = WithThreads(2);
    options.spin_us = spin_us;
    Executor executor(options, WallClock(), NullLog());
    REQUIRE(executor.Start().ok());
    constexpr int kProducers = 8;
    constexpr int kTasks = 2000;
    std::vector<std::atomic<int>> runs(kProducers * kTasks);
    std::vector<std::thread> producers;
    for (int producer = 0; producer < kProducers; ++producer) {
      producers.emplace_back([&, producer] {
        for (int i = 0; i < kTasks; ++i) {
          executor.Post([&run = runs[producer * kTasks + i]] { run.fetch_add(1); });
        }
      });
    }
    for (auto& producer : producers) producer.join();
    REQUIRE(executor.Stop(kLong).ok());
    int once = 0;
    for (const auto& run : runs) once += run.load() == 1 ? 1 : 0;
    CHECK(once == kProducers * kTasks);
    CHECK(executor.counters().tasks == kProducers * kTasks);
  }
}

// Pins CO-11.
TEST_CASE("tasks of a strand run in order, one at a time, whoever posts") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  constexpr int kProducers = 8;
  constexpr int kTasks = 2000;
  constexpr int kStrands = 3;
  struct Lane {
    Executor::Strand strand;
    std::atomic<int> inside{0};
    int overlaps = 0;  // plain: a second thread inside is a data race
    int disorder = 0;
    std::vector<int> last = std::vector<int>(kProducers, -1);
    std::uint64_t ran = 0;
  };
  std::vector<Lane> lanes(kStrands);
  for (auto& lane : lanes) lane.strand = executor.NewStrand();
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (int i = 0; i < kTasks; ++i) {
        Lane& lane = lanes[i % kStrands];
        lane.strand.Post([&lane, producer, i] {
          if (lane.inside.fetch_add(1) != 0) ++lane.overlaps;
          if (lane.last[producer] >= i) ++lane.disorder;
          lane.last[producer] = i;
          ++lane.ran;
          lane.inside.fetch_sub(1);
        });
      }
    });
  }
  for (auto& producer : producers) producer.join();
  REQUIRE(executor.Stop(kLong).ok());
  std::uint64_t ran = 0;
  for (const Lane& lane : lanes) {
    CHECK(lane.overlaps == 0);
    CHECK(lane.disorder == 0);
    ran += lane.ran;
  }
  CHECK(ran == kProducers * kTasks);
}

TEST_CASE("a strand with endless tasks yields to others on one thread") {
  ExecutorOptions options = WithThreads(1);
  options.blocking_after_ms = 3'600'000;  // the monitor does not help
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto endless = executor.NewStrand();
  std::atomic<bool> end{false};
  struct Again {
    Executor::Strand& strand;
    std::atomic<bool>& end;
    void operator()() const {
      if (!end.load()) strand.Post(Again{strand, end});
    }
  };
  endless.Post(Again{endless, end});
  endless.Post(Again{endless, end});
  Tally others;
  auto other = executor.NewStrand();
  other.Post([&] { others.Add(); });
  executor.Post([&] { others.Add(); });
  others.Wait(2);
  end.store(true);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a strand knows which thread runs it") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto a = executor.NewStrand();
  auto b = executor.NewStrand();
  auto same_as_a = a;
  Tally done;
  a.Post([&] {
    CHECK(a.Running());
    CHECK(same_as_a.Running());
    CHECK_FALSE(b.Running());
    CHECK(CurrentThreadKind() == ThreadKind::kExecutor);
    done.Add();
  });
  executor.Post([&] {
    CHECK_FALSE(a.Running());
    done.Add();
  });
  done.Wait(2);
  CHECK_FALSE(a.Running());
  REQUIRE(executor.Stop(kLong).ok());
}

// Pins CO-11.
TEST_CASE("what a task throws is logged and the rest runs") {
  KeptLog log;
  Executor executor(WithThreads(1), WallClock(), log);
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  executor.Post([] { throw std::runtime_error("first"); });
  strand.Post([] { throw 2; });
  Tally ran;
  strand.Post([&] { ran.Add(); });
  ran.Wait(1);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(log.lines() == std::vector<std::string>{
                           "4 core an executor task threw: first",
                           "4 core an executor task threw: something that is no std::exception"});
  CHECK(executor.counters().tasks == 3);
}

TEST_CASE("empty tasks and strands without a name are ignored") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  executor.Post(Task());
  executor.NewStrand().Post(Task());
  Executor::Strand none;
  bool ran = false;
  none.Post([&] { ran = true; });
  CHECK_FALSE(none.Running());
  CHECK_FALSE(none.Parked());
  REQUIRE(executor.Stop(kLong).ok());
  CHECK_FALSE(ran);
  CHECK(executor.counters().tasks == 0);
}

TEST_CASE("a thread mark lasts as long as it lives") {
  CHECK(CurrentThreadKind() == ThreadKind::kForeign);
  {
    const ThreadMark loop(ThreadKind::kNetLoop);
    CHECK(CurrentThreadKind() == ThreadKind::kNetLoop);
    {
      const ThreadMark callback(ThreadKind::kCallback);
      CHECK(CurrentThreadKind() == ThreadKind::kCallback);
    }
    CHECK(CurrentThreadKind() == ThreadKind::kNetLoop);
  }
  CHECK(CurrentThreadKind() == ThreadKind::kForeign);
}

}  // namespace
}  // namespace virtufin
