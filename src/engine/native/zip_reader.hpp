// Unpacks single entries of a zip whose layout was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/native/zip_layout.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

class ZipReader {
 public:
  /// `file` is borrowed until the reader is destroyed. Errors: as CheckZipLayout, and
  /// INVALID_ARGUMENT when libarchive sees other entries than the layout has.
  static Result<ZipReader> Open(ByteView file, const ZipLimits& limits);

  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }
  /// The bytes of an entry, as many as it says, with the checksum that it says.
  /// Errors: INVALID_ARGUMENT; RESOURCE_EXHAUSTED for an entry of more than `max_bytes`.
  Result<std::vector<std::uint8_t>> Read(const ZipEntry& entry, std::size_t max_bytes) const;

 private:
  ZipReader(ByteView file, std::vector<ZipEntry> entries);
  Status CompareWithLibrary() const;

  ByteView file_;
  std::vector<ZipEntry> entries_;
};

}  // namespace virtufin::inline v0::detail
