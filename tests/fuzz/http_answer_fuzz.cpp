// Whatever a server answers: the HTTP client gives one answer or one error, within its limits.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/check.hpp"
#include "net/http_client.hpp"

using namespace virtufin;

namespace {

constexpr std::size_t kMaxBody = 4096, kMaxHeader = 2048;

/// A client, and the server's end of its connections, which gets the bytes.
class Harness {
 public:
  Harness() : client_(net::HttpClient::Create({}).value()) {
    FUZZ_CHECK(client_->Start().ok());
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    FUZZ_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    FUZZ_CHECK(listen(listener_, 1) == 0);
    FUZZ_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/depth?symbol=X";
    const net::HttpResponse good = Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    FUZZ_CHECK(good.error.ok() && good.status == 200 && good.body == "ok");
  }

  net::HttpResponse Answer(std::string_view bytes) {
    net::HttpRequest request;
    request.url = url_;
    request.headers = {{"Connection", "close"}};
    request.max_body_bytes = kMaxBody;
    request.max_header_bytes = kMaxHeader;
    std::optional<net::HttpResponse> answer;
    client_->Send(std::move(request), [&](net::HttpResponse response) {
      std::lock_guard lock(mutex_);
      FUZZ_CHECK(!answer.has_value());
      answer = std::move(response);
      changed_.notify_all();
    });
    // libFuzzer has a timer that interrupts system calls.
    const int fd = TEMP_FAILURE_RETRY(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    FUZZ_CHECK(fd >= 0);
    std::string asked;  // read, so that the end below is no reset
    char piece[1024];
    while (asked.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = TEMP_FAILURE_RETRY(recv(fd, piece, sizeof(piece), 0));
      FUZZ_CHECK(got > 0);
      asked.append(piece, static_cast<std::size_t>(got));
    }
    while (!bytes.empty()) {
      const ssize_t sent = TEMP_FAILURE_RETRY(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent <= 0) break;  // it has seen enough
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    shutdown(fd, SHUT_WR);
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return answer.has_value(); });
    }
    // Linger 0: thousands of these leave no port behind.
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
    return std::move(*answer);
  }

 private:
  std::unique_ptr<net::HttpClient> client_;
  int listener_ = -1;
  std::string url_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  static Harness& harness = *new Harness;  // one thread for all inputs
  const net::HttpResponse answer = harness.Answer({reinterpret_cast<const char*>(data), size});
  if (!answer.error.ok()) {
    FUZZ_CHECK(answer.status == 0);
    FUZZ_CHECK(answer.body.empty());
    FUZZ_CHECK(answer.headers.empty());
    FUZZ_CHECK(!answer.error.message().empty());
    return 0;
  }
  FUZZ_CHECK(answer.status >= 100 && answer.status <= 999);
  FUZZ_CHECK(answer.body.size() <= kMaxBody);
  std::size_t header_bytes = 0;
  for (const auto& [name, value] : answer.headers) {
    header_bytes += name.size() + value.size();
    for (char c : name) FUZZ_CHECK(c < 'A' || c > 'Z');
  }
  FUZZ_CHECK(header_bytes <= kMaxHeader);
  return 0;
}
