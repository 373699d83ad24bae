// The last word of a server arrives, also at a peer that is still sending.
#include <string>
#include <thread>
#include <vector>

#include "unit/net/socket_server_fixture.hpp"

using namespace virtufin;
using Fixture = SocketServerFixture;

namespace {

// The peer sends far more than the server reads before it closes: a reset would be seen here.
constexpr std::size_t kMore = std::size_t{4} << 20;

}  // namespace

TEST_CASE("the close frame for a broken protocol arrives while the peer still sends") {
  struct Case {
    std::string bytes;
    int code;
  };
  const std::vector<Case> cases = {
      {Frame(1, "\xc3\x28"), 1007}, {Frame(2, std::string(2000, 'x')), 1009},
      {Frame(3, "reserved"), 1002}, {std::string("\x81\x02hi"), 1002},  // not masked
      {Frame(8, "\x03"), 1002},  // a close frame with half a code
  };
  for (const Case& a : cases) {
    CAPTURE(a.code);
    net::HttpServerOptions options;
    options.max_message_bytes = 1000;
    Fixture f(options);
    RawClient client(f.server->port());
    Open(client);
    CHECK(client.Send(a.bytes + std::string(kMore, 'x')));
    const ServerFrame close = ReadFrame(client);
    CHECK(close.opcode == 8);
    CHECK(close.code() == a.code);
    CHECK(client.AtEnd());
    CHECK(f.recorder->events.WaitFor(2)[1].code == a.code);
    client.Close();
    Eventually([&] { return f.server->counters().connections == 0; });
  }
}

TEST_CASE("the answer to a close frame arrives while the peer still sends") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  CHECK(client.Send(Frame(8, "\x03\xe8") + std::string(kMore, 'x')));
  CHECK(ReadFrame(client).code() == 1000);
  CHECK(client.AtEnd());
}

TEST_CASE("a peer that never stops sending after its close frame is cut") {
  Fixture f;
  RawClient client(f.server->port());
  Open(client);
  client.Send(Frame(3, "reserved"));
  CHECK(ReadFrame(client).code() == 1002);
  const std::string more(10'000, 'x');
  while (client.Send(more)) {
  }
  Eventually([&] { return f.server->counters().connections == 0; });
}

TEST_CASE("an error's answer arrives while the client still uploads") {
  struct Case {
    std::string head;
    int status;
  };
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  const std::vector<Case> cases = {
      {post + "Content-Length: 4194304\r\n\r\n", 413},
      {post + "Transfer-Encoding: chunked\r\n\r\n400000\r\n", 413},
      {post + "Content-Length: -1\r\n\r\n", 400},
      {post + "X: ", 431},
      {"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n", 403},
  };
  PathsHandler handler;
  net::HttpServerOptions options;
  options.max_body_bytes = 1000;
  for (const Case& a : cases) {
    CAPTURE(a.head);
    if (a.status == 403) options.max_body_bytes = kMore;
    const auto server = StartServer(handler, options);
    RawClient client(server->port());
    CHECK(client.Send(a.head + std::string(kMore, 'x')));
    const RawAnswer answer = client.Answer();
    CHECK(answer.status == a.status);
    CHECK(answer.complete);
    CHECK(answer.Has("Connection: close"));
    CHECK(client.AtEnd());
  }
}
