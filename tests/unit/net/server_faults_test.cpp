// An application that throws, or does not return: its own connection ends, the server goes on.
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "unit/net/socket_server_fixture.hpp"

using namespace virtufin;
using Fixture = SocketServerFixture;
using std::chrono::milliseconds;

namespace {

class KeptLines final : public LogSink {
 public:
  bool Enabled(LogLevel level) const noexcept override { return level >= LogLevel::kWarn; }
  void Write(LogLevel, std::string_view, std::string_view text) noexcept override {
    lines.Add(std::string(text));
  }
  test::Collector<std::string> lines;
};

std::string Get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Throws at /number and in OnHeader of /header; hangs at /hang until told.
class Failing : public PathsHandler {
 public:
  std::optional<net::HttpAnswer> OnHeader(const net::IncomingRequest& request) override {
    if (request.target == "/header") throw std::runtime_error("no header, on purpose");
    return std::nullopt;
  }
  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override {
    if (request.target == "/number") throw 7;
    if (request.target == "/hang") {
      hangs.Open();
      CHECK(go_on.Wait());
      responder.Send({});
      returned.Open();
      return;
    }
    PathsHandler::OnRequest(std::move(request), std::move(responder));
  }
  test::Gate hangs, go_on, returned;
};

}  // namespace

TEST_CASE("whatever a request handler throws is a 500, logged and counted") {
  Failing handler;
  KeptLines log;
  const auto server = StartServer(handler, {}, log);
  RawClient client(server->port());
  client.Send(Get("/number") + Get("/throw") + Get("/echo"));
  CHECK(client.Answer().status == 500);
  CHECK(client.Answer().status == 500);
  CHECK(client.Answer().status == 200);
  client.Send("POST /header HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  CHECK(client.Answer().status == 500);
  CHECK(server->counters().handler_errors == 3);
  const std::vector<std::string> lines = log.lines.WaitFor(3);
  REQUIRE(lines.size() == 3);
  CHECK(Contains(lines[0], "HttpHandler::OnRequest for 127.0.0.1:"));
  CHECK(Contains(lines[0], "threw"));
  CHECK(Contains(lines[1], "threw: on purpose"));
  CHECK(Contains(lines[2], "HttpHandler::OnHeader for 127.0.0.1:"));
}

TEST_CASE("whatever a WebSocket's handler throws closes that socket with 1011, and no other") {
  Fixture other;
  for (const std::string kind : {"open", "text", "binary", "ping", "pong"}) {
    for (const bool number : {false, true}) {
      CAPTURE(kind);
      Fixture f;
      f.recorder->hook = [&](const std::string& event) {
        if (event != kind) return;
        if (number) throw 7;
        throw std::runtime_error("on purpose");
      };
      RawClient client(f.server->port());
      Open(client);
      const int opcode = kind == "binary" ? 2 : kind == "ping" ? 9 : kind == "pong" ? 10 : 1;
      client.Send(Frame(opcode, "x") + Frame(1, "not told"));
      ServerFrame frame = ReadFrame(client);
      while (frame.opcode == 10) frame = ReadFrame(client);  // Beast answers pings
      CHECK(frame.opcode == 8);
      CHECK(frame.code() == 1011);
      CHECK(frame.payload.substr(2) == "the handler failed");
      client.Send(Frame(8, frame.payload));
      Eventually([&] { return f.recorder->events.Items().back().kind == "closed"; });
      const auto events = f.recorder->events.Items();
      CHECK(events.back().code == 1011);
      CHECK(events.size() == (kind == "open" ? 2 : 3));
      CHECK(f.server->counters().handler_errors == 1);
      Eventually([&] { return f.server->counters().connections == 0; });
      RawClient again(f.server->port());
      again.Send(Get("/echo"));
      CHECK(again.Answer().status == 200);
    }
  }
  other.recorder->hook = [](const std::string& event) {
    if (event == "closed") throw std::runtime_error("on purpose");
  };
  RawClient client(other.server->port());
  Open(client);
  client.Send(Frame(8, "\x03\xe8"));
  CHECK(ReadFrame(client).code() == 1000);
  Eventually([&] {
    return other.server->counters().connections == 0 &&
           other.server->counters().handler_errors == 1;
  });
}

TEST_CASE("what a stream's callbacks and later tasks throw is counted, and the server goes on") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/stream"));
  net::HttpStream stream = handler.Stream();
  stream.OnClosed([] { throw std::runtime_error("on purpose"); });
  stream.OnWritable([] { throw 7; });
  server->After(milliseconds(0), [] { throw std::runtime_error("on purpose"); });
  stream.End();
  CHECK(client.Answer().complete);
  Eventually([&] { return server->counters().handler_errors == 3; });
  client.Send(Get("/echo"));
  CHECK(client.Answer().status == 200);
}

TEST_CASE("a stop names the connections that it cut") {
  PathsHandler handler;
  const auto server = StartServer(handler);
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<net::HttpResponder> kept;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<RawClient>(server->port()));
    clients.back()->Send(Get("/kept"));
    kept.push_back(handler.Kept());
  }
  const Status status = server->Stop(milliseconds(20));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK_MESSAGE(Contains(status.message(), "cut 5: 127.0.0.1:"), status.ToString());
  CHECK(Contains(status.message(), " (not answered), 127.0.0.1:"));
  CHECK(Contains(status.message(), ", ..."));
}

TEST_CASE("a stop abandons a request handler that does not return, and names it") {
  Failing handler;
  auto server = StartServer(handler);
  RawClient client(server->port());
  client.Send(Get("/hang") + Get("/number"));
  REQUIRE(handler.hangs.Wait());
  const Status status = server->Stop(milliseconds(20));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK_MESSAGE(Contains(status.message(), "abandoned HttpHandler::OnRequest for 127.0.0.1:"),
                status.ToString());
  CHECK(server->counters().abandoned_calls == 1);
  server.reset();
  handler.go_on.Open();
  REQUIRE(handler.returned.Wait());
  client.TakeAll();  // the connection ends; its second request is not looked at
}

TEST_CASE("a stop abandons a WebSocket's handler that does not return; it hears no more") {
  Fixture f;
  test::Gate hangs, go_on;
  f.recorder->echo = false;
  f.recorder->hook = [&](const std::string& kind) {
    if (kind != "text") return;
    hangs.Open();
    CHECK(go_on.Wait());
  };
  RawClient client(f.server->port());
  Open(client);
  client.Send(Frame(1, "hang") + Frame(1, "never told"));
  REQUIRE(hangs.Wait());
  const Status status = f.server->Stop(milliseconds(20));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK_MESSAGE(Contains(status.message(), "abandoned SocketEvents::OnText for 127.0.0.1:"),
                status.ToString());
  f.server.reset();
  go_on.Open();
  client.TakeAll();  // until the abandoned thread has closed it
  CHECK(f.recorder->events.Items().size() == 2);
}
