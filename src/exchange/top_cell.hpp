// The newest top of a book, of quotes; written by the adapter's thread, read by any without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "virtufin/core/decimal.hpp"
#include "virtufin/exchange/adapter.hpp"

namespace virtufin::inline v0::detail {

/// Two slots: the writer fills the one that is not shown, then shows it. A reader that finds the
/// same version before and after its copy was not disturbed, and never waits for a writer that was
/// interrupted half way.
template <class T>
class NewestCell {
 public:
  /// For one thread.
  void Set(const T& newest) noexcept { Write({newest, 1}); }
  void Clear() noexcept {
    if (set_) Write({});
  }

  /// False: there is none. [any]
  bool Get(T& out) const noexcept {
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
    out = value.newest;
    return true;
  }

 private:
  struct Value {
    T newest;
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

/// The newest quote, as it was written: who asks reads the numbers, not who takes the frames.
class QuoteCell {
 public:
  struct Quote {
    std::array<std::string_view, 4> numbers;  // price and quantity of the bid, then of the ask
    std::int64_t update_id = 0, event_unix_ns = 0, receive_unix_ns = 0;
  };

  /// For one thread.
  void Set(const Quote& quote) noexcept {
    Written written;
    char* at = written.text.data();
    for (std::size_t i = 0; i < quote.numbers.size(); ++i) {
      const std::string_view number = quote.numbers[i];
      if (number.size() > Decimal::kMaxTextBytes) return Clear();  // no Decimal can say it
      written.sizes[i] = static_cast<std::uint8_t>(number.size());
      at += number.copy(at, number.size());
    }
    written.update_id = quote.update_id;
    written.event_unix_ns = quote.event_unix_ns;
    written.receive_unix_ns = quote.receive_unix_ns;
    cell_.Set(written);
  }
  void Clear() noexcept { cell_.Clear(); }

  /// False: there is none, or it is beyond 64 bits and only its event can say it. [any]
  bool Get(TopOfBook& out) const noexcept {
    Written written;
    if (!cell_.Get(written)) return false;
    TopOfBook top;
    const char* at = written.text.data();
    std::size_t i = 0;
    for (Decimal* const number :
         {&top.bid.price, &top.bid.quantity, &top.ask.price, &top.ask.quantity}) {
      const std::string_view text(at, written.sizes[i++]);
      if (!text.empty() && !Decimal::TryParse(text, *number)) return false;
      at += text.size();
    }
    top.channel = FeedChannel::kQuote;
    top.update_id = written.update_id;
    top.event_unix_ns = written.event_unix_ns;
    top.receive_unix_ns = written.receive_unix_ns;
    out = top;
    return true;
  }

 private:
  struct Written {
    std::int64_t update_id = 0, event_unix_ns = 0, receive_unix_ns = 0;
    std::array<std::uint8_t, 8> sizes{};  // of four numbers, whose texts follow each other
    std::array<char, 4 * Decimal::kMaxTextBytes> text{};
  };

  NewestCell<Written> cell_;
};

/// What is known of one symbol: of its book while that is live, of its quotes since the last one
/// came on a socket that still runs.
struct SymbolTops {
  NewestCell<TopOfBook> book;
  QuoteCell quote;
};

}  // namespace virtufin::inline v0::detail
