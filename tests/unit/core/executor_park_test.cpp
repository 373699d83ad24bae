// Pins parking: a strand with tokens gets no next task, and goes on when the last token is gone.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
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

// Runs a task behind all that one thread has queued.
void PassQueue(Executor& executor) {
  Gate gate;
  executor.Post([&] { gate.Open(); });
  gate.Pass();
}

TEST_CASE("a parked strand gets its next task when the last copy of the token is gone") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Executor::ParkToken token;
  std::vector<int> ran;
  strand.Post([&] {
    CHECK_FALSE(Executor::CurrentStrandParked());
    token = Executor::ParkCurrentStrand();
    CHECK(Executor::CurrentStrandParked());
    ran.push_back(1);
  });
  strand.Post([&] { ran.push_back(2); });
  PassQueue(executor);
  strand.Post([&] { ran.push_back(3); });
  PassQueue(executor);
  CHECK(ran == std::vector<int>{1});
  CHECK(strand.Parked());

  auto copy = token;
  token = Executor::ParkToken();
  PassQueue(executor);
  CHECK(ran == std::vector<int>{1});
  CHECK(static_cast<bool>(copy));
  copy = {};
  CHECK_FALSE(strand.Parked());
  PassQueue(executor);
  CHECK(ran == std::vector<int>{1, 2, 3});
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("every token of a task counts") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Executor::ParkToken first;
  Executor::ParkToken second;
  bool next = false;
  strand.Post([&] {
    first = Executor::ParkCurrentStrand();
    second = Executor::ParkCurrentStrand();
  });
  strand.Post([&] { next = true; });
  PassQueue(executor);
  second = {};
  PassQueue(executor);
  CHECK_FALSE(next);
  first = {};
  PassQueue(executor);
  CHECK(next);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a token dropped within its task parks nothing") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Tally ran;
  strand.Post([&] {
    { const auto token = Executor::ParkCurrentStrand(); }
    CHECK_FALSE(Executor::CurrentStrandParked());
    ran.Add();
  });
  strand.Post([&] { ran.Add(); });
  ran.Wait(2);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("outside a strand there is nothing to park") {
  CHECK_FALSE(static_cast<bool>(Executor::ParkCurrentStrand()));
  CHECK_FALSE(Executor::CurrentStrandParked());
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  executor.Post([] { CHECK_FALSE(static_cast<bool>(Executor::ParkCurrentStrand())); });
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("a token may outlive the strand and the executor") {
  std::optional<Executor::ParkToken> token;
  auto captured = std::make_shared<int>(0);
  {
    Executor executor(WithThreads(1), WallClock(), NullLog());
    REQUIRE(executor.Start().ok());
    executor.NewStrand().Post([&] { token = Executor::ParkCurrentStrand(); });
    PassQueue(executor);
    auto other = executor.NewStrand();
    other.Post([captured] {});
    REQUIRE(executor.Stop(kLong).ok());
    other.Post([captured] {});
  }
  CHECK(static_cast<bool>(*token));
  CHECK(captured.use_count() == 1);
  token.reset();
}

TEST_CASE("stop waits for parked strands and runs their tasks") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Executor::ParkToken token;
  Tally parked;
  Tally posted;
  std::vector<int> ran;
  strand.Post([&] {
    token = Executor::ParkCurrentStrand();
    parked.Add();
    posted.Wait(1);
    ran.push_back(1);
  });
  strand.Post([&] { ran.push_back(2); });
  parked.Wait(1);
  std::thread dropper([&] {
    // The stop has begun, or will find the strand parked or free: its tasks run in any case.
    posted.Add();
    token = {};
  });
  REQUIRE(executor.Stop(kLong).ok());
  dropper.join();
  CHECK(ran == std::vector<int>{1, 2});
}

TEST_CASE("a strand that is parked when the deadline comes is dropped") {
  auto captured = std::make_shared<int>(0);
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto strand = executor.NewStrand();
  Executor::ParkToken token;
  strand.Post([&] { token = Executor::ParkCurrentStrand(); });
  for (int i = 0; i < 3; ++i) {
    strand.Post([captured] { FAIL("ran with a token alive"); });
  }
  const Status status = executor.Stop(std::chrono::milliseconds(50));
  CHECK(status.message() == "expected all tasks to end within 50 ms, dropped 3 queued");
  CHECK(captured.use_count() == 1);
  token = {};
}

TEST_CASE("a parked strand that has no tasks does not hold up a stop") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Executor::ParkToken token;
  executor.NewStrand().Post([&] { token = Executor::ParkCurrentStrand(); });
  REQUIRE(executor.Stop(kLong).ok());
  CHECK(static_cast<bool>(token));
}

// Tokens arrive from strands and are dropped by threads at the moment their tasks end.
class Droppers {
 public:
  explicit Droppers(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { Main(); });
  }
  ~Droppers() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  // Counts `held` down just before the token goes.
  void Give(Executor::ParkToken token, std::atomic<int>& held) {
    held.fetch_add(1);
    {
      const std::lock_guard lock(mutex_);
      tokens_.emplace_back(std::move(token), &held);
    }
    changed_.notify_one();
  }

 private:
  void Main() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return end_ || !tokens_.empty(); });
      if (tokens_.empty()) return;
      auto [token, held] = std::move(tokens_.front());
      tokens_.pop_front();
      lock.unlock();
      held->fetch_sub(1);
      token = {};
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Executor::ParkToken, std::atomic<int>*>> tokens_;
  bool end_ = false;
  std::vector<std::thread> threads_;
};

TEST_CASE("a foreign thread parks the strand in whose name it acts, and no other afterwards") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto outer = executor.NewStrand();
  auto inner = executor.NewStrand();
  Executor::ParkToken token;
  {
    const Executor::StrandScope scope(outer);
    CHECK(outer.Running());
    {
      const Executor::StrandScope nested(inner);
      token = Executor::ParkCurrentStrand();
      CHECK(Executor::CurrentStrandParked());
    }
    CHECK_FALSE(Executor::CurrentStrandParked());
    CHECK(inner.Parked());
    CHECK_FALSE(outer.Parked());
    const Executor::StrandScope none{Executor::Strand()};
    CHECK(outer.Running());
  }
  CHECK_FALSE(static_cast<bool>(Executor::ParkCurrentStrand()));
  bool ran = false;
  inner.Post([&] { ran = true; });
  PassQueue(executor);
  CHECK_FALSE(ran);
  token = {};
  PassQueue(executor);
  CHECK(ran);
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("an executor thread acts for its own strand only") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto own = executor.NewStrand();
  auto other = executor.NewStrand();
  Gate done;
  own.Post([&] {
    const Executor::StrandScope scope(other);
    CHECK(own.Running());
    const auto token = Executor::ParkCurrentStrand();
    CHECK(own.Parked());
    CHECK_FALSE(other.Parked());
    done.Open();
  });
  done.Pass();
  REQUIRE(executor.Stop(kLong).ok());
}

TEST_CASE("storms of parking lose no task and keep the order") {
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  constexpr int kStrands = 4;
  constexpr int kTasks = 1500;
  struct Lane {
    Executor::Strand strand;
    int next = 0;
    int disorder = 0;
    int overtook = 0;          // began while a token of a task before lived
    std::atomic<int> held{0};  // tokens alive
  };
  std::vector<Lane> lanes(kStrands);
  Tally ran;
  {
    Droppers droppers(2);
    for (auto& lane : lanes) lane.strand = executor.NewStrand();
    std::vector<std::thread> producers;
    for (auto& lane : lanes) {
      producers.emplace_back([&] {
        for (int i = 0; i < kTasks; ++i) {
          lane.strand.Post([&, i] {
            if (lane.next++ != i) ++lane.disorder;
            if (lane.held.load() != 0) ++lane.overtook;
            if (i % 3 != 0) {
              auto token = Executor::ParkCurrentStrand();
              if (i % 3 == 1) droppers.Give(token, lane.held);
              droppers.Give(std::move(token), lane.held);
            }
            ran.Add();
          });
        }
      });
    }
    for (auto& producer : producers) producer.join();
    ran.Wait(kStrands * kTasks);
  }
  REQUIRE(executor.Stop(kLong).ok());
  for (const Lane& lane : lanes) {
    CHECK(lane.next == kTasks);
    CHECK(lane.disorder == 0);
    CHECK(lane.overtook == 0);
  }
}

}  // namespace
}  // namespace virtufin
