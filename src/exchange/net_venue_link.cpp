// Translates between a session's numbers and sockets of `net`.
#include "exchange/net_venue_link.hpp"

#include <algorithm>
#include <utility>

#include "net/url.hpp"

namespace virtufin::inline v0::detail {
namespace {

/// What is said of `url`, with no more of it than its host: paths are options, and may be secret.
std::string WithoutPath(std::string_view text, std::string_view url) {
  std::string out(text);
  const Result<net::Url> parsed = net::ParseUrl(url);
  if (!parsed.ok()) return out;
  const std::string shown = net::Redact(url);
  const std::string host = parsed->scheme + "://" + parsed->Authority();
  for (auto at = out.find(shown); at != std::string::npos; at = out.find(shown, at + host.size())) {
    out.replace(at, shown.size(), host);
  }
  return out;
}

}  // namespace

class NetVenueLink::Socket final : public net::WebSocketHandler {
 public:
  Socket(NetVenueLink& link, std::uint32_t number, std::string_view url)
      : link_(link), number_(number), url_(url) {}

  void OnOpen(std::string_view) override {
    if (link_.paused_) socket->PauseReading(true);
    link_.events_.OnOpen(number_, link_.Now());
  }
  void OnText(std::string_view text, const net::ReceiveTime& time) override {
    link_.events_.OnFrame(number_, link_.At(time), text);
  }
  void OnBinary(ByteView, const net::ReceiveTime& time) override {
    link_.events_.OnSignOfLife(number_, link_.At(time));  // no venue of ours sends any
  }
  void OnPong(ByteView, const net::ReceiveTime& time) override {
    link_.events_.OnSignOfLife(number_, link_.At(time));
  }
  void OnSignOfLife(const net::ReceiveTime& time) override {
    link_.events_.OnSignOfLife(number_, link_.At(time));
  }
  void OnClosed(const net::WebSocketEnd& end) override {
    NetVenueLink& link = link_;
    const std::uint32_t number = number_;
    const std::string reason = WithoutPath(end.status.message(), url_);
    link.Retire(link.Take(number));
    link.events_.OnClosed(number, link.Now(), reason);
  }

  std::unique_ptr<net::WebSocket> socket;

 private:
  NetVenueLink& link_;
  std::uint32_t number_;
  std::string url_;
};

NetVenueLink::NetVenueLink(net::NetLoop& loop, net::HttpClient& http,
                           const net::WebSocketOptions& socket_options, std::size_t max_body_bytes,
                           VenueEvents& events)
    : loop_(loop),
      http_(http),
      socket_options_(socket_options),
      max_body_bytes_(max_body_bytes),
      events_(events),
      alive_(std::make_shared<Alive>(Alive{this})) {}

NetVenueLink::~NetVenueLink() { alive_->link = nullptr; }

FeedTime NetVenueLink::At(const net::ReceiveTime& time) {
  last_monotonic_ns_ = std::max(last_monotonic_ns_, time.monotonic_ns);
  return {time.unix_ns, last_monotonic_ns_};
}

FeedTime NetVenueLink::Now() { return At(loop_.Now()); }

std::unique_ptr<NetVenueLink::Socket> NetVenueLink::Take(std::uint32_t number) {
  auto node = sockets_.extract(number);
  return node ? std::move(node.mapped()) : nullptr;
}

/// Its handler may be on the stack: it goes with the loop's next round.
void NetVenueLink::Retire(std::unique_ptr<Socket> socket) {
  if (socket == nullptr) return;
  socket->socket.reset();
  loop_.Post([gone = std::move(socket)] {});
}

void NetVenueLink::Open(std::uint32_t number, std::string_view url) {
  auto socket = std::make_unique<Socket>(*this, number, url);
  auto opened = net::WebSocket::Open(loop_, url, socket_options_, *socket);
  if (opened.ok()) {
    socket->socket = std::move(*opened);
    sockets_.emplace(number, std::move(socket));
    return;
  }
  // Not from inside a call on the link; an owner that closes it meanwhile hears nothing.
  sockets_.emplace(number, std::move(socket));
  loop_.Post([alive = alive_, number, reason = WithoutPath(opened.status().message(), url)] {
    if (alive->link == nullptr || alive->link->Take(number) == nullptr) return;
    alive->link->events_.OnClosed(number, alive->link->Now(), reason);
  });
}

bool NetVenueLink::Send(std::uint32_t number, std::string_view text) {
  const auto at = sockets_.find(number);
  return at != sockets_.end() && at->second->socket != nullptr &&
         at->second->socket->SendText(text);
}

void NetVenueLink::Ping(std::uint32_t number) {
  const auto at = sockets_.find(number);
  if (at != sockets_.end() && at->second->socket != nullptr) at->second->socket->Ping({});
}

void NetVenueLink::Close(std::uint32_t number) { Retire(Take(number)); }

void NetVenueLink::CloseAll() {
  while (!sockets_.empty()) Close(sockets_.begin()->first);
  alive_->link = nullptr;
}

void NetVenueLink::PauseReading(bool paused) {
  paused_ = paused;
  for (const auto& [number, socket] : sockets_) {
    if (socket->socket != nullptr && socket->socket->open()) socket->socket->PauseReading(paused);
  }
  if (paused) return;
  // Not from inside this call; whoever is paused by the first keeps the others back.
  for (Answer& answer : std::exchange(held_, {})) {
    loop_.Post([alive = alive_, answer = std::move(answer)]() mutable {
      if (alive->link != nullptr) alive->link->Deliver(std::move(answer));
    });
  }
}

void NetVenueLink::Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) {
  net::HttpRequest asked;
  asked.url = url;
  asked.timeout_ms = timeout_ms;
  asked.max_body_bytes = max_body_bytes_;
  http_.Send(std::move(asked), [alive = alive_, loop = &loop_, request,
                                url = std::string(url)](net::HttpResponse response) {
    Answer answer{request, WithoutPath(response.error.message(), url), std::move(response)};
    loop->Post([alive, answer = std::move(answer)]() mutable {
      if (alive->link != nullptr) alive->link->Deliver(std::move(answer));
    });
  });
}

void NetVenueLink::Deliver(Answer answer) {
  if (paused_) {
    held_.push_back(std::move(answer));
    return;
  }
  const net::HttpResponse& response = answer.response;
  std::vector<VenueHeader> headers;
  headers.reserve(response.headers.size());
  for (const auto& [name, value] : response.headers) headers.push_back({name, value});
  events_.OnAnswer(answer.request, Now(),
                   VenueAnswer{response.status, answer.error, response.body, headers});
}

}  // namespace virtufin::inline v0::detail
