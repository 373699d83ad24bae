// HttpServer: HTTP/1.1 and WebSockets on one port, one loop thread per server. The gateway and the
// simulated venues stand on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.hpp"
#include "net/server_socket.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t port = 0;             // 0: a free one
  std::string tls_certificate_pem;    // the chain, not a path; empty: no TLS
  std::string tls_key_pem;            // its key
  std::string tls_client_ca_pem;      // clients must show a certificate of one of these
  std::size_t max_header_bytes = std::size_t{32} * 1024;
  std::size_t max_fields = 100;
  std::size_t max_body_bytes = std::size_t{16} * 1024 * 1024;     // of one request
  std::size_t max_stream_bytes = std::size_t{1} * 1024 * 1024;    // unsent of one streamed answer
  std::size_t max_message_bytes = std::size_t{16} * 1024 * 1024;  // of one WebSocket message
  /// Of all bodies and messages that are being read. Beyond: 503, or closed with 1013.
  std::size_t max_unfinished_bytes = std::size_t{256} * 1024 * 1024;
  /// Of all whole answers that are not sent yet. Beyond: 503 instead. Requests of methods that may
  /// change something get it before they are handled; after that a 500, which nobody repeats.
  std::size_t max_unsent_bytes = std::size_t{256} * 1024 * 1024;
  std::size_t max_send_queue_bytes = std::size_t{4} * 1024 * 1024;  // unsent of one WebSocket
  std::int64_t header_timeout_ms = 10'000;  // TLS handshake; first byte to end of a header
  std::int64_t body_timeout_ms = 60'000;    // end of the header to end of the body
  std::int64_t idle_timeout_ms = 60'000;    // between two requests
  /// Of an HTTP answer: for each 16 KiB of what waits for the client, or all that is left. Of a
  /// WebSocket: a client that takes nothing.
  std::int64_t write_timeout_ms = 30'000;
  std::int64_t message_timeout_ms = 60'000;  // of a WebSocket message, first byte to last
  std::int64_t ping_interval_ms = 20'000;    // silence of a WebSocket before it is pinged; 0: never
  std::int64_t pong_timeout_ms = 20'000;     // no answer and no byte taken then: it is cut
  std::int64_t tcp_keepalive_ms = 30'000;    // silence before the system asks; 0: it does not
  std::int64_t tcp_user_timeout_ms = 30'000;  // unacknowledged bytes; 0: the system's
  int max_connections = 4096;                 // one more is closed at once
};

struct HttpServerCounters {
  std::uint64_t connections = 0;       // open now, WebSockets included
  std::uint64_t sockets = 0;           // WebSockets open now
  std::uint64_t unfinished_bytes = 0;  // of bodies and messages being read now
  std::uint64_t unsent_bytes = 0;      // of whole answers, now
  std::uint64_t accepted = 0;          // connections so far
  std::uint64_t requests = 0;          // given to the handler so far
  std::uint64_t refused = 0;           // connections beyond the limit
  std::uint64_t bad_requests = 0;      // answered with a 4xx or 5xx by the server itself
  std::uint64_t timeouts = 0;          // connections ended for being slow
  std::uint64_t refused_pieces = 0;    // of streamed answers, no room
  std::uint64_t refused_messages = 0;  // of WebSockets, no room
  std::uint64_t handler_errors = 0;    // calls of the application that threw
  std::uint64_t abandoned_calls = 0;   // that did not return before a stop's deadline
};

namespace detail {
class Server;
class AnswerSlot;
struct StreamBuffer;
}  // namespace detail

/// An answer in pieces: chunked, or until the end of the connection for HTTP/1.0. Copies name the
/// same answer; it may outlive the server. Unless ended it is cut when the last copy goes.
class HttpStream {
 public:
  /// Names no answer: every call fails.
  HttpStream() noexcept = default;
  /// Queues a piece. [any] [callback]
  /// Errors: RESOURCE_EXHAUSTED, counted, while `max_stream_bytes` are unsent; UNAVAILABLE when the
  /// answer has ended or the client has gone.
  Status Write(std::string_view piece);
  void End();                                 // the answer is complete [any] [callback]
  void Abort();                               // cuts the connection in the middle [any] [callback]
  std::size_t unsent_bytes() const noexcept;  // framing included [any] [callback]
  bool open() const noexcept;                 // neither ended nor cut [any] [callback]
  /// Runs on the loop, once, when half of what was unsent at a refused Write has gone or the answer
  /// has ended; at once when that is so already. Of a server that has stopped it runs before this
  /// returns. Consumed. [any] [callback]
  void OnWritable(std::function<void()> callback);
  /// The same, when the answer has ended or the client has gone. Consumed. [any] [callback]
  void OnClosed(std::function<void()> callback);

 private:
  friend class detail::AnswerSlot;
  struct Owner;
  std::shared_ptr<Owner> owner_;
};

/// Answers one request, once, from any thread; dropped without an answer it says 500. After the
/// server has stopped it does nothing. Not copyable. [owner]
class HttpResponder {
 public:
  explicit HttpResponder(std::unique_ptr<detail::AnswerSlot> slot) noexcept;
  HttpResponder(HttpResponder&&) noexcept;
  HttpResponder& operator=(HttpResponder&&) noexcept;
  ~HttpResponder();

  void Send(HttpAnswer answer);  // whole, consumed [owner] [callback]
  /// Sends the header, which has no length, and gives the rest; `answer.body` is its first piece.
  /// [owner] [callback]
  HttpStream Stream(HttpAnswer answer);
  /// Takes a WebSocket request; the events come on the loop, OnOpen first. `protocol` is one of
  /// those that the client offered, or empty. [owner] [callback]
  /// Errors: FAILED_PRECONDITION when the request is none, or was answered.
  Status Accept(std::shared_ptr<SocketEvents> events, std::string_view protocol = {});
  void Abort();  // simulated fault: the connection is reset [owner] [callback]
  void Stall();  // simulated fault: nothing is read or sent any more [owner] [callback]

 private:
  std::unique_ptr<detail::AnswerSlot> slot_;
};

/// Port: what stands behind the server. Called on the loop, marked kNetLoop: must not block. What
/// it throws is logged and counted: its request is answered 500 unless the responder was kept.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// A header whose body has not been read. An answer refuses the body, and the connection is
  /// closed after it; nullopt takes it, which is when 100-continue is sent.
  virtual std::optional<HttpAnswer> OnHeader(const IncomingRequest& request) {
    static_cast<void>(request);
    return std::nullopt;
  }
  /// A whole request; answers of one connection go out in order, the next request comes after.
  virtual void OnRequest(IncomingRequest request, HttpResponder responder) = 0;
};

class HttpServer {
 public:
  /// Starts nothing. `handler` and `log` are borrowed until the server is destroyed. [any]
  /// Errors: INVALID_ARGUMENT naming the option.
  static Result<std::unique_ptr<HttpServer>> Create(HttpServerOptions options, HttpHandler& handler,
                                                    LogSink& log = NullLog());
  ~HttpServer();  // Stop without waiting; not on the loop
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds, listens, starts the loop. [owner]
  /// Errors: UNAVAILABLE when the address cannot be had; FAILED_PRECONDITION when started before.
  Status Start();
  /// Takes no more connections, closes idle ones and WebSockets (1001), lets running answers end
  /// until `deadline`, then cuts the rest. No call of the handler, of sockets and streams begins
  /// after it; one that does not return is abandoned half a second after the deadline. [owner]
  /// Errors: FAILED_PRECONDITION on the loop; DEADLINE_EXCEEDED naming what was cut or abandoned.
  Status Stop(std::chrono::milliseconds deadline);

  std::uint16_t port() const noexcept;           // after Start [any]
  HttpServerCounters counters() const noexcept;  // [any] [callback]
  /// Runs `task` on the loop `delay` later; dropped when the server stops before. Consumed.
  /// [any] [callback]
  void After(std::chrono::nanoseconds delay, std::function<void()> task);

 private:
  explicit HttpServer(std::shared_ptr<detail::Server> server) noexcept;
  std::shared_ptr<detail::Server> server_;
};

}  // namespace virtufin::inline v0::net
