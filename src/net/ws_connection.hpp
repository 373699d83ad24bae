// One WebSocket as libwebsockets sees it: opening, reading, writing, ending.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "net/loop_impl.hpp"
#include "net/url.hpp"
#include "net/web_socket.hpp"

namespace virtufin::inline v0::net {

/// On the loop's thread only. Kept by the loop until it has ended and libwebsockets has let go of
/// it.
class WsConnection final : public LoopGuest, public std::enable_shared_from_this<WsConnection> {
 public:
  WsConnection(NetLoop::Impl& impl, Url url, std::string shown, const WebSocketOptions& options,
               lws_vhost* vhost, WebSocketHandler& handler);

  void Begin();
  void DropHandler() noexcept { handler_ = nullptr; }
  enum class Frame : std::uint8_t { kText, kBinary, kPing, kClose };
  bool Send(Frame frame, const void* data, std::size_t size);
  void Close(std::uint16_t code, std::string_view reason);
  void PauseReading(bool paused);
  bool open() const noexcept { return state_ == State::kOpen; }
  std::size_t unsent_bytes() const noexcept { return unsent_bytes_; }
  void OnLoopStop() override;

  // From libwebsockets; what it returns goes back to it: -1 closes.
  void Attach(lws* wsi) noexcept {
    if (wsi_ == nullptr && state_ == State::kConnecting) wsi_ = wsi;
  }
  void OnUpgraded();
  int OnEstablished();
  int OnReceive(const char* in, std::size_t len);
  int OnPong(const char* in, std::size_t len);
  int OnWritable();
  int OnPeerClose(const unsigned char* in, std::size_t len);
  void OnLost();
  void OnConnectError(std::string_view reason);
  void OnVerify(void* store_context);
  int AppendHeaders(unsigned char** out, std::size_t room);

 private:
  enum class State : std::uint8_t { kResolving, kConnecting, kOpen, kClosing, kEnded };
  struct Out {
    Frame frame;
    std::string data;  // behind LWS_PRE bytes of room
  };

  void OnAddresses(Result<std::vector<std::string>> addresses);
  void ConnectNext();
  void Tick();
  void TickOpen(std::int64_t now_us);
  void ScheduleOpen();
  void ScheduleTick(std::int64_t in_us);
  static void OnTimer(lws_sorted_usec_list_t* sul);
  void NoticeBytes(std::int64_t now_us);
  struct Kernel {
    std::uint64_t received = 0, acked = 0;  // bytes
  };
  Kernel KernelBytes() const;
  int Deliver(const char* in, std::size_t len, bool binary);
  int Fail(StatusCode code, std::uint16_t close_code, std::string_view reason);
  void End(StatusCode code, std::string_view reason);
  void LetGo();
  void QueueClose(std::uint16_t code, std::string_view reason);
  void SetSocketOptions();
  ReceiveTime ReadTime();
  std::string ConnectReason(std::string_view from_lws) const;

  NetLoop::Impl& impl_;
  Url url_;
  std::string shown_;  // redacted
  WebSocketOptions options_;
  lws_vhost* vhost_;
  WebSocketHandler* handler_;

  State state_ = State::kResolving;
  lws* wsi_ = nullptr;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  std::string tls_error_;  // why the certificate was refused
  bool opened_ = false, paused_ = false, received_ = false, peer_closed_ = false;
  bool lingers_ = false;  // ended for the handler, a close frame still goes out
  std::string subprotocol_;
  std::uint16_t close_code_ = 0;
  std::string close_reason_;  // the peer's
  int http_status_ = 0;

  std::string message_;  // parts of a message that came in parts
  bool message_binary_ = false;
  ReceiveTime read_time_;
  std::uint64_t read_turn_ = 0;

  std::deque<Out> out_;
  std::size_t unsent_bytes_ = 0;
  std::int64_t waits_since_us_ = 0;  // for the peer to take bytes; 0: it has taken all

  struct Timer {
    lws_sorted_usec_list_t sul{};
    WsConnection* self = nullptr;
  } timer_;
  std::int64_t deadline_us_ = 0;          // of opening, or of closing
  std::int64_t attempt_deadline_us_ = 0;  // of the address being tried
  std::int64_t last_byte_us_ = 0, last_ping_us_ = 0;
  Kernel kernel_;
};

}  // namespace virtufin::inline v0::net
