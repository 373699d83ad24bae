// Reads base64 text (RFC 4648, padded).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace virtufin::inline v0::detail {

/// Appends the bytes of `text` to `out`; false when it is no padded base64.
bool ReadBase64(std::string_view text, std::vector<std::uint8_t>& out);

}  // namespace virtufin::inline v0::detail
