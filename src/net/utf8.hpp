// Whether bytes are UTF-8, and how to keep them so.
#pragma once

#include <cstddef>
#include <string_view>

namespace virtufin::inline v0::net {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. [any]
bool IsUtf8(std::string_view text) noexcept;

/// As much of `text` as fits into `max_bytes` and does not end inside a character. Borrowed. [any]
std::string_view CutUtf8(std::string_view text, std::size_t max_bytes) noexcept;

}  // namespace virtufin::inline v0::net
