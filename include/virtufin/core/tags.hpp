// Tags: what users hang on workers and feeds to find them again; metadata that nothing acts on.
// Specification: docs/openspec/specs/core/spec.md
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

/// At most 50, each with a key of 1 to 128 characters and a value of at most 1024, whatever bytes
/// these take in UTF-8. `component` must have static storage. [any]
/// Errors: INVALID_ARGUMENT of that component, naming the tag.
Status CheckTags(const std::map<std::string, std::string>& tags, std::string_view component);

}  // namespace virtufin::inline v0
