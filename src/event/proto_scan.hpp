// ProtoScan: reads Protobuf's wire format from front to back and stays within its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {

enum class ProtoType : std::uint8_t { kVarint, kFixed64, kBytes, kStartGroup, kEndGroup, kFixed32 };

/// Every function that returns bool says whether it went well; after a false, fault() says what was
/// expected where, and nothing more may be read.
class ProtoScan {
 public:
  explicit ProtoScan(ByteView bytes, std::size_t offset = 0) noexcept
      : begin_(bytes.data()),
        at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        offset_(offset) {}

  bool AtEnd() const noexcept { return at_ == end_; }
  const char* fault() const noexcept { return fault_; }
  /// From the start of the outermost message.
  std::size_t offset() const noexcept { return offset_ + static_cast<std::size_t>(at_ - begin_); }

  bool ReadTag(std::uint32_t& field, ProtoType& type) noexcept {
    std::uint64_t tag = 0;
    if (!ReadVarint(tag)) return false;
    if (tag > UINT32_MAX || (tag & 7) > 5) return Fail("expected a tag");
    field = static_cast<std::uint32_t>(tag >> 3);
    type = static_cast<ProtoType>(tag & 7);
    return field != 0 || Fail("expected a field number above 0");
  }
  bool ReadVarint(std::uint64_t& value) noexcept {
    if (at_ != end_ && *at_ < 0x80) {  // most tags and lengths
      value = *at_++;
      return true;
    }
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return Fail("expected more bytes");
      const std::uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return Fail("expected a varint of at most 64 bits");
  }
  bool ReadBytes(ByteView& bytes) noexcept {
    std::uint64_t size = 0;
    if (!ReadVarint(size)) return false;
    if (size > static_cast<std::uint64_t>(end_ - at_)) return Fail("expected more bytes");
    bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }
  /// A message inside this one, to be read by a scan of its own.
  bool ReadMessage(ProtoScan& inner) noexcept {
    ByteView bytes;
    if (!ReadBytes(bytes)) return false;
    inner = ProtoScan(bytes, offset() - bytes.size());
    return true;
  }
  /// The value behind a tag that nobody knows.
  bool Skip(std::uint32_t field, ProtoType type) noexcept;

 private:
  bool Fail(const char* what) noexcept {
    fault_ = what;
    return false;
  }
  bool SkipBytes(std::size_t size) noexcept {
    if (size > static_cast<std::size_t>(end_ - at_)) return Fail("expected more bytes");
    at_ += size;
    return true;
  }
  bool SkipGroup(std::uint32_t field) noexcept;
  bool SkipPlain(ProtoType type) noexcept;

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::size_t offset_;
  const char* fault_ = nullptr;
};

}  // namespace virtufin::inline v0::detail
