// NetVenueLink: a VenueLink over real sockets and real requests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/venue_link.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"
#include "net/web_socket.hpp"

namespace virtufin::inline v0::detail {

/// Everything on the loop's thread. A frame goes from the socket's read buffer to the events
/// without a copy or another thread.
class NetVenueLink final : public VenueLink {
 public:
  /// `loop`, `http` and `events` are borrowed until the link is destroyed, which happens on the
  /// loop's thread or after its end; `http` has been stopped by then.
  NetVenueLink(net::NetLoop& loop, net::HttpClient& http,
               const net::WebSocketOptions& socket_options, std::size_t max_body_bytes,
               VenueEvents& events);
  ~NetVenueLink() override;

  void Open(std::uint32_t number, std::string_view url) override;
  bool Send(std::uint32_t number, std::string_view text) override;
  void Ping(std::uint32_t number) override;
  void Close(std::uint32_t number) override;
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override;

  /// Stops reading all sockets, those that open meanwhile too, and keeps answers back; or goes on.
  void PauseReading(bool paused);
  /// Closes everything; no event follows.
  void CloseAll();
  /// Of the loop; monotonic times never go back.
  FeedTime Now();

 private:
  class Socket;
  /// Tasks that outlive the link find out by it.
  struct Alive {
    NetVenueLink* link;
  };
  struct Answer {
    std::uint64_t request = 0;
    std::string error;  // without the address
    net::HttpResponse response;
  };
  void Deliver(Answer answer);
  FeedTime At(const net::ReceiveTime& time);
  std::unique_ptr<Socket> Take(std::uint32_t number);
  void Retire(std::unique_ptr<Socket> socket);

  net::NetLoop& loop_;
  net::HttpClient& http_;
  net::WebSocketOptions socket_options_;
  std::size_t max_body_bytes_;
  VenueEvents& events_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Socket>> sockets_;
  bool paused_ = false;
  std::vector<Answer> held_;  // while paused; no more than were asked for before
  std::int64_t last_monotonic_ns_ = 0;
  std::shared_ptr<Alive> alive_;
};

}  // namespace virtufin::inline v0::detail
