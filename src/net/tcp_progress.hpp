// Whether the peer of a TCP connection takes what it is sent.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::net {

/// Bytes that the peer's system has acknowledged so far; 0 when the system does not say. [any]
std::uint64_t AckedBytes(int fd) noexcept;

}  // namespace virtufin::inline v0::net
