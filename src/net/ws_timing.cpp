// The time limits of WebSockets, and how one is found whose peer is gone.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "net/ws_connection.hpp"

namespace virtufin::inline v0::net {
namespace {

constexpr std::int64_t kMaxTickUs = 1'000'000;

}  // namespace

void WsConnection::ScheduleTick(std::int64_t in_us) {
  lws_sul_schedule(impl_.context, 0, &timer_.sul, &OnTimer, std::max<std::int64_t>(in_us, 1));
}

void WsConnection::OnTimer(lws_sorted_usec_list_t* sul) {
  reinterpret_cast<Timer*>(sul)->self->Tick();
}

void WsConnection::Tick() {
  const std::shared_ptr<WsConnection> self = shared_from_this();
  const std::int64_t now = lws_now_usecs();
  switch (state_) {
    case State::kResolving:
    case State::kConnecting:
      if (now >= deadline_us_) {
        End(StatusCode::kDeadlineExceeded,
            "not open within " + std::to_string(options_.connect_timeout_ms) + " ms");
      } else if (attempt_deadline_us_ != 0 && now >= attempt_deadline_us_ &&
                 next_address_ < addresses_.size()) {
        LetGo();
        ConnectNext();
      } else {
        ScheduleTick((attempt_deadline_us_ > now ? attempt_deadline_us_ : deadline_us_) - now);
      }
      break;
    case State::kOpen:
      TickOpen(now);
      break;
    case State::kClosing:
      if (now < deadline_us_) {
        ScheduleTick(deadline_us_ - now);
      } else if (peer_closed_) {
        LetGo();
        OnLost();
      } else {
        End(StatusCode::kCancelled, "closed; the peer did not answer the close frame");
      }
      break;
    case State::kEnded:
      break;
  }
}

WsConnection::Kernel WsConnection::KernelBytes() const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  const int fd = lws_get_socket_fd(wsi_);
  if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return kernel_;
  return {info.tcpi_bytes_received, info.tcpi_bytes_acked};
}

/// libwebsockets answers pings by itself and says nothing of it: the system counts what came.
void WsConnection::NoticeBytes(std::int64_t now_us) {
  const Kernel before = std::exchange(kernel_, KernelBytes());
  const bool more = before.received != kernel_.received;
  // A large message goes out over a long time; a peer that takes some of it is there.
  if (before.acked != kernel_.acked && waits_since_us_ != 0) waits_since_us_ = now_us;
  const bool told = std::exchange(received_, false);
  if (more || told || paused_) last_byte_us_ = now_us;  // what is not read does not count
  if (more && !told && handler_ != nullptr) handler_->OnSignOfLife(impl_.Now());
}

void WsConnection::TickOpen(std::int64_t now) {
  const std::int64_t ping_us = options_.ping_interval_ms * 1000;
  const std::int64_t silence_us = options_.silence_limit_ms * 1000;
  NoticeBytes(now);
  if (state_ != State::kOpen) return;
  if (silence_us > 0 && now - last_byte_us_ >= silence_us) {
    End(StatusCode::kDeadlineExceeded,
        "no byte from the peer for " + std::to_string(options_.silence_limit_ms) + " ms");
    return;
  }
  if (options_.write_timeout_ms > 0 && waits_since_us_ != 0 &&
      now - waits_since_us_ >= options_.write_timeout_ms * 1000) {
    End(StatusCode::kDeadlineExceeded,
        "the peer took no byte for " + std::to_string(options_.write_timeout_ms) + " ms");
    return;
  }
  if (ping_us > 0 && now - last_ping_us_ >= ping_us) {
    last_ping_us_ = now;
    Send(Frame::kPing, "", 0);
  }
  ScheduleOpen();
}

void WsConnection::ScheduleOpen() {
  std::int64_t next = kMaxTickUs;
  for (const std::int64_t limit_ms :
       {options_.ping_interval_ms, options_.silence_limit_ms, options_.write_timeout_ms}) {
    if (limit_ms > 0) next = std::min(next, std::max<std::int64_t>(limit_ms * 250, 1000));
  }
  ScheduleTick(next);
}

}  // namespace virtufin::inline v0::net
