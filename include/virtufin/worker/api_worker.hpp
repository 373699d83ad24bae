// ApiWorker, ApiCommandWorker: JSON workers that call services through the gateway.
// Specification: docs/openspec/specs/worker-sdk/spec.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "virtufin/worker/gateway_client.hpp"
#include "virtufin/worker/json.hpp"

namespace virtufin::inline v0 {

/// Which gateway a worker talks to. The host's, unless one was named and the host dials: in
/// process, where the application installed a GatewayClientFactory
/// (PlatformOptions::gateway_clients). A library always gets the host's. All calls from inside
/// handlers. [owner]
class ApiAccess {
 public:
  static constexpr std::uint16_t kDefaultPort = 5002;

  /// The host's gateway, until another is named.
  ApiAccess() = default;
  /// Eager: dials `host`:`port` at the first call of Api().
  ApiAccess(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
  ApiAccess(const ApiAccess&) = delete;
  ApiAccess& operator=(const ApiAccess&) = delete;

  /// The client to use; null outside of a call that has a host. Borrowed until the worker is
  /// destroyed or names another gateway.
  GatewayClient* Api();
  /// Names the gateway: a different one replaces the one before. Errors: INVALID_ARGUMENT for an
  /// empty host or port 0.
  Status EnsureClient(std::string_view host, std::uint16_t port = kDefaultPort);
  /// The same from the text argument "api_host" of a command, "host" or "host:port"
  /// ("[::1]:5002"). Absent: nothing changes. Errors: INVALID_ARGUMENT for another text.
  Status EnsureClientFromCommand(const Json& payload);

 private:
  std::string host_;  // empty: none was named
  std::uint16_t port_ = 0;
  std::unique_ptr<GatewayClient> dialled_;
  std::optional<HostGateway> of_host_;
  WorkerContext* host_context_ = nullptr;  // the one of_host_ is over
};

/// JSON without commands: override Handle.
class ApiWorker : public WorkerBase<Json, Json>, public ApiAccess {
 public:
  ApiWorker(std::string source, std::string response_event_type)
      : WorkerBase(std::move(source), std::move(response_event_type),
                   std::make_shared<JsonCodec>()) {}
  ApiWorker(std::string source, std::string response_event_type, std::string api_host,
            std::uint16_t api_port = kDefaultPort)
      : WorkerBase(std::move(source), std::move(response_event_type),
                   std::make_shared<JsonCodec>()),
        ApiAccess(std::move(api_host), api_port) {}
};

/// JSON commands: override HandleCommand.
template <class Command>
class ApiCommandWorker : public CommandWorker<Command>, public ApiAccess {
 public:
  using CommandWorker<Command>::CommandWorker;
  ApiCommandWorker(std::string source, std::string response_event_type, std::string api_host,
                   std::uint16_t api_port = kDefaultPort)
      : CommandWorker<Command>(std::move(source), std::move(response_event_type)),
        ApiAccess(std::move(api_host), api_port) {}
};

}  // namespace virtufin::inline v0
