// Resolver: host names to addresses on threads of its own, with a deadline and a short memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

struct ResolverOptions {
  std::int64_t timeout_ms = 5'000;  // an answer that takes longer is a failure
  std::int64_t ttl_ms = 30'000;     // so long an answer is used again; failures are not kept
  std::size_t max_entries = 256;    // of the memory
  int max_threads = 4;              // lookups at a time; started when needed
  /// Looks a name up and may wait; nothing: getaddrinfo. Called on threads of the resolver.
  std::function<Result<std::vector<std::string>>(const std::string& host)> lookup;
};

/// Answers addresses as text ("192.0.2.1", "2001:db8::1"), in the order to be tried, at least one.
class Resolver {
 public:
  using Done = std::function<void(Result<std::vector<std::string>>)>;

  explicit Resolver(ResolverOptions options);
  /// Answers what still waits CANCELLED. A lookup that does not return is left alone: its thread
  /// ends by itself.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Runs `done` exactly once: before this returns for an address literal or a remembered name,
  /// else on a thread of the resolver. [any]
  /// Errors: UNAVAILABLE naming the host and the reason; DEADLINE_EXCEEDED; CANCELLED;
  /// RESOURCE_EXHAUSTED when ten thousand wait.
  void Resolve(std::string_view host, Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// True for an IPv4 or IPv6 address as text. [any]
bool IsAddressLiteral(std::string_view host) noexcept;

}  // namespace virtufin::inline v0::net
