// Base64 text (RFC 4648, padded), written and read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {

constexpr std::size_t Base64Size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }
/// Writes Base64Size(bytes.size()) characters; returns the end.
char* WriteBase64(ByteView bytes, char* out) noexcept;

/// Writes at most text.size() / 4 * 3 bytes; returns the end, or null when `text` is no padded
/// base64.
std::uint8_t* ReadBase64(std::string_view text, std::uint8_t* out) noexcept;

}  // namespace virtufin::inline v0::detail
