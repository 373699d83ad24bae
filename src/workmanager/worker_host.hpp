// What one worker reaches through its engine: the log and the gateway of its manager.
#pragma once

#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/worker/gateway_client.hpp"

namespace virtufin::inline v0::detail {

class ManagedWorkerHost final : public WorkerHost {
 public:
  /// Everything borrowed; `gateway` may be null.
  ManagedWorkerHost(std::string worker_id, LogSink& log, GatewayClient* gateway);

  void Log(LogLevel level, std::string_view text) noexcept override;
  /// A worker that waits for a service is declared blocking: the service may need its thread.
  Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                  std::string_view json) override;

 private:
  const std::string worker_id_;
  LogSink& log_;
  GatewayClient* const gateway_;
};

}  // namespace virtufin::inline v0::detail
