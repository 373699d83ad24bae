// The host of a native worker as a WorkerContext: the C functions and tables behind the class.
#pragma once

#include "virtufin/virtufin_worker_api_c.h"
#include "virtufin/worker/worker.hpp"

namespace virtufin::inline v0::detail {

class NativeContext final : public WorkerContext {
 public:
  /// `host` is borrowed for its life. Tables are asked for when they are used.
  explicit NativeContext(const VirtufinHost& host) noexcept : host_(host) {}
  const VirtufinHost& host() const noexcept { return host_; }

  void Log(LogLevel level, std::string_view text) noexcept override;
  Result<std::string> InvokeGateway(std::string_view service, std::string_view method,
                                    std::string_view json) override;
  Result<WorkerDetails> Info() override;
  Status Publish(std::string_view topic, const CloudEvent& event) override;
  using WorkerContext::DeleteState;
  using WorkerContext::SetState;
  Result<StateRecord> GetState(std::string_view key) override;
  Result<std::string> SetState(std::string_view key, std::string_view value,
                               const StateCondition& condition) override;
  Result<bool> DeleteState(std::string_view key, std::string_view etag) override;
  Result<WorkerTime> Now() override;
  Result<std::optional<std::chrono::nanoseconds>> TimeLeft() override;
  Result<std::uint64_t> StartTimer(const WorkerTimer& timer) override;
  Status CancelTimer(std::uint64_t id) override;

 private:
  const VirtufinHost& host_;
};

}  // namespace virtufin::inline v0::detail
