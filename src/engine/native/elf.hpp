// A look at an ELF file before the loader gets it: a truncated one would end the process.
#pragma once

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// Ok when `file` is a 64-bit ELF shared object of this machine's byte order whose segments all lie
/// inside of it. Errors: INVALID_ARGUMENT saying what was found.
Status CheckSharedLibrary(ByteView file);

}  // namespace virtufin::inline v0::detail
