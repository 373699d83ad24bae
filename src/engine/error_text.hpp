// Bounds what a worker says about its failure: such texts are kept, logged and sent on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace virtufin::inline v0::detail {

inline constexpr std::size_t kMaxErrorText = 65'536;  // bytes

/// `text`, or what of it fits, cut between two characters of UTF-8.
inline std::string_view ErrorText(std::string_view text) noexcept {
  if (text.size() <= kMaxErrorText) return text;
  std::size_t end = kMaxErrorText;
  // At most three bytes of a character follow its first one; a longer run is no UTF-8.
  const auto follows = [&](std::size_t at) { return (text[at] & 0xc0) == 0x80; };
  for (int i = 0; i < 3 && follows(end); ++i) --end;
  return text.substr(0, follows(end) ? kMaxErrorText : end);
}

}  // namespace virtufin::inline v0::detail
