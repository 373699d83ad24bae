// The harness: loads a worker through its engine and calls it, one event at a time.
#include "virtufin/worker_harness/worker_harness.hpp"

#include <algorithm>
#include <utility>

#include "virtufin/engine/native.hpp"
#include "virtufin/event/event_builder.hpp"
#include "worker_harness/harness_host.hpp"

namespace virtufin::inline v0 {
namespace {

Status Error(StatusCode code, std::string text) {
  return {code, "worker_harness", std::move(text)};
}

struct KeepOutcome final : CallSink {
  void OnOutcome(CallOutcome given) noexcept override { outcome = std::move(given); }
  CallOutcome outcome;
};

// The same rule as a WorkManager has.
std::string TopicOfReply(const CloudEvent& input, const CloudEvent& reply) {
  const std::string_view reply_topic = input.ExtensionText("replytopic");
  const std::string_view publish_topic = reply.ExtensionText("publishtopic");
  return std::string(!reply_topic.empty()     ? reply_topic
                     : !publish_topic.empty() ? publish_topic
                                              : reply.type());
}

Result<std::optional<ExtensionOverlay>> OverlayOf(
    const std::map<std::string, std::string>& config) {
  std::vector<std::pair<std::string_view, std::string_view>> stamped;
  for (const auto& [key, value] : config) {
    if (!key.starts_with("virtufin.")) stamped.emplace_back(key, value);
  }
  if (stamped.empty()) return std::optional<ExtensionOverlay>();
  auto overlay = ExtensionOverlay::Make(stamped);
  if (!overlay.ok()) return overlay.status();
  return std::optional(*std::move(overlay));
}

}  // namespace

struct WorkerHarness::Impl {
  explicit Impl(WorkerHarnessOptions options)
      : records(std::make_shared<detail::HarnessRecords>(options)), before(GetNativeCounters()) {}

  Status Load() {
    auto new_host = std::make_shared<detail::HarnessHost>(records, ++loads);
    const WorkerHarnessOptions& options = records->options();
    const WorkerIdentity identity{"00000000-0000-4000-8000-000000000001", "harness", options.topics,
                                  options.config};
    const auto engine = engines.Find(code.mime_type);
    if (!engine.ok()) return engine.status();
    auto loaded = (*engine)->Load(code, identity, new_host);
    if (!loaded.ok()) return loaded.status();
    if (host != nullptr) host->End();
    host = std::move(new_host);
    worker = *std::move(loaded);  // the old one goes
    return {};
  }

  CallOutcome Call(const CloudEvent& event) {
    if (worker == nullptr) {
      return {{}, Error(StatusCode::kFailedPrecondition, "the worker has been unloaded"), false};
    }
    const Message message(records->options().topics.front(), event);
    const auto seen = overlay ? message.Stamped(*overlay) : Result<CloudEvent>(event);
    host->SetCall(seen.ok() ? *seen : event);
    const auto sink = std::make_shared<KeepOutcome>();
    worker->Process(message, overlay ? &*overlay : nullptr, sink);
    host->SetCall(std::nullopt);
    if (sink->outcome.reply) {
      const CloudEvent& reply = *sink->outcome.reply;
      records->AddPublished(TopicOfReply(event, reply), reply, true);
    }
    return std::move(sink->outcome);
  }

  Status Unload() {
    if (host != nullptr) host->End();
    worker.reset();
    const NativeCounters now = GetNativeCounters();
    const std::uint64_t buffers = now.buffers - before.buffers;
    const std::uint64_t freed = now.buffers_freed - before.buffers_freed;
    if (buffers != freed) {
      return Error(StatusCode::kFailedPrecondition, "expected FreeResult to take back all " +
                                                        std::to_string(buffers) +
                                                        " buffers, found " + std::to_string(freed));
    }
    if (now.pinned != before.pinned) {
      return Error(StatusCode::kFailedPrecondition,
                   "the library is still mapped after its unload: something in it pins it");
    }
    return {};
  }

  const std::shared_ptr<detail::HarnessRecords> records;
  const NativeCounters before;
  EngineRegistry engines;
  WorkerCode code;
  std::optional<ExtensionOverlay> overlay;
  std::shared_ptr<detail::HarnessHost> host;
  std::unique_ptr<LoadedWorker> worker;
  std::uint32_t loads = 0;
  std::optional<Status> closed;
};

WorkerHarness::WorkerHarness(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

WorkerHarness::~WorkerHarness() { (void)Close(); }

Result<std::unique_ptr<WorkerHarness>> WorkerHarness::Make(std::unique_ptr<Impl> impl) {
  const WorkerHarnessOptions& options = impl->records->options();
  if (options.topics.empty() || options.topics.front().empty()) {
    return Error(StatusCode::kInvalidArgument, "topics: expected at least one, found none");
  }
  auto overlay = OverlayOf(options.config);
  if (!overlay.ok()) return overlay.status();
  impl->overlay = *std::move(overlay);
  if (Status status = impl->Load(); !status.ok()) return status;
  return std::unique_ptr<WorkerHarness>(new WorkerHarness(std::move(impl)));
}

Result<std::unique_ptr<WorkerHarness>> WorkerHarness::OfFactory(WorkerFactory factory,
                                                                WorkerHarnessOptions options) {
  constexpr std::string_view kName = "worker";
  auto impl = std::make_unique<Impl>(std::move(options));
  Status status = impl->engines.Register(MakeInProcEngine());
  if (status.ok()) status = RegisterWorkerFactory(impl->engines, kName, std::move(factory));
  if (!status.ok()) return status;
  impl->code = {std::string(kInProcMimeType), {}, {kName.begin(), kName.end()}};
  return Make(std::move(impl));
}

Result<std::unique_ptr<WorkerHarness>> WorkerHarness::OfLibrary(std::string path,
                                                                WorkerHarnessOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (Status status = impl->engines.Register(MakeNativeEngine()); !status.ok()) return status;
  impl->code = {std::string(kNativeMimeType), std::move(path), {}};
  return Make(std::move(impl));
}

CallOutcome WorkerHarness::Send(const CloudEvent& event) { return impl_->Call(event); }

CallOutcome WorkerHarness::Send(std::string_view json, std::string_view type) {
  const auto build = [&](bool is_json) {
    CloudEvent::Builder builder;
    builder.Source("urn:virtufin:worker-harness").Type(type).Time(now());
    if (is_json) return builder.JsonData(json).Build();
    return builder.DataContentType("application/json").BinaryData(AsBytes(json)).Build();
  };
  Result<CloudEvent> event = build(true);
  if (!event.ok()) event = build(false);  // bytes of a sender who is wrong
  if (event.ok()) return Send(*event);
  return {{}, Error(event.status().code(), std::string(event.status().message())), false};
}

std::vector<CallOutcome> WorkerHarness::Advance(std::chrono::nanoseconds by) {
  ManualClock& clock = impl_->records->clock();
  const MonotonicTime until = clock.Monotonic() + std::max(by, std::chrono::nanoseconds(0));
  std::vector<CallOutcome> outcomes;
  while (impl_->worker != nullptr) {
    const auto event = impl_->host->TakeDue(until);
    if (!event) break;
    outcomes.push_back(Send(*event));
  }
  clock.Advance(until - clock.Monotonic());
  return outcomes;
}

Status WorkerHarness::Reload() {
  if (impl_->worker == nullptr) {
    return Error(StatusCode::kFailedPrecondition, "the worker has been unloaded");
  }
  return impl_->Load();
}

Status WorkerHarness::Close() {
  if (!impl_->closed) impl_->closed = impl_->Unload();
  return *impl_->closed;
}

void WorkerHarness::Answer(std::string_view service, std::string_view method,
                           Result<std::string> answer) {
  impl_->records->Answer(service, method, std::move(answer));
}

std::vector<WorkerHarness::Published> WorkerHarness::published() const {
  return impl_->records->published();
}
std::vector<WorkerHarness::LogLine> WorkerHarness::log() const { return impl_->records->log(); }
std::vector<WorkerHarness::GatewayCall> WorkerHarness::gateway_calls() const {
  return impl_->records->gateway_calls();
}
std::size_t WorkerHarness::timers() const {
  return impl_->host == nullptr ? 0 : impl_->host->timers();
}
StateStore& WorkerHarness::state() noexcept { return impl_->records->state(); }
Timestamp WorkerHarness::now() const noexcept { return impl_->records->clock().Now(); }

}  // namespace virtufin::inline v0
