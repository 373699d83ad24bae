// Delivery: what a handler is told and answers. Specification: docs/openspec/specs/pubsub/spec.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {

/// What a handler says about an event. What it throws counts as kRetry.
enum class Delivery : std::uint8_t {
  kSuccess,
  kRetry,   // failed: is tried again as RetryPolicy says, then goes to the dead letter
  kDrop,    // handled, on purpose not used
  kReject,  // failed, and trying again would not help: goes to the dead letter
};

/// What becomes of an event whose handler failed. At the end it goes, unchanged but for two
/// extensions, to the topic `<its topic>-dead`: `deadletterreason`, the last failure in words, and
/// `deadletterattempts`, an integer, how often it was tried. Nothing from a topic that ends with
/// -dead goes to the dead letter again: it is dropped and counted.
struct RetryPolicy {
  std::uint32_t retries = 3;                 // after the first attempt
  std::int64_t first_delay_ms = 200;         // by the Clock; doubles from retry to retry
  std::int64_t attempt_timeout_ms = 30'000;  // by the Clock, for a deferred outcome; 0: none
  bool dead_letter = true;                   // false: dropped in the end, counted and logged
};

/// The outcome of a delivery that a handler gives later. Settles with kRetry when it is destroyed
/// without an outcome. Move-only; one thread at a time. [any] [callback]
class [[nodiscard]] Deferred {
 public:
  /// For drivers.
  class Impl {
   public:
    virtual ~Impl() = default;
    virtual void Settle(Delivery delivery, std::string_view reason) = 0;  // at most once
  };

  /// Of nothing: Settle does nothing.
  Deferred() noexcept = default;
  explicit Deferred(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
  Deferred(Deferred&&) noexcept = default;
  Deferred& operator=(Deferred&& other) noexcept {
    Deferred moved(std::move(other));
    std::swap(impl_, moved.impl_);
    return *this;
  }
  ~Deferred() { Settle(Delivery::kRetry, "the handler gave no outcome"); }
  explicit operator bool() const noexcept { return impl_ != nullptr; }

  /// The first call counts. `reason` of a failure is shown in the log and the dead letter. Late is
  /// without effect: after attempt_timeout_ms. When the subscription ended, a failure is not
  /// retried: kReject goes to the dead letter, kRetry is dropped, counted and logged; in a group
  /// both go to another member.
  void Settle(Delivery delivery, std::string_view reason = {}) {
    if (const auto impl = std::exchange(impl_, nullptr)) impl->Settle(delivery, reason);
  }

 private:
  std::unique_ptr<Impl> impl_;
};

/// What a driver does for the handler it calls.
class DeliveryControl {
 public:
  virtual Deferred Defer() = 0;
  virtual void Explain(std::string_view reason) = 0;

 protected:
  ~DeliveryControl() = default;
};

struct DeliveryInfo {
  // Events lost to this subscription since the previous delivery, conflated ones included.
  std::uint64_t missed = 0;
  std::uint32_t attempt = 1;           // 1, then one more for each retry
  DeliveryControl* control = nullptr;  // of the driver

  /// What the handler returns is not looked at: its outcome comes through what this gives, and the
  /// next event waits for it. Empty on an inline subscription, and the second time. Inside the
  /// handler only. [callback]
  Deferred Defer() const { return control == nullptr ? Deferred() : control->Defer(); }
  /// Why the handler is about to return kRetry or kReject, for the log and the dead letter; copied.
  /// Inside the handler only. [callback]
  void Explain(std::string_view reason) const {
    if (control != nullptr) control->Explain(reason);
  }
};

/// `message` is borrowed until the handler returns; copy it to keep it. [callback]
using MessageHandler = std::function<Delivery(const Message& message, const DeliveryInfo& info)>;

}  // namespace virtufin::inline v0
