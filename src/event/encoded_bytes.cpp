// EncodedBytes: malloc'd memory with its padding.
#include "virtufin/event/encoded_bytes.hpp"

#include <cstdlib>
#include <cstring>

namespace virtufin::inline v0 {

EncodedBytes EncodedBytes::WithCapacity(std::size_t capacity) noexcept {
  static_assert(alignof(std::max_align_t) >= 8, "malloc must align to 8");
  EncodedBytes bytes;
  bytes.data_ = static_cast<std::uint8_t*>(std::malloc(capacity + kBufferPadding));
  return bytes;
}

EncodedBytes::~EncodedBytes() { std::free(data_); }

void EncodedBytes::SetSize(std::size_t size) noexcept {
  size_ = size;
  std::memset(data_ + size, 0, kBufferPadding);
}

}  // namespace virtufin::inline v0
