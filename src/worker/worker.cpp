// The current context of a thread, and the gateway over it.
#include "virtufin/worker/worker.hpp"

#include <atomic>
#include <utility>

#include "worker/call_mark.hpp"

namespace virtufin::inline v0 {
namespace {

// A raw pointer: a thread-local with a destructor would pin a worker library in the process.
thread_local constinit WorkerContext* current = nullptr;

// Threads take numbers by the million, so that a call costs no access to what they share.
constexpr std::uint64_t kBlock = std::uint64_t{1} << 20;
constinit std::atomic<std::uint64_t> blocks{0};
thread_local constinit std::uint64_t current_call = 0;
thread_local constinit std::uint64_t last_call = 0;

std::uint64_t NextCall() noexcept {
  if (last_call % kBlock == 0) last_call = blocks.fetch_add(kBlock, std::memory_order_relaxed);
  return ++last_call;
}

Status NotOffered(const char* table) {
  return {StatusCode::kFailedPrecondition, "worker",
          "this host does not offer " + std::string(table)};
}
constexpr const char* kWorker = "virtufin.worker/1";
constexpr const char* kPublish = "virtufin.publish/1";
constexpr const char* kState = "virtufin.state/1";
constexpr const char* kClock = "virtufin.clock/1";
constexpr const char* kTimer = "virtufin.timer/1";

}  // namespace

WorkerContext* WorkerContext::Current() noexcept { return current; }

WorkerContext::Scope::Scope(WorkerContext* context) noexcept
    : before_(std::exchange(current, context)),
      call_before_(std::exchange(current_call, NextCall())) {}

WorkerContext::Scope::~Scope() {
  current = before_;
  current_call = call_before_;
}

std::uint64_t detail::CurrentCall() noexcept { return current_call; }

std::unique_ptr<GatewayClient> WorkerContext::DialGateway(std::string_view /*host*/,
                                                          std::uint16_t /*port*/) {
  return nullptr;
}

Status detail::CheckCondition(const StateCondition& condition) {
  if (!condition.create_only || condition.etag.empty()) return {};
  return {StatusCode::kInvalidArgument, "worker",
          "expected an etag or create_only, found both: a record with an etag exists"};
}

Result<WorkerDetails> WorkerContext::Info() { return NotOffered(kWorker); }
Status WorkerContext::Publish(std::string_view /*topic*/, const CloudEvent& /*event*/) {
  return NotOffered(kPublish);
}
Result<StateRecord> WorkerContext::GetState(std::string_view /*key*/) { return NotOffered(kState); }
Result<std::string> WorkerContext::SetState(std::string_view /*key*/, std::string_view /*value*/,
                                            const StateCondition& /*condition*/) {
  return NotOffered(kState);
}
Result<bool> WorkerContext::DeleteState(std::string_view /*key*/, std::string_view /*etag*/) {
  return NotOffered(kState);
}
Result<WorkerTime> WorkerContext::Now() { return NotOffered(kClock); }
Result<std::optional<std::chrono::nanoseconds>> WorkerContext::TimeLeft() {
  return NotOffered(kClock);
}
Result<std::uint64_t> WorkerContext::StartTimer(const WorkerTimer& /*timer*/) {
  return NotOffered(kTimer);
}
Status WorkerContext::CancelTimer(std::uint64_t /*id*/) { return NotOffered(kTimer); }

Result<std::string> HostGateway::Invoke(std::string_view service, std::string_view method,
                                        std::string_view json) {
  return context_.InvokeGateway(service, method, json);
}

}  // namespace virtufin::inline v0
