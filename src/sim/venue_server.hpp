// BinanceVenueServer: a simulated Binance on one real port: REST and WebSockets, on real time.
//
// The venue runs on the server's loop. Its faults are made of real ones: late and cut answers,
// compressed bodies, resets, half-open sockets. Beside the venue's paths it serves
// `/sim/truth?symbol=BTCUSDT&id=123`: the book at that update id, without id the newest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/http_server.hpp"
#include "sim/binance_venue.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::sim {

struct VenueServerOptions {
  VenueOptions venue;           // start_unix_ms: when Create is called
  net::HttpServerOptions http;  // a peer whose queue is full is cut
};

class BinanceVenueServer {
 public:
  /// Starts nothing. `log` is borrowed until the server is destroyed. [any]
  /// Errors: INVALID_ARGUMENT naming the option.
  static Result<std::unique_ptr<BinanceVenueServer>> Create(VenueServerOptions options,
                                                            LogSink& log = NullLog());
  ~BinanceVenueServer();  // Stop without waiting
  BinanceVenueServer(const BinanceVenueServer&) = delete;
  BinanceVenueServer& operator=(const BinanceVenueServer&) = delete;

  Status Start();                                   // as net::HttpServer [owner]
  Status Stop(std::chrono::milliseconds deadline);  // as net::HttpServer [owner]

  std::uint16_t port() const noexcept;  // after Start [any]
  std::string rest_url() const;         // "http://127.0.0.1:41234" [any]
  std::string ws_url() const;           // "ws://127.0.0.1:41234"; routes and streams follow [any]
  net::HttpServerCounters counters() const noexcept;  // of the sockets [any]

  /// Runs `task` with the venue and its time on the loop and waits for its end. [owner], not on the
  /// loop. Errors: FAILED_PRECONDITION unless started.
  Status With(const std::function<void(BinanceVenue& venue, std::int64_t now_ms)>& task);

 private:
  class Front;
  explicit BinanceVenueServer(std::unique_ptr<Front> front) noexcept;
  std::unique_ptr<Front> front_;
};

}  // namespace virtufin::inline v0::sim
