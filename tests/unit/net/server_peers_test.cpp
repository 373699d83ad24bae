// What a server does about peers that are gone, silent, or never finish what they began.
#include <netinet/tcp.h>

#include <string>

#include "unit/net/socket_server_fixture.hpp"

using namespace virtufin;
using Fixture = SocketServerFixture;
using std::chrono::milliseconds;

namespace {

int PortOf(int fd, decltype(&getsockname) name) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (name(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return -1;
  return address.sin_family == AF_INET ? ntohs(address.sin_port) : -1;
}

// The server's end of a client's connection: both are in this process.
int ServerEnd(const RawClient& client) {
  const int port = PortOf(client.fd(), &getsockname);
  for (int fd = 0; fd < 1024; ++fd) {
    if (PortOf(fd, &getpeername) == port) return fd;
  }
  return -1;
}

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  CHECK(getsockopt(fd, level, name, &value, &size) == 0);
  return value;
}

// As an echo server sees it.
std::string Get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

}  // namespace

TEST_CASE(
    "the system finds peers that are gone: keep-alive and the limit of unacknowledged bytes") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.tcp_keepalive_ms = 12'000;
  options.tcp_user_timeout_ms = 15'000;
  const auto server = StartServer(handler, options);
  RawClient client(server->port());
  client.Send(Get("/echo"));
  CHECK(client.Answer().status == 200);
  const int fd = ServerEnd(client);
  REQUIRE(fd >= 0);
  CHECK(Option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 12);
  CHECK(Option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 4);
  CHECK(Option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 15'000);

  options.tcp_keepalive_ms = options.tcp_user_timeout_ms = 0;
  const auto plain = StartServer(handler, options);
  RawClient other(plain->port());
  other.Send(Get("/echo"));
  CHECK(other.Answer().status == 200);
  CHECK(Option(ServerEnd(other), SOL_SOCKET, SO_KEEPALIVE) == 0);
  CHECK(Option(ServerEnd(other), IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
}

TEST_CASE("a silent WebSocket is pinged; one that answers is kept, one that does not is cut") {
  net::HttpServerOptions options;
  options.ping_interval_ms = 20;
  options.pong_timeout_ms = 60'000;
  Fixture f(options);
  RawClient answering(f.server->port());
  Open(answering);
  for (int i = 0; i < 3; ++i) {
    const ServerFrame ping = ReadFrame(answering);
    CHECK(ping.opcode == 9);
    answering.Send(Frame(10, ping.payload));
  }
  CHECK(f.recorder->events.WaitFor(4)[3].kind == "pong");
  answering.Send(Frame(1, "here"));
  while (ReadFrame(answering).opcode == 9) {
  }
  CHECK(f.server->counters().timeouts == 0);

  options.pong_timeout_ms = 50;
  Fixture g(options);
  RawClient silent(g.server->port());
  Open(silent);
  CHECK(ReadFrame(silent).opcode == 9);
  const auto events = g.recorder->events.WaitFor(2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].code == 1006);
  CHECK(events[1].data == "the peer did not answer a ping");
  CHECK(g.server->counters().timeouts == 1);
  Eventually([&] { return g.server->counters().connections == 0; });
}

TEST_CASE("a client whose queue is full is not cut for a ping that was never sent") {
  net::HttpServerOptions options;
  options.ping_interval_ms = 20;
  options.pong_timeout_ms = 500;
  options.max_send_queue_bytes = 8'000'000;  // more than the system's own buffers
  Fixture f(options);
  RawClient client(f.server->port(), 4096);
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  const auto piece = std::make_shared<const std::string>(500'000, 'p');
  std::size_t taken = 0;
  while (socket.SendText(piece).ok()) ++taken;
  test::Gate later;
  f.server->After(milliseconds(1500), [&] { later.Open(); });
  REQUIRE(later.Wait());
  CHECK(socket.open());
  for (std::size_t i = 0; i < taken;) {
    const ServerFrame frame = ReadFrame(client);
    REQUIRE((frame.opcode == 1 || frame.opcode == 9));
    if (frame.opcode == 1) ++i;
    if (frame.opcode == 9) client.Send(Frame(10, frame.payload));
  }
  CHECK(f.server->counters().timeouts == 0);
}

TEST_CASE("a client that takes a little now and then keeps no answer beyond its deadlines") {
  PathsHandler handler;
  net::HttpServerOptions options;
  options.write_timeout_ms = 200;
  const auto server = StartServer(handler, options);
  RawClient client(server->port(), 4096);
  client.Send(Get("/kept"));
  net::HttpAnswer answer;
  answer.body.assign(16'000'000, 'b');
  net::HttpResponder responder = handler.Kept();
  const int small = 4096;
  REQUIRE(setsockopt(ServerEnd(client), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
  responder.Send(std::move(answer));
  // With a small buffer of the system the server sees each kilobyte that the client takes.
  char few[512];
  std::size_t taken = 0;
  while (server->counters().connections > 0) {
    pollfd readable{client.fd(), POLLIN, 0};
    if (::poll(&readable, 1, 20) > 0) {
      const ssize_t n = ::recv(client.fd(), few, sizeof few, 0);
      if (n <= 0) break;
      taken += static_cast<std::size_t>(n);
    }
    ::poll(nullptr, 0, 10);  // the pace of the client: less than 16 KiB within the timeout
  }
  CHECK(taken < 8'000'000);
  Eventually([&] { return server->counters().connections == 0; });
  CHECK(server->counters().timeouts == 1);
  CHECK(server->counters().unsent_bytes == 0);
}

TEST_CASE("a message that never ends is ended at its deadline, also one sent byte by byte") {
  net::HttpServerOptions options;
  options.message_timeout_ms = 100;
  for (const bool bytewise : {false, true}) {
    Fixture f(options);
    RawClient client(f.server->port());
    Open(client);
    const std::string message = Frame(1, std::string(60'000, 'x'));
    client.Send(message.substr(0, 10));
    std::size_t at = 10;
    pollfd readable{client.fd(), POLLIN, 0};
    while (::poll(&readable, 1, bytewise ? 1 : -1) == 0 && at < message.size()) {
      client.Send(message.substr(at++, 1));
    }
    const ServerFrame close = ReadFrame(client);
    CHECK(close.opcode == 8);
    CHECK(close.code() == 1008);
    CHECK(close.payload.substr(2) == "the message took too long");
    CHECK(f.server->counters().unfinished_bytes == 0);
    CHECK(f.server->counters().timeouts == 1);
    client.Send(Frame(8, "\x03\xf0"));
    client.HalfClose();
    CHECK(f.recorder->events.WaitFor(2)[1].kind == "closed");
  }
}

TEST_CASE("unfinished messages and bodies of all connections share one bound") {
  net::HttpServerOptions options;
  options.max_unfinished_bytes = 100'000;
  Fixture f(options);
  f.recorder->echo = false;
  RawClient first(f.server->port());
  Open(first);
  const std::string body(90'000, 'm');
  const std::string message = Frame(1, body);
  first.Send(message.substr(0, message.size() - 1));
  Eventually([&] { return f.server->counters().unfinished_bytes == 89'999; });

  RawClient second(f.server->port());
  Open(second);
  second.Send(Frame(2, body, false));
  const ServerFrame close = ReadFrame(second);
  CHECK(close.opcode == 8);
  CHECK(close.code() == 1013);
  second.Send(Frame(0, body) + Frame(8, close.payload));
  CHECK(second.AtEnd());
  RawClient third(f.server->port());
  third.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + body);
  CHECK(third.Answer().status == 503);

  first.Send(message.substr(message.size() - 1));
  const auto told = f.recorder->events.WaitFor(4);  // two opened, one closed
  REQUIRE(told.size() == 4);
  CHECK((told[3].data == body));
  CHECK(f.server->counters().unfinished_bytes == 0);
}
