// Any bytes of a client: the parser cuts the same requests out of them however they come in pieces,
// and a running server answers or closes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/check.hpp"
#include "net/http_server.hpp"
#include "net/request_parser.hpp"

using namespace virtufin;

namespace {

constexpr std::size_t kMaxBody = 4096;

// What a parser makes of the bytes, as text: every request, and how it ended.
std::string Story(std::string_view bytes, std::size_t piece) {
  net::RequestLimits limits;
  limits.max_header_bytes = 2048;
  limits.max_fields = 20;
  limits.max_body_bytes = kMaxBody;
  net::RequestParser parser(limits);
  std::string story;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (true) {
    std::size_t used = 0;
    const auto step = parser.Put(bytes.substr(begin, end - begin), used);
    FUZZ_CHECK(used <= end - begin);
    begin += used;
    const net::IncomingRequest& request = parser.request();
    FUZZ_CHECK(request.body.size() <= kMaxBody);
    if (step == net::RequestParser::Step::kBad) {
      FUZZ_CHECK(parser.status() >= 400 && parser.status() < 600);
      FUZZ_CHECK(!parser.reason().empty());
      return story + "bad";
    }
    if (step == net::RequestParser::Step::kHeader) {
      FUZZ_CHECK(net::IsToken(request.method));
      FUZZ_CHECK(!request.target.empty());
      FUZZ_CHECK(request.minor_version == 0 || request.minor_version == 1);
      for (const net::HttpField& field : request.fields) {
        FUZZ_CHECK(net::IsToken(field.name));
        FUZZ_CHECK(net::IsFieldValue(field.value));
      }
    } else if (step == net::RequestParser::Step::kBody) {
      story += request.method + ' ' + request.target + ' ' + std::to_string(request.fields.size()) +
               ' ' + request.body + (parser.keep_alive() ? "+" : "-") + '\n';
      parser.Reset();
    } else if (end < bytes.size()) {
      end = std::min(bytes.size(), end + piece);
    } else {
      return story + (begin == end ? "end" : "more");
    }
  }
}

class Echo : public net::HttpHandler {
 public:
  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override {
    net::HttpAnswer answer;
    answer.body = std::move(request.body);
    responder.Send(std::move(answer));
  }
};

// Sends all in two pieces, ends, and reads until the server closes.
void AskServer(std::string_view bytes, std::size_t first) {
  static Echo echo;
  static const std::unique_ptr<net::HttpServer> server = [] {
    auto made = net::HttpServer::Create({}, echo).value();
    FUZZ_CHECK(made->Start().ok());
    return made;
  }();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  FUZZ_CHECK(fd >= 0);
  const timeval limit{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server->port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  FUZZ_CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  for (std::string_view part : {bytes.substr(0, first), bytes.substr(first)}) {
    while (!part.empty()) {
      const ssize_t n = ::send(fd, part.data(), part.size(), MSG_NOSIGNAL);
      if (n <= 0) break;  // refused, and closed
      part.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  ::shutdown(fd, SHUT_WR);
  std::string answer;
  char piece[4096];
  ssize_t n;
  while ((n = ::recv(fd, piece, sizeof piece, 0)) > 0) {
    if (answer.size() < 64) answer.append(piece, static_cast<std::size_t>(n));
  }
  FUZZ_CHECK(n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK));
  FUZZ_CHECK(answer.empty() || answer.compare(0, 9, "HTTP/1.1 ") == 0);
  // Linger 0: thousands of these leave no port behind.
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > 65'536) return 0;
  const std::string whole = Story(bytes, std::max<std::size_t>(size, 1));
  FUZZ_CHECK(Story(bytes, 1) == whole);
  FUZZ_CHECK(Story(bytes, 7) == whole);
  AskServer(bytes, size == 0 ? 0 : data[0] % size);
  return 0;
}
