// OrderBook: the bids and asks of one instrument, exact, as the venue wrote them.
//
// Storage only: which diff may be applied is decided by BookSynchroniser (book_sync.hpp).
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "virtufin/core/decimal.hpp"
#include "virtufin/event/level.hpp"

namespace virtufin::inline v0 {

namespace detail {

/// One side: levels in a pool, and their order as flat arrays of keys and slots, best at the end,
/// so that a change near the top moves little.
class BookSideStore {
 public:
  /// `sign` is 1 for bids, -1 for asks: keys rise towards the best price on both sides.
  explicit BookSideStore(int sign) noexcept : sign_(sign) {}

  std::size_t size() const noexcept { return slots_.size(); }
  const Level& FromBest(std::size_t i) const noexcept {
    return pool_[slots_[slots_.size() - 1 - i]];
  }
  void Clear() noexcept;
  void Apply(const Level& level);
  bool Contains(const Decimal& price) const noexcept;

 private:
  struct Place {
    std::size_t at;
    bool found;
  };
  Place Find(const Decimal& price, std::int64_t key) const noexcept;
  Place FindKey(std::int64_t key) const noexcept;
  Place FindWide(const Decimal& price) const noexcept;
  bool KeyOf(const Decimal& price, std::int64_t& key) const noexcept;
  void Rescale(const Decimal& price);
  void Insert(std::size_t at, std::int64_t key, const Level& level);
  void Erase(std::size_t at) noexcept;

  std::vector<std::int64_t> keys_;    // prices at key_scale_ times sign_; stale when wide_
  std::vector<std::uint32_t> slots_;  // in the order of keys_: where in pool_ the level lies
  std::vector<std::uint32_t> free_;
  std::vector<Level> pool_;
  int sign_;
  int key_scale_ = 0;
  bool wide_ = false;  // prices do not fit one scale in 64 bits: compare decimals instead
};

}  // namespace detail

/// One side of a book, best level first. Borrowed until the book changes.
class BookSide {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Level;
    using difference_type = std::ptrdiff_t;
    using pointer = const Level*;
    using reference = const Level&;

    Iterator() noexcept = default;
    Iterator(const detail::BookSideStore* store, std::size_t i) noexcept : store_(store), i_(i) {}
    reference operator*() const noexcept { return store_->FromBest(i_); }
    pointer operator->() const noexcept { return &store_->FromBest(i_); }
    Iterator& operator++() noexcept { return ++i_, *this; }
    Iterator operator++(int) noexcept { return Iterator(store_, i_++); }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.i_ == b.i_; }

   private:
    const detail::BookSideStore* store_ = nullptr;
    std::size_t i_ = 0;
  };

  BookSide(const detail::BookSideStore& store, std::size_t depth) noexcept
      : store_(&store), size_(depth < store.size() ? depth : store.size()) {}
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Precondition: i < size().
  const Level& operator[](std::size_t i) const noexcept { return store_->FromBest(i); }
  const Level& front() const noexcept { return store_->FromBest(0); }
  Iterator begin() const noexcept { return Iterator(store_, 0); }
  Iterator end() const noexcept { return Iterator(store_, size_); }

 private:
  const detail::BookSideStore* store_;
  std::size_t size_;
};

/// Not synchronised: one thread at a time. [owner] for everything.
class OrderBook {
 public:
  static constexpr std::size_t kDefaultMaxStoredLevels = 20'000;

  /// `max_stored_levels`: of each side.
  explicit OrderBook(std::size_t max_stored_levels = kDefaultMaxStoredLevels) noexcept
      : max_levels_(max_stored_levels) {}

  void Clear() noexcept;
  /// Replaces the book. A price named twice keeps the last quantity; levels may come in any order.
  /// False, with an empty book: more than max_stored_levels on a side.
  bool Assign(std::span<const Level> bids, std::span<const Level> asks);
  /// Sets or removes levels; removing an absent level is normal. Allocates only while the book
  /// grows beyond its largest size so far.
  /// False, with the book unchanged: a side would hold more than max_stored_levels.
  bool Apply(std::span<const Level> bids, std::span<const Level> asks);

  /// Best first, at most `depth` levels.
  BookSide bids(std::size_t depth = SIZE_MAX) const noexcept { return {bids_, depth}; }
  BookSide asks(std::size_t depth = SIZE_MAX) const noexcept { return {asks_, depth}; }
  /// The best bid is not below the best ask.
  bool Crossed() const noexcept;

 private:
  bool Fits(const detail::BookSideStore& side, std::span<const Level> levels) const;
  static void Load(detail::BookSideStore& side, std::span<const Level> levels, int sign);

  detail::BookSideStore bids_{1};
  detail::BookSideStore asks_{-1};
  std::size_t max_levels_;
};

}  // namespace virtufin::inline v0
