// Pins the end of an executor: queued work runs, late work is dropped, stuck work is abandoned.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin {
namespace {

using std::chrono::milliseconds;
using test::Gate;
using test::kLong;
using test::Tally;
using test::WithThreads;

// Pins CO-13.
TEST_CASE("stop runs what is queued and what those tasks post") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  std::atomic<int> ran{0};
  auto strand = executor.NewStrand();
  for (int i = 0; i < 200; ++i) {
    executor.Post([&] {
      ran.fetch_add(1);
      executor.Post([&] {
        ran.fetch_add(1);
        strand.Post([&] { ran.fetch_add(1); });
      });
    });
    strand.Post([&] { ran.fetch_add(1); });
  }
  REQUIRE(executor.Start().ok());
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(ran.load() == 800);
}

// Returns once a stop has begun: the executor drops what a foreign thread posts. Its one thread
// must be busy, so that nothing posted is run meanwhile.
void AwaitStop(Executor& executor) {
  for (;;) {
    const auto probe = std::make_shared<int>(0);
    executor.Post([probe] {});
    if (probe.use_count() == 1) return;
    std::this_thread::yield();
  }
}

TEST_CASE("what tasks and timers post while a stop waits for them runs, foreign posts do not") {
  ManualClock clock{Timestamp()};
  ExecutorOptions options = WithThreads(1);
  options.max_blocking_threads = 0;
  Executor executor(options, clock, NullLog());
  REQUIRE(executor.Start().ok());
  Tally inside;
  Gate end_task;
  Gate end_timer;
  Tally ran;
  executor.Post([&] {
    inside.Add();
    end_task.Pass();
    executor.Post([&] { ran.Add(); });
    executor.NewStrand().Post([&] { ran.Add(); });
  });
  const auto timer = executor.After(milliseconds(1), [&] {
    inside.Add();
    end_timer.Pass();
    executor.Post([&] { ran.Add(); });
  });
  std::thread advancer([&] { clock.Advance(milliseconds(1)); });
  inside.Wait(2);
  std::thread opener([&] {
    AwaitStop(executor);
    executor.NewStrand().Post([] { FAIL("posted by a foreign thread after the stop began"); });
    end_task.Open();
    ran.Wait(2);
    while (executor.counters().tasks < 3) std::this_thread::yield();
    end_timer.Open();
  });
  CHECK(executor.Stop(kLong).ok());
  advancer.join();
  opener.join();
  CHECK(ran.count() == 3);
}

TEST_CASE("after a stop posts and timers are dropped and their captures are freed") {
  auto captured = std::make_shared<int>(0);
  Executor executor(WithThreads(1), WallClock(), NullLog());
  auto strand = executor.NewStrand();
  REQUIRE(executor.Start().ok());
  REQUIRE(executor.Stop(kLong).ok());
  REQUIRE(executor.Stop(kLong).ok());
  executor.Post([captured] { FAIL("ran after the stop"); });
  strand.Post([captured] { FAIL("ran after the stop"); });
  const auto timer = executor.AfterReal(milliseconds(0), [captured] { FAIL("fired"); });
  CHECK(captured.use_count() == 1);
}

TEST_CASE("an executor that never started drops what it kept") {
  auto captured = std::make_shared<int>(0);
  {
    Executor executor(WithThreads(1), WallClock(), NullLog());
    auto strand = executor.NewStrand();
    executor.Post([captured] { FAIL("ran without a start"); });
    strand.Post([captured, strand] { FAIL("ran without a start"); });
    auto timer = executor.After(milliseconds(0), [captured] { FAIL("fired"); });
  }
  CHECK(captured.use_count() == 1);
}

// Pins CO-13.
TEST_CASE("stop is refused on threads that must not wait") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate done;
  executor.Post([&] {
    CHECK(executor.Stop(kLong).code() == StatusCode::kFailedPrecondition);
    done.Open();
  });
  done.Pass();
  {
    const ThreadMark mark(ThreadKind::kCallback);
    CHECK(executor.Stop(kLong).code() == StatusCode::kFailedPrecondition);
  }
  {
    const ThreadMark mark(ThreadKind::kNetLoop);
    CHECK(executor.Stop(kLong).code() == StatusCode::kFailedPrecondition);
  }
  Tally still;
  executor.Post([&] { still.Add(); });
  still.Wait(1);
  REQUIRE(executor.Stop(kLong).ok());
}

/// A read that does not return before the test writes.
class Pipe {
 public:
  Pipe() { REQUIRE(pipe2(ends_, O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  void Read() {
    char byte;
    while (read(ends_[0], &byte, 1) < 0) {
    }
  }
  void Write() { REQUIRE(write(ends_[1], "x", 1) == 1); }

 private:
  int ends_[2];
};

struct Stuck {
  Pipe pipe;
  Tally inside;
  Gate returned;
};

// Pins CO-13.
TEST_CASE("a task that does not return is abandoned, named, and touches nothing that is gone") {
  auto stuck = std::make_shared<Stuck>();
  bool next_ran = false;
  {
    test::KeptLog log;
    Executor executor(WithThreads(2), WallClock(), log);
    REQUIRE(executor.Start().ok());
    auto strand = executor.NewStrand();
    strand.Post([stuck] {
      const std::string name = "worker top_of_book: Process";
      const Executor::CallScope outer("never seen");
      const Executor::CallScope call(name.c_str());
      stuck->inside.Add();
      stuck->pipe.Read();
      stuck->returned.Open();
      throw 1;  // the log is gone by then
    });
    strand.Post([&] { next_ran = true; });
    stuck->inside.Wait(1);
    const Status status = executor.Stop(milliseconds(1));
    CHECK(status.code() == StatusCode::kDeadlineExceeded);
    CHECK(status.component() == "core");
    CHECK(status.message() ==
          "expected all tasks to end within 1 ms, abandoned 1: worker top_of_book: Process");
    CHECK(executor.counters().abandoned == 1);
    CHECK(executor.counters().threads == 0);
    CHECK(executor.Stop(kLong).ok());
    CHECK(log.lines().empty());
  }
  CHECK_FALSE(stuck->returned.IsOpen());
  stuck->pipe.Write();
  stuck->returned.Pass();
  while (stuck.use_count() > 1) std::this_thread::yield();
  CHECK_FALSE(next_ran);
}

TEST_CASE("abandoned tasks inside scopes leave the others' counts alone") {
  auto stuck = std::make_shared<Stuck>();
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  for (int i = 0; i < 3; ++i) {
    executor.Post([stuck] {
      const Executor::BlockingScope scope;
      stuck->inside.Add();
      stuck->pipe.Read();
    });
  }
  stuck->inside.Wait(3);
  const Status status = executor.Stop(milliseconds(0));
  CHECK(status.message() ==
        "expected all tasks to end within 0 ms, abandoned 3: an unnamed task, an unnamed task, "
        "an unnamed task");
  for (int i = 0; i < 3; ++i) stuck->pipe.Write();
  while (stuck.use_count() > 1) std::this_thread::yield();
  CHECK(executor.counters().blocking == 0);
  CHECK(executor.counters().threads == 0);
  CHECK(executor.counters().abandoned == 3);
}

TEST_CASE("a task that posts itself for ever ends at the deadline") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  auto strand = executor.NewStrand();
  std::function<void()> again = [&] { executor.Post(again); };
  std::function<void()> again_on_strand = [&] { strand.Post(again_on_strand); };
  executor.Post(again);
  strand.Post(again_on_strand);
  REQUIRE(executor.Start().ok());
  const Status status = executor.Stop(milliseconds(5));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK(executor.counters().abandoned == 0);
  CHECK(status.message().find("dropped") != std::string_view::npos);
}

TEST_CASE("a stop among eight producers runs or frees every task") {
  for (int round = 0; round < 20; ++round) {
    auto captured = std::make_shared<std::atomic<int>>(0);
    std::atomic<int> posted{0};
    Executor executor(WithThreads(2), WallClock(), NullLog());
    REQUIRE(executor.Start().ok());
    std::atomic<bool> end{false};
    std::vector<std::thread> producers;
    Tally started;
    for (int producer = 0; producer < 8; ++producer) {
      producers.emplace_back([&, producer] {
        auto strand = executor.NewStrand();
        started.Add();
        for (int i = 0; i < 500 || !end.load(); ++i) {
          if (i >= 500) {
            std::this_thread::yield();  // still posts, but leaves the cores to the stop
          }
          posted.fetch_add(1);
          if (producer % 2 == 0) {
            executor.Post([captured] { captured->fetch_add(1); });
          } else {
            strand.Post([captured, strand] {
              const auto token = Executor::ParkCurrentStrand();
              captured->fetch_add(1);
            });
          }
          if (producer == 3) (void)executor.AfterReal(milliseconds(0), [captured] {});
        }
      });
    }
    started.Wait(8);
    REQUIRE(executor.Stop(kLong).ok());
    const int ran = captured->load();
    end.store(true);
    for (auto& producer : producers) producer.join();
    CHECK(captured->load() == ran);
    CHECK(ran <= posted.load());
    CHECK(captured.use_count() == 1);
  }
}

TEST_CASE("the destructor stops") {
  Tally ran;
  {
    Executor executor(WithThreads(2), WallClock(), NullLog());
    REQUIRE(executor.Start().ok());
    for (int i = 0; i < 50; ++i) executor.Post([&] { ran.Add(); });
  }
  CHECK(ran.count() == 50);
}

TEST_CASE("an executor may be destroyed by its own task") {
  auto executor = std::make_unique<Executor>(WithThreads(2), WallClock(), NullLog());
  auto ended = std::make_shared<Gate>();
  REQUIRE(executor->Start().ok());
  Executor& borrowed = *executor;
  borrowed.Post([owned = std::move(executor), ended]() mutable {
    owned.reset();
    CHECK(CurrentThreadKind() == ThreadKind::kExecutor);
    ended->Open();
  });
  ended->Pass();
  while (ended.use_count() > 1) std::this_thread::yield();
}

}  // namespace
}  // namespace virtufin
