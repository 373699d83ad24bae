// What calls say in metadata: keys, and on whose behalf one instance calls another.
#pragma once

#include <string>
#include <string_view>

namespace virtufin::inline v0::detail {

/// Metadata: who made the call on the first instance. The audit of the second names both.
inline constexpr const char* kForwardedFor = "x-virtufin-forwarded-for";

/// Printable ASCII: gRPC ends the process over a client that sends anything else.
bool IsMetadata(std::string_view text) noexcept;

/// Any text as what metadata may hold, and back: percent-encoded. What is none of ours stays.
std::string ToMetadata(std::string_view text);
std::string FromMetadata(std::string_view text);

}  // namespace virtufin::inline v0::detail
