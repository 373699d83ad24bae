// InprocSubscription: what queued and inline subscriptions share: the handler, its fence, its end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/gate.hpp"
#include "pubsub/group_table.hpp"
#include "pubsub/pattern.hpp"
#include "pubsub/pattern_table.hpp"
#include "pubsub/topic_table.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// A log sink that outlives the broker's borrowed one: a handler may end after the broker did.
class BrokerLog {
 public:
  explicit BrokerLog(LogSink& sink) noexcept : sink_(&sink) {}
  void Write(LogLevel level, std::string_view text);  // [any]
  void Detach();                                      // [any] the sink is not used after this

 private:
  std::mutex mutex_;
  LogSink* sink_;
};

class InprocSubscription;

/// Inline subscriptions that were closed while a handler ran. [any]
class EndingSubscriptions {
 public:
  void Add(std::weak_ptr<InprocSubscription> subscription);
  std::vector<std::shared_ptr<InprocSubscription>> All();

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<InprocSubscription>> subscriptions_;  // the publisher keeps them alive
};

/// What a broker and its subscriptions share. Subscriptions keep it alive.
struct BrokerCore {
  explicit BrokerCore(LogSink& sink) noexcept : log(sink) {}
  TopicTable topics;
  PatternTable patterns;
  GroupTable groups;
  EndingSubscriptions ending;
  BrokerLog log;
  std::atomic<bool> stopped{false};

  template <class Kind>
  void Register(const std::shared_ptr<Kind>& subscription) {
    for (const std::string& topic : subscription->names().exact) topics.Add(topic, subscription);
    for (const std::string& each : subscription->names().patterns) patterns.Add(each, subscription);
  }
};

/// Longer waits are none that anybody means; sums of times stay in range.
inline constexpr std::chrono::milliseconds kLongestTimeout = std::chrono::hours(24 * 365);

/// True for 1, 2, 4, 8 ...: what repeats without end is logged this often.
constexpr bool WorthLogging(std::uint64_t count) noexcept { return (count & (count - 1)) == 0; }

class InprocSubscription : public Subscription::Impl {
 public:
  InprocSubscription(std::shared_ptr<BrokerCore> core, std::string name, TopicNames names,
                     MessageHandler handler, bool dead_letter);

  void Close(std::function<void()> done) final;
  void AwaitIdle() final;
  /// Waits until no handler runs, or until `end`; false: one still runs. After Close.
  bool AwaitIdleUntil(std::chrono::steady_clock::time_point end);
  /// The broker stopped: publishers that wait here wait no longer.
  virtual void StopWaiting() {}
  const std::string& name() const noexcept { return name_; }
  const TopicNames& names() const noexcept { return names_; }

 protected:
  /// Counts a handler that may run now; false when closed. Each true wants one Leave, or
  /// LeaveDelivered, which counts a delivery too.
  bool Enter() noexcept {
    if (gate_.Enter()) return true;
    Leave();
    return false;
  }
  void Leave() noexcept {
    if (gate_.Leave()) BecomeIdle();
  }
  void LeaveDelivered() noexcept {
    if (gate_.Pass()) BecomeIdle();
  }
  std::uint64_t delivered() const noexcept {
    return delivered_.load(std::memory_order_relaxed) + gate_.passed();
  }
  bool closed() const noexcept { return gate_.closed(); }
  /// A handler runs, or is about to be refused.
  bool busy() const noexcept { return gate_.busy(); }
  /// Between Enter and Leave. On failure calls on_failure(Delivery, std::string_view how), which
  /// must not throw.
  template <class OnFailure>
  void Handle(const Message& message, const DeliveryInfo& info, OnFailure on_failure) noexcept {
    try {
      const Delivery delivery = handler_(message, info);
      if (delivery == Delivery::kRetry) on_failure(delivery, "the handler asked for a retry");
      if (delivery == Delivery::kReject) on_failure(delivery, "the handler rejected it");
    } catch (const std::exception& error) {
      on_failure(Delivery::kRetry, error.what());
    } catch (...) {
      on_failure(Delivery::kRetry, "the handler threw something that is no std::exception");
    }
  }
  /// Counts a failed attempt, and logs it now and then.
  void CountFailure(std::string_view how) noexcept;
  /// The event is not tried again: sends it to the dead letter, or drops and counts it.
  void Bury(const Message& message, std::string_view reason, std::uint32_t attempts) noexcept;
  /// Counts and logs events that nobody handled.
  void Lose(std::size_t events, std::string_view why) noexcept;
  /// The same for an event that failed and has no dead letter; each is logged by its id.
  void LoseFailed(const Message& message, const std::string& why) noexcept;
  std::uint64_t dead_lettered() const noexcept {
    return dead_lettered_.load(std::memory_order_relaxed);
  }
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }
  BrokerCore& core() const noexcept { return *core_; }

  virtual void OnClosed() = 0;  // once, at once: no new events
  virtual void OnIdle() = 0;    // once, when no handler runs any more

 private:
  void BecomeIdle() noexcept;
  void RunDone(const std::function<void()>& done) noexcept;

  const std::shared_ptr<BrokerCore> core_;
  const std::string name_;
  const TopicNames names_;
  const bool dead_letter_;
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> dead_lettered_{0};
  std::atomic<std::uint64_t> lost_{0};

  std::mutex end_mutex_;
  std::condition_variable ended_;
  bool idling_ = false;
  bool idle_ = false;
  std::vector<std::function<void()>> dones_;

  // What each delivery touches: one cache line.
  alignas(64) Gate gate_;
  MessageHandler handler_;  // not touched outside Enter and Leave, but by BecomeIdle

 protected:
  std::atomic<std::uint64_t> delivered_{0};  // besides those that the gate counts
};

}  // namespace detail
}  // namespace virtufin::inline v0
