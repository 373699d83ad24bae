// TopCell: the newest top of a book; written by the adapter's thread, read by any, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "virtufin/exchange/adapter.hpp"

namespace virtufin::inline v0::detail {

/// Two slots: the writer fills the one that is not shown, then shows it. A reader that finds the
/// same version before and after its copy was not disturbed, and never waits for a writer that was
/// interrupted half way.
class TopCell {
 public:
  /// For one thread.
  void Set(const TopOfBook& top) noexcept { Write({top, 1}); }
  void Clear() noexcept {
    if (set_) Write({});
  }

  /// False: there is none. [any]
  bool Get(TopOfBook& out) const noexcept {
    Words words;
    std::uint64_t version = 0;
    do {
      version = version_.load(std::memory_order_acquire);
      const Slot& slot = slots_[version & 1];
      for (std::size_t i = 0; i < kWords; ++i) words[i] = slot[i].load(std::memory_order_acquire);
    } while (version_.load(std::memory_order_relaxed) != version);
    Value value;
    std::memcpy(static_cast<void*>(&value), words.data(), sizeof(value));
    if (value.set == 0) return false;
    out = value.top;
    return true;
  }

 private:
  struct Value {
    TopOfBook top;
    std::uint64_t set = 0;
  };
  static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % 8 == 0);
  static constexpr std::size_t kWords = sizeof(Value) / 8;
  using Words = std::array<std::uint64_t, kWords>;
  using Slot = std::array<std::atomic<std::uint64_t>, kWords>;

  /// A reader that sees a word of version n + 2 in the slot of n also sees version n + 1: every
  /// word is a release.
  void Write(const Value& value) noexcept {
    Words words;
    std::memcpy(words.data(), static_cast<const void*>(&value), sizeof(value));
    const std::uint64_t version = version_.load(std::memory_order_relaxed) + 1;
    Slot& slot = slots_[version & 1];
    for (std::size_t i = 0; i < kWords; ++i) slot[i].store(words[i], std::memory_order_release);
    version_.store(version, std::memory_order_release);
    set_ = value.set != 0;
  }

  std::array<Slot, 2> slots_{};
  std::atomic<std::uint64_t> version_{0};
  bool set_ = false;  // the writer's
};

/// What is known of one symbol: of its book while that is live, of its quotes since the last one
/// came on a socket that still runs.
struct SymbolTops {
  TopCell book, quote;
};

}  // namespace virtufin::inline v0::detail
