// Where things stand in a recording's bytes, and how far its values may go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace virtufin::inline v0::detail {

/// A byte above 0x7f, both kinds of line ends and an end of text: what spoils files spoils it.
inline constexpr std::string_view kRecordingMagic = "\x89VFR\r\n\x1a\n";

// The header, before its body.
inline constexpr std::size_t kAtVersion = 8;
inline constexpr std::size_t kAtBodyBytes = 12;
inline constexpr std::size_t kAtHeaderCrc = 16;  // of the 16 bytes before it and the body
inline constexpr std::size_t kHeaderFixedBytes = 20;
inline constexpr std::uint32_t kMaxHeaderBody = 1 << 20;

// A record, before its payload.
inline constexpr std::size_t kAtLength = 0;      // of the payload
inline constexpr std::size_t kAtPayloadCrc = 4;  // of the payload
inline constexpr std::size_t kAtUnix = 8;
inline constexpr std::size_t kAtMonotonic = 16;
inline constexpr std::size_t kAtNumber = 24;
inline constexpr std::size_t kAtIndex = 32;
inline constexpr std::size_t kAtConnection = 40;
inline constexpr std::size_t kAtSession = 44;
inline constexpr std::size_t kAtKind = 48;
inline constexpr std::size_t kAtDirection = 49;
inline constexpr std::size_t kAtStatus = 50;
inline constexpr std::size_t kAtHeadCrc = 52;  // of the 52 bytes before it

inline constexpr std::uint32_t kTheSession = 1;  // one to a file

// What a file may ask of whoever reads it: no recorder writes more.
inline constexpr std::uint32_t kMaxPayloadBytes = 64 << 20;
inline constexpr std::uint64_t kMaxOutputBytes = 64 << 20;   // records behind one input, with heads
inline constexpr std::uint64_t kMaxRequestBytes = 16 << 20;  // different subscriptions, with heads

inline constexpr std::int64_t kMaxUnixNs = 9'000'000'000'000'000'000;  // in the year 2255
inline constexpr std::int64_t kMaxMonotonicNs = 4'000'000'000'000'000'000;
inline constexpr std::int64_t kMaxJumpNs = 366LL * 86'400 * 1'000'000'000;

}  // namespace virtufin::inline v0::detail
