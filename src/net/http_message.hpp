// What an HTTP server takes in and gives out: one request, one answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace virtufin::inline v0::net {

/// One header line, without the white space around its value.
struct HttpField {
  std::string name;
  std::string value;
};

/// A request whose framing was checked: one Host on HTTP/1.1, at most one length, no folded lines.
struct IncomingRequest {
  std::string method;  ///< as sent: "GET"
  std::string target;  ///< as sent: "/a?b=c"
  std::vector<HttpField> fields;
  std::string body;        ///< without chunk framing; trailers are dropped
  std::string peer;        ///< "127.0.0.1:50312"
  int minor_version = 1;   ///< HTTP/1.0 or HTTP/1.1
  bool websocket = false;  ///< asks for a WebSocket: HttpResponder::Accept may take it

  /// The value of the first field with this name (any case); empty when there is none. Borrowed
  /// from the request. [any]
  std::string_view Field(std::string_view name) const noexcept;
};

/// A whole answer. Content-Length, Date and Connection are written by the server; fields with these
/// names, or with line ends in them, make it a 500.
struct HttpAnswer {
  int status = 200;
  std::vector<HttpField> fields;
  std::string body;
  /// For simulated faults: the length that is told instead of the body's. The connection is closed
  /// after the body.
  std::optional<std::uint64_t> told_length;
  bool close = false;  ///< close the connection after it
};

/// "Not Found"; empty when the status has no usual phrase. Static storage. [any]
std::string_view ReasonPhrase(int status) noexcept;

/// Equal but for the case of ASCII letters. [any]
bool EqualsIgnoreCase(std::string_view a, std::string_view b) noexcept;

/// Letters, digits and the marks that a method or a field name may hold; at least one. [any]
bool IsToken(std::string_view text) noexcept;

/// True for what a field value may hold: no control characters but tab. [any]
bool IsFieldValue(std::string_view text) noexcept;

}  // namespace virtufin::inline v0::net
