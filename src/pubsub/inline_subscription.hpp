// InlineSubscription: its handler runs on the publisher's thread, maybe on several at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "pubsub/inproc_subscription.hpp"

namespace virtufin::inline v0 {
namespace detail {

class InlineSubscription final : public InprocSubscription,
                                 public std::enable_shared_from_this<InlineSubscription> {
 public:
  using InprocSubscription::InprocSubscription;

  /// The caller has marked the thread as a callback thread. False when closed.
  bool Deliver(const Message& message) noexcept {
    if (!Enter()) return false;
    DeliveryInfo info;
    if (untold_.load(std::memory_order_relaxed) != 0) {
      info.missed = untold_.exchange(0, std::memory_order_relaxed);
    }
    Handle(message, info, [&](Delivery, std::string_view how) noexcept {
      CountFailure(how);
      Bury(message, how, info.attempt);
    });
    LeaveDelivered();
    return true;
  }
  /// Counts an event that did not reach the handler; false when closed.
  bool Refuse() noexcept {
    if (closed()) return false;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    untold_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  Status Inject(const Message& /*message*/) override {
    return {StatusCode::kUnimplemented, "pubsub",
            "inline subscription '" + name() + "' has no queue"};
  }
  SubscriptionCounters counters() const override {
    SubscriptionCounters counters;
    counters.delivered = delivered();
    counters.dropped = dropped_.load(std::memory_order_relaxed) + lost();
    counters.failed = failed();
    counters.dead_lettered = dead_lettered();
    counters.running = busy();
    return counters;
  }

 private:
  void OnClosed() override {
    if (busy()) core().ending.Add(weak_from_this());
  }
  void OnIdle() override {}

  std::atomic<std::uint64_t> untold_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace detail
}  // namespace virtufin::inline v0
