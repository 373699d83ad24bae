// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Nothing allocates.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <cstddef>
#include <string_view>

namespace virtufin::inline v0 {

/// Whether all of `text` is UTF-8; NUL is. [any]
bool IsUtf8(std::string_view text) noexcept;

/// The bytes of the character that begins at `at`, 1 to 4; 0 when none does. Precondition: `at` is
/// before `end`. [any]
std::size_t Utf8Length(const char* at, const char* end) noexcept;

/// As much of `text` as fits into `max_bytes` and, when `text` is UTF-8, ends with a whole
/// character. Borrowed as `text` is. [any]
std::string_view CutUtf8(std::string_view text, std::size_t max_bytes) noexcept;

/// Writes 1 to 4 bytes; returns the end. Precondition: `point` is at most U+10FFFF and no
/// surrogate. [any]
char* WriteUtf8(char32_t point, char* out) noexcept;

}  // namespace virtufin::inline v0
