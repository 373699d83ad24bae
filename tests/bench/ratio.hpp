// Ratio: ours against a floor in the same run, robust on a noisy machine.
//
// Both sides run in short alternating batches; the figures are medians over the batches, and the
// ratio is the median of the ratios of neighbouring batches, so a slow second hits both sides.
#pragma once

#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace bench {

struct Ratio {
  double ours_ns = 0, floor_ns = 0;     // medians
  double ratio = 0, low = 0, high = 0;  // median and the 10th and 90th percentile
};

namespace detail {

inline double Percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5)];
}

/// What this thread has used of a processor: others that take it away do not count.
inline double ThreadNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Nanoseconds a call, over `calls` calls. A callable that returns double measures by itself.
template <class F>
double Batch(F& run, std::uint64_t calls) {
  if constexpr (std::is_same_v<std::invoke_result_t<F&>, double>) {
    return run();
  } else {
    const double start = ThreadNs();
    for (std::uint64_t i = 0; i < calls; ++i) {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        run();
      } else {
        benchmark::DoNotOptimize(run());
      }
    }
    return (ThreadNs() - start) / static_cast<double>(calls);
  }
}

template <class F>
std::uint64_t CallsPerBatch(F& run, double batch_ns) {
  if constexpr (std::is_same_v<std::invoke_result_t<F&>, double>) return 1;
  for (std::uint64_t calls = 1;; calls *= 2) {
    const double ns = Batch(run, calls);
    if (ns * static_cast<double>(calls) > batch_ns / 4 || calls > (std::uint64_t{1} << 40)) {
      return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(batch_ns / ns));
    }
  }
}

}  // namespace detail

/// Runs both. A side that returns double gives nanoseconds itself: it must, when it waits or when
/// other threads do its work. Any other is called in a loop of about `batch_us`, timed by the
/// processor time of this thread.
template <class Ours, class Floor>
Ratio MeasureRatio(Ours&& ours, Floor&& floor, int batches = 61, double batch_us = 1000) {
  const auto ours_calls = detail::CallsPerBatch(ours, batch_us * 1e3);
  const auto floor_calls = detail::CallsPerBatch(floor, batch_us * 1e3);
  std::vector<double> a, b, ratios;
  for (int i = 0; i < batches; ++i) {
    const bool ours_first = (i % 2) == 0;
    if (ours_first) a.push_back(detail::Batch(ours, ours_calls));
    b.push_back(detail::Batch(floor, floor_calls));
    if (!ours_first) a.push_back(detail::Batch(ours, ours_calls));
    ratios.push_back(a.back() / b.back());
  }
  return {detail::Percentile(a, 0.5), detail::Percentile(b, 0.5), detail::Percentile(ratios, 0.5),
          detail::Percentile(ratios, 0.1), detail::Percentile(ratios, 0.9)};
}

/// Inside a Google Benchmark function registered with VIRTUFIN_RATIO: the time shown is ours, the
/// counters are floor_ns, ratio, low, high and the goal (0: none).
///
///   void EventBuild(benchmark::State& state) {
///     bench::ReportRatio(state, 2.0, [&] { return Ours(); }, [&] { return floors::BuildBlock(e);
///     });
///   }
///   VIRTUFIN_RATIO(EventBuild);
template <class Ours, class Floor>
Ratio ReportRatio(benchmark::State& state, double goal, Ours&& ours, Floor&& floor,
                  int batches = 61, double batch_us = 1000) {
  Ratio result;
  for (auto _ : state) {
    result = MeasureRatio(ours, floor, batches, batch_us);
    state.SetIterationTime(result.ours_ns * 1e-9);
  }
  state.counters["floor_ns"] = result.floor_ns;
  state.counters["ratio"] = result.ratio;
  state.counters["low"] = result.low;
  state.counters["high"] = result.high;
  if (goal > 0) state.counters["goal"] = goal;
  return result;
}

/// A point of a curve, in a loop of Google Benchmark's own: nanoseconds for each of `items`.
inline void ReportPerItem(benchmark::State& state, double items) {
  using benchmark::Counter;
  state.counters["per_item_ns"] = Counter(items * 1e-9, Counter::kIsRate | Counter::kInvert);
}

/// What all threads of this process have used of processors.
inline double ProcessNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace bench

#define VIRTUFIN_RATIO(function) \
  BENCHMARK(function)->Iterations(1)->UseManualTime()->Unit(benchmark::kNanosecond)
