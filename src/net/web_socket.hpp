// WebSocket: a client connection on a NetLoop, over TCP or TLS. It offers no extension.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/loop.hpp"
#include "net/tls_client.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

class WsConnection;

struct WebSocketOptions {
  TlsOptions tls;                                            // of wss
  std::vector<std::pair<std::string, std::string>> headers;  // of the request
  std::vector<std::string> subprotocols;                     // in the order of preference
  std::size_t max_message_bytes = kMaxEventBytes;            // beyond: closed with 1009
  std::size_t max_send_bytes = std::size_t{1} << 20;         // waiting to be sent
  std::int64_t connect_timeout_ms = 10'000;   // name, TCP, TLS and upgrade, all addresses together
  std::int64_t write_timeout_ms = 10'000;     // bytes that the peer does not take; 0: no limit
  std::int64_t close_timeout_ms = 2'000;      // for the peer's answer to our close frame
  std::int64_t tcp_user_timeout_ms = 20'000;  // unacknowledged bytes; 0: the system's
  std::int64_t ping_interval_ms = 0;          // 0: the owner pings
  std::int64_t silence_limit_ms = 0;  // no byte for so long: the peer is gone; 0: the owner decides
};

/// Why a socket ended.
struct WebSocketEnd {
  /// CANCELLED: closed by us, or the loop stopped. UNAVAILABLE: no address, refused, reset, closed
  /// by the peer. UNAUTHENTICATED: the peer is not who it should be, or speaks no TLS.
  /// DEADLINE_EXCEEDED: not open in time, silent, or takes no bytes. FAILED_PRECONDITION: the
  /// upgrade was answered otherwise. RESOURCE_EXHAUSTED: a message beyond the limit. DATA_LOSS: no
  /// UTF-8. The message names the redacted address.
  Status status;
  bool opened = false;           // OnOpen was called
  std::uint16_t close_code = 0;  // of the close frame, theirs or ours; 0: none
  int http_status = 0;           // of an upgrade that was answered otherwise; 0: unknown
};

/// Called on the loop's thread, never from inside a call on the socket. It may call the socket and
/// destroy it.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void OnOpen(std::string_view subprotocol) = 0;
  /// A whole message, UTF-8, borrowed for the call and followed by kBufferPadding readable bytes.
  virtual void OnText(std::string_view text, const ReceiveTime& time) = 0;
  /// The same for bytes.
  virtual void OnBinary(ByteView bytes, const ReceiveTime& time) = 0;
  virtual void OnPong(ByteView payload, const ReceiveTime& time) = 0;
  /// Bytes came that were no message, a second ago at most: a ping, which has been answered, or a
  /// part of a message.
  virtual void OnSignOfLife(const ReceiveTime& time) = 0;
  /// Once, and last.
  virtual void OnClosed(const WebSocketEnd& end) = 0;
};

/// Everything on the loop's thread, and only there.
class WebSocket {
 public:
  /// Connects in the background. `handler` is borrowed until OnClosed returned or the socket is
  /// destroyed. Errors: INVALID_ARGUMENT naming the option, a part of the address, or the CA;
  /// CANCELLED when the loop was stopped.
  static Result<std::unique_ptr<WebSocket>> Open(NetLoop& loop, std::string_view url,
                                                 const WebSocketOptions& options,
                                                 WebSocketHandler& handler);
  /// As Close(1000), and the handler hears nothing more.
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// False: not open, or max_send_bytes wait already; nothing is sent. `text` is UTF-8, copied.
  bool SendText(std::string_view text);
  bool SendBinary(ByteView bytes);
  /// `payload` of at most 125 bytes; false as above.
  bool Ping(ByteView payload);
  /// Sends what waits and a close frame, then waits for the peer's. OnClosed follows; no message
  /// does. A second call does nothing.
  void Close(std::uint16_t code, std::string_view reason);
  /// Nothing is read from the socket while paused; the peer feels it by TCP. What had been read
  /// from the system before is kept for later.
  void PauseReading(bool paused);
  bool open() const noexcept;
  std::size_t unsent_bytes() const noexcept;

 private:
  explicit WebSocket(std::shared_ptr<WsConnection> connection) noexcept;
  std::shared_ptr<WsConnection> connection_;
};

}  // namespace virtufin::inline v0::net
