// StatusCell: what one subscription is worth; written by its session, read by any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "virtufin/exchange/adapter.hpp"

namespace virtufin::inline v0::detail {

/// Written only when the state or its reason is another one: no frame that changes nothing comes
/// here, and a reader never waits for the session.
class StatusCell {
 public:
  struct Value {
    SubscriptionState state = SubscriptionState::kPending;
    std::string reason = "not asked for yet";
    std::int64_t since_unix_ns = 0;
  };

  void Set(Value value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
  }
  Value Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  Value value_;
};

}  // namespace virtufin::inline v0::detail
