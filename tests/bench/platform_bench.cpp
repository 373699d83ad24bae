// The whole platform: how soon its first event comes, and what each of many workers costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/ratio.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/platform/platform.hpp"
#include "workmanager/call_clock.hpp"

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

/// A platform with workers that count their calls.
struct Sinks {
  std::atomic<std::int64_t> calls{0};
  std::unique_ptr<Platform> platform = Platform::Create({}).value();
  std::int64_t sent = 0;

  Sinks() {
    const auto make = [this] { return std::make_unique<Sink>(calls); };
    if (!platform->Start().ok() || !RegisterWorkerFactory(platform->engines(), "sink", make).ok()) {
      std::abort();
    }
  }
  void Add(std::vector<std::string> topics, std::map<std::string, std::string> config = {}) {
    const std::string_view name = "sink";
    CreateWorkerRequest request;
    request.code.mime_type = kInProcMimeType;
    request.code.content.assign(name.begin(), name.end());
    request.topics = std::move(topics);
    request.config = std::move(config);
    const auto id = platform->workers().Create(std::move(request));
    if (!id.ok() || !platform->workers().Start(*id).ok()) std::abort();
  }
  /// Processor seconds of all threads, until `workers` workers have had each of `messages`.
  double Burst(const std::vector<Message>& messages, std::int64_t workers) {
    const double before = bench::ProcessNs();
    for (const Message& message : messages) (void)platform->bus().Publish(message);
    sent += static_cast<std::int64_t>(messages.size()) * workers;
    for (std::int64_t seen = calls; seen < sent; seen = calls) calls.wait(seen);
    return (bench::ProcessNs() - before) * 1e-9;
  }
};

// Processor time of all threads for each event and worker, from Publish to the worker's return.
void WorkersOnOneTopic(benchmark::State& state) {
  Sinks sinks;
  for (std::int64_t i = 0; i < state.range(0); ++i) sinks.Add({"ticks"});
  const std::int64_t burst = std::max<std::int64_t>(16, 10'000 / state.range(0));
  const std::vector<Message> messages(static_cast<std::size_t>(burst), Tick());
  for (auto _ : state) state.SetIterationTime(sinks.Burst(messages, state.range(0)));
  bench::ReportPerItem(state, static_cast<double>(sinks.sent));
}
BENCHMARK(WorkersOnOneTopic)->RangeMultiplier(10)->Range(1, 1000)->UseManualTime();

// The same for one worker of many topics, events on each in turn.
void OneWorkerOnTopics(benchmark::State& state) {
  constexpr std::int64_t kBurst = 10'000;
  Sinks sinks;
  std::vector<std::string> topics;
  for (std::int64_t i = 0; i < state.range(0); ++i) topics.push_back("t" + std::to_string(i));
  std::vector<Message> messages;
  for (std::size_t i = 0; i < kBurst; ++i) {
    messages.emplace_back(topics[i % topics.size()], Tick().event());
  }
  sinks.Add(std::move(topics), {{"virtufin.queue", std::to_string(2 * kBurst)}});
  for (auto _ : state) state.SetIterationTime(sinks.Burst(messages, 1));
  bench::ReportPerItem(state, static_cast<double>(sinks.sent));
}
BENCHMARK(OneWorkerOnTopics)->RangeMultiplier(10)->Range(1, 10'000)->UseManualTime();

// The same for one worker that is a pool, events of a thousand subjects.
void InstancesOfOneWorker(benchmark::State& state) {
  Sinks sinks;
  sinks.Add({"ticks"}, {{"virtufin.instances", std::to_string(state.range(0))}});
  std::vector<Message> messages;
  for (int i = 0; i < 5'000; ++i) {
    CloudEvent::Builder builder(Tick().event());
    builder.Subject("instrument/" + std::to_string(i % 1000));
    messages.emplace_back("ticks", builder.Build().value());
  }
  for (auto _ : state) state.SetIterationTime(sinks.Burst(messages, 1));
  bench::ReportPerItem(state, static_cast<double>(sinks.sent));
}
BENCHMARK(InstancesOfOneWorker)->RangeMultiplier(4)->Range(1, 64)->UseManualTime();

// What it costs to measure a call and to count it in its bucket.
void CountingCallDurations(benchmark::State& state) {
  const detail::CallClock clock;
  detail::CallTally tally;
  for (auto _ : state) {
    const std::uint64_t began = clock.Now();
    benchmark::DoNotOptimize(tally);
    clock.Count(began, clock.Now(), tally);
  }
}
BENCHMARK(CountingCallDurations);

}  // namespace
