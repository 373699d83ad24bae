// Asks Linux; apart, because <linux/tcp.h> and <netinet/tcp.h> exclude each other.
#include "net/tcp_progress.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace virtufin::inline v0::net {

std::uint64_t AckedBytes(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof(info);
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_acked : 0;
}

}  // namespace virtufin::inline v0::net
