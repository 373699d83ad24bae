// BoundedQueue: a first-in first-out ring of limited size, for use under its owner's mutex.
//
// It does not lock. Producers push under the owner's mutex; the consumer takes everything at once
// with TakeAll, which swaps two rings, and works through its batch without the mutex.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace virtufin::inline v0 {

/// Storage starts small, doubles up to `capacity` items and is kept: no allocation in steady state.
template <class T>
class BoundedQueue {
  static_assert(std::is_nothrow_move_constructible_v<T>, "items move while the ring grows");

 public:
  /// `capacity` in items; a queue of capacity 0 takes nothing.
  explicit BoundedQueue(std::size_t capacity) noexcept : capacity_(capacity) {}
  BoundedQueue(BoundedQueue&& other) noexcept : BoundedQueue(other.capacity_) { Swap(other); }
  BoundedQueue& operator=(BoundedQueue&& other) noexcept {
    BoundedQueue moved(std::move(other));
    Swap(moved);
    return *this;
  }
  ~BoundedQueue() {
    Clear();
    if (slots_ != nullptr) std::allocator<T>().deallocate(slots_, slot_count_);
  }

  std::size_t capacity() const noexcept { return capacity_; }  // [owner]
  std::size_t size() const noexcept { return size_; }          // [owner]
  bool empty() const noexcept { return size_ == 0; }           // [owner]
  bool full() const noexcept { return size_ >= capacity_; }    // [owner]

  /// Makes room for `items` in all, so that pushing so many allocates nothing. [owner]
  void Reserve(std::size_t items) {
    while (slot_count_ < items) Grow();
  }
  /// Consumes `item`, past the capacity if need be. [owner]
  void Push(T&& item) {
    if (size_ == slot_count_) Grow();
    std::construct_at(slots_ + ((head_ + size_) & (slot_count_ - 1)), std::move(item));
    ++size_;
  }
  /// Consumes `item` and answers true; when full answers false and leaves `item` alone. [owner]
  [[nodiscard]] bool TryPush(T&& item) {
    if (full()) return false;
    Push(std::move(item));
    return true;
  }
  /// Consumes `item`. When full the oldest item makes room and is returned, so that the caller
  /// counts it and destroys it after unlocking; capacity 0 returns `item` itself. [owner]
  [[nodiscard]] std::optional<T> PushDropOldest(T&& item) {
    std::optional<T> dropped;
    if (capacity_ == 0) return std::optional<T>(std::move(item));
    if (full()) dropped.emplace(Pop());
    Push(std::move(item));
    return dropped;
  }

  /// The oldest item, borrowed until the next change. Precondition: not empty. [owner]
  T& front() noexcept { return slots_[head_]; }
  /// The item `place` places behind the oldest, borrowed until the next change. Precondition: it is
  /// there. [owner]
  T& operator[](std::size_t place) noexcept { return slots_[(head_ + place) & (slot_count_ - 1)]; }
  /// Removes the oldest item; owned by the caller. Precondition: not empty. [owner]
  T Pop() noexcept {
    T* slot = slots_ + head_;
    T item(std::move(*slot));
    std::destroy_at(slot);
    head_ = (head_ + 1) & (slot_count_ - 1);
    --size_;
    return item;
  }

  /// Moves all items into `batch`, which must be empty: the rings change places, the capacities
  /// stay. O(1). [owner]
  void TakeAll(BoundedQueue& batch) noexcept {
    Swap(batch);
    std::swap(capacity_, batch.capacity_);
  }
  /// Destroys all items. [owner]
  void Clear() noexcept {
    while (size_ > 0) Pop();
  }

 private:
  void Grow() {
    const std::size_t bigger = slot_count_ == 0 ? 8 : slot_count_ * 2;  // a power of two
    T* fresh = std::allocator<T>().allocate(bigger);
    for (std::size_t i = 0; i < size_; ++i) {
      T* old = slots_ + ((head_ + i) & (slot_count_ - 1));
      std::construct_at(fresh + i, std::move(*old));
      std::destroy_at(old);
    }
    if (slots_ != nullptr) std::allocator<T>().deallocate(slots_, slot_count_);
    slots_ = fresh;
    slot_count_ = bigger;
    head_ = 0;
  }
  void Swap(BoundedQueue& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(slot_count_, other.slot_count_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::size_t capacity_;
  T* slots_ = nullptr;
  std::size_t slot_count_ = 0;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace virtufin::inline v0
