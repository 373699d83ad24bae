// HttpClient: asynchronous requests over HTTP/1.1, on libcurl and one thread of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/resolver.hpp"
#include "net/tls_client.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

struct HttpClientOptions {
  TlsOptions tls;            // of https
  ResolverOptions resolver;  // names are resolved apart, with a deadline of their own
  std::string proxy;         // "http://host:port"; empty: none, whatever the environment says
  int max_connections_per_host = 6;     // further requests wait
  std::int64_t idle_connection_s = 60;  // kept open for the next request
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::int64_t timeout_ms = 10'000;                      // for everything; above 0
  std::size_t max_body_bytes = kMaxEventBytes;           // of the answer, unpacked
  std::size_t max_header_bytes = std::size_t{64} << 10;  // of the answer
  int max_redirects = 0;  // on the same host; 0: a redirect is an answer like any other
  /// Address literals that the host has been resolved to: connected to in this order, past
  /// any proxy, on a connection of this request alone; nothing else is. `max_redirects` must be 0
  /// then. Empty: the resolver is asked.
  std::vector<std::string> addresses;
};

struct HttpResponse {
  /// Ok: the answer is complete, whatever its status. INVALID_ARGUMENT: the request is none.
  /// UNAVAILABLE: no connection, or cut. UNAUTHENTICATED: the peer is not who it should be.
  /// DEADLINE_EXCEEDED. RESOURCE_EXHAUSTED: beyond a limit. DATA_LOSS: no HTTP, or truncated.
  /// CANCELLED: by Cancel or Stop. Messages name the redacted address.
  Status error;
  int status = 0;                                            // 0 with an error
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // unpacked

  /// The first header of that name, in lower case; empty without one. [any]
  std::string_view Header(std::string_view name) const noexcept;
};

/// Names a request; 0 names none.
using HttpRequestId = std::uint64_t;

/// Reads no environment variable and no file but the CA's; takes no signals.
class HttpClient {
 public:
  using Done = std::function<void(HttpResponse)>;

  /// Errors: as MakeClientContext for the CA; INTERNAL when libcurl gives no handle. [any]
  static Result<std::unique_ptr<HttpClient>> Create(HttpClientOptions options);
  /// Stop with a deadline of 5 s unless stopped; on its own thread without waiting.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// [owner] Errors: FAILED_PRECONDITION when started before; RESOURCE_EXHAUSTED without a thread.
  Status Start();
  /// Ends what runs with CANCELLED. [owner]
  /// Errors: FAILED_PRECONDITION on the client's thread; DEADLINE_EXCEEDED when a callback does not
  /// return.
  Status Stop(std::chrono::milliseconds deadline);

  /// Runs `done` exactly once, on the client's thread, not before this returns; after Stop on the
  /// calling one, before it returns. It must not block. [any]
  HttpRequestId Send(HttpRequest request, Done done);
  /// The request ends with CANCELLED, unless it has ended. [any]
  void Cancel(HttpRequestId id);

 private:
  struct Impl;
  explicit HttpClient(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::net
