// RpcServer: the gRPC services of this process on one port, with server reflection and health.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

class WorkManager;  // virtufin/workmanager/work_manager.hpp

/// Who shows `key`, printable ASCII, as `x-api-key` may make every call, and stands as `name` in
/// the audit.
struct RpcKey {
  std::string name;
  std::string key;
};

/// The name of the one of `keys` that `shown` is; compared in a time that does not tell where they
/// differ. [any]
std::optional<std::string> NameOfKey(const std::vector<RpcKey>& keys, std::string_view shown);

struct RpcServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t port = 0;             // 0: a free one
  std::vector<RpcKey> keys = {};      // empty: calls need none; health checks never do
  std::string tls_certificate_pem;    // the chain, not a path; empty: no TLS
  std::string tls_key_pem;            // its key
  std::string tls_client_ca_pem;      // clients must show a certificate of one of these
  std::size_t max_receive_bytes = std::size_t{64} * 1024 * 1024;  // of one request: code is one
  std::size_t max_send_bytes = std::size_t{64} * 1024 * 1024;     // of one response
  std::size_t max_calls = 256;                                    // in flight
  std::size_t max_calls_bytes = std::size_t{256} * 1024 * 1024;   // of requests and unread answers
  // Calls that run on the executor at once, those of other instances apart; more of them wait. Half
  // of its `max_blocking_threads` leaves workers the others.
  std::size_t max_handlers = 32;
};

struct RpcServerCounters {
  std::size_t open = 0;               // calls in flight, streams included
  std::uint64_t calls = 0;            // so far, those that were refused included
  std::uint64_t unauthenticated = 0;  // refused for their key
  std::uint64_t refused = 0;          // beyond max_calls or max_calls_bytes
  std::uint64_t cancelled = 0;        // ended by the client before they were answered
};

/// Serves with gRPC's callback API; what may wait runs on the executor. gRPC keeps threads, and
/// writes its own errors to standard error unless the application gave it a log function.
class RpcServer {
 public:
  /// What is served; null: not. Borrowed until the server has stopped and the executor too.
  struct Services {
    WorkManager* workers = nullptr;  // virtufin.WorkManager
  };

  /// Starts nothing. [any] Errors: INVALID_ARGUMENT naming the option.
  static Result<std::unique_ptr<RpcServer>> Create(RpcServerOptions options,
                                                   const Services& services,
                                                   const Runtime& runtime);
  ~RpcServer();  // Stop without waiting
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  /// Listens. [owner]
  /// Errors: UNAVAILABLE when the address cannot be had, or the certificate is none;
  /// FAILED_PRECONDITION when started before.
  Status Start();
  /// Takes no more calls (UNAVAILABLE), ends streams, lets calls end until `deadline`, then answers
  /// the rest UNAVAILABLE. What they began goes on. [owner]
  /// Errors: DEADLINE_EXCEEDED counting the calls that were cut; FAILED_PRECONDITION on executor
  /// and callback threads.
  Status Stop(std::chrono::milliseconds deadline);

  /// What health says of `readiness` and of each service from now on; at first: not ready. [any]
  void SetReady(bool ready);
  std::uint16_t port() const noexcept;  // after Start [any]
  RpcServerCounters counters() const;   // [any]

 private:
  class Impl;
  explicit RpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
