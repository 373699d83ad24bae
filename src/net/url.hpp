// Url: the parts of a ws, wss, http or https address, and its form that may be printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

/// An absolute address. The fragment is dropped; nothing is decoded.
struct Url {
  std::string scheme;    // "ws", "wss", "http" or "https"
  std::string userinfo;  // "name:password", as written; a secret
  std::string host;      // in lower case; an IPv6 literal without its brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, at least "/"
  bool tls = false;
  bool default_port = false;  // `port` is the scheme's own

  /// "host", "host:port" when the port is not the scheme's own; IPv6 in brackets: a Host header.
  std::string Authority() const;
};

/// Errors: INVALID_ARGUMENT saying what was expected; the text shows no part of `url` but its
/// scheme and host. [any]
Result<Url> ParseUrl(std::string_view url);

/// What may be printed of an address: `scheme://host:port/path`. The user part is left out, the
/// query becomes `?...`, and a segment of the path that is longer than 24 characters, as keys are,
/// becomes `...`. Text that is no such address becomes "(not an address)". [any]
std::string Redact(std::string_view url);

/// `text` with its escapes (%2F) decoded; what is none stays as it is. [any]
std::string PercentDecode(std::string_view text);

}  // namespace virtufin::inline v0::net
