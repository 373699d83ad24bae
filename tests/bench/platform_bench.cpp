// The whole platform: how soon its first event comes, and what each of many workers costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bench/ratio.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/platform/platform.hpp"

namespace {

using namespace virtufin;

Message Tick() {
  CloudEvent::Builder builder;
  builder.Source("urn:bench").Type("tick").JsonData(R"({"bid":"100.50","ask":"100.60"})");
  return Message("ticks", builder.Build().value());
}

double WallNs() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Create, Start, Subscribe, Publish, until the handler runs on an executor thread.
double StartNs() {
  const double start = WallNs();
  std::atomic<bool> handled{false};
  double end = 0;
  auto platform = Platform::Create({}).value();
  if (!platform->Start().ok()) std::abort();
  auto subscription = platform->bus().Subscribe("ticks", {}, [&](const Message&, const auto&) {
    end = WallNs();
    handled.store(true, std::memory_order_release);
    handled.notify_one();
    return Delivery::kSuccess;
  });
  if (!platform->bus().Publish(Tick()).ok()) std::abort();
  handled.wait(false, std::memory_order_acquire);
  return end - start;
}

// The "floor" is the goal, 50 ms.
void StartToFirstEvent(benchmark::State& state) {
  bench::ReportRatio(
      state, 1.0, [] { return StartNs(); }, [] { return 50e6; }, 21);
}
VIRTUFIN_RATIO(StartToFirstEvent);

class Sink final : public Worker {
 public:
  explicit Sink(std::atomic<std::int64_t>& calls) : calls_(calls) {}
  Result<std::optional<CloudEvent>> Process(const CloudEvent&) override {
    calls_.fetch_add(1, std::memory_order_relaxed);
    calls_.notify_one();
    return std::optional<CloudEvent>();
  }

 private:
  std::atomic<std::int64_t>& calls_;
};

// Processor time of all threads for each event and worker, from Publish to the worker's return.
void WorkersOnOneTopic(benchmark::State& state) {
  std::atomic<std::int64_t> calls{0};
  auto platform = Platform::Create({}).value();
  const auto make = [&calls] { return std::make_unique<Sink>(calls); };
  if (!platform->Start().ok() || !RegisterWorkerFactory(platform->engines(), "sink", make).ok()) {
    std::abort();
  }
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const std::string_view name = "sink";
    CreateWorkerRequest request;
    request.code.mime_type = kInProcMimeType;
    request.code.content.assign(name.begin(), name.end());
    request.topics = {"ticks"};
    const auto id = platform->workers().Create(std::move(request));
    if (!id.ok() || !platform->workers().Start(*id).ok()) std::abort();
  }
  const Message message = Tick();
  const std::int64_t burst = std::max<std::int64_t>(16, 10'000 / state.range(0));
  std::int64_t sent = 0;
  for (auto _ : state) {
    const double before = bench::ProcessNs();
    for (std::int64_t i = 0; i < burst; ++i) (void)platform->bus().Publish(message);
    sent += burst * state.range(0);
    for (std::int64_t seen = calls; seen < sent; seen = calls) calls.wait(seen);
    state.SetIterationTime((bench::ProcessNs() - before) * 1e-9);
  }
  bench::ReportPerItem(state, static_cast<double>(sent));
}
BENCHMARK(WorkersOnOneTopic)->RangeMultiplier(10)->Range(1, 1000)->UseManualTime();

}  // namespace
