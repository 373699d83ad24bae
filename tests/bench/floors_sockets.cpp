// Floors of sockets: the system's calls and the least that must be looked at.
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "bench/floors.hpp"

namespace floors {

std::uint64_t ReadFrames(int fd, std::size_t frames) {
  std::string buffer(64 * 1024, '\0');
  std::uint64_t sum = 0;
  std::size_t begin = 0, end = 0;
  while (frames > 0) {
    const auto* p = reinterpret_cast<const unsigned char*>(buffer.data()) + begin;
    const std::size_t left = end - begin;
    const std::size_t head = left < 2 || p[1] < 126 ? 2 : p[1] == 126 ? 4 : 10;
    std::size_t size = left < 2 ? 0 : p[1];
    if (left >= head && head > 2) {
      size = 0;
      for (std::size_t i = 2; i < head; ++i) size = size << 8 | p[i];
    }
    if (left >= head && left - head >= size) {
      sum += size + p[head];
      begin += head + size;
      --frames;
      continue;
    }
    std::memmove(buffer.data(), buffer.data() + begin, left);
    begin = 0;
    const ssize_t got = recv(fd, buffer.data() + left, buffer.size() - left, 0);
    if (got <= 0) return 0;
    end = left + static_cast<std::size_t>(got);
  }
  return sum;
}

std::uint64_t AnswerRequests(int fd) {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nhello";
  std::string buffer(64 * 1024, '\0'), out;
  std::uint64_t answered = 0;
  std::size_t kept = 0;
  while (true) {
    const ssize_t got = recv(fd, buffer.data() + kept, buffer.size() - kept, 0);
    if (got <= 0) return answered;
    const char* at = buffer.data();
    const char* const end = at + kept + static_cast<std::size_t>(got);
    out.clear();
    while (const auto* found = static_cast<const char*>(
               memmem(at, static_cast<std::size_t>(end - at), "\r\n\r\n", 4))) {
      at = found + 4;
      out += answer;
      ++answered;
    }
    kept = static_cast<std::size_t>(end - at);
    std::memmove(buffer.data(), at, kept);
    if (!out.empty() && send(fd, out.data(), out.size(), MSG_NOSIGNAL) < 0) return answered;
  }
}

}  // namespace floors
