// Four blocks of ChaCha20 (RFC 8439): what random ids are expanded with.
//
// Own code, for a worker may link libc and libstdc++ only, and the libc has no fast generator.
#pragma once

#include <cstdint>

namespace virtufin::inline v0::detail {

/// Blocks 0 to 3 with an all-zero nonce: word w of block b is out[4 * w + b].
void ChaCha20FourBlocks(const std::uint32_t (&key)[8], std::uint32_t (&out)[64]) noexcept;

}  // namespace virtufin::inline v0::detail
