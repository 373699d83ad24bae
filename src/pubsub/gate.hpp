// Gate: lets handlers in until it is closed, and counts them in and through.
#pragma once

#include <atomic>
#include <cstdint>

namespace virtufin::inline v0 {
namespace detail {

/// The closed bit, the number of those inside and, in the upper bits, of those that went through
/// are one word, changed together: in and out takes two locked instructions. Everything is [any].
class Gate {
 public:
  /// As if `passed` had gone through already, at most what fits into 44 bits.
  explicit Gate(std::uint64_t passed = 0) noexcept : word_(passed << kPassedShift) {}

  /// False when closed. Each call wants one Leave or Pass; at most 2^19 - 1 are inside at a time.
  bool Enter() noexcept {
    return (word_.fetch_add(kOne, std::memory_order_acq_rel) & kClosed) == 0;
  }
  /// True when it is closed and this was the last one inside.
  bool Leave() noexcept { return WasLast(Change(0 - kOne)); }
  /// The same, and counts one that went through.
  bool Pass() noexcept {
    const std::uint64_t before = Change(kPassed - kOne);
    if (before >> kPassedShift == kMostPassed) {
      carried_.fetch_add(kMostPassed + 1, std::memory_order_relaxed);
    }
    return WasLast(before);
  }
  std::uint64_t passed() const noexcept {
    return carried_.load(std::memory_order_relaxed) +
           (word_.load(std::memory_order_acquire) >> kPassedShift);
  }

  struct Closing {
    bool first;  // it was open before
    bool empty;  // nobody is inside
  };
  Closing Close() noexcept {
    const std::uint64_t before = word_.fetch_or(kClosed, std::memory_order_acq_rel);
    return {(before & kClosed) == 0, (before & kInside) == 0};
  }
  bool closed() const noexcept { return (word_.load(std::memory_order_acquire) & kClosed) != 0; }
  /// Somebody is inside, or about to be refused.
  bool busy() const noexcept { return (word_.load(std::memory_order_acquire) & kInside) != 0; }

 private:
  static constexpr std::uint64_t kClosed = 1;
  static constexpr std::uint64_t kOne = 2;
  static constexpr int kPassedShift = 20;
  static constexpr std::uint64_t kPassed = std::uint64_t{1} << kPassedShift;
  static constexpr std::uint64_t kInside = kPassed - kOne;
  static constexpr std::uint64_t kMostPassed = ~std::uint64_t{0} >> kPassedShift;

  std::uint64_t Change(std::uint64_t by) noexcept {
    return word_.fetch_add(by, std::memory_order_acq_rel);
  }
  static bool WasLast(std::uint64_t before) noexcept {
    return (before & (kInside | kClosed)) == (kOne | kClosed);
  }

  std::atomic<std::uint64_t> word_;
  std::atomic<std::uint64_t> carried_{0};  // what ran over the upper bits
};

}  // namespace detail
}  // namespace virtufin::inline v0
