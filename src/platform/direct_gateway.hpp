// The gateway of a platform without gRPC: a table from service and method to a function.
#pragma once

#include <string>
#include <string_view>

#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/worker/gateway_client.hpp"

namespace virtufin::inline v0::detail {

/// Serves virtufin.Pubsub; every other service answers UNIMPLEMENTED. [any] [callback]
class DirectGateway final : public GatewayClient {
 public:
  /// `bus` is borrowed.
  explicit DirectGateway(PubSub& bus) : bus_(bus) {}

  Result<std::string> Invoke(std::string_view service, std::string_view method,
                             std::string_view json) override;

 private:
  Result<std::string> PublishEvent(std::string_view json);
  PubSub& bus_;
};

}  // namespace virtufin::inline v0::detail
