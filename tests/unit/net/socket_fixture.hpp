// A loop and a handler that keeps what a WebSocket tells, for tests that wait for it.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/web_socket.hpp"
#include "support/gate.hpp"
#include "support/scripted_peer.hpp"

namespace virtufin::test {

/// Everything is kept as text: "open", "text ...", "binary ...", "pong ...", "life", "end ...".
class RecordingHandler : public net::WebSocketHandler {
 public:
  void OnOpen(std::string_view protocol) override {
    Add("open" + (protocol.empty() ? "" : " " + std::string(protocol)));
    if (on_open) on_open();
  }
  void OnText(std::string_view text, const net::ReceiveTime& time) override {
    last_time = time;
    Add("text " + std::string(text));
    if (on_text) on_text(text);
  }
  void OnBinary(ByteView bytes, const net::ReceiveTime&) override {
    Add("binary " + std::string(AsText(bytes)));
  }
  void OnPong(ByteView payload, const net::ReceiveTime&) override {
    Add("pong " + std::string(AsText(payload)));
  }
  void OnSignOfLife(const net::ReceiveTime&) override { Add("life"); }
  void OnClosed(const net::WebSocketEnd& end) override {
    ends.Add(end);
    Add("end");
  }
  void Add(std::string line) { lines.Add(std::move(line)); }

  Collector<std::string> lines;
  Collector<net::WebSocketEnd> ends;
  std::function<void()> on_open;
  std::function<void(std::string_view)> on_text;
  net::ReceiveTime last_time;  // read on the loop, or after its end
};

/// A started loop; sockets opened on it live until it stops.
class SocketFixture {
 public:
  explicit SocketFixture(const net::NetLoopOptions& options = {})
      : loop_(net::NetLoop::Create(options, WallClock(), NullLog()).value()) {
    REQUIRE(loop_->Start().ok());
  }
  ~SocketFixture() { Stop(); }
  void Stop() {
    if (std::exchange(stopped_, true)) return;
    OnLoop([this] { sockets_.clear(); });
    CHECK(loop_->Stop(std::chrono::seconds(30)).ok());
  }
  net::NetLoop& loop() { return *loop_; }

  /// Runs `body` on the loop and waits for it.
  void OnLoop(std::function<void()> body) {
    Gate done;
    loop_->Post([&] {
      body();
      done.Open();
    });
    REQUIRE(done.Wait());
  }
  /// The index of the socket.
  std::size_t Open(const std::string& url, RecordingHandler& handler,
                   const net::WebSocketOptions& options = {}) {
    std::size_t index = 0;
    OnLoop([&] {
      auto opened = net::WebSocket::Open(*loop_, url, options, handler);
      REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
      index = sockets_.size();
      sockets_.push_back(std::move(*opened));
    });
    return index;
  }
  /// On the loop only.
  net::WebSocket& At(std::size_t index) { return *sockets_[index]; }
  std::vector<std::unique_ptr<net::WebSocket>>& sockets() { return sockets_; }

  /// Opens and waits for the end, which must come without OnOpen.
  net::WebSocketEnd Refused(const std::string& url, const net::WebSocketOptions& options = {}) {
    RecordingHandler handler;
    const std::size_t index = Open(url, handler, options);
    const std::vector<net::WebSocketEnd> ends = handler.ends.WaitFor(1);
    REQUIRE(ends.size() == 1);
    CHECK_FALSE(ends[0].opened);
    OnLoop([&] { sockets_[index].reset(); });
    CHECK(handler.lines.Items() == std::vector<std::string>{"end"});
    return ends[0];
  }

 private:
  bool stopped_ = false;
  std::unique_ptr<net::NetLoop> loop_;
  std::vector<std::unique_ptr<net::WebSocket>> sockets_;
};

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace virtufin::test
