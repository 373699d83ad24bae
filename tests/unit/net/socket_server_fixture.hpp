// A server whose /ws takes WebSockets, and what they told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "support/gate.hpp"
#include "support/raw_web_socket.hpp"
#include "unit/net/server_fixture.hpp"

namespace virtufin {

struct SocketEvent {
  std::string kind;
  std::string data;
  std::uint16_t code = 0;
};

// Tells the test everything; echoes messages.
class Recorder : public net::SocketEvents {
 public:
  void OnOpen(net::ServerSocket socket) override {
    socket_ = socket;
    Add("open", {});
  }
  void OnText(std::string_view text) override {
    Add("text", text);
    if (echo) CHECK(socket_.SendText(std::string(text)).ok());
  }
  void OnBinary(std::string_view bytes) override {
    Add("binary", bytes);
    if (echo) CHECK(socket_.SendBinary(std::string(bytes)).ok());
  }
  void OnPing(std::string_view payload) override { Add("ping", payload); }
  void OnPong(std::string_view payload) override { Add("pong", payload); }
  void OnClosed(std::uint16_t code, std::string_view reason) override {
    Add("closed", reason, code);
  }
  net::ServerSocket Socket() {
    events.WaitFor(1);
    return socket_;
  }

  test::Collector<SocketEvent> events;
  bool echo = true;
  std::function<void(const std::string& kind)> hook;  // runs inside each call

 private:
  void Add(const std::string& kind, std::string_view data, std::uint16_t code = 0) {
    events.Add({kind, std::string(data), code});
    if (hook) hook(kind);
  }

  net::ServerSocket socket_;
};

class SocketHandler : public PathsHandler {
 public:
  explicit SocketHandler(std::shared_ptr<Recorder> recorder) : recorder_(std::move(recorder)) {}

 protected:
  void OnSocket(net::IncomingRequest request, net::HttpResponder responder) override {
    if (!request.websocket) {
      CHECK(responder.Accept(recorder_).code() == StatusCode::kFailedPrecondition);
      net::HttpAnswer answer;
      answer.status = 426;
      return responder.Send(std::move(answer));
    }
    if (request.Field("x-refuse") == "1") return PathsHandler::OnSocket({}, std::move(responder));
    CHECK(responder.Accept(recorder_, request.Field("sec-websocket-protocol")).ok());
  }

 private:
  std::shared_ptr<Recorder> recorder_;
};

struct SocketServerFixture {
  explicit SocketServerFixture(net::HttpServerOptions options = {})
      : server(StartServer(handler, std::move(options))) {}

  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  SocketHandler handler{recorder};
  std::unique_ptr<net::HttpServer> server;
};

inline void Open(RawClient& client) {
  REQUIRE(client.Send(Handshake("/ws")));
  REQUIRE(client.TakeUntil("\r\n\r\n").compare(0, 12, "HTTP/1.1 101") == 0);
}

}  // namespace virtufin
