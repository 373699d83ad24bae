// What a zip file says about itself, believed only where all of its parts say the same.
//
// libarchive unpacks the entries, but does not mind local headers with other names than the central
// directory's, duplicates, overlaps, `..`, and bytes before the first entry. So the structure is
// checked first, and what two readers could see differently is refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct ZipLimits {
  std::uint64_t max_entries;
  std::uint64_t max_total_bytes;  // of all entries, unpacked
  std::uint64_t max_ratio;        // of an entry, unpacked to packed; not asked of small entries
};

struct ZipEntry {
  std::string
      name;  // UTF-8, relative, without "." and ".." and empty segments; folders end with '/'
  std::uint64_t offset;  // of its local header
  std::uint64_t packed_size;
  std::uint64_t size;
  std::uint32_t crc32;
  bool has_descriptor;  // its sizes follow its data

  bool is_folder() const noexcept { return name.back() == '/'; }
};

/// The entries in the order of their bytes. Errors: INVALID_ARGUMENT saying what is wrong where;
/// RESOURCE_EXHAUSTED naming the limit.
Result<std::vector<ZipEntry>> CheckZipLayout(ByteView file, const ZipLimits& limits);

}  // namespace virtufin::inline v0::detail
