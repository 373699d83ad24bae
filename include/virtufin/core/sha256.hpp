// Sha256Hex: the digest by which code and packages are named and pinned. Own code, not OpenSSL's:
// the minimal build has none, and digests must not depend on what is built in.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <string>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0 {

/// The SHA-256 of `bytes` (FIPS 180-4) as 64 lower-case hexadecimal digits. [any]
std::string Sha256Hex(ByteView bytes);

}  // namespace virtufin::inline v0
