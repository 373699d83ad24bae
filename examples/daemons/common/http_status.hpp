// The HTTP port of a daemon: /health, /health/live, /health/ready and /metrics.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http_server.hpp"
#include "virtufin/rpc/rpc_server.hpp"
#include "virtufin/workmanager/metrics.hpp"

namespace virtufin::daemon {

/// Health needs no key; all else does when there are any, and is closed where callers of gRPC show
/// certificates instead: this port asks for none.
class HttpStatus final : public net::HttpHandler {
 public:
  struct Sources {
    std::function<WorkManagerHealth()> health;  // both run on the server's loop
    std::function<std::string()> metrics;
  };
  HttpStatus(Sources sources, const RpcServerOptions& guard)
      : sources_(std::move(sources)),
        keys_(guard.keys),
        closed_(guard.keys.empty() && !guard.tls_client_ca_pem.empty()) {}

  void SetReady(bool ready) noexcept { ready_.store(ready); }  // [any]
  std::optional<net::HttpAnswer> OnHeader(const net::IncomingRequest& request) override;
  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override;

 private:
  std::optional<net::HttpAnswer> Refusal(const net::IncomingRequest& request) const;
  net::HttpAnswer Answer(const net::IncomingRequest& request) const;
  net::HttpAnswer Health() const;
  bool Known(const net::IncomingRequest& request) const;

  const Sources sources_;
  const std::vector<RpcKey> keys_;
  const bool closed_;
  std::atomic<bool> ready_{false};
};

}  // namespace virtufin::daemon
