// What a hop through the executor costs: waking a thread, posting, strands, scopes, timers.
#include "virtufin/core/executor.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"

namespace {

using virtufin::Executor;
using virtufin::ExecutorOptions;

std::int64_t NowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

class Running {
 public:
  explicit Running(int threads, std::int64_t spin_us = 0)
      : executor_(Options(threads, spin_us), virtufin::WallClock(), virtufin::NullLog()) {
    if (!executor_.Start().ok()) std::abort();
  }
  Executor& operator*() { return executor_; }
  Executor* operator->() { return &executor_; }

 private:
  static ExecutorOptions Options(int threads, std::int64_t spin_us) {
    ExecutorOptions options;
    options.threads = threads;
    options.spin_us = spin_us;
    options.max_blocking_threads = 0;
    return options;
  }
  Executor executor_;
};

// From Post to running, with all threads asleep; measured like floors::Wake.
template <class Target>
double PostToRunningNs(Target& target, std::chrono::microseconds pause) {
  std::this_thread::sleep_for(pause);
  std::atomic<std::int64_t> ran_at{0};
  const std::int64_t start = NowNs();
  target.Post([&ran_at] { ran_at.store(NowNs(), std::memory_order_release); });
  std::int64_t ran = 0;
  while ((ran = ran_at.load(std::memory_order_acquire)) == 0) std::this_thread::yield();
  return static_cast<double>(ran - start);
}

void WakeByPost(benchmark::State& state) {
  Running executor(2);
  floors::Wake floor;
  bench::ReportRatio(
      state, 1.5, [&] { return PostToRunningNs(*executor, std::chrono::microseconds(200)); },
      [&] { return floor.OnceNs(); }, 501);
}
VIRTUFIN_RATIO(WakeByPost);

void WakeByStrand(benchmark::State& state) {
  Running executor(2);
  auto strand = executor->NewStrand();
  floors::Wake floor;
  bench::ReportRatio(
      state, 1.5, [&] { return PostToRunningNs(strand, std::chrono::microseconds(200)); },
      [&] { return floor.OnceNs(); }, 501);
}
VIRTUFIN_RATIO(WakeByStrand);

// One post every two microseconds to a thread that spins: the median. The goal is 1 us.
void PostToSpinning(benchmark::State& state) {
  Running executor(1, 100'000);
  auto strand = executor->NewStrand();
  for (auto _ : state) {
    std::vector<double> took;
    for (int i = 0; i < 2000; ++i) {
      std::atomic<std::int64_t> ran_at{0};
      const std::int64_t start = NowNs();
      strand.Post([&ran_at] { ran_at.store(NowNs(), std::memory_order_release); });
      std::int64_t ran = 0;
      while ((ran = ran_at.load(std::memory_order_acquire)) == 0) {
      }
      took.push_back(static_cast<double>(ran - start));
      while (NowNs() < start + 2000) {
      }
    }
    state.SetIterationTime(bench::detail::Percentile(took, 0.5) * 1e-9);
    state.counters["goal"] = 1000;
  }
}
BENCHMARK(PostToSpinning)->UseManualTime()->Iterations(5);

// One producer; until the last task has run.
template <class Target>
double StreamNs(Target& target, std::uint64_t tasks) {
  std::atomic<std::uint64_t> ran{0};
  const std::int64_t start = NowNs();
  for (std::uint64_t i = 0; i < tasks; ++i) {
    target.Post(
        [&ran] { ran.store(ran.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); });
  }
  std::atomic<bool> done{false};
  target.Post([&done] { done.store(true, std::memory_order_release); });
  while (!done.load(std::memory_order_acquire)) std::this_thread::yield();
  return static_cast<double>(NowNs() - start) / static_cast<double>(tasks);
}

// The goal for one to one throughput, 0.6 of the floor's, is a ratio of 1.67.
void StreamToStrand(benchmark::State& state) {
  Running executor(2);
  auto strand = executor->NewStrand();
  bench::ReportRatio(
      state, 1 / 0.6, [&] { return StreamNs(strand, 300'000); },
      [] { return floors::BatchQueueNs(300'000); }, 11);
}
VIRTUFIN_RATIO(StreamToStrand);

void StreamToOneThread(benchmark::State& state) {
  Running executor(1);
  bench::ReportRatio(
      state, 0, [&] { return StreamNs(*executor, 300'000); },
      [] { return floors::BatchQueueNs(300'000); }, 11);
}
VIRTUFIN_RATIO(StreamToOneThread);

// Runs `body` in a task; processor time of the executor's thread over `runs`, in nanoseconds.
template <class F>
void InTask(benchmark::State& state, Executor& executor, int runs, F body) {
  for (auto _ : state) {
    std::atomic<double> took{0};
    executor.Post([&] {
      const double start = bench::detail::ThreadNs();
      for (int i = 0; i < runs; ++i) body();
      took.store(bench::detail::ThreadNs() - start, std::memory_order_release);
    });
    while (took.load(std::memory_order_acquire) == 0) std::this_thread::yield();
    state.SetIterationTime(took.load() * 1e-9 / runs);
  }
}

// A task that posts the next one: nobody sleeps and nobody else posts.
void StrandToItself(benchmark::State& state) {
  Running executor(1);
  auto strand = executor->NewStrand();
  struct Next {
    Executor::Strand& strand;
    int left;
    double start;
    std::atomic<double>& took;
    void operator()() const {
      if (left > 0) return strand.Post(Next{strand, left - 1, start, took});
      took.store(bench::detail::ThreadNs() - start, std::memory_order_release);
    }
  };
  for (auto _ : state) {
    constexpr int kTasks = 200'000;
    std::atomic<double> took{0};
    strand.Post([&] { strand.Post(Next{strand, kTasks, bench::detail::ThreadNs(), took}); });
    while (took.load(std::memory_order_acquire) == 0) std::this_thread::yield();
    state.SetIterationTime(took.load() * 1e-9 / kTasks);
  }
}
BENCHMARK(StrandToItself)->UseManualTime()->Iterations(20);

// Tasks that were queued before: no post, no wait.
void StrandBacklog(benchmark::State& state) {
  Running executor(1);
  auto strand = executor->NewStrand();
  for (auto _ : state) {
    constexpr int kTasks = 200'000;
    std::atomic<double> took{0};
    int ran = 0;
    executor->Post([&] {
      for (int i = 0; i < kTasks; ++i) strand.Post([&ran] { ++ran; });
      strand.Post([&, start = bench::detail::ThreadNs()] {
        took.store(bench::detail::ThreadNs() - start, std::memory_order_release);
      });
    });
    while (took.load(std::memory_order_acquire) == 0) std::this_thread::yield();
    state.SetIterationTime(took.load() * 1e-9 / kTasks);
  }
}
BENCHMARK(StrandBacklog)->UseManualTime()->Iterations(20);

void ABlockingScope(benchmark::State& state) {
  Running executor(2);
  InTask(state, *executor, 100'000, [] { const Executor::BlockingScope scope; });
}
BENCHMARK(ABlockingScope)->UseManualTime()->Iterations(20);

void ACallScope(benchmark::State& state) {
  Running executor(2);
  InTask(state, *executor, 100'000, [] { const Executor::CallScope scope("call"); });
}
BENCHMARK(ACallScope)->UseManualTime()->Iterations(20);

void ATimerThatIsCancelled(benchmark::State& state) {
  Running executor(2);
  const auto first = executor->AfterReal(std::chrono::hours(1), [] {});
  InTask(state, *executor, 20'000,
         [&] { (void)executor->AfterReal(std::chrono::hours(2), [] {}); });
}
BENCHMARK(ATimerThatIsCancelled)->UseManualTime()->Iterations(20);

// Two threads with nothing to do; the goal is at most 0.1 % of a processor.
void IdlePercent(benchmark::State& state) {
  Running executor(2);
  for (auto _ : state) {
    timespec before{}, after{};
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    const double ns = static_cast<double>(after.tv_sec - before.tv_sec) * 1e9 +
                      static_cast<double>(after.tv_nsec - before.tv_nsec);
    state.SetIterationTime(ns * 1e-9);
    state.counters["percent"] = ns / 1e7;
  }
}
BENCHMARK(IdlePercent)->UseManualTime()->Iterations(1);

}  // namespace
