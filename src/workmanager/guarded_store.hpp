// The state store as the manager calls it: retried while it is away, then left alone for a while.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/state/state_store.hpp"
#include "workmanager/circuit_breaker.hpp"

namespace virtufin::inline v0::detail {

/// The records of the service `workmanager`. Functions are [any]; on threads that must not wait
/// there is one attempt. A retried write may have been done by the attempt before it.
class GuardedStore {
 public:
  /// Borrowed until this is destroyed.
  GuardedStore(StateStore& store, const Runtime& runtime, std::uint32_t retries,
               std::int64_t first_delay_ms, const BreakerOptions& breaker = {})
      : store_(store),
        retries_(retries),
        first_delay_ms_(first_delay_ms),
        log_(runtime.log),
        breaker_(runtime.clock, breaker) {}

  /// Errors of all: those of the store; UNAVAILABLE while the breaker is open.
  Result<StateItem> Get(std::string_view key);
  Result<std::string> Set(std::string_view key, std::string_view value, const SetOptions& options);
  Result<bool> Delete(std::string_view key, std::string_view etag);
  Result<QueryPage> Query(std::string_view query);
  bool open() const { return breaker_.open(); }
  /// It did not answer: it may later.
  static bool IsAway(const Status& status) noexcept {
    return status.code() == StatusCode::kUnavailable ||
           status.code() == StatusCode::kDeadlineExceeded;
  }

 private:
  template <class Call>
  auto Guard(Call call) -> decltype(call());
  void Tell(CircuitBreaker::Change change);

  StateStore& store_;
  const std::uint32_t retries_;
  const std::int64_t first_delay_ms_;
  LogSink& log_;
  CircuitBreaker breaker_;
};

}  // namespace virtufin::inline v0::detail
