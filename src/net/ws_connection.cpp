// Reads, writes and ends open WebSockets.
#include "net/ws_connection.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0::net {
namespace {

constexpr std::size_t kKeptMessageBytes = std::size_t{256} << 10;

lws_write_protocol LwsKind(WsConnection::Frame frame) {
  switch (frame) {
    case WsConnection::Frame::kBinary:
      return LWS_WRITE_BINARY;
    case WsConnection::Frame::kPing:
      return LWS_WRITE_PING;
    default:
      return LWS_WRITE_TEXT;
  }
}

}  // namespace

WsConnection::WsConnection(NetLoop::Impl& impl, Url url, std::string shown,
                           const WebSocketOptions& options, lws_vhost* vhost,
                           WebSocketHandler& handler)
    : impl_(impl),
      url_(std::move(url)),
      shown_(std::move(shown)),
      options_(options),
      vhost_(vhost),
      handler_(&handler) {
  timer_.self = this;
}

// ---- opening and ending

void WsConnection::OnUpgraded() {
  char protocol[128];
  const int size = lws_hdr_copy(wsi_, protocol, sizeof(protocol), WSI_TOKEN_PROTOCOL);
  if (size > 0) subprotocol_.assign(protocol, static_cast<std::size_t>(size));
}

int WsConnection::OnEstablished() {
  if (state_ != State::kConnecting) return -1;  // closed meanwhile
  state_ = State::kOpen;
  opened_ = true;
  attempt_deadline_us_ = 0;
  SetSocketOptions();
  last_byte_us_ = last_ping_us_ = lws_now_usecs();
  kernel_ = KernelBytes();
  ScheduleOpen();
  if (paused_) lws_rx_flow_control(wsi_, 0);
  if (handler_ != nullptr) handler_->OnOpen(subprotocol_);
  return 0;
}

void WsConnection::SetSocketOptions() {
  const int fd = lws_get_socket_fd(wsi_);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (options_.tcp_user_timeout_ms > 0) {
    const auto timeout = static_cast<unsigned>(options_.tcp_user_timeout_ms);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
  }
}

int WsConnection::Fail(StatusCode code, std::uint16_t close_code, std::string_view reason) {
  close_code_ = close_code;
  out_.clear();
  QueueClose(close_code, reason);
  lingers_ = true;  // libwebsockets sends no close frame when a read callback fails
  lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_REASON_BASE,
                  static_cast<int>(options_.close_timeout_ms / 1000) + 1);
  End(code, reason);
  return 0;
}

/// The one place where a handler hears that it is over.
void WsConnection::End(StatusCode code, std::string_view reason) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  lws_sul_schedule(impl_.context, 0, &timer_.sul, &OnTimer, LWS_SET_TIMER_USEC_CANCEL);
  if (!lingers_) LetGo();
  if (WebSocketHandler* handler = std::exchange(handler_, nullptr)) {
    WebSocketEnd end;
    end.status = Status(code, "net",
                        (opened_ ? "the socket to " : "cannot open ") + shown_ +
                            (opened_ ? " ended: " : ": ") + std::string(reason));
    end.opened = opened_;
    end.close_code = close_code_;
    end.http_status = http_status_ == 101 ? 0 : http_status_;
    handler->OnClosed(end);
  }
  if (wsi_ == nullptr) impl_.Forget(this);
}

/// libwebsockets ends what is left of the connection; we hear no more of it.
void WsConnection::LetGo() {
  if (wsi_ == nullptr) return;
  lws_set_opaque_user_data(wsi_, nullptr);
  lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
  wsi_ = nullptr;
}

void WsConnection::OnLoopStop() {
  lingers_ = false;
  LetGo();
  End(StatusCode::kCancelled, "the net loop was stopped");
}

int WsConnection::OnPeerClose(const unsigned char* in, std::size_t len) {
  if (len >= 2) {
    close_code_ = static_cast<std::uint16_t>(in[0] << 8 | in[1]);
    close_reason_.assign(reinterpret_cast<const char*>(in + 2), len - 2);
    for (char& c : close_reason_) {
      if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
    }
    if (!IsUtf8(close_reason_)) close_reason_ = "(no UTF-8)";
  }
  if (state_ == State::kOpen) {
    state_ = State::kClosing;
    peer_closed_ = true;
    deadline_us_ = lws_now_usecs() + options_.close_timeout_ms * 1000;
    ScheduleTick(options_.close_timeout_ms * 1000);
  }
  return 0;  // libwebsockets answers with the same code
}

void WsConnection::OnLost() {
  wsi_ = nullptr;  // libwebsockets frees it
  if (state_ == State::kEnded) {
    impl_.Forget(this);
    return;
  }
  if (state_ == State::kConnecting || state_ == State::kResolving) {
    OnConnectError({});
    return;
  }
  if (peer_closed_) {
    End(StatusCode::kUnavailable,
        "closed by the peer" +
            (close_code_ == 0 ? std::string() : " with " + std::to_string(close_code_)) +
            (close_reason_.empty() ? std::string() : " (" + close_reason_ + ")"));
  } else if (state_ == State::kClosing) {
    End(StatusCode::kCancelled, "closed");
  } else {
    End(StatusCode::kUnavailable, "the peer ended it without a close frame");
  }
}

void WsConnection::Close(std::uint16_t code, std::string_view reason) {
  if (state_ == State::kEnded || state_ == State::kClosing) return;
  if (state_ != State::kOpen) {
    // Not from inside: the caller may not expect OnClosed before this returns.
    state_ = State::kClosing;
    impl_.PostAlways([self = shared_from_this()] { self->End(StatusCode::kCancelled, "closed"); });
    return;
  }
  state_ = State::kClosing;
  deadline_us_ = lws_now_usecs() + options_.close_timeout_ms * 1000;
  ScheduleTick(options_.close_timeout_ms * 1000);
  if (paused_) PauseReading(false);  // or the peer's close frame would not be read
  QueueClose(code, reason);
}

void WsConnection::QueueClose(std::uint16_t code, std::string_view reason) {
  Out out{Frame::kClose, std::string(LWS_PRE, '\0')};
  out.data += static_cast<char>(code >> 8);
  out.data += static_cast<char>(code & 0xff);
  out.data += CutUtf8(reason, 123);
  out_.push_back(std::move(out));
  lws_callback_on_writable(wsi_);
}

// ---- reading

ReceiveTime WsConnection::ReadTime() {
  if (read_turn_ != impl_.turn) {
    read_turn_ = impl_.turn;
    read_time_ = impl_.Now();
  }
  received_ = true;
  return read_time_;
}

int WsConnection::OnReceive(const char* in, std::size_t len) {
  if (state_ != State::kOpen || impl_.stop_asked) return 0;  // Stop ends it in this round
  const bool first = lws_is_first_fragment(wsi_) != 0;
  const bool last = lws_is_final_fragment(wsi_) != 0;
  if (first) {
    message_.clear();
    message_binary_ = lws_frame_is_binary(wsi_) != 0;
  }
  const std::size_t known = message_.size() + len + lws_remaining_packet_payload(wsi_);
  if (known > options_.max_message_bytes) {
    return Fail(StatusCode::kResourceExhausted, 1009,
                "expected messages of at most " + std::to_string(options_.max_message_bytes) +
                    " bytes, found " + std::to_string(known));
  }
  // A message in one part lies in the read buffer, which ends at least kBufferPadding behind it.
  if (first && last && len + kBufferPadding <= kLwsBufferBytes) {
    return Deliver(in, len, message_binary_);
  }
  message_.append(in, len);
  if (!last) {
    received_ = true;
    return 0;
  }
  const std::size_t size = message_.size();
  message_.append(kBufferPadding, '\0');
  const int answer = Deliver(message_.data(), size, message_binary_);
  message_.clear();
  if (message_.capacity() > kKeptMessageBytes) message_.shrink_to_fit();
  return answer;
}

int WsConnection::Deliver(const char* in, std::size_t len, bool binary) {
  const ReceiveTime time = ReadTime();
  if (!binary && !IsUtf8({in, len})) {
    return Fail(StatusCode::kDataLoss, 1007, "expected text in UTF-8");
  }
  if (handler_ == nullptr) return 0;
  if (binary) {
    handler_->OnBinary(AsBytes({in, len}), time);
  } else {
    handler_->OnText({in, len}, time);
  }
  return 0;
}

int WsConnection::OnPong(const char* in, std::size_t len) {
  if (state_ != State::kOpen || impl_.stop_asked) return 0;
  const ReceiveTime time = ReadTime();
  if (handler_ != nullptr) handler_->OnPong(AsBytes({in, len}), time);
  return 0;
}

void WsConnection::PauseReading(bool paused) {
  if (paused_ == paused || state_ == State::kEnded) return;
  paused_ = paused;
  if (opened_ && wsi_ != nullptr) lws_rx_flow_control(wsi_, paused ? 0 : 1);
}

// ---- writing

bool WsConnection::Send(Frame frame, const void* data, std::size_t size) {
  if (state_ != State::kOpen || unsent_bytes_ + size > options_.max_send_bytes) return false;
  Out out{frame, std::string()};
  out.data.reserve(LWS_PRE + size);
  out.data.assign(LWS_PRE, '\0');
  out.data.append(static_cast<const char*>(data), size);
  unsent_bytes_ += size;
  out_.push_back(std::move(out));
  if (waits_since_us_ == 0) waits_since_us_ = lws_now_usecs();
  lws_callback_on_writable(wsi_);
  return true;
}

int WsConnection::OnWritable() {
  if (state_ == State::kEnded && out_.empty()) return -1;
  waits_since_us_ = 0;
  if (out_.empty() || peer_closed_) return 0;
  Out out = std::move(out_.front());
  out_.pop_front();
  auto* data = reinterpret_cast<unsigned char*>(out.data.data()) + LWS_PRE;
  const std::size_t size = out.data.size() - LWS_PRE;
  if (out.frame == Frame::kClose) {
    const auto code = static_cast<lws_close_status>(data[0] << 8 | data[1]);
    lws_close_reason(wsi_, code, data + 2, size - 2);
    return -1;
  }
  unsent_bytes_ -= size;
  if (lws_write(wsi_, data, size, LwsKind(out.frame)) < 0) return -1;
  // Called again once the system has taken all of it: until then the peer is waited for.
  waits_since_us_ = lws_now_usecs();
  lws_callback_on_writable(wsi_);
  return 0;
}

}  // namespace virtufin::inline v0::net
