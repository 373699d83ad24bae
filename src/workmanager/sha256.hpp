// Sha256: the digest by which code is pinned and named in the audit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "virtufin/core/bytes.hpp"

namespace virtufin::inline v0::detail {

/// FIPS 180-4: 64 lower-case hexadecimal digits. Own code: the minimal build has no OpenSSL.
std::string Sha256Hex(ByteView bytes);

}  // namespace virtufin::inline v0::detail
