// Base64 text (RFC 4648), written and read without allocating.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0 {

/// Which texts are read. What is written is always the strict form.
enum class Base64Rule : std::uint8_t {
  kStrict,   // digits A-Z a-z 0-9 + /, padded, and the bits that stand for no byte are zero
  kLenient,  // also - and _ as digits, padded or not: what readers of Protobuf's JSON accept
};

/// The characters that `size` bytes take. [any]
constexpr std::size_t Base64Size(std::size_t size) noexcept { return (size + 2) / 3 * 4; }
/// The bytes that `size` characters stand for, at most. [any]
constexpr std::size_t Base64Bytes(std::size_t size) noexcept { return (size + 3) / 4 * 3; }

/// Writes Base64Size(bytes.size()) characters; returns the end. [any]
char* WriteBase64(ByteView bytes, char* out) noexcept;
/// Writes at most Base64Bytes(text.size()) bytes; returns the end, or null when `text` breaks the
/// rule. [any]
std::uint8_t* ReadBase64(std::string_view text, std::uint8_t* out,
                         Base64Rule rule = Base64Rule::kStrict) noexcept;

}  // namespace virtufin::inline v0
