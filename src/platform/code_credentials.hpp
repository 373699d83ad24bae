// The file of credentials that requests for code from URLs may name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/code_source.hpp"

namespace virtufin::inline v0::detail {

/// `text` is a JSON array of {"name", "hosts": [...], "bearer": {"token"} or "basic": {"username",
/// "token"}} and nothing else.
/// Errors: INVALID_ARGUMENT saying which entry is wrong, and how; it repeats nothing of the text.
Result<std::vector<NamedCredential>> ParseCodeCredentials(std::string_view text);

/// Errors: INVALID_ARGUMENT naming the file.
Result<std::vector<NamedCredential>> ReadCodeCredentials(const std::string& path);

}  // namespace virtufin::inline v0::detail
