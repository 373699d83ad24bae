// The host side of one worker: log lines carry its id, gateway calls are declared blocking.
#include "workmanager/worker_host.hpp"

#include <utility>

namespace virtufin::inline v0::detail {

ManagedWorkerHost::ManagedWorkerHost(std::string worker_id, LogSink& log, GatewayClient* gateway)
    : worker_id_(std::move(worker_id)), log_(log), gateway_(gateway) {}

void ManagedWorkerHost::Log(LogLevel level, std::string_view text) noexcept {
  if (!log_.Enabled(level)) return;
  try {
    log_.Write(level, "worker", "worker " + worker_id_ + ": " + std::string(text));
  } catch (...) {
    log_.Write(level, "worker", text);  // no memory for the prefix
  }
}

Result<std::string> ManagedWorkerHost::GatewayCall(std::string_view service,
                                                   std::string_view method, std::string_view json) {
  if (gateway_ == nullptr) {
    return Status(StatusCode::kUnavailable, "workmanager",
                  "no gateway: expected one to be configured for calls to " + std::string(service));
  }
  Executor::BlockingScope blocking;
  return gateway_->Invoke(service, method, json);
}

}  // namespace virtufin::inline v0::detail
