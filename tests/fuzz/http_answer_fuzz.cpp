// Whatever a server answers: the HTTP client gives one answer or one error, within its limits.
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "fuzz/check.hpp"
#include "net/http_client.hpp"

using namespace virtufin;

namespace {

constexpr std::size_t kMaxBody = 4096, kMaxHeader = 2048;

/// A client that is connected to one end of a pair of sockets; the other end gets the bytes.
class Harness {
 public:
  Harness() {
    net::HttpClientOptions options;
    options.connected_socket = [this] { return std::exchange(client_end_, -1); };
    client_ = net::HttpClient::Create(std::move(options)).value();
    FUZZ_CHECK(client_->Start().ok());
  }

  net::HttpResponse Answer(const std::uint8_t* data, std::size_t size) {
    int ends[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    client_end_ = ends[0];
    // All of it fits into the socket's buffer; then the stream ends.
    FUZZ_CHECK(send(ends[1], data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size));
    shutdown(ends[1], SHUT_WR);
    net::HttpRequest request;
    request.url = "http://192.0.2.1/depth?symbol=X";
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
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answer.has_value(); });
    close(ends[1]);
    return std::move(*answer);
  }

 private:
  int client_end_ = -1;
  std::unique_ptr<net::HttpClient> client_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  static Harness& harness = *new Harness;  // one thread for all inputs
  const net::HttpResponse answer = harness.Answer(data, size);
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
