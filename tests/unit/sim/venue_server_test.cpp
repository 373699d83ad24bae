// The simulated venue over real sockets: paths, streams, and faults that are real.
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "sim/venue_server.hpp"
#include "support/certificate.hpp"
#include "support/raw_web_socket.hpp"
#include "unit/net/socket_fixture.hpp"

using namespace virtufin;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

std::unique_ptr<sim::BinanceVenueServer> StartVenue(sim::VenueMarket market,
                                                    sim::VenueOptions options = {}) {
  options.market = market;
  options.symbols = sim::DefaultSymbols(market);
  options.symbols.resize(2);
  for (auto& symbol : options.symbols) symbol.changes_per_s = 200;
  sim::VenueServerOptions all;
  all.venue = std::move(options);
  auto server = sim::BinanceVenueServer::Create(std::move(all)).value();
  REQUIRE(server->Start().ok());
  return server;
}

std::string Get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + more + "\r\n";
}

void Inject(sim::BinanceVenueServer& server, const std::string& line) {
  const sim::FaultPlan plan = sim::FaultPlan::Parse("0 " + line).value();
  REQUIRE(server
              .With([&](sim::BinanceVenue& venue, std::int64_t now_ms) {
                CHECK(venue.Inject(plan.faults.at(0), now_ms).ok());
              })
              .ok());
}

void Open(RawClient& client, const std::string& target) {
  REQUIRE(client.Send(Handshake(target)));
  REQUIRE(client.TakeUntil("\r\n\r\n").compare(0, 12, "HTTP/1.1 101") == 0);
}

json ReadJson(RawClient& client) {
  while (true) {
    const ServerFrame frame = ReadFrame(client);
    REQUIRE(frame.opcode != -1);
    if (frame.opcode == 1) return json::parse(frame.payload);
    if (frame.opcode == 9) client.Send(Frame(10, frame.payload));
  }
}

std::string Gunzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string out(std::size_t{1} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("a snapshot over HTTP is the venue's truth at its id") {
  const auto server = StartVenue(sim::VenueMarket::kSpot);
  RawClient client(server->port());
  client.Send(Get("/api/v3/depth?symbol=BTCUSDT&limit=5000"));
  const RawAnswer answer = client.Answer();
  CHECK(answer.status == 200);
  CHECK(answer.head.find("X-MBX-USED-WEIGHT-1M: 250\r\n") != std::string::npos);
  const json snapshot = json::parse(answer.body);
  const auto id = snapshot["lastUpdateId"].get<std::int64_t>();
  client.Send(Get("/sim/truth?symbol=BTCUSDT&id=" + std::to_string(id)));
  const json truth = json::parse(client.Answer().body);
  for (const char* side : {"bids", "asks"}) {
    REQUIRE(truth[side].size() == snapshot[side].size());
    for (std::size_t i = 0; i < truth[side].size(); ++i) {
      for (const int part : {0, 1}) {
        const auto number = [&](const json& book) {
          return Decimal::Parse(book[side][i][static_cast<std::size_t>(part)].get<std::string>())
              .value();
        };
        CHECK(number(truth) == number(snapshot));
      }
    }
  }
  client.Send(Get("/sim/truth?symbol=NOPE") + Get("/sim/truth?symbol=BTCUSDT&id=x") +
              "POST /api/v3/depth HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.Answer().status == 404);
  CHECK(client.Answer().status == 400);
  CHECK(client.Answer().status == 405);
}

TEST_CASE("streams come without gaps on every path of the venue") {
  const auto spot = StartVenue(sim::VenueMarket::kSpot);
  RawClient raw(spot->port());
  Open(raw, "/ws/0");
  raw.Send(Frame(1, R"({"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1})"));
  CHECK(ReadJson(raw) == json::parse(R"({"result":null,"id":1})"));
  std::int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const json diff = ReadJson(raw);
    if (last != 0) CHECK(diff["U"].get<std::int64_t>() == last + 1);
    last = diff["u"].get<std::int64_t>();
  }
  RawClient combined(spot->port());
  Open(combined, "/stream?streams=btcusdt@trade");
  CHECK(ReadJson(combined)["stream"] == "btcusdt@trade");

  const auto usdm = StartVenue(sim::VenueMarket::kUsdm);
  RawClient routed(usdm->port());
  Open(routed, "/public/ws/btcusdt@bookTicker");
  CHECK(ReadJson(routed)["e"] == "bookTicker");
  RawClient market(usdm->port());
  Open(market, "/market/ws/btcusdt@markPrice@1s");
  CHECK(ReadJson(market)["e"] == "markPriceUpdate");

  // A market stream on the retired URL is accepted; beside a public one it is the silent one.
  RawClient retired(usdm->port());
  Open(retired, "/stream?streams=btcusdt@aggTrade/btcusdt@bookTicker");
  for (int i = 0; i < 200; ++i) CHECK(ReadJson(retired)["stream"] == "btcusdt@bookTicker");

  RawClient nowhere(usdm->port());
  nowhere.Send(Handshake("/elsewhere"));
  CHECK(nowhere.Answer().status == 404);
}

TEST_CASE("REST faults are real ones") {
  const auto server = StartVenue(sim::VenueMarket::kSpot);
  const std::string depth = Get("/api/v3/depth?symbol=BTCUSDT&limit=100");
  RawClient client(server->port());
  Inject(*server, "http 503 1");
  client.Send(depth);
  CHECK(client.Answer().status == 503);

  Inject(*server, "truncate 1");
  client.Send(depth);
  const RawAnswer cut = client.Answer();
  CHECK(cut.status == 200);
  CHECK(!cut.body.empty());
  CHECK(!cut.complete);

  Inject(*server, "slow 200 1");
  RawClient slow(server->port());
  const auto before = std::chrono::steady_clock::now();
  slow.Send(depth);
  CHECK(slow.Answer().status == 200);
  CHECK(std::chrono::steady_clock::now() - before >= milliseconds(200));

  Inject(*server, "noanswer 1");
  RawClient unheard(server->port());
  unheard.Send(depth);
  pollfd readable{unheard.fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 100) == 0);

  RawClient banned(server->port());
  Inject(*server, "http 418 1");
  banned.Send(depth);
  const RawAnswer ban = banned.Answer();
  CHECK(ban.status == 418);
  CHECK(ban.head.find("Retry-After: ") != std::string::npos);
}

TEST_CASE("answers are compressed for those who take it") {
  sim::VenueOptions options;
  options.gzip = true;
  const auto server = StartVenue(sim::VenueMarket::kSpot, options);
  RawClient client(server->port());
  client.Send(Get("/api/v3/time", "Accept-Encoding: deflate, gzip\r\n"));
  const RawAnswer answer = client.Answer();
  CHECK(answer.Has("Content-Encoding: gzip"));
  CHECK(json::parse(Gunzip(answer.body)).contains("serverTime"));
  client.Send(Get("/api/v3/time"));
  CHECK(json::parse(client.Answer().body).contains("serverTime"));
}

TEST_CASE("connections are cut, closed, stalled, hushed and refused for real") {
  const auto server = StartVenue(sim::VenueMarket::kSpot);
  RawClient cut(server->port());
  Open(cut, "/ws/btcusdt@trade");
  ReadJson(cut);
  Inject(*server, "cut");
  CHECK(cut.TakeAll().find("\x88") == std::string::npos);

  RawClient closed(server->port());
  Open(closed, "/ws");
  Inject(*server, "close 1001");
  const ServerFrame close = ReadFrame(closed);
  CHECK(close.opcode == 8);
  CHECK(close.code() == 1001);

  RawClient stalled(server->port());
  Open(stalled, "/ws/btcusdt@bookTicker");
  ReadJson(stalled);
  Inject(*server, "stall");
  while (true) {
    pollfd readable{stalled.fd(), POLLIN, 0};
    if (::poll(&readable, 1, 200) == 0) break;
    REQUIRE(stalled.Fill());
  }
  CHECK(stalled.Send(Frame(9, "hello?")));
  pollfd readable{stalled.fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 100) == 0);

  RawClient hushed(server->port());
  Open(hushed, "/ws/btcusdt@bookTicker");
  ReadJson(hushed);
  Inject(*server, "hush");
  while (true) {
    pollfd some{hushed.fd(), POLLIN, 0};
    if (::poll(&some, 1, 200) == 0) break;
    REQUIRE(hushed.Fill());
  }
  CHECK(
      hushed.Send(Frame(9, "hello?") +
                  Frame(1, R"({"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":1})")));
  readable = {hushed.fd(), POLLIN, 0};
  CHECK(::poll(&readable, 1, 100) == 0);
  std::string many;
  for (int i = 0; i < 8; ++i) many += Frame(9, "hello?");
  CHECK(hushed.Send(many));  // it is heard: too many messages, and the cut has no close frame
  char byte;
  CHECK(::recv(hushed.fd(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);

  Inject(*server, "refuse 60000");
  RawClient refused(server->port());
  refused.Send(Handshake("/ws"));
  CHECK(refused.Answer().status == 503);
}

TEST_CASE("a client that answers no ping, or talks too much, is disconnected") {
  sim::VenueOptions options;
  options.ping_interval_ms = 300;
  options.pong_timeout_ms = 3000;
  const auto server = StartVenue(sim::VenueMarket::kSpot, options);
  RawClient mute(server->port());
  Open(mute, "/ws");
  RawClient polite(server->port());
  Open(polite, "/ws");
  CHECK(ReadFrame(mute).opcode == 9);
  std::size_t pings = 0;
  std::thread answering([&] {
    while (pings < 10) {
      const ServerFrame frame = ReadFrame(polite);
      if (frame.opcode != 9) return;
      ++pings;
      polite.Send(Frame(10, frame.payload));
    }
  });
  mute.TakeAll();
  answering.join();
  CHECK(pings == 10);
  RawClient loud(server->port());
  Open(loud, "/ws");
  for (int i = 0; i < 8; ++i) loud.Send(Frame(1, R"({"method":"LIST_SUBSCRIPTIONS","id":1})"));
  ServerFrame frame;
  do {
    frame = ReadFrame(loud);
  } while (frame.opcode == 1 || frame.opcode == 9);
  CHECK(frame.opcode == 8);
  CHECK(frame.code() == 1008);
  polite.Close();
  loud.Close();
  CHECK(server->Stop(milliseconds(60'000)).ok());
  CHECK(server->counters().connections == 0);
  CHECK(!server->With([](sim::BinanceVenue&, std::int64_t) {}).ok());
}

TEST_CASE("the venue speaks TLS, and the WebSocket client believes it by its certificate") {
  const test::Certificate own = test::MakeCertificate();
  sim::VenueServerOptions options;
  options.http.tls_certificate_pem = own.pem;
  options.http.tls_key_pem = own.key_pem;
  const auto server = sim::BinanceVenueServer::Create(std::move(options)).value();
  REQUIRE(server->Start().ok());
  CHECK(server->rest_url().compare(0, 8, "https://") == 0);
  test::RecordingHandler handler, wary;
  test::SocketFixture sockets;
  net::WebSocketOptions trusting;
  trusting.tls.ca_pem = own.pem;
  sockets.Open(server->ws_url() + "/ws/btcusdt@bookTicker", handler, trusting);
  const auto lines = handler.lines.WaitFor(3);
  REQUIRE(lines.size() >= 3);
  CHECK(lines[0] == "open");
  CHECK(lines[1].compare(0, 6, "text {") == 0);
  sockets.Open(server->ws_url() + "/ws", wary);
  const auto ends = wary.ends.WaitFor(1);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].status.code() == StatusCode::kUnauthenticated);
}
