// What one load of a worker reaches through its engine: its manager's log, gateway, bus, state,
// clock and timers.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/state/state_store.hpp"
#include "virtufin/worker/gateway_client.hpp"
#include "workmanager/repeatable.hpp"
#include "workmanager/worker_timers.hpp"

namespace virtufin::inline v0::detail {

/// The call that a load runs now.
struct CurrentCall {
  CloudEvent event;                              // as the worker sees it
  std::optional<std::chrono::nanoseconds> left;  // nothing: no limit
};

class ManagedWorkerHost final : public WorkerHost {
 public:
  struct Parts {
    std::string worker_id;
    std::string state_service;
    Runtime runtime;
    PubSub& bus;
    GatewayClient* gateway = nullptr;  // null: none
    StateStore* state = nullptr;       // null: none
    std::shared_ptr<WorkerTimers> timers;
    std::uint32_t load = 0;
    /// Nothing when no call of this load runs.
    std::function<std::optional<CurrentCall>()> current_call;
    std::shared_ptr<RepeatableVoice> voice;
  };

  /// Borrows what it refers to.
  explicit ManagedWorkerHost(Parts parts);
  /// The timers of this load end.
  ~ManagedWorkerHost() override;
  ManagedWorkerHost(const ManagedWorkerHost&) = delete;
  ManagedWorkerHost& operator=(const ManagedWorkerHost&) = delete;

  void Log(LogLevel level, std::string_view text) noexcept override;
  /// A worker that waits for a service is declared blocking: the service may need its thread.
  Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                  std::string_view json) override;
  Status Publish(std::string_view topic, const CloudEvent& event) override;
  Result<HostRecord> GetState(std::string_view key) override;
  Result<std::string> SetState(std::string_view key, std::string_view value,
                               std::optional<std::string_view> etag) override;
  Result<bool> DeleteState(std::string_view key, std::string_view etag) override;
  Result<HostTime> Now() override;
  Result<std::optional<std::chrono::nanoseconds>> TimeLeft() override;
  Result<std::uint64_t> StartTimer(const HostTimer& timer) override;
  Status CancelTimer(std::uint64_t id) override;

 private:
  Status NoState() const;
  Status Send(const Message& message);

  const Parts parts_;
};

}  // namespace virtufin::inline v0::detail
