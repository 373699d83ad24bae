// The gateway of a platform without gRPC: a table from service and method to a function.
#pragma once

#include <string>
#include <string_view>

#include "platform/state_service.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/worker/gateway_client.hpp"

namespace virtufin::inline v0::detail {

/// Serves virtufin.Pubsub and virtufin.State; every other service answers UNIMPLEMENTED. [any]
/// [callback]
class DirectGateway final : public GatewayClient {
 public:
  /// Both are borrowed.
  DirectGateway(PubSub& bus, StateService& state) : bus_(bus), state_(state) {}

  Result<std::string> Invoke(std::string_view service, std::string_view method,
                             std::string_view json) override;

 private:
  Result<std::string> PublishEvent(std::string_view json);
  PubSub& bus_;
  StateService& state_;
};

}  // namespace virtufin::inline v0::detail
