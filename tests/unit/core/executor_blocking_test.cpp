// Pins what makes room for tasks that block: scopes, the limit in time, and the bound on threads.
#include <thread>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin {
namespace {

using test::Gate;
using test::kLong;
using test::Tally;
using test::WithThreads;

// Pins CO-12.
TEST_CASE("64 tasks block in scopes on two threads and others still run") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate gate;
  Tally inside;
  Tally through;
  for (int i = 0; i < 64; ++i) {
    executor.Post([&] {
      const Executor::BlockingScope scope;
      inside.Add();
      gate.Pass();
      through.Add();
    });
  }
  inside.Wait(64);
  CHECK(executor.counters().blocking == 64);
  CHECK(executor.counters().threads <= 66);
  Tally progress;
  auto strand = executor.NewStrand();
  for (int i = 0; i < 1000; ++i) {
    executor.Post([&] { progress.Add(); });
    strand.Post([&] { progress.Add(); });
  }
  progress.Wait(2000);
  CHECK(through.count() == 0);
  executor.Post([&] { gate.Open(); });
  through.Wait(64);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().blocking == 0);
}

// Pins CO-12.
TEST_CASE("beyond max_blocking_threads tasks wait their turn") {
  ExecutorOptions options = WithThreads(1);
  options.max_blocking_threads = 2;
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate gate;
  Tally inside;
  for (int i = 0; i < 8; ++i) {
    executor.Post([&] {
      const Executor::BlockingScope scope;
      inside.Add();
      gate.Pass();
    });
  }
  inside.Wait(3);
  CHECK(executor.counters().threads == 3);
  CHECK(executor.counters().blocking == 3);
  CHECK(inside.count() == 3);
  gate.Open();
  inside.Wait(8);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().tasks == 8);
}

TEST_CASE("nested scopes count as one") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate done;
  executor.Post([&] {
    CHECK(executor.counters().blocking == 0);
    {
      const Executor::BlockingScope outer;
      {
        const Executor::BlockingScope inner;
        CHECK(executor.counters().blocking == 1);
      }
      CHECK(executor.counters().blocking == 1);
    }
    CHECK(executor.counters().blocking == 0);
    done.Open();
  });
  done.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a scope on a foreign thread has no effect") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  const Executor::BlockingScope scope;
  CHECK(executor.counters().blocking == 0);
  CHECK(executor.counters().threads == 1);
  REQUIRE(executor.Stop(kLong).ok());
}

// Pins CO-12.
TEST_CASE("a task that runs too long while others wait is declared blocking") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate gate;
  Tally inside;
  Tally through;
  auto strand = executor.NewStrand();
  const auto wait_undeclared = [&] {
    inside.Add();
    gate.Pass();
    through.Add();
  };
  for (int i = 0; i < 5; ++i) executor.Post(wait_undeclared);
  strand.Post(wait_undeclared);
  strand.Post([&] { through.Add(); });
  executor.Post([&] {
    inside.Wait(6);
    CHECK(executor.counters().blocking >= 5);
    gate.Open();
  });
  through.Wait(7);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().blocking == 0);
}

// Pins CO-14.
TEST_CASE("the limit in time runs on real time though the clock stands still") {
  ManualClock clock{Timestamp()};
  Executor executor(WithThreads(1), clock, NullLog());
  REQUIRE(executor.Start().ok());
  Gate gate;
  executor.Post([&] { gate.Pass(); });
  executor.Post([&] { gate.Open(); });
  gate.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("tasks that were made to wait behind a blocked one run while it blocks again") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Tally done;
  executor.Post([&] {
    for (int round = 0; round < 20; ++round) {
      Gate answer;
      executor.Post([&] { answer.Open(); });
      const Executor::BlockingScope scope;
      answer.Pass();
    }
    done.Add();
  });
  done.Wait(1);
  CHECK(executor.counters().threads == 2);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("extra threads leave when nothing blocks any more") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  for (int round = 0; round < 2; ++round) {
    Gate gate;
    Tally inside;
    for (int i = 0; i < 10; ++i) {
      executor.Post([&] {
        const Executor::BlockingScope scope;
        inside.Add();
        gate.Pass();
      });
    }
    inside.Wait(10);
    CHECK(executor.counters().threads >= 10);
    gate.Open();
    while (executor.counters().threads > 2) std::this_thread::yield();
  }
  Tally ran;
  for (int i = 0; i < 100; ++i) executor.Post([&] { ran.Add(); });
  ran.Wait(100);
  CHECK(executor.counters().threads == 2);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("strands that blocked before leave a thread for what the blocked ones wait for") {
  ExecutorOptions options = WithThreads(1);
  options.max_blocking_threads = 2;
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  std::vector<Executor::Strand> strands(8);
  Tally learned;
  for (auto& strand : strands) {
    strand = executor.NewStrand();
    strand.Post([&] {
      const Executor::BlockingScope scope;
      learned.Add();
    });
  }
  learned.Wait(8);
  Tally answered;
  for (int i = 0; i < 50; ++i) {
    for (auto& strand : strands) {
      strand.Post([&] {
        Gate answer;
        executor.Post([&] { answer.Open(); });
        const Executor::BlockingScope scope;
        answer.Pass();
        answered.Add();
      });
    }
  }
  answered.Wait(8 * 50);
  CHECK(executor.counters().threads <= 3);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a strand that was held back runs when one that might have blocked ends") {
  ExecutorOptions options = WithThreads(2);
  options.max_blocking_threads = 1;
  options.blocking_after_ms = 3'600'000;
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Executor::Strand strands[] = {executor.NewStrand(), executor.NewStrand()};
  Tally learned;
  for (auto& strand : strands) {
    strand.Post([&] {
      const Executor::BlockingScope scope;
      learned.Add();
    });
  }
  learned.Wait(2);
  Tally inside;
  Gate gate;
  Tally ended;
  for (auto& strand : strands) {
    strand.Post([&] {
      inside.Add();
      gate.Pass();
      ended.Add();
    });
  }
  inside.Wait(1);
  Tally behind;
  executor.Post([&] { behind.Add(); });  // the other thread has passed the second strand
  behind.Wait(1);
  CHECK(inside.count() == 1);
  gate.Open();
  ended.Wait(2);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("without extra threads a strand that blocked before still gets its turn") {
  ExecutorOptions options = WithThreads(1);
  options.max_blocking_threads = 0;
  Executor executor(options, WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto a = executor.NewStrand();
  auto b = executor.NewStrand();
  Tally ran;
  for (int i = 0; i < 100; ++i) {
    (i % 2 == 0 ? a : b).Post([&] {
      const Executor::BlockingScope scope;
      ran.Add();
    });
  }
  ran.Wait(100);
  CHECK(executor.counters().threads == 1);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("storms of scopes on two threads from eight producers lose no task") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  std::vector<Executor::Strand> strands(60);
  for (auto& strand : strands) strand = executor.NewStrand();
  Tally ran;
  std::vector<std::thread> producers;
  for (int producer = 0; producer < 8; ++producer) {
    producers.emplace_back([&, producer] {
      for (int i = 0; i < 300; ++i) {
        strands[(producer * 300 + i) % strands.size()].Post([&] {
          // The inner task needs a thread while this one waits.
          Gate inner;
          executor.Post([&] { inner.Open(); });
          const Executor::BlockingScope scope;
          inner.Pass();
          ran.Add();
        });
      }
    });
  }
  for (auto& producer : producers) producer.join();
  ran.Wait(8 * 300);
  CHECK(executor.counters().threads <= 66);
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(executor.counters().blocking == 0);
}

}  // namespace
}  // namespace virtufin
