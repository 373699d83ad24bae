// The way of a WorkManager to other instances: calls for their workers go there by gRPC.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/peers.hpp"

namespace virtufin::inline v0 {

struct PeerForwarderOptions {
  std::string key = {};                  // shown to peers as x-api-key; empty: none
  std::string tls_roots_pem = {};        // who signs the peers' certificates; empty: no TLS
  std::string tls_certificate_pem = {};  // shown to peers; empty: none
  std::string tls_key_pem = {};
  std::int64_t timeout_ms = 60'000;  // of a call
  std::size_t max_calls = 256;       // in flight
};

/// Addresses of peers are "host:port" of their RpcServer. When it is destroyed calls in flight end
/// with CANCELLED, and it waits for their callbacks: not on a callback thread. [any]
/// Errors: INVALID_ARGUMENT naming the option.
Result<std::unique_ptr<PeerForwarder>> MakePeerForwarder(const PeerForwarderOptions& options);

}  // namespace virtufin::inline v0
