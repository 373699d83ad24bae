// Reads what Binance answers to control messages and, when it refuses, to requests.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "exchange/venue_link.hpp"

namespace virtufin::inline v0::detail {

/// An answer to SUBSCRIBE and the like, in either of the two shapes of an error.
struct ControlAnswer {
  std::optional<std::int64_t> id;
  bool error = false;
  std::int64_t code = 0;
  std::string message;  // of an error
};

/// Nothing: no JSON object.
std::optional<ControlAnswer> ReadControlAnswer(std::string_view text);

/// `{"code":-1121,"msg":"..."}`; nothing: the body is no such object.
struct VenueError {
  std::int64_t code = 0;
  std::string message;
};
std::optional<VenueError> ReadVenueError(std::string_view body);

/// "... banned until 1700000000000. ...": that time; nothing: the text names none of our era.
std::optional<std::int64_t> BannedUntilUnixMs(std::string_view message) noexcept;

/// The headers that are read, in lower case; no other has a meaning for a session.
inline constexpr std::string_view kRetryAfter = "retry-after";
inline constexpr std::string_view kUsedWeight = "x-mbx-used-weight-1m";
inline bool IsHeaderRead(std::string_view name) noexcept {
  return name == kRetryAfter || name == kUsedWeight;
}

/// The value of a header that is a whole number; nothing: absent, or something else.
std::optional<std::int64_t> NumberHeader(std::span<const VenueHeader> headers,
                                         std::string_view name) noexcept;

}  // namespace virtufin::inline v0::detail
