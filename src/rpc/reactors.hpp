// The calls of a server as gRPC's callback API drives them: unary methods, reflection, health.
// Shows gRPC: included by two sources only.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "rpc/call_table.hpp"
#include "rpc/reflection.hpp"
#include "rpc/unary_call.hpp"

namespace virtufin::inline v0::detail {

grpc::Status ToGrpc(const Status& status);

/// What health answers.
struct Health {
  std::atomic<bool> ready{false};
  std::vector<std::string> services;  // besides "" and "readiness"

  /// The bytes of a HealthCheckResponse; `known` says whether there is such a service.
  std::string Check(const std::string& service, bool& known) const;
};

/// Takes every call of a server and gives it to the one who answers.
class Dispatcher final : public grpc::CallbackGenericService {
 public:
  /// Health is counted apart: it needs no key and must not take the places of those who have one.
  struct Tables {
    CallTable& calls;
    CallTable& probes;
  };
  /// All borrowed.
  Dispatcher(const RpcServerOptions& options, const UnaryMethods& methods,
             const Reflection& reflection, const Health& health, const Tables& tables)
      : options_(options),
        methods_(methods),
        reflection_(reflection),
        health_(health),
        tables_(tables) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override;

 private:
  grpc::ServerGenericBidiReactor* MakeReactor(grpc::GenericCallbackServerContext& call);

  const RpcServerOptions& options_;
  const UnaryMethods& methods_;
  const Reflection& reflection_;
  const Health& health_;
  const Tables tables_;
};

}  // namespace virtufin::inline v0::detail
