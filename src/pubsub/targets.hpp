// Targets: the subscriptions of one topic at one moment, in one block of memory.
//
// Immutable and counted: publishers use it without a lock. Header, subscriptions and topic lie side
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

  /// Keeps the lists while a publisher uses them; null when default-constructed.
  class Ref {
   public:
    Ref() noexcept = default;
    Ref(Ref&& other) noexcept : targets_(std::exchange(other.targets_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
      std::swap(targets_, other.targets_);
      return *this;
    }
    ~Ref() { Return(targets_, 1); }
    explicit operator bool() const noexcept { return targets_ != nullptr; }
    const Targets* operator->() const noexcept { return targets_; }
    const Targets& operator*() const noexcept { return *targets_; }

   private:
    friend class Targets;
    explicit Ref(const Targets* lent) noexcept : targets_(lent) {}
    const Targets* targets_ = nullptr;
  };

  /// The handle of the table that finds the lists, whose lock guards it. Lending is a plain
  /// addition; the sum is settled once, when the table lets go.
  class Owner {
   public:
    Owner() noexcept = default;
    Owner(Owner&& other) noexcept
        : targets_(std::exchange(other.targets_, nullptr)), lent_(other.lent_) {}
    Owner& operator=(Owner other) noexcept {
      std::swap(targets_, other.targets_);
      std::swap(lent_, other.lent_);
      return *this;
    }
    ~Owner() { Return(targets_, kOwned - lent_); }
    Ref Lend() const noexcept {
      if (targets_ == nullptr) return {};
      ++lent_;
      return Ref(targets_);
    }
    explicit operator bool() const noexcept { return targets_ != nullptr; }
    const Targets* operator->() const noexcept { return targets_; }

   private:
    friend class Targets;
    explicit Owner(const Targets* made) noexcept : targets_(made) {}
    const Targets* targets_ = nullptr;
    mutable std::uint64_t lent_ = 0;
  };

  static Owner Make(std::string_view topic, std::span<const Queued> queued,
                    std::span<const Inlined> inlined);
  Targets(const Targets&) = delete;
  Targets& operator=(const Targets&) = delete;

  std::span<const Queued> queued() const noexcept {
    return {reinterpret_cast<const Queued*>(this + 1), queued_count_};
  }
  std::span<const Inlined> inlined() const noexcept {
    return {reinterpret_cast<const Inlined*>(queued().data() + queued_count_), inlined_count_};
  }
  std::string_view topic() const noexcept {
    return {reinterpret_cast<const char*>(inlined().data() + inlined_count_), topic_size_};
  }

 private:
  Targets(std::size_t topic_size, std::size_t queued, std::size_t inlined) noexcept
      : topic_size_(static_cast<std::uint32_t>(topic_size)),
        queued_count_(static_cast<std::uint32_t>(queued)),
        inlined_count_(static_cast<std::uint32_t>(inlined)) {}
  ~Targets() = default;
  static void Destroy(const Targets* targets) noexcept;
  static void Return(const Targets* targets, std::uint64_t handles) noexcept {
    if (targets != nullptr &&
        targets->left_.fetch_sub(handles, std::memory_order_acq_rel) == handles) {
      Destroy(targets);
    }
  }
  // More than are ever returned while the table owns the lists.
  static constexpr std::uint64_t kOwned = std::uint64_t{1} << 63;

  mutable std::atomic<std::uint64_t> left_{kOwned};  // less those returned; then plus those lent
  const std::uint32_t topic_size_;
  const std::uint32_t queued_count_;
  const std::uint32_t inlined_count_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
