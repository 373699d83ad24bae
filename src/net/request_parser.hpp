// RequestParser: the bytes of one client become HTTP/1.0 and 1.1 requests, strictly framed.
//
// A request that two parsers could cut in different places is refused: folded lines, bare line
// feeds, white space before a colon, a length with a transfer coding, two lengths or two hosts.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_message.hpp"

namespace virtufin::inline v0::net {

struct RequestLimits {
  std::size_t max_header_bytes = std::size_t{32} * 1024;  // request line and fields
  std::size_t max_fields = 100;
  std::size_t max_body_bytes = std::size_t{16} * 1024 * 1024;
};

class RequestParser {
 public:
  enum class Step {
    kMore,    // needs bytes that have not come yet
    kHeader,  // the header is complete: look at request(), then go on
    kBody,    // the request is complete: take it
    kBad,     // refused: see status() and reason()
  };

  explicit RequestParser(const RequestLimits& limits);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  /// Reads from the front of `bytes` and says in `used` how many it took: bytes that were not taken
  /// must come again, with more behind them. A request without a body gives kHeader, then kBody.
  Step Put(std::string_view bytes, std::size_t& used);

  /// Of the last kHeader; its body is complete at kBody. Borrowed.
  IncomingRequest& request() noexcept;
  /// True when a body follows the header.
  bool has_body() const noexcept;
  /// The client asked for 100-continue.
  bool expects_continue() const noexcept;
  /// The client wants to use the connection again.
  bool keep_alive() const noexcept;
  /// Bytes of the body so far.
  std::size_t body_bytes() const noexcept;
  /// The status and the sentence that answer a kBad.
  int status() const noexcept;
  std::string_view reason() const noexcept;

  /// Forgets the request, for the next one.
  void Reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace virtufin::inline v0::net
