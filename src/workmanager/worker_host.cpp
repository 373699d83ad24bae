// The host side of one load: log lines carry its worker's id, gateway calls are declared blocking.
#include "workmanager/worker_host.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "virtufin/engine/host_support.hpp"
#include "virtufin/event/historical.hpp"
#include "virtufin/pubsub/buffered_publisher.hpp"

namespace virtufin::inline v0::detail {

ManagedWorkerHost::ManagedWorkerHost(Parts parts) : parts_(std::move(parts)) {
  parts_.timers->Open(parts_.load);
}

ManagedWorkerHost::~ManagedWorkerHost() { parts_.timers->Close(parts_.load); }

void ManagedWorkerHost::Log(LogLevel level, std::string_view text) noexcept {
  LogSink& log = parts_.runtime.log;
  if (!log.Enabled(level)) return;
  try {
    std::string line = "worker " + parts_.worker_id + ": " + std::string(text);
    // A sink gets one line.
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    log.Write(level, "worker", line);
  } catch (...) {
    log.Write(level, "worker", text);  // no memory for the prefix
  }
}

Result<std::string> ManagedWorkerHost::GatewayCall(std::string_view service,
                                                   std::string_view method, std::string_view json) {
  if (parts_.gateway == nullptr) {
    return Status(StatusCode::kUnavailable, "workmanager",
                  "no gateway: expected one to be configured for calls to " + std::string(service));
  }
  Executor::BlockingScope blocking;
  return parts_.gateway->Invoke(service, method, json);
}

Status ManagedWorkerHost::Publish(std::string_view topic, const CloudEvent& event) {
  if (Status status = CheckWorkerTopic(topic); !status.ok()) return status;
  if (!parts_.voice->Speaks()) return Send(Message(topic, event));
  const auto call = parts_.current_call();
  auto said = parts_.voice->Published(call ? &call->event : nullptr, topic, event,
                                      parts_.runtime.clock.Now());
  if (!said.ok()) return said.status();
  // A thread of the worker's own may be what its call waits for: it does not wait for the call.
  std::optional<ThreadMark> mark;
  if (call && CurrentThreadKind() == ThreadKind::kForeign) mark.emplace(ThreadKind::kCallback);
  return Send(Message(topic, *std::move(said)));
}

Status ManagedWorkerHost::Send(const Message& message) {
  Status status = parts_.bus.Publish(message);
  if (!BufferedPublisher::Refused(status)) return status;
  // Nobody got it, which RESOURCE_EXHAUSTED does not say to a worker.
  return {StatusCode::kUnavailable, "workmanager", std::string(status.message())};
}

Status ManagedWorkerHost::NoState() const {
  return {StatusCode::kUnavailable, "workmanager",
          "no state store: expected one to be configured for workers"};
}

Result<HostRecord> ManagedWorkerHost::GetState(std::string_view key) {
  if (parts_.state == nullptr) return NoState();
  Result<StateItem> item = parts_.state->Get(parts_.state_service, key);
  if (!item.ok()) return item.status();
  return HostRecord{std::move(item->value), std::move(item->etag)};
}

Result<std::string> ManagedWorkerHost::SetState(std::string_view key, std::string_view value,
                                                std::optional<std::string_view> etag) {
  if (parts_.state == nullptr) return NoState();
  SetOptions options;
  if (etag) {
    options.etag = *etag;
    options.create_only = etag->empty();
  }
  return parts_.state->Set(parts_.state_service, key, value, options);
}

Result<bool> ManagedWorkerHost::DeleteState(std::string_view key, std::string_view etag) {
  if (parts_.state == nullptr) return NoState();
  return parts_.state->Delete(parts_.state_service, key, etag);
}

Result<HostTime> ManagedWorkerHost::Now() {
  if (const auto call = parts_.current_call(); call && IsHistorical(call->event)) {
    if (const auto time = HistoricalTime(call->event)) return HostTime{*time, true};
  }
  return HostTime{parts_.runtime.clock.Now(), parts_.voice->replays()};
}

Result<std::optional<std::chrono::nanoseconds>> ManagedWorkerHost::TimeLeft() {
  const auto call = parts_.current_call();
  if (!call || !call->left) return std::optional<std::chrono::nanoseconds>();
  return std::optional(std::max(*call->left, std::chrono::nanoseconds(0)));
}

Result<std::uint64_t> ManagedWorkerHost::StartTimer(const HostTimer& timer) {
  const Result<HostTime> base = Now();
  if (!base.ok()) return base.status();
  return parts_.timers->Start(parts_.load, timer, *base);
}

Status ManagedWorkerHost::CancelTimer(std::uint64_t id) {
  return parts_.timers->Cancel(parts_.load, id);
}

}  // namespace virtufin::inline v0::detail
