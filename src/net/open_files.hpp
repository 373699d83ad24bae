// How many files and sockets the process may have open: asked for, never changed by itself.
#pragma once

#include <cstdint>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

/// Raises the soft limit of the process (RLIMIT_NOFILE) to `wanted` unless it is higher. It is the
/// host's to decide: called only where an option says so. [any]
/// Errors: RESOURCE_EXHAUSTED when the hard limit is lower, saying what it is.
Status RaiseOpenFiles(std::uint64_t wanted);

}  // namespace virtufin::inline v0::net
