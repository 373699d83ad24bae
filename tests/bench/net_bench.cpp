// What network traffic costs the thread that serves it: WebSocket frames that come in, small
// answers of the HTTP server; each against the same bytes on a bare socket.
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"
#include "net/web_socket.hpp"
#include "support/gate.hpp"
#include "support/scripted_peer.hpp"

using namespace virtufin;

namespace {

constexpr int kBatches = 9;
constexpr int kFrames = 100'000;
constexpr int kRequests = 20'000;

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  return fd;
}

// ---- WebSocket frames, inbound

/// Sends kFrames frames as fast as they are taken.
void SendFrames(test::PeerLink& link, std::size_t size) {
  const std::string frame = test::PeerLink::Frame(1, std::string(size, 'x'));
  const int at_once = static_cast<int>(60'000 / frame.size());
  std::string batch;
  for (int i = 0; i < at_once; ++i) batch += frame;
  for (int sent = 0; sent < kFrames; sent += at_once) {
    const auto left = static_cast<std::size_t>(std::min(at_once, kFrames - sent));
    link.Write(std::string_view(batch).substr(0, frame.size() * left));
  }
}

struct Counting final : net::WebSocketHandler {
  void OnOpen(std::string_view) override { started_ns = bench::detail::ThreadNs(); }
  void OnText(std::string_view, const net::ReceiveTime&) override {
    if (++frames != kFrames) return;
    used_ns = bench::detail::ThreadNs() - started_ns;
    done.Open();
  }
  void OnBinary(ByteView, const net::ReceiveTime&) override {}
  void OnPong(ByteView, const net::ReceiveTime&) override {}
  void OnSignOfLife(const net::ReceiveTime&) override {}
  void OnClosed(const net::WebSocketEnd&) override { done.Open(); }
  int frames = 0;
  double started_ns = 0, used_ns = 0;
  test::Gate done;
};

double OursNs(std::size_t size) {
  Counting handler;
  test::ScriptedPeer peer([&](test::PeerLink& link, int) {
    link.Upgrade();
    SendFrames(link, size);
    link.ReadFrame();
  });
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  std::unique_ptr<net::WebSocket> socket;
  loop->Post([&] { socket = net::WebSocket::Open(*loop, peer.Url("ws"), {}, handler).value(); });
  if (!loop->Start().ok() || !handler.done.Wait() || handler.frames != kFrames) std::abort();
  loop->Post([&] { socket.reset(); });
  if (!loop->Stop(std::chrono::seconds(30)).ok()) std::abort();
  return handler.used_ns / kFrames;
}

double BareNs(std::size_t size) {
  test::ScriptedPeer peer([&](test::PeerLink& link, int) { SendFrames(link, size); });
  const int fd = Connect(peer.port());
  const double started_ns = bench::detail::ThreadNs();
  if (floors::ReadFrames(fd, kFrames) == 0) std::abort();
  const double used_ns = bench::detail::ThreadNs() - started_ns;
  close(fd);
  return used_ns / kFrames;
}

void InboundFrames(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const bench::Ratio result = bench::ReportRatio(
      state, 0, [&] { return OursNs(size); }, [&] { return BareNs(size); }, kBatches);
  state.counters["frames_per_core_s"] = 1e9 / result.ours_ns;
}
VIRTUFIN_RATIO(InboundFrames)->Arg(200)->Arg(1000);

// ---- small answers of the HTTP server

/// `ahead` requests at a time, and their answers; all have one length.
void Ask(int fd, int ahead) {
  const std::string request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::string requests, answers(64 * 1024, '\0');
  for (int i = 0; i < ahead; ++i) requests += request;
  std::size_t answer_bytes = 0;
  for (int asked = 0; asked < kRequests; asked += answer_bytes == 0 ? 1 : ahead) {
    const std::string_view out(requests.data(),
                               answer_bytes == 0 ? request.size() : requests.size());
    if (send(fd, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) {
      std::abort();
    }
    std::size_t wanted = answer_bytes == 0 ? 1 : answer_bytes * static_cast<std::size_t>(ahead);
    while (wanted > 0) {
      const ssize_t got = recv(fd, answers.data(), answers.size(), 0);
      if (got <= 0) std::abort();
      if (answer_bytes == 0) answer_bytes = wanted = static_cast<std::size_t>(got);
      wanted -= std::min(wanted, static_cast<std::size_t>(got));
    }
  }
}

class Hello final : public net::HttpHandler {
 public:
  void OnRequest(net::IncomingRequest, net::HttpResponder responder) override {
    net::HttpAnswer answer;
    answer.body = "hello";
    responder.Send(std::move(answer));
  }
};

double LoopNs(net::HttpServer& server) {
  test::Gate done;
  double now_ns = 0;
  server.After(std::chrono::nanoseconds(0), [&] {
    now_ns = bench::detail::ThreadNs();
    done.Open();
  });
  if (!done.Wait()) std::abort();
  return now_ns;
}

double ServerNs(net::HttpServer& server, int ahead) {
  const int fd = Connect(server.port());
  const double started_ns = LoopNs(server);
  Ask(fd, ahead);
  const double used_ns = LoopNs(server) - started_ns;
  close(fd);
  return used_ns / kRequests;
}

double BareServerNs(int ahead) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  double used_ns = 0;
  std::thread server([&] {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const double started_ns = bench::detail::ThreadNs();
    floors::AnswerRequests(fd);
    used_ns = bench::detail::ThreadNs() - started_ns;
    close(fd);
  });
  const int fd = Connect(ntohs(address.sin_port));
  Ask(fd, ahead);
  close(fd);
  server.join();
  close(listener);
  return used_ns / kRequests;
}

void SmallAnswers(benchmark::State& state) {
  const auto ahead = static_cast<int>(state.range(0));
  Hello handler;
  auto server = net::HttpServer::Create({}, handler).value();
  if (!server->Start().ok()) std::abort();
  const bench::Ratio result = bench::ReportRatio(
      state, 0, [&] { return ServerNs(*server, ahead); }, [&] { return BareServerNs(ahead); },
      kBatches);
  state.counters["answers_per_core_s"] = 1e9 / result.ours_ns;
}
VIRTUFIN_RATIO(SmallAnswers)->Arg(1)->Arg(16);

}  // namespace
