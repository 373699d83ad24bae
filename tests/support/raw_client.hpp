// A client made of a socket alone, that says what no well-behaved client says.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace virtufin {

// One answer as it came.
struct RawAnswer {
  int status = 0;  // 0: the connection ended before a whole header
  std::string head;
  std::string body;  // without chunk framing
  bool complete = false;

  bool Has(std::string_view line) const {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd_ >= 0);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const timeval limit{60, 0};  // a hang fails instead of lasting
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the server has closed meanwhile.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool SendBytewise(std::string_view bytes) {
    for (const char& c : bytes) {
      if (!Send({&c, 1})) return false;
    }
    return true;
  }
  void HalfClose() { ::shutdown(fd_, SHUT_WR); }
  void Reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

  // Reads one more piece; false at the end.
  bool Fill() {
    char piece[16384];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) FAIL("the server says nothing");
    if (n <= 0) return false;
    unread_.append(piece, static_cast<std::size_t>(n));
    return true;
  }
  bool FillTo(std::size_t bytes) {
    while (unread_.size() < bytes) {
      if (!Fill()) return false;
    }
    return true;
  }
  std::string Take(std::size_t bytes) {
    std::string taken = unread_.substr(0, bytes);
    unread_.erase(0, taken.size());
    return taken;
  }
  // Up to and with `end`; what there is when the connection ends before.
  std::string TakeUntil(std::string_view end) {
    std::size_t at;
    while ((at = unread_.find(end)) == std::string::npos) {
      if (!Fill()) return Take(unread_.size());
    }
    return Take(at + end.size());
  }
  // Everything until the server closes; true when it did so in order.
  bool AtEnd() {
    if (!unread_.empty()) return false;
    char one;
    return ::recv(fd_, &one, 1, 0) == 0;
  }
  std::string TakeAll() {
    while (Fill()) {
    }
    return Take(unread_.size());
  }

  RawAnswer Answer(bool to_head = false) {
    RawAnswer answer;
    answer.head = TakeUntil("\r\n\r\n");
    if (answer.head.size() < 12 || answer.head.compare(0, 9, "HTTP/1.1 ") != 0) return answer;
    answer.status = std::atoi(answer.head.c_str() + 9);
    if (to_head || answer.status == 204 || answer.status == 304 || answer.status < 200) {
      answer.complete = true;
    } else if (answer.Has("Transfer-Encoding: chunked")) {
      answer.complete = TakeChunks(answer.body);
    } else if (const std::size_t at = answer.head.find("\r\nContent-Length: ");
               at != std::string::npos) {
      const std::size_t length = std::strtoull(answer.head.c_str() + at + 18, nullptr, 10);
      answer.complete = FillTo(length);
      answer.body = Take(length);
    } else {
      answer.body = TakeAll();
      answer.complete = true;
    }
    return answer;
  }

 private:
  bool TakeChunks(std::string& body) {
    while (true) {
      const std::string line = TakeUntil("\r\n");
      std::size_t size = 0;
      const auto parsed = std::from_chars(line.data(), line.data() + line.size(), size, 16);
      if (parsed.ec != std::errc() || !FillTo(size + 2)) return false;
      body += Take(size);
      if (Take(2) != "\r\n") return false;
      if (size == 0) return true;
    }
  }

  int fd_ = -1;
  std::string unread_;
};

}  // namespace virtufin
