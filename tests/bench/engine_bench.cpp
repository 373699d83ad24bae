// What a call into a worker costs: a new Message in, the reply as a Message out.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/engine/inproc.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/wire.hpp"

namespace {

using namespace virtufin;

class SilentHost final : public WorkerHost {
 public:
  void Log(LogLevel, std::string_view text) noexcept override {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }
  Result<std::string> GatewayCall(std::string_view, std::string_view, std::string_view) override {
    return Status(StatusCode::kUnavailable, "bench", "no gateway");
  }
};

struct ToMessage final : CallSink {
  void OnOutcome(CallOutcome outcome) noexcept override {
    if (!outcome.reply.has_value()) std::abort();
    const Message reply("reply", *std::move(outcome.reply));
    bytes = reply.event().data().size();
  }
  std::size_t bytes = 0;
};

CloudEvent SameAsFloor() {
  const floors::Event& event = floors::EventWith500Bytes();
  CloudEvent::Builder builder;
  builder.Id(event.id).Source(event.source).Type(event.type).Subject(event.subject);
  builder.Time(Timestamp::Parse(event.time).value()).DataContentType(event.datacontenttype);
  for (const auto& [name, value] : event.extensions) builder.Extension(name, value);
  return builder.JsonData(event.data).Build().value();
}

std::unique_ptr<LoadedWorker> Load(Engine& engine, WorkerCode code) {
  auto worker =
      engine.Load(code, {"id", "instance", {"topic"}, {}}, std::make_shared<SilentHost>());
  if (!worker.ok()) {
    std::fprintf(stderr, "%s\n", worker.status().ToString().c_str());
    std::abort();
  }
  return *std::move(worker);
}

/// One call with an event that is encoded for it, as the first worker of a topic gets it.
struct RoundTrip {
  explicit RoundTrip(std::unique_ptr<LoadedWorker> loaded) : worker(std::move(loaded)) {}
  std::size_t operator()() {
    worker->Process(Message("topic", event), nullptr, sink);
    return sink->bytes;
  }
  std::unique_ptr<LoadedWorker> worker;
  CloudEvent event = SameAsFloor();
  std::shared_ptr<ToMessage> sink = std::make_shared<ToMessage>();
};

void NativeWorkerInC(benchmark::State& state) {
  const auto engine = MakeNativeEngine();
  RoundTrip run(Load(*engine, {"", BENCH_WORKER_C, {}}));
  floors::WorkerRoundTrip floor;
  bench::ReportRatio(state, 2.0, run, [&] { return floor.Run(floors::EventWith500Bytes()); });
}
VIRTUFIN_RATIO(NativeWorkerInC);

void NativeWorkerWithOverlay(benchmark::State& state) {
  const auto engine = MakeNativeEngine();
  RoundTrip run(Load(*engine, {"", BENCH_WORKER_C, {}}));
  const std::pair<std::string_view, std::string_view> config[] = {{"pair", "BTCUSDT"},
                                                                  {"depth", "5"}};
  const ExtensionOverlay overlay = ExtensionOverlay::Make(config).value();
  floors::WorkerRoundTrip floor;
  bench::ReportRatio(
      state, 0,
      [&] {
        run.worker->Process(Message("topic", run.event), &overlay, run.sink);
        return run.sink->bytes;
      },
      [&] { return floor.Run(floors::EventWith500Bytes()); });
}
VIRTUFIN_RATIO(NativeWorkerWithOverlay);

// The goal is 2 floors and 2 event decodes: that is the floor here, the goal 1.
void NativeWorkerInCpp(benchmark::State& state) {
  const auto engine = MakeNativeEngine();
  RoundTrip run(Load(*engine, {"", BENCH_WORKER_CPP, {}}));
  floors::WorkerRoundTrip floor;
  const EncodedBytes wire = EncodeCloudEvent(run.event).value();
  bench::ReportRatio(state, 1.0, run, [&] {
    std::uint64_t sum = 0;
    for (int i = 0; i < 2; ++i) {
      sum += floor.Run(floors::EventWith500Bytes());
      sum += DecodeCloudEvent(wire.bytes())->data().size();
    }
    return sum;
  });
}
VIRTUFIN_RATIO(NativeWorkerInCpp);

class SendBack final : public Worker {
 public:
  Result<std::optional<CloudEvent>> Process(const CloudEvent& event) override {
    return std::optional(event);
  }
};

void InProcWorkerCall(benchmark::State& state) {
  EngineRegistry registry;
  const std::string_view name = "send_back";
  if (!registry.Register(MakeInProcEngine()).ok() ||
      !RegisterWorkerFactory(registry, name, [] { return std::make_unique<SendBack>(); }).ok()) {
    std::abort();
  }
  RoundTrip run(
      Load(*registry.Find(kInProcMimeType).value(), {"", "", {name.begin(), name.end()}}));
  for (auto _ : state) benchmark::DoNotOptimize(run());
}
BENCHMARK(InProcWorkerCall);

void LoadAndUnload(benchmark::State& state) {
  const auto engine = MakeNativeEngine();
  for (auto _ : state) Load(*engine, {"", BENCH_WORKER_C, {}}).reset();
}
BENCHMARK(LoadAndUnload)->Unit(benchmark::kMicrosecond);

}  // namespace
