// WebSockets of the server: frames, order, limits, closes and the faults of a simulated venue.
#include <atomic>
#include <string>
#include <vector>

#include "unit/net/socket_server_fixture.hpp"

using namespace virtufin;
using std::chrono::milliseconds;

using Fixture = SocketServerFixture;

TEST_CASE("a WebSocket is accepted with its protocol, or refused with a status") {
  Fixture f;
  RawClient client(f.server->port());
  client.Send(Handshake("/ws", "X-Refuse: 1\r\n"));
  CHECK(client.Answer().status == 403);
  client.Send("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.Answer().status == 426);
  client.Send(Handshake("/ws", "Sec-WebSocket-Protocol: feed\r\n"));
  const std::string head = client.TakeUntil("\r\n\r\n");
  CHECK(head.compare(0, 12, "HTTP/1.1 101") == 0);
  CHECK(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);
  CHECK(head.find("Sec-WebSocket-Protocol: feed\r\n") != std::string::npos);
  CHECK(head.find("Extensions") == std::string::npos);
  CHECK(f.server->counters().sockets == 1);
}

TEST_CASE("messages are echoed whole, whatever their fragments, with pings between") {
  Fixture f;
  RawClient client(f.server->port());
  // The first frame right behind the handshake.
  REQUIRE(client.Send(Handshake("/ws") + Frame(1, "at once")));
  REQUIRE(client.TakeUntil("\r\n\r\n").compare(0, 12, "HTTP/1.1 101") == 0);
  CHECK(ReadFrame(client).payload == "at once");
  client.SendBytewise(Frame(1, "grüß", false) + Frame(9, "are you there") + Frame(0, " di", false) +
                      Frame(0, "ch"));
  const ServerFrame pong = ReadFrame(client);
  CHECK(pong.opcode == 10);
  CHECK(pong.payload == "are you there");
  const ServerFrame text = ReadFrame(client);
  CHECK(text.opcode == 1);
  CHECK(text.payload == "grüß dich");
  const std::string large(300'000, '\xff');
  client.Send(Frame(2, large));
  const ServerFrame binary = ReadFrame(client);
  CHECK(binary.opcode == 2);
  CHECK(binary.payload == large);
  const auto events = f.recorder->events.WaitFor(5);
  REQUIRE(events.size() == 5);
  CHECK(events[2].kind == "ping");
  CHECK(events[2].data == "are you there");
  CHECK(events[3].data == "grüß dich");
}

TEST_CASE("pings carry their payload, pongs come back with it, solicited or not") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  CHECK(socket.Ping("1790000000000").ok());
  CHECK(socket.Ping(std::string(126, 'x')).code() == StatusCode::kInvalidArgument);
  const ServerFrame ping = ReadFrame(client);
  CHECK(ping.opcode == 9);
  CHECK(ping.payload == "1790000000000");
  client.Send(Frame(10, ping.payload) + Frame(10, ""));
  const auto events = f.recorder->events.WaitFor(3);
  CHECK(events[1].kind == "pong");
  CHECK(events[1].data == "1790000000000");
  CHECK(events[2].data.empty());
}

TEST_CASE("a close by either side is told once, with its code") {
  Fixture f;
  RawClient theirs(f.server->port());
  Open(theirs);
  theirs.Send(Frame(8,
                    "\x03\xe8"
                    "bye"));
  const ServerFrame echoed = ReadFrame(theirs);
  CHECK(echoed.opcode == 8);
  CHECK(echoed.code() == 1000);
  auto events = f.recorder->events.WaitFor(2);
  CHECK(events[1].kind == "closed");
  CHECK(events[1].code == 1000);
  CHECK(events[1].data == "bye");

  Fixture g;
  RawClient ours(g.server->port());
  Open(ours);
  net::ServerSocket socket = g.recorder->Socket();
  CHECK(socket.SendText(std::string("last words")).ok());
  socket.Close(1008, "Too many requests");
  CHECK(socket.SendText(std::string("no more")).code() == StatusCode::kUnavailable);
  CHECK(!socket.open());
  CHECK(ReadFrame(ours).payload == "last words");
  const ServerFrame close = ReadFrame(ours);
  CHECK(close.opcode == 8);
  CHECK(close.code() == 1008);
  CHECK(close.payload.substr(2) == "Too many requests");
  ours.Send(Frame(1, "dropped") + Frame(8, close.payload));
  CHECK(ReadFrame(ours).opcode == -1);
  events = g.recorder->events.WaitFor(2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].kind == "closed");
  CHECK(events[1].code == 1008);
  Eventually([&] { return g.server->counters().sockets == 0; });
}

TEST_CASE("a peer that breaks the protocol gets a close frame that says why") {
  struct Case {
    std::string bytes;
    int code;
  };
  const std::vector<Case> cases = {
      {Frame(1, "\xc3\x28"), 1007},              // not UTF-8
      {Frame(2, std::string(2000, 'x')), 1009},  // beyond the limit
      {Frame(2, std::string(600, 'x'), false) + Frame(0, std::string(600, 'x')), 1009},
      {Frame(3, "reserved"), 1002},
      {Frame(0, "continues nothing"), 1002},
      {std::string("\x81\x02hi"), 1002},        // not masked
      {Frame(9, std::string(200, 'x')), 1002},  // a long ping
  };
  for (const Case& a : cases) {
    net::HttpServerOptions options;
    options.max_message_bytes = 1000;
    Fixture f(options);
    RawClient client(f.server->port());
    Open(client);
    client.Send(a.bytes);
    const ServerFrame close = ReadFrame(client);
    CHECK(close.opcode == 8);
    CHECK(close.code() == a.code);
    const auto events = f.recorder->events.WaitFor(2);
    REQUIRE(events.size() == 2);
    CHECK(events[1].kind == "closed");
    CHECK(events[1].code == a.code);
  }
}

TEST_CASE("the queue of a peer that never reads is bounded and refusals are counted") {
  net::HttpServerOptions options;
  options.max_send_queue_bytes = 100'000;
  Fixture f(options);
  RawClient client(f.server->port(), 4096);
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  const auto piece = std::make_shared<const std::string>(10'000, 'p');
  std::size_t taken = 0;
  Status status;
  while ((status = socket.SendText(piece)).ok()) {
    ++taken;
    CHECK(socket.unsent_bytes() <= 110'100);
  }
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(f.server->counters().refused_messages == 1);
  for (std::size_t i = 0; i < taken; ++i) REQUIRE(ReadFrame(client).payload == *piece);
  Eventually([&] { return socket.unsent_bytes() == 0; });
  CHECK(socket.SendText(std::string("room again")).ok());
  CHECK(ReadFrame(client).payload == "room again");
}

TEST_CASE("a peer that takes nothing is cut at the write timeout") {
  net::HttpServerOptions options;
  options.write_timeout_ms = 50;
  Fixture f(options);
  RawClient client(f.server->port(), 4096);
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  Eventually([&] {  // the system's own buffers take some megabytes first
    static_cast<void>(socket.SendText(std::string(100'000, 'p')));
    return !socket.open();
  });
  const auto events = f.recorder->events.WaitFor(2);
  CHECK(events[1].code == 1006);
  CHECK(f.server->counters().timeouts == 1);
}

TEST_CASE("a socket that has ended has nothing unsent") {
  Fixture f;
  RawClient client(f.server->port(), 4096);
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  while (socket.SendText(std::string(500'000, 'p')).ok()) {
  }
  CHECK(socket.unsent_bytes() > 0);
  SUBCASE("by its own side") { socket.Abort(); }
  SUBCASE("by its peer") { client.Reset(); }
  CHECK(f.recorder->events.WaitFor(2)[1].code == 1006);
  Eventually([&] { return socket.unsent_bytes() == 0; });  // a write that was under way ends last
  CHECK(socket.SendText(std::string("x")).code() == StatusCode::kUnavailable);
  CHECK(socket.unsent_bytes() == 0);
}

TEST_CASE("a handshake that no WebSocket can take leaves nothing behind") {
  net::HttpServerOptions options;
  options.max_header_bytes = 1 << 20;
  Fixture f(options);
  RawClient client(f.server->port());
  client.Send(Handshake("/ws", "X-Large: " + std::string(70'000, 'x') + "\r\n"));
  char byte;
  while (::recv(client.fd(), &byte, 1, 0) > 0) {
  }
  Eventually([&] { return f.server->counters().connections == 0; });
  CHECK(f.server->counters().sockets == 0);
  CHECK(f.server->Stop(milliseconds(60'000)).ok());
}

TEST_CASE("an aborted socket is reset and told as 1006") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  f.recorder->Socket().Abort();
  char byte;
  CHECK(::recv(client.fd(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);
  const auto events = f.recorder->events.WaitFor(2);
  CHECK(events[1].kind == "closed");
  CHECK(events[1].code == 1006);
}

TEST_CASE("a socket that stopped reading reads on when told to") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  socket.StopReading();
  for (int i = 0; i < 5; ++i) client.Send(Frame(1, "m" + std::to_string(i)));
  // One read may have been under way; what the server sends is not held up.
  CHECK(socket.Ping("still sends").ok());
  bool pinged = false;
  std::vector<std::string> echoes;
  while (!pinged) {
    const ServerFrame frame = ReadFrame(client);
    pinged = frame.opcode == 9;
    if (frame.opcode == 1) echoes.push_back(frame.payload);
  }
  CHECK(echoes.size() <= 1);
  socket.ResumeReading();
  while (echoes.size() < 5) echoes.push_back(ReadFrame(client).payload);
  for (int i = 0; i < 5; ++i) {
    CHECK(echoes[static_cast<std::size_t>(i)] == "m" + std::to_string(i));
  }
}

TEST_CASE("a stalled socket says nothing, answers nothing and stays connected until aborted") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  socket.SilentlyStall();
  Eventually([&] {
    static_cast<void>(socket.SendText(std::string("lost")));
    return socket.unsent_bytes() == 0;
  });
  while (true) {  // what left before the stall
    pollfd readable{client.fd(), POLLIN, 0};
    if (::poll(&readable, 1, 50) == 0) break;
    REQUIRE(ReadFrame(client).payload == "lost");
  }
  CHECK(client.Send(Frame(9, "hello?") + Frame(1, "hello?")));
  pollfd readable{client.fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 50) == 0);
  CHECK(f.recorder->events.Items().size() == 1);
  socket.Abort();
  char byte;
  CHECK(::recv(client.fd(), &byte, 1, 0) == -1);
  CHECK(f.recorder->events.WaitFor(2)[1].code == 1006);
}

TEST_CASE("a hushed WebSocket hears all and says nothing, and a stop does not wait for it") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  net::ServerSocket socket = f.recorder->Socket();
  socket.SilentlyHush();
  CHECK(socket.SendText(std::string("lost")).ok());
  CHECK(client.Send(Frame(9, "hello?") + Frame(1, "heard")));
  CHECK(f.recorder->events.WaitFor(3).size() >= 3);  // open, the ping, the text
  Eventually([&] { return socket.unsent_bytes() == 0; });
  pollfd readable{client.fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 50) == 0);
  const auto before = std::chrono::steady_clock::now();
  CHECK(f.server->Stop(milliseconds(60'000)).ok());
  CHECK(std::chrono::steady_clock::now() - before < milliseconds(4'000));  // of a close: 5 s
  char byte;
  CHECK(::recv(client.fd(), &byte, 1, 0) == -1);
}

TEST_CASE("stop closes WebSockets with 1001 and cuts those that do not answer") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  f.recorder->Socket();
  std::thread reader([&] {
    const ServerFrame close = ReadFrame(client);
    CHECK(close.code() == 1001);
    client.Send(Frame(8, close.payload));
  });
  CHECK(f.server->Stop(milliseconds(60'000)).ok());
  reader.join();
  CHECK(f.recorder->events.Items().size() == 2);

  Fixture g;
  RawClient deaf(g.server->port());
  Open(deaf);
  net::ServerSocket socket = g.recorder->Socket();
  CHECK(g.server->Stop(milliseconds(20)).code() == StatusCode::kDeadlineExceeded);
  CHECK(g.recorder->events.Items().back().kind == "closed");
  CHECK(socket.SendText(std::string("x")).code() == StatusCode::kUnavailable);
  g.server.reset();
  socket.Abort();
  CHECK(!socket.open());
}
