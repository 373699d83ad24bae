// Messages, control frames and limits of the WebSocket client against a peer of raw bytes.
#include <future>

#include "socket_fixture.hpp"

namespace virtufin::test {

namespace {

using Lines = std::vector<std::string>;

/// Opens a socket to a peer that runs `script` after the upgrade; gives the handler's lines once it
/// ended.
Lines Talk(std::function<void(PeerLink&)> script, const net::WebSocketOptions& options = {},
           std::vector<net::WebSocketEnd>* ends = nullptr) {
  Gate played;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    script(link);
    played.Open();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  fixture.Open(peer.Url("ws"), handler, options);
  const auto all = handler.ends.WaitFor(1);
  if (ends != nullptr) *ends = all;
  CHECK(played.Wait());
  fixture.Stop();
  REQUIRE(handler.ends.Items().size() == 1);
  return handler.lines.Items();
}

Lines Without(Lines lines, const std::string& line) {
  std::erase(lines, line);
  return lines;
}

}  // namespace

TEST_CASE("messages arrive whole, with the type they were sent with") {
  const Lines lines = Talk([](PeerLink& link) {
    link.Send(1, "hello");
    link.Send(2, std::string("\x00\xff", 2));
    link.Send(1, "");
    link.Send(1, "a", false);
    link.Send(0, "b", false);
    link.Send(0, "c");
    link.Send(8, "\x03\xe8");
    link.ReadAll();
  });
  CHECK(Without(lines, "life") ==
        Lines{"open", "text hello", std::string("binary \x00\xff", 9), "text ", "text abc", "end"});
}

TEST_CASE("a message larger than every buffer arrives whole") {
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i) + ",";
  const Lines lines = Talk([&](PeerLink& link) {
    link.Send(1, large);
    link.Send(1, "after");
    link.Send(8, "\x03\xe8");
    link.ReadAll();
  });
  CHECK((Without(lines, "life") == Lines{"open", "text " + large, "text after", "end"}));
}

TEST_CASE("a character may be split over fragments") {
  const Lines lines = Talk([](PeerLink& link) {
    link.Send(1, "\xe2\x82", false);
    link.Send(0, "\xac");
    link.Send(8, "\x03\xe8");
    link.ReadAll();
  });
  CHECK(Without(lines, "life") == Lines{"open", "text \xe2\x82\xac", "end"});
}

TEST_CASE("text that is no UTF-8 ends the socket with 1007 and is not delivered") {
  std::string answer;
  std::vector<net::WebSocketEnd> ends;
  const Lines lines = Talk(
      [&](PeerLink& link) {
        link.Send(1, "\xe2\x82", false);
        link.Send(0, "x");
        answer = link.ReadFrame().payload.substr(0, 2);
      },
      {}, &ends);
  CHECK(Without(lines, "life") == Lines{"open", "end"});
  CHECK(answer == "\x03\xef");
  CHECK(ends[0].status.code() == StatusCode::kDataLoss);
  CHECK(ends[0].close_code == 1007);
}

TEST_CASE("a message beyond the limit ends the socket with 1009 before it is stored") {
  for (const bool announced : {true, false}) {
    net::WebSocketOptions options;
    options.max_message_bytes = 1000;
    std::string answer;
    std::vector<net::WebSocketEnd> ends;
    const Lines lines = Talk(
        [&](PeerLink& link) {
          link.Send(1, std::string(1000, 'x'));
          if (announced) {
            link.Write(PeerLink::Frame(1, std::string(1'000'000, 'y')).substr(0, 100'000));
          } else {
            link.Send(1, std::string(600, 'y'), false);
            link.Send(0, std::string(600, 'y'));
          }
          answer = link.ReadFrame().payload.substr(0, 2);
        },
        options, &ends);
    CHECK(Without(lines, "life") == Lines{"open", "text " + std::string(1000, 'x'), "end"});
    CHECK(answer == "\x03\xf1");
    CHECK(ends[0].status.code() == StatusCode::kResourceExhausted);
  }
}

TEST_CASE("a ping is answered with its payload, also between fragments, and is a sign of life") {
  std::vector<std::string> pongs;
  const Lines lines = Talk([&](PeerLink& link) {
    link.Send(9, "first");
    pongs.push_back(link.ReadFrame().payload);
    link.Send(1, "a", false);
    link.Send(9, "");
    pongs.push_back(link.ReadFrame().payload);
    link.Send(0, "b");
    link.Send(9, std::string(125, 'p'));
    const PeerFrame frame = link.ReadFrame();
    CHECK(frame.opcode == 10);
    pongs.push_back(frame.payload);
    link.Send(8, "\x03\xe8");
    link.ReadAll();
  });
  CHECK(pongs == Lines{"first", "", std::string(125, 'p')});
  CHECK(Without(lines, "life") == Lines{"open", "text ab", "end"});
}

TEST_CASE("pings alone are told as signs of life") {
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    while (link.Send(9, "x") && link.ReadFrame().opcode == 10) {
    }
  });
  RecordingHandler handler;
  SocketFixture fixture;
  net::WebSocketOptions options;
  options.silence_limit_ms = 10'000;  // also sets how often is looked
  fixture.Open(peer.Url("ws"), handler, options);
  const Lines lines = handler.lines.WaitFor(3);
  REQUIRE(lines.size() >= 3);
  CHECK(Lines(lines.begin(), lines.begin() + 3) == Lines{"open", "life", "life"});
}

TEST_CASE("what is sent arrives masked, in order and with its type; pongs come back") {
  std::vector<PeerFrame> frames;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    for (int i = 0; i < 3; ++i) frames.push_back(link.ReadFrame());
    link.Send(10, frames.back().payload);
    frames.push_back(link.ReadFrame());
    link.Send(8, frames.back().payload);
  });
  RecordingHandler handler;
  SocketFixture fixture;
  handler.on_open = [&] {
    net::WebSocket& socket = fixture.At(0);
    CHECK(socket.SendText("one"));
    CHECK(socket.SendBinary(AsBytes(std::string(70'000, 'b'))));
    CHECK(socket.Ping(AsBytes("ping")));
    CHECK_FALSE(socket.SendText(std::string(2 << 20, 'x')));  // more than may wait
  };
  fixture.Open(peer.Url("ws"), handler);
  CHECK(Without(handler.lines.WaitFor(2), "life") == Lines{"open", "pong ping"});
  fixture.OnLoop([&] { fixture.At(0).Close(1000, "done"); });
  const auto end = handler.ends.WaitFor(1).at(0);
  CHECK(end.status.code() == StatusCode::kCancelled);
  fixture.Stop();
  REQUIRE(frames.size() == 4);
  CHECK(frames[0].opcode == 1);
  CHECK(frames[0].payload == "one");
  CHECK(frames[1].opcode == 2);
  CHECK(frames[1].payload == std::string(70'000, 'b'));
  CHECK(frames[2].opcode == 9);
  CHECK(frames[3].opcode == 8);
  CHECK(frames[3].payload ==
        "\x03\xe8"
        "done");
}

TEST_CASE("a close frame of the peer is answered and named") {
  std::string answer;
  std::vector<net::WebSocketEnd> ends;
  Talk(
      [&](PeerLink& link) {
        link.Send(8, "\x03\xf0Too many requests");
        const PeerFrame frame = link.ReadFrame();
        CHECK(frame.opcode == 8);
        answer = frame.payload.substr(0, 2);
      },
      {}, &ends);
  CHECK(answer == "\x03\xf0");
  CHECK(ends[0].close_code == 1008);
  CHECK(ends[0].status.code() == StatusCode::kUnavailable);
  CHECK(Contains(ends[0].status.message(), "1008 (Too many requests)"));
}

TEST_CASE("a connection that is cut, reset or breaks the protocol ends once, as unavailable") {
  for (const int kind : {0, 1, 2}) {
    std::vector<net::WebSocketEnd> ends;
    const Lines lines = Talk(
        [&](PeerLink& link) {
          link.Send(1, "before");
          if (kind == 1) link.Reset();
          if (kind == 2) link.Write("\x83\x01x");  // an opcode that is none
          if (kind >= 2) link.ReadAll();
        },
        {}, &ends);
    CHECK(Without(lines, "life").front() == "open");
    CHECK(Without(lines, "life").back() == "end");
    CHECK(ends[0].status.code() == StatusCode::kUnavailable);
    CHECK(ends[0].opened);
  }
}

TEST_CASE("a handler may destroy its socket inside a callback") {
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    link.Send(1, "one");
    link.Send(1, "two");
    link.ReadAll();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  Gate destroyed;
  handler.on_text = [&](std::string_view) {
    fixture.sockets()[0].reset();
    destroyed.Open();
  };
  fixture.Open(peer.Url("ws"), handler);
  REQUIRE(destroyed.Wait());
  fixture.Stop();
  CHECK(handler.lines.Items() == Lines{"open", "text one"});
}

TEST_CASE("the times of a message are those of the clocks") {
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    link.Send(1, "x");
    link.ReadAll();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  const net::ReceiveTime before = fixture.loop().Now();
  fixture.Open(peer.Url("ws"), handler);
  handler.lines.WaitFor(2);
  fixture.Stop();
  const net::ReceiveTime after = fixture.loop().Now();
  CHECK(handler.last_time.monotonic_ns >= before.monotonic_ns);
  CHECK(handler.last_time.monotonic_ns <= after.monotonic_ns);
  CHECK(handler.last_time.unix_ns > 1'600'000'000'000'000'000);
}

TEST_CASE("while reading is paused nothing is delivered, afterwards everything is") {
  constexpr int kAtOnce = 20, kMore = 500;
  Gate paused, sent;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    std::string batch;  // read at once: the pause falls into the middle of it
    for (int i = 0; i < kAtOnce; ++i) batch += PeerLink::Frame(1, "m");
    link.Write(batch);
    CHECK(paused.Wait());
    for (int i = 0; i < kMore; ++i) link.Send(1, std::string(100, 'm'));
    sent.Open();  // all of it lies in the client's socket
    link.ReadAll();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  int texts = 0;  // on the loop
  Gate all;
  handler.on_text = [&](std::string_view) {
    if (++texts == 10) {
      fixture.At(0).PauseReading(true);
      paused.Open();
    }
    if (texts == kAtOnce + kMore) all.Open();
  };
  fixture.Open(peer.Url("ws"), handler);
  REQUIRE(paused.Wait());
  REQUIRE(sent.Wait());
  for (int round = 0; round < 50; ++round) {  // of the loop, which looks at its sockets in each
    fixture.OnLoop([&] { CHECK(texts == 10); });
  }
  fixture.OnLoop([&] { fixture.At(0).PauseReading(false); });
  CHECK(all.Wait());
  fixture.Stop();
}

TEST_CASE("a loop that was told to stop delivers no more") {
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    std::string batch;
    for (int i = 0; i < 100; ++i) batch += PeerLink::Frame(1, "m");
    link.Write(batch);
    link.ReadAll();
  });
  RecordingHandler handler;
  Gate first;
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  REQUIRE(loop->Start().ok());
  handler.on_text = [&](std::string_view) {
    first.Open();
    RecordingHandler other;
    while (net::WebSocket::Open(*loop, "ws://127.0.0.1:1/", {}, other).ok()) {
      std::this_thread::yield();  // until Stop was called
    }
  };
  std::unique_ptr<net::WebSocket> socket;
  loop->Post([&] { socket = net::WebSocket::Open(*loop, peer.Url("ws"), {}, handler).value(); });
  REQUIRE(first.Wait());
  CHECK(loop->Stop(std::chrono::seconds(30)).ok());
  CHECK(handler.lines.Items() == Lines{"open", "text m", "end"});
  CHECK(handler.ends.Items().at(0).status.code() == StatusCode::kCancelled);
}

TEST_CASE("no extension is offered, and one that a peer insists on is refused") {
  Collector<std::string> requests;
  ScriptedPeer peer([&](PeerLink& link, int) {
    requests.Add(link.Upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    link.ReadAll();
  });
  SocketFixture fixture;
  CHECK_FALSE(fixture.Refused(peer.Url("ws")).status.ok());
  CHECK(PeerLink::Header(requests.WaitFor(1).at(0), "sec-websocket-extensions").empty());
}

TEST_CASE("headers, subprotocols and the user part of the address reach the server") {
  std::promise<std::string> seen;
  ScriptedPeer peer([&](PeerLink& link, int) {
    seen.set_value(link.Upgrade("Sec-WebSocket-Protocol: beta\r\n"));
    link.ReadAll();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  net::WebSocketOptions options;
  options.headers = {{"X-Key", "secret"}, {"User-Agent", "test"}};
  options.subprotocols = {"alpha", "beta"};
  fixture.Open("ws://me:p%40w@127.0.0.1:" + std::to_string(peer.port()) + "/stream?streams=a/b",
               handler, options);
  CHECK(handler.lines.WaitFor(1).front() == "open beta");
  fixture.Stop();
  const std::string request = seen.get_future().get();
  CHECK(Contains(request, "GET /stream?streams=a/b HTTP/1.1\r\n"));
  CHECK(PeerLink::Header(request, "host") == "127.0.0.1:" + std::to_string(peer.port()));
  CHECK(PeerLink::Header(request, "x-key") == "secret");
  CHECK(PeerLink::Header(request, "sec-websocket-protocol") == "alpha, beta");
  CHECK(PeerLink::Header(request, "authorization") == "Basic bWU6cEB3");
  CHECK(PeerLink::Header(request, "sec-websocket-extensions").empty());
}

}  // namespace virtufin::test
