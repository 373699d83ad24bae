// How WebSockets open, or say why not, and how peers that are gone are found.
#include <cstdlib>

#include "socket_fixture.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::test {
namespace {

void AcceptAndWait(PeerLink& link, int) {
  link.Upgrade();
  link.ReadAll();
}

struct Authority {
  TestCertificate certificate{{.authority = true, .subject = "authority"}};
  net::WebSocketOptions Trusting() const {
    net::WebSocketOptions options;
    options.tls.ca_pem = certificate.Text().certificate_pem;
    return options;
  }
};

net::NetLoopOptions Resolving(const std::string& name, std::vector<std::string> addresses) {
  net::NetLoopOptions options;
  options.resolver.lookup = [=](const std::string& host) -> Result<std::vector<std::string>> {
    if (host == name) return addresses;
    return Status(StatusCode::kUnavailable, "net", "cannot resolve " + host + ": no such name");
  };
  return options;
}

}  // namespace

TEST_CASE("TLS: a trusted peer is taken, by address and by name") {
  const Authority authority;
  const CertificateText text =
      TestCertificate({.names = "DNS:venue.test,IP:127.0.0.1"}, &authority.certificate).Text();
  Collector<std::string> requests;
  ScriptedPeer peer(
      [&](PeerLink& link, int) {
        requests.Add(link.Upgrade());
        link.Send(1, "secret");
        link.ReadFrame();
      },
      &text);
  RecordingHandler by_address, by_name;
  SocketFixture fixture(Resolving("venue.test", {"127.0.0.1"}));
  fixture.Open(peer.Url("wss"), by_address, authority.Trusting());
  CHECK(by_address.lines.WaitFor(2) == std::vector<std::string>{"open", "text secret"});
  fixture.OnLoop([&] { fixture.sockets().clear(); });
  fixture.Open("wss://venue.test:" + std::to_string(peer.port()) + "/", by_name,
               authority.Trusting());
  CHECK(by_name.lines.WaitFor(2) == std::vector<std::string>{"open", "text secret"});
  fixture.Stop();
  CHECK(PeerLink::Header(requests.WaitFor(2).at(1), "host") ==
        "venue.test:" + std::to_string(peer.port()));
}

TEST_CASE("TLS: peers that are not who they should be are refused with the reason") {
  const Authority authority;
  const Authority other{TestCertificate({.authority = true, .subject = "somebody"})};
  SocketFixture fixture;
  const auto reason = [&](const TestCertificate& certificate) {
    const CertificateText text = certificate.Text();
    ScriptedPeer peer(AcceptAndWait, &text);
    const net::WebSocketEnd end =
        fixture.Refused(peer.Url("wss", "/p?key=hidden"), authority.Trusting());
    CHECK(end.status.code() == StatusCode::kUnauthenticated);
    CHECK_FALSE(Contains(end.status.message(), "hidden"));
    return std::string(end.status.message());
  };
  CHECK(Contains(reason(TestCertificate({.valid_from_s = -7200, .valid_until_s = -3600},
                                        &authority.certificate)),
                 "certificate has expired"));
  CHECK(Contains(
      reason(TestCertificate({.names = "DNS:elsewhere.test,IP:127.0.0.2"}, &authority.certificate)),
      "IP address mismatch"));
  CHECK(Contains(reason(TestCertificate({})), "self-signed certificate"));
  CHECK(Contains(reason(TestCertificate({}, &other.certificate)),
                 "unable to get local issuer certificate"));
}

TEST_CASE("TLS: a peer with a certificate for another name is refused") {
  const Authority authority;
  const CertificateText text =
      TestCertificate({.names = "DNS:elsewhere.test,IP:127.0.0.1"}, &authority.certificate).Text();
  ScriptedPeer peer(AcceptAndWait, &text);
  SocketFixture fixture(Resolving("venue.test", {"127.0.0.1"}));
  const net::WebSocketEnd end = fixture.Refused(
      "wss://venue.test:" + std::to_string(peer.port()) + "/", authority.Trusting());
  CHECK(end.status.code() == StatusCode::kUnauthenticated);
  CHECK(Contains(end.status.message(), "hostname mismatch"));
}

TEST_CASE("TLS: a peer that speaks none is refused") {
  SocketFixture fixture;
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Read(5);
    link.Write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const net::WebSocketEnd end = fixture.Refused(peer.Url("wss"), Authority().Trusting());
  CHECK(end.status.code() == StatusCode::kUnauthenticated);
  CHECK_MESSAGE(Contains(end.status.message(), "wrong version number"), end.status.ToString());
}

TEST_CASE("answers that are no upgrade are refused with their status") {
  SocketFixture fixture;
  for (const int status : {200, 302, 401, 403, 404, 429, 503}) {
    ScriptedPeer peer([&](PeerLink& link, int) {
      link.ReadUntil("\r\n\r\n");
      link.Write("HTTP/1.1 " + std::to_string(status) +
                 " No\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    });
    const net::WebSocketEnd end = fixture.Refused(peer.Url("ws"));
    CAPTURE(status);
    CHECK_MESSAGE(end.status.code() == StatusCode::kFailedPrecondition, end.status.ToString());
    CHECK(end.http_status == status);
  }
}

TEST_CASE("an upgrade with a wrong key, no HTTP, or no answer is refused") {
  SocketFixture fixture;
  for (const std::string& answer :
       {std::string("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"),
        std::string("\x16\x03\x01 no http at all\r\n\r\n"), std::string()}) {
    ScriptedPeer peer([&](PeerLink& link, int) {
      link.ReadUntil("\r\n\r\n");
      link.Write(answer);
    });
    const net::WebSocketEnd end = fixture.Refused(peer.Url("ws"));
    CHECK_FALSE(end.status.ok());
  }
  net::WebSocketOptions options;
  options.connect_timeout_ms = 100;
  ScriptedPeer silent([](PeerLink& link, int) { link.ReadAll(); });
  CHECK(fixture.Refused(silent.Url("ws"), options).status.code() == StatusCode::kDeadlineExceeded);
}

TEST_CASE("names that do not resolve, or never, are told") {
  Gate never;
  net::NetLoopOptions options;
  options.resolver.timeout_ms = 100;
  options.resolver.lookup =
      [never](const std::string& host) mutable -> Result<std::vector<std::string>> {
    if (host == "slow.test") static_cast<void>(never.Wait());
    return Status(StatusCode::kUnavailable, "net", "cannot resolve " + host + ": no such name");
  };
  SocketFixture fixture(options);
  const net::WebSocketEnd unknown = fixture.Refused("ws://unknown.test/");
  CHECK(unknown.status.code() == StatusCode::kUnavailable);
  CHECK(Contains(unknown.status.message(), "cannot resolve unknown.test"));
  const net::WebSocketEnd slow = fixture.Refused("ws://slow.test/");
  CHECK(slow.status.code() == StatusCode::kDeadlineExceeded);
  never.Open();
}

TEST_CASE("addresses are tried in turn; refused by all is unavailable") {
  int refused_port = 0;
  {
    ScriptedPeer gone([](PeerLink&, int) {});
    refused_port = gone.port();
  }
  ScriptedPeer peer(AcceptAndWait);
  // The peer listens on 127.0.0.1 only.
  RecordingHandler handler;
  SocketFixture fixture(Resolving("venue.test", {"127.0.0.2", "::1", "127.0.0.1"}));
  fixture.Open("ws://venue.test:" + std::to_string(peer.port()) + "/", handler);
  CHECK(handler.lines.WaitFor(1) == std::vector<std::string>{"open"});
  const std::string refused = ":" + std::to_string(refused_port) + "/stream?listenKey=hidden";
  const net::WebSocketEnd end = fixture.Refused("ws://venue.test" + refused);
  CHECK(end.status.code() == StatusCode::kUnavailable);
  CHECK(Contains(end.status.message(), "ws://venue.test:"));
  CHECK_FALSE(Contains(end.status.message(), "hidden"));
}

TEST_CASE("a peer that went silent is found by the silence, one that pings is kept") {
  RecordingHandler handler;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    handler.lines.WaitFor(1);
    // Signs of life are told when the socket looks for silence, four times in the limit.
    for (std::size_t lives = 1; lives <= 5; ++lives) {
      link.Send(9, "alive");
      if (link.ReadFrame().opcode != 10) return;
      handler.lines.WaitFor(1 + lives);
    }
    link.ReadAll();  // reads, and never says a word again
  });
  SocketFixture fixture;
  net::WebSocketOptions options;
  options.silence_limit_ms = 1000;
  options.ping_interval_ms = 1'000'000;
  fixture.Open(peer.Url("ws"), handler, options);
  const auto ends = handler.ends.WaitFor(1);
  CHECK(ends[0].status.code() == StatusCode::kDeadlineExceeded);
  CHECK(Contains(ends[0].status.message(), "no byte from the peer for 1000 ms"));
  int lives = 0;
  for (const std::string& line : handler.lines.Items()) lives += line == "life" ? 1 : 0;
  CHECK(lives >= 5);
}

TEST_CASE("a peer that takes a large message slowly is kept for longer than the write timeout") {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  std::atomic<bool> whole{false};
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    const std::string head = link.Read(14);
    bool all = head.size() == 14;
    for (int i = 0; i < 48 && all; ++i) {  // 48 times 50 ms are more than the limit of 1 s
      all = link.Read(kPiece).size() == kPiece;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    whole = all;
    link.Send(1, "thanks");
    link.ReadAll();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  net::WebSocketOptions options;
  options.write_timeout_ms = 1000;
  options.max_send_bytes = std::size_t{64} << 20;
  handler.on_open = [&] { CHECK(fixture.At(0).SendText(std::string(48 * kPiece, 'w'))); };
  Gate thanked;
  handler.on_text = [&](std::string_view) { thanked.Open(); };
  fixture.Open(peer.Url("ws"), handler, options);
  CHECK(thanked.Wait());
  CHECK(whole);
  CHECK(handler.ends.Items().empty());
}

TEST_CASE("a peer that takes no bytes is found by the write timeout") {
  Gate done;
  ScriptedPeer peer([&](PeerLink& link, int) {
    link.Upgrade();
    CHECK(done.Wait());  // reads nothing
  });
  RecordingHandler handler;
  SocketFixture fixture;
  net::WebSocketOptions options;
  options.write_timeout_ms = 200;
  options.max_send_bytes = std::size_t{64} << 20;
  handler.on_open = [&] {
    const std::string large(1 << 20, 'w');
    for (int i = 0; i < 32; ++i) CHECK(fixture.At(0).SendText(large));
  };
  fixture.Open(peer.Url("ws"), handler, options);
  const auto ends = handler.ends.WaitFor(1);
  CHECK(ends[0].status.code() == StatusCode::kDeadlineExceeded);
  CHECK(Contains(ends[0].status.message(), "took no byte"));
  done.Open();
}

TEST_CASE("a loop that stops ends its sockets, opening ones too, once each") {
  ScriptedPeer peer(AcceptAndWait);
  ScriptedPeer silent([](PeerLink& link, int) { link.ReadAll(); });
  Gate never;
  net::NetLoopOptions options;
  options.resolver.lookup =
      [never](const std::string&) mutable -> Result<std::vector<std::string>> {
    static_cast<void>(never.Wait());
    return std::vector<std::string>{"127.0.0.1"};
  };
  auto loop = net::NetLoop::Create(options, WallClock(), NullLog()).value();
  REQUIRE(loop->Start().ok());
  RecordingHandler open, upgrading, resolving;
  std::vector<std::unique_ptr<net::WebSocket>> sockets;
  loop->Post([&] {
    for (const auto& [url, handler] : {std::pair{peer.Url("ws"), &open},
                                       {silent.Url("ws"), &upgrading},
                                       {std::string("ws://slow.test/"), &resolving}}) {
      sockets.push_back(net::WebSocket::Open(*loop, url, {}, *handler).value());
    }
  });
  open.lines.WaitFor(1);
  CHECK(loop->Stop(std::chrono::seconds(30)).ok());
  for (RecordingHandler* handler : {&open, &upgrading, &resolving}) {
    const auto ends = handler->ends.Items();
    REQUIRE(ends.size() == 1);
    CHECK(ends[0].status.code() == StatusCode::kCancelled);
  }
  sockets.clear();
  loop.reset();
  never.Open();
}

TEST_CASE("an address as long as is allowed reaches the server whole") {
  Collector<std::string> requests;
  ScriptedPeer peer([&](PeerLink& link, int) {
    requests.Add(link.Upgrade());
    link.ReadFrame();
  });
  RecordingHandler handler;
  SocketFixture fixture;
  const std::string target = "/" + std::string(1'999, 'p');
  fixture.Open(peer.Url("ws", target), handler);
  CHECK(handler.lines.WaitFor(1) == std::vector<std::string>{"open"});
  fixture.Stop();
  CHECK(requests.WaitFor(1).at(0).starts_with("GET " + target + " HTTP/1.1\r\n"));
}

TEST_CASE("a socket that is closed while it connects is never told to be open") {
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Upgrade();
    link.Send(8, link.ReadFrame().payload);
  });
  for (int round = 0; round < 20; ++round) {
    RecordingHandler handler;
    SocketFixture fixture;
    const std::size_t index = fixture.Open(peer.Url("ws"), handler);
    for (int turns = 0; turns < round; ++turns) fixture.OnLoop([] {});
    bool open = false;
    fixture.OnLoop([&] {
      open = fixture.At(index).open();
      fixture.At(index).Close(1000, {});
    });
    CHECK(handler.ends.WaitFor(1).at(0).status.code() == StatusCode::kCancelled);
    fixture.Stop();
    const std::vector<std::string> lines = handler.lines.Items();
    CHECK(lines ==
          (open ? std::vector<std::string>{"open", "end"} : std::vector<std::string>{"end"}));
  }
}

TEST_CASE("a handler that opens again from OnClosed does not keep a loop from stopping") {
  ScriptedPeer peer(AcceptAndWait);
  RecordingHandler handler;
  auto loop = net::NetLoop::Create({}, WallClock(), NullLog()).value();
  REQUIRE(loop->Start().ok());
  std::unique_ptr<net::WebSocket> socket;
  std::atomic<bool> again{false};
  struct Reopening : RecordingHandler {
    std::function<void()> on_closed;
    void OnClosed(const net::WebSocketEnd& end) override {
      on_closed();
      RecordingHandler::OnClosed(end);
    }
  } reopening;
  reopening.on_closed = [&] {
    again = net::WebSocket::Open(*loop, peer.Url("ws"), {}, handler).status().code() ==
            StatusCode::kCancelled;
  };
  loop->Post([&] { socket = net::WebSocket::Open(*loop, peer.Url("ws"), {}, reopening).value(); });
  reopening.lines.WaitFor(1);
  CHECK(loop->Stop(std::chrono::seconds(30)).ok());
  CHECK(again);
}

TEST_CASE("a peer that resets in the handshake is unavailable, not somebody else") {
  SocketFixture fixture;
  ScriptedPeer peer([](PeerLink& link, int) {
    link.Read(5);
    link.Reset();
  });
  CHECK(fixture.Refused(peer.Url("wss"), Authority().Trusting()).status.code() ==
        StatusCode::kUnavailable);
  ScriptedPeer ended([](PeerLink& link, int) { link.Read(5); });
  CHECK(fixture.Refused(ended.Url("wss"), Authority().Trusting()).status.code() ==
        StatusCode::kUnavailable);
}

TEST_CASE("options and addresses that make no sense are refused at once") {
  RecordingHandler handler;
  SocketFixture fixture;
  const auto code = [&](const std::string& url, const net::WebSocketOptions& options) {
    StatusCode found = StatusCode::kOk;
    fixture.OnLoop([&] {
      found = net::WebSocket::Open(fixture.loop(), url, options, handler).status().code();
    });
    return found;
  };
  CHECK(code("http://127.0.0.1/", {}) == StatusCode::kInvalidArgument);
  CHECK(code("ws://", {}) == StatusCode::kInvalidArgument);
  net::WebSocketOptions options;
  options.headers = {{"X", "1\r\nY: 2"}};
  CHECK(code("ws://127.0.0.1/", options) == StatusCode::kInvalidArgument);
  options.headers = {{"X", std::string(3'000, 'x')}};
  CHECK(code("ws://127.0.0.1/", options) == StatusCode::kInvalidArgument);
  options.headers = {{"authorization", "Bearer x"}};
  CHECK(code("ws://me:pw@127.0.0.1/", options) == StatusCode::kInvalidArgument);
  // libwebsockets would send these truncated.
  CHECK(code("ws://127.0.0.1/" + std::string(2'000, 'p'), {}) == StatusCode::kInvalidArgument);
  CHECK(code("ws://" + std::string(120, 'h') + "/", {}) == StatusCode::kInvalidArgument);
  CHECK(code("ws://a%0ab@127.0.0.1/", {}) == StatusCode::kInvalidArgument);
  CHECK(code("ws://a%4@127.0.0.1/", {}) == StatusCode::kInvalidArgument);
  options = {};
  options.tls.ca_file = "/nowhere/ca.pem";
  CHECK(code("wss://127.0.0.1/", options) == StatusCode::kInvalidArgument);
  options = {};
  options.tls.ca_pem = "no certificate";
  CHECK(code("wss://127.0.0.1/", options) == StatusCode::kInvalidArgument);
  const std::string good = Authority().certificate.Text().certificate_pem;
  options.tls.ca_pem = good + good.substr(0, 60) + "!!!!" + good.substr(64);
  CHECK(code("wss://127.0.0.1/", options) == StatusCode::kInvalidArgument);
}

}  // namespace virtufin::test
