// For those who load worker code: the files it lies in.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

/// All of a regular file; waits for none that is another kind. `component` names who asks, in
/// errors; static storage. [any]
/// Errors: NOT_FOUND; INVALID_ARGUMENT for what is no readable regular file; RESOURCE_EXHAUSTED for
/// more than `max_bytes`.
Result<std::vector<std::uint8_t>> ReadCodeFile(const std::string& path, std::size_t max_bytes,
                                               const char* component);

}  // namespace virtufin::inline v0
