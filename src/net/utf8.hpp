// Whether bytes are UTF-8.
#pragma once

#include <string_view>

namespace virtufin::inline v0::net {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. [any]
bool IsUtf8(std::string_view text) noexcept;

}  // namespace virtufin::inline v0::net
