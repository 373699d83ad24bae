// For engines: bounds what a worker says about its failure, which is kept, logged and sent on.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstddef>
#include <string_view>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0 {

inline constexpr std::size_t kMaxErrorTextBytes = 65'536;

/// `text`, or the first kMaxErrorTextBytes of it, cut between two characters of UTF-8; borrowed as
/// `text` is. [any]
inline std::string_view ErrorText(std::string_view text) noexcept {
  return CutUtf8(text, kMaxErrorTextBytes);
}

}  // namespace virtufin::inline v0
