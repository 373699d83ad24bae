// The venue's front: real sockets and real time around the pure venue, all on the server's loop.
#include "sim/venue_server.hpp"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/streams.hpp"

namespace virtufin::inline v0::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(result == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

// The first value of `name` in the query of `target`, percent-decoded; empty without one.
std::string Query(std::string_view target, std::string_view name) {
  const auto mark = std::min(target.find('?'), target.size());
  for (auto& [key, value] : ParseQuery(target.substr(std::min(mark + 1, target.size())))) {
    if (key == name) return std::move(value);
  }
  return {};
}

void AppendLevel(std::string& out, const std::pair<const Decimal, Decimal>& level) {
  if (out.back() != '[') out += ',';
  out += "[\"" + level.first.ToString() + "\",\"" + level.second.ToString() + "\"]";
}

net::HttpAnswer Json(int status, std::string body) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.fields.push_back({"Content-Type", "application/json"});
  answer.body = std::move(body);
  return answer;
}

}  // namespace

class BinanceVenueServer::Front final : public net::HttpHandler, public VenueOutput {
 public:
  ~Front() override { static_cast<void>(Stop(milliseconds(0))); }

  static Result<std::unique_ptr<Front>> Create(VenueServerOptions options, LogSink& log) {
    auto front = std::make_unique<Front>();
    front->started_at_ = steady_clock::now();
    front->start_ms_ = std::chrono::duration_cast<milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    options.venue.start_unix_ms = front->start_ms_;
    front->secure_ = !options.http.tls_key_pem.empty();
    front->address_ = options.http.address;
    auto venue = BinanceVenue::Create(std::move(options.venue), *front);
    if (!venue.ok()) return venue.status();
    front->venue_ = *std::move(venue);
    options.http.ping_interval_ms = 0;  // the venue's own pings are what its clients see
    auto server = net::HttpServer::Create(std::move(options.http), *front, log);
    if (!server.ok()) return server.status();
    front->server_ = *std::move(server);
    return front;
  }

  Status Start() {
    if (Status status = server_->Start(); !status.ok()) return status;
    running_ = true;
    return With([](BinanceVenue&, std::int64_t) {});  // arms the first tick
  }
  Status Stop(milliseconds deadline) {
    running_ = false;
    return server_ == nullptr ? Status{} : server_->Stop(deadline);
  }
  Status With(const std::function<void(BinanceVenue&, std::int64_t)>& task) {
    if (!running_) {
      return Status(StatusCode::kFailedPrecondition, "sim", "the simulated venue does not run");
    }
    std::promise<void> done;
    server_->After(std::chrono::nanoseconds(0), [&] {
      task(*venue_, Now());
      Arm();
      done.set_value();
    });
    done.get_future().wait();
    return Status{};
  }
  std::string Url(std::string scheme) const {
    if (secure_) scheme += 's';
    const bool v6 = address_.find(':') != std::string::npos;
    return scheme + "://" + (v6 ? "[" + address_ + "]" : address_) + ":" +
           std::to_string(server_->port());
  }
  const net::HttpServer& server() const noexcept { return *server_; }

  // net::HttpHandler
  void OnRequest(net::IncomingRequest request, net::HttpResponder responder) override {
    if (request.websocket) {
      OnSocket(request, std::move(responder));
    } else if (request.method != "GET") {
      responder.Send(Json(405, "{\"code\":-1,\"msg\":\"expected GET\"}"));
    } else if (request.target.compare(0, 11, "/sim/truth?") == 0) {
      responder.Send(Truth(request.target));
    } else {
      OnRest(request, std::move(responder));
    }
    Arm();
  }

  // VenueOutput
  void Send(ConnectionId connection, const VenueText& text) override;
  void Ping(ConnectionId connection, std::string_view payload) override;
  void Close(ConnectionId connection, std::uint16_t code, std::string_view reason) override;
  void Drop(ConnectionId connection) override;
  void Stall(ConnectionId connection) override;
  void Hush(ConnectionId connection) override;

 private:
  class Peer;

  std::int64_t Now() const {
    return start_ms_ +
           std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_at_).count();
  }
  // One timer, at the venue's next tick; a timer that was overtaken does nothing.
  void Arm() {
    const std::int64_t now = Now();
    const std::int64_t next = venue_->next_tick_ms();
    if (next == BinanceVenue::kNoTick) return;
    const std::int64_t at = std::max(next, now + 1);
    if (armed_at_ <= at && armed_at_ > now) return;
    armed_at_ = at;
    const auto when = started_at_ + milliseconds(at - start_ms_);
    server_->After(when - steady_clock::now(), [this, at] {
      if (armed_at_ != at) return;
      armed_at_ = BinanceVenue::kNoTick;
      venue_->OnTick(Now());
      Arm();
    });
  }
  Peer* Find(ConnectionId connection) {
    const auto found = peers_.find(connection);
    return found == peers_.end() ? nullptr : found->second;
  }
  void OnSocket(const net::IncomingRequest& request, net::HttpResponder responder);
  void OnRest(const net::IncomingRequest& request, net::HttpResponder responder);
  net::HttpAnswer Truth(std::string_view target);

  steady_clock::time_point started_at_;
  std::int64_t start_ms_ = 0;
  std::string address_;
  bool secure_ = false;
  bool running_ = false;
  std::int64_t armed_at_ = BinanceVenue::kNoTick;
  ConnectionId last_connection_ = 0;
  std::unordered_map<ConnectionId, Peer*> peers_;  // which the sockets own
  std::unique_ptr<BinanceVenue> venue_;
  std::unique_ptr<net::HttpServer> server_;
};

// One socket of the venue. What the venue does before the handshake is out is kept for after it.
class BinanceVenueServer::Front::Peer final : public net::SocketEvents {
 public:
  Peer(Front& front, ConnectionId id) : front_(front), id_(id) { front_.peers_[id_] = this; }
  ~Peer() override { Gone(); }

  template <class F>
  void Do(F what) {
    if (open_) {
      what(socket_);
    } else {
      early_.emplace_back(std::move(what));
    }
  }

  void OnOpen(net::ServerSocket socket) override {
    socket_ = std::move(socket);
    open_ = true;
    for (const auto& what : std::exchange(early_, {})) what(socket_);
  }
  void OnText(std::string_view text) override {
    front_.venue_->OnText(id_, text, front_.Now());
    front_.Arm();
  }
  void OnPing(std::string_view) override { front_.venue_->OnPing(id_, front_.Now()); }
  void OnPong(std::string_view payload) override {
    front_.venue_->OnPong(id_, payload, front_.Now());
  }
  void OnClosed(std::uint16_t, std::string_view) override { Gone(); }

 private:
  void Gone() {
    if (front_.peers_.erase(id_) != 0) front_.venue_->OnClosed(id_, front_.Now());
  }

  Front& front_;
  const ConnectionId id_;
  net::ServerSocket socket_;
  bool open_ = false;
  std::vector<std::function<void(net::ServerSocket&)>> early_;
};

void BinanceVenueServer::Front::OnSocket(const net::IncomingRequest& request,
                                         net::HttpResponder responder) {
  const ConnectionId id = ++last_connection_;
  const int status = venue_->Accept(id, request.target, Now());
  if (status == 101) {
    static_cast<void>(responder.Accept(std::make_shared<Peer>(*this, id)));
    return;
  }
  net::HttpAnswer answer;
  answer.status = status;
  responder.Send(std::move(answer));
}

void BinanceVenueServer::Front::OnRest(const net::IncomingRequest& request,
                                       net::HttpResponder responder) {
  const RestAnswer rest = venue_->OnRequest(request.target, Now());
  if (rest.no_answer) return responder.Stall();
  net::HttpAnswer answer;
  answer.status = rest.status;
  for (const auto& [name, value] : rest.headers) answer.fields.push_back({name, value});
  if (rest.body != nullptr) answer.body = *rest.body;
  const bool takes_gzip = request.Field("accept-encoding").find("gzip") != std::string_view::npos;
  if (rest.gzip && takes_gzip) {
    answer.body = Gzip(answer.body);
    answer.fields.push_back({"Content-Encoding", "gzip"});
  }
  if (rest.truncate_at < answer.body.size()) {
    answer.told_length = answer.body.size();
    answer.body.resize(rest.truncate_at);
  }
  if (rest.delay_ms <= 0) return responder.Send(std::move(answer));
  auto later = std::make_shared<net::HttpResponder>(std::move(responder));
  server_->After(milliseconds(rest.delay_ms),
                 [later, answer = std::move(answer)]() mutable { later->Send(std::move(answer)); });
}

net::HttpAnswer BinanceVenueServer::Front::Truth(std::string_view target) {
  const std::string symbol = Query(target, "symbol");
  const std::string wanted = Query(target, "id");
  MarketModel& market = venue_->market();
  const MarketModel::Symbol* found = market.Find(symbol);
  if (found == nullptr) return Json(404, "{\"error\":\"no such symbol\"}");
  venue_->OnTick(Now());
  std::int64_t id = market.last_update_id(found->index);
  if (!wanted.empty()) {
    const char* end = wanted.data() + wanted.size();
    if (std::from_chars(wanted.data(), end, id).ptr != end) {
      return Json(400, "{\"error\":\"expected an update id\"}");
    }
  }
  const VenueBook* book = market.BookAt(found->index, id);
  if (book == nullptr) return Json(404, "{\"error\":\"no book at this id\"}");
  std::string body = "{\"symbol\":\"" + symbol + "\",\"id\":" + std::to_string(id) + ",\"bids\":[";
  for (auto level = book->bids.rbegin(); level != book->bids.rend(); ++level) {
    AppendLevel(body, *level);
  }
  body += "],\"asks\":[";
  for (const auto& level : book->asks) AppendLevel(body, level);
  return Json(200, body + "]}");
}

void BinanceVenueServer::Front::Send(ConnectionId connection, const VenueText& text) {
  if (Peer* peer = Find(connection)) {
    peer->Do([text](net::ServerSocket& socket) {
      // A client that does not keep up is cut, as the venue does: no frame is lost unseen.
      if (socket.SendText(text).code() == StatusCode::kResourceExhausted) socket.Abort();
    });
  }
}

void BinanceVenueServer::Front::Ping(ConnectionId connection, std::string_view payload) {
  if (Peer* peer = Find(connection)) {
    peer->Do([payload = std::string(payload)](net::ServerSocket& socket) {
      static_cast<void>(socket.Ping(payload));
    });
  }
}

void BinanceVenueServer::Front::Close(ConnectionId connection, std::uint16_t code,
                                      std::string_view reason) {
  if (Peer* peer = Find(connection)) {
    peer->Do([code, reason = std::string(reason)](net::ServerSocket& socket) {
      socket.Close(code, reason);
    });
  }
}

void BinanceVenueServer::Front::Drop(ConnectionId connection) {
  if (Peer* peer = Find(connection)) {
    peer->Do([](net::ServerSocket& socket) { socket.Abort(); });
  }
}

void BinanceVenueServer::Front::Stall(ConnectionId connection) {
  if (Peer* peer = Find(connection)) {
    peer->Do([](net::ServerSocket& socket) { socket.SilentlyStall(); });
  }
}

void BinanceVenueServer::Front::Hush(ConnectionId connection) {
  if (Peer* peer = Find(connection)) {
    peer->Do([](net::ServerSocket& socket) { socket.SilentlyHush(); });
  }
}

Result<std::unique_ptr<BinanceVenueServer>> BinanceVenueServer::Create(VenueServerOptions options,
                                                                       LogSink& log) {
  auto front = Front::Create(std::move(options), log);
  if (!front.ok()) return front.status();
  return std::unique_ptr<BinanceVenueServer>(new BinanceVenueServer(*std::move(front)));
}

BinanceVenueServer::BinanceVenueServer(std::unique_ptr<Front> front) noexcept
    : front_(std::move(front)) {}
BinanceVenueServer::~BinanceVenueServer() = default;

Status BinanceVenueServer::Start() { return front_->Start(); }
Status BinanceVenueServer::Stop(std::chrono::milliseconds deadline) {
  return front_->Stop(deadline);
}
std::uint16_t BinanceVenueServer::port() const noexcept { return front_->server().port(); }
std::string BinanceVenueServer::rest_url() const { return front_->Url("http"); }
std::string BinanceVenueServer::ws_url() const { return front_->Url("ws"); }
net::HttpServerCounters BinanceVenueServer::counters() const noexcept {
  return front_->server().counters();
}
Status BinanceVenueServer::With(
    const std::function<void(BinanceVenue& venue, std::int64_t now_ms)>& task) {
  return front_->With(task);
}

}  // namespace virtufin::inline v0::sim
