// An executor on a system that gives threads or memory no more.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "doctest/doctest.h"
#include "unit/core/executor_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace {

std::atomic<int> threads_left{1000};
thread_local bool no_memory = false;  // on this thread

void* Allocate(std::size_t bytes, std::size_t alignment) {
  if (no_memory) throw std::bad_alloc();
  void* const made = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace

void* operator new(std::size_t bytes) { return Allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return Allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* made) noexcept { std::free(made); }
void operator delete(void* made, std::size_t) noexcept { std::free(made); }
void operator delete(void* made, std::align_val_t) noexcept { std::free(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { std::free(made); }

// Takes the place of the C library's, and asks that unless no thread is left.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*main)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  if (threads_left.fetch_sub(1) <= 0) return EAGAIN;
  return create(thread, attributes, main, argument);
}

namespace virtufin {
namespace {

using std::chrono::milliseconds;
using test::Gate;
using test::kLong;
using test::Tally;
using test::WithThreads;

TEST_CASE("a start that gets too few threads fails and runs nothing of what was posted") {
  for (int given = 0; given < 4; ++given) {
    auto captured = std::make_shared<std::atomic<int>>(0);
    {
      Executor executor(WithThreads(4), WallClock(), NullLog());
      auto strand = executor.NewStrand();
      for (int i = 0; i < 100; ++i) {
        executor.Post([captured] { ++*captured; });
        strand.Post([captured] { ++*captured; });
      }
      threads_left = given + 1;  // one more waits for timers
      const Status status = executor.Start();
      threads_left = 1000;
      CHECK(status.code() == StatusCode::kResourceExhausted);
      CHECK(status.message() ==
            "expected 4 executor threads, the system gave " + std::to_string(given));
      CHECK(executor.counters().threads == 0);
      CHECK(executor.Stop(kLong).ok());
    }
    CHECK(*captured == 0);
    CHECK(captured.use_count() == 1);
  }
}

TEST_CASE("a blocking scope without memory or threads goes on with the threads there are") {
  Executor executor(WithThreads(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  Gate first;
  Gate second;
  executor.Post([&] {
    no_memory = true;
    { const Executor::BlockingScope scope; }
    no_memory = false;
    first.Open();
  });
  first.Pass();
  threads_left = 0;
  executor.Post([&] {
    const Executor::BlockingScope scope;
    second.Open();
  });
  second.Pass();
  threads_left = 1000;
  Tally ran;
  executor.Post([&] { ran.Add(); });
  ran.Wait(1);
  CHECK(executor.Stop(kLong).ok());
}

TEST_CASE("letting go of parked strands needs no memory") {
  constexpr std::size_t kStrands = 300;
  Executor executor(WithThreads(2), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  std::vector<Executor::Strand> strands;
  std::vector<Executor::ParkToken> tokens(kStrands);
  Tally parked;
  Tally ran;
  for (std::size_t i = 0; i < kStrands; ++i) {
    strands.push_back(executor.NewStrand());
    strands[i].Post([&, i] {
      tokens[i] = Executor::ParkCurrentStrand();
      parked.Add();
    });
    strands[i].Post([&] { ran.Add(); });
    parked.Wait(i + 1);  // the queue never held many
  }
  Tally busy;
  Gate go_on;
  for (int i = 0; i < 2; ++i) {
    executor.Post([&] {
      busy.Add();
      go_on.Pass();
    });
  }
  busy.Wait(2);
  no_memory = true;
  for (auto& token : tokens) token = {};  // all of them wait in the queue now
  no_memory = false;
  CHECK(ran.count() == 0);
  go_on.Open();
  ran.Wait(kStrands);
  CHECK(executor.Stop(kLong).ok());
}

TEST_CASE("what a task throws is survived without memory for the log line") {
  struct CountingLog final : LogSink {
    bool Enabled(LogLevel) const noexcept override { return true; }
    void Write(LogLevel, std::string_view, std::string_view) noexcept override { ++lines; }
    std::atomic<int> lines{0};
  } log;
  Executor executor(WithThreads(1), WallClock(), log);
  REQUIRE(executor.Start().ok());
  Tally ran;
  struct MemoryComesBack {
    explicit MemoryComesBack(Tally& tally) : tally_(tally) {}
    MemoryComesBack(MemoryComesBack&&) = default;
    ~MemoryComesBack() {
      if (!no_memory) return;
      no_memory = false;
      tally_.Add();
    }
    Tally& tally_;
  };
  executor.Post([back = MemoryComesBack(ran)] {
    no_memory = true;
    throw 1;
  });
  ran.Wait(1);
  CHECK(log.lines == 1);
  CHECK(executor.Stop(kLong).ok());
}

}  // namespace
}  // namespace virtufin
