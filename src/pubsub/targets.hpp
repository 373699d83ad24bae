// Targets: the subscriptions of one topic at one moment, in one block of memory.
//
// Immutable and counted: publishers use it without a lock. Header, topic and subscriptions lie side
// by side, because with many topics a publish costs what it touches outside the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace virtufin::inline v0 {
namespace detail {

class InlineSubscription;
class QueuedSubscription;

class Targets {
 public:
  using Queued = std::shared_ptr<QueuedSubscription>;
  using Inlined = std::shared_ptr<InlineSubscription>;

  /// A handle that counts; null when default-constructed.
  class Ref {
   public:
    Ref() noexcept = default;
    explicit Ref(const Targets* counted) noexcept : targets_(counted) {}  // takes the count over
    Ref(const Ref& other) noexcept : targets_(other.targets_) {
      if (targets_ != nullptr) targets_->refs_.fetch_add(1, std::memory_order_relaxed);
    }
    Ref(Ref&& other) noexcept : targets_(std::exchange(other.targets_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      std::swap(targets_, other.targets_);
      return *this;
    }
    ~Ref() {
      if (targets_ != nullptr && targets_->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        Destroy(targets_);
      }
    }
    explicit operator bool() const noexcept { return targets_ != nullptr; }
    const Targets* operator->() const noexcept { return targets_; }
    const Targets& operator*() const noexcept { return *targets_; }

   private:
    const Targets* targets_ = nullptr;
  };

  static Ref Make(std::string_view topic, std::span<const Queued> queued,
                  std::span<const Inlined> inlined);
  Targets(const Targets&) = delete;
  Targets& operator=(const Targets&) = delete;

  std::string_view topic() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), topic_size_};
  }
  std::span<const Queued> queued() const noexcept {
    return {reinterpret_cast<const Queued*>(At(sizeof(Targets) + Padded(topic_size_))),
            queued_count_};
  }
  std::span<const Inlined> inlined() const noexcept {
    return {reinterpret_cast<const Inlined*>(
                At(sizeof(Targets) + Padded(topic_size_) + queued_count_ * sizeof(Queued))),
            inlined_count_};
  }

 private:
  Targets(std::size_t topic_size, std::size_t queued, std::size_t inlined) noexcept
      : topic_size_(static_cast<std::uint32_t>(topic_size)),
        queued_count_(static_cast<std::uint32_t>(queued)),
        inlined_count_(static_cast<std::uint32_t>(inlined)) {}
  ~Targets() = default;
  static void Destroy(const Targets* targets) noexcept;
  static constexpr std::size_t Padded(std::size_t bytes) noexcept {
    return (bytes + alignof(Queued) - 1) & ~(alignof(Queued) - 1);
  }
  const std::byte* At(std::size_t offset) const noexcept {
    return reinterpret_cast<const std::byte*>(this) + offset;
  }

  mutable std::atomic<std::uint32_t> refs_{1};
  const std::uint32_t topic_size_;
  const std::uint32_t queued_count_;
  const std::uint32_t inlined_count_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
