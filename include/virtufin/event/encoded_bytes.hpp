// EncodedBytes: a message in one of its encodings, owned by whoever holds it.
// Specification: docs/openspec/specs/events/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0 {

/// Bytes that start at a multiple of 8 and are followed by kBufferPadding readable ones. Const
/// functions are [any], the others [owner].
class EncodedBytes {
 public:
  /// Empty.
  EncodedBytes() noexcept = default;
  /// Room for `capacity` bytes, size 0; data() is null when there is no memory.
  static EncodedBytes WithCapacity(std::size_t capacity) noexcept;
  EncodedBytes(EncodedBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  EncodedBytes& operator=(EncodedBytes other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~EncodedBytes();

  /// Borrowed until this is gone.
  ByteView bytes() const noexcept { return {data_, size_}; }
  std::uint8_t* data() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  /// Says how many bytes were written and clears the padding behind them.
  /// Precondition: size <= the capacity.
  void SetSize(std::size_t size) noexcept;
  /// Gives the memory away: owned by the caller, to be ended with free().
  std::uint8_t* Release() noexcept {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace virtufin::inline v0
