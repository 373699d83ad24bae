// Options that were put into the struct, past Set.
#pragma once

#include "virtufin/platform/platform.hpp"

namespace virtufin::inline v0::detail {

/// Errors: INVALID_ARGUMENT naming the key of a number that Set would refuse.
Status CheckFields(const PlatformOptions& options);

}  // namespace virtufin::inline v0::detail
