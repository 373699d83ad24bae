// For engines: bounds what a worker says about its failure, which is kept, logged and sent on.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtufin::inline v0 {

inline constexpr std::size_t kMaxErrorTextBytes = 65'536;

/// `text`, or the first kMaxErrorTextBytes of it, cut between two characters of UTF-8; borrowed as
/// `text` is. [any]
inline std::string_view ErrorText(std::string_view text) noexcept {
  if (text.size() <= kMaxErrorTextBytes) return text;
  std::size_t end = kMaxErrorTextBytes;
  // At most three bytes of a character follow its first one; a longer run is no UTF-8.
  const auto follows = [&](std::size_t at) { return (text[at] & 0xc0) == 0x80; };
  for (int i = 0; i < 3 && follows(end); ++i) --end;
  return text.substr(0, follows(end) ? kMaxErrorTextBytes : end);
}

}  // namespace virtufin::inline v0
