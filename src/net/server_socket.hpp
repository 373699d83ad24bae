// ServerSocket: the server's end of one WebSocket, with the faults a simulated venue needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::net {

namespace detail {
struct SocketBuffer;
class SocketSession;
}  // namespace detail

/// A handle; copies name the same socket, and it may outlive the server. Messages, pings and the
/// close go out in the order of the calls.
class ServerSocket {
 public:
  /// Names no socket: every call fails.
  ServerSocket() noexcept = default;
  /// Queues one message; consumed. [any] [callback]
  /// Errors: RESOURCE_EXHAUSTED, counted, while `max_send_queue_bytes` are unsent; UNAVAILABLE when
  /// the socket is closed or closing.
  Status SendText(std::string text);
  /// As SendText, for a text that many sockets get. Shared. [any] [callback]
  Status SendText(std::shared_ptr<const std::string> text);
  /// As SendText. [any] [callback]
  Status SendBinary(std::string bytes);
  /// Queues a ping; at most 125 bytes. [any] [callback]
  /// Errors: as SendText; INVALID_ARGUMENT when `payload` is too long.
  Status Ping(std::string payload);
  /// Sends what is queued, then the close frame; what the peer still sends is dropped. [any]
  /// [callback]
  void Close(std::uint16_t code, std::string_view reason);
  void Abort();          // resets the connection; OnClosed comes with 1006 [any] [callback]
  void StopReading();    // after the message that is being read [any] [callback]
  void ResumeReading();  // [any] [callback]
  /// Simulated half-open link: nothing is read, answered or sent any more and no event comes, until
  /// Abort or the end of the server; sends are taken and dropped. [any] [callback]
  void SilentlyStall();
  /// Simulated dumb server: nothing is sent any more, no pong and no close frame either; what comes
  /// is read and told as ever. Sends are taken and dropped. [any] [callback]
  void SilentlyHush();
  std::size_t unsent_bytes() const noexcept;  // [any] [callback]
  bool open() const noexcept;                 // neither closed nor closing [any] [callback]

 private:
  friend class detail::SocketSession;
  std::shared_ptr<detail::SocketBuffer> buffer_;
};

/// What a socket tells. Called on the loop, one at a time: must not block. Pings of the peer are
/// answered for it; OnPong also comes for the pings of the server itself, with nothing in them.
/// What a call throws is logged and counted, and closes the socket with 1011.
class SocketEvents {
 public:
  virtual ~SocketEvents() = default;
  virtual void OnOpen(ServerSocket socket) = 0;
  /// Valid UTF-8; borrowed until it returns.
  virtual void OnText(std::string_view text) = 0;
  virtual void OnBinary(std::string_view bytes) { static_cast<void>(bytes); }
  virtual void OnPing(std::string_view payload) { static_cast<void>(payload); }
  virtual void OnPong(std::string_view payload) { static_cast<void>(payload); }
  /// Last, once, after OnOpen. `code` 1006: cut, and `reason` says how.
  virtual void OnClosed(std::uint16_t code, std::string_view reason) = 0;
};

}  // namespace virtufin::inline v0::net
