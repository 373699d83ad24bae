// Writes zip files whose bytes depend on nothing but names and contents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct ZipContent {
  std::string name;
  ByteView content;  // borrowed
};

/// The entries in the order given: stored, mode 0644, 1980-01-01 00:00, no extra fields.
/// Errors: RESOURCE_EXHAUSTED for no memory. Precondition: less than 4 GiB in total.
Result<std::vector<std::uint8_t>> WriteZip(const std::vector<ZipContent>& entries);

}  // namespace virtufin::inline v0::detail
