// A VenueLink on a virtual clock: between a session and a simulated venue, with everything that a
// network does to what passes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/venue_link.hpp"
#include "sim/binance_venue.hpp"
#include "sim/random.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::test {

/// What the network does, apart from the venue's own faults; in percent, zero in a quiet time.
struct LinkFaults {
  int connect_lost = 0;  // a connection attempt is never answered
  int request_lost = 0;  // a REST request breaks without an answer
  int late = 0;          // something takes up to 1.5 s longer
  int send_refused = 0;  // the send buffer is full
  int skew_ms = 0;       // not percent: a new socket is slower than others by up to so much, always
};

struct LinkCounters {
  std::uint64_t connects_lost = 0, requests_lost = 0, late = 0, sends_refused = 0;
  std::uint64_t cut = 0, stalled = 0, hushed = 0, timeouts = 0, truncated = 0;
  std::uint64_t frames = 0, frames_lost = 0;  // lost: in flight when the socket was cut
};

/// Time passes in Step only.
class SimulatedLink final : public detail::VenueLink, private sim::VenueOutput {
 public:
  /// URLs of the venue; the session appends paths.
  static constexpr std::string_view kStreamUrl = "wss://venue.test";
  static constexpr std::string_view kRestUrl = "https://venue.test";

  SimulatedLink(sim::VenueOptions options, std::uint64_t seed);

  sim::BinanceVenue& venue() noexcept { return *venue_; }
  ManualClock& clock() noexcept { return clock_; }
  FeedTime Now() const noexcept { return {start_unix_ns_ + elapsed_ns_, kStartNs + elapsed_ns_}; }
  std::int64_t elapsed_ms() const noexcept { return elapsed_ns_ / 1'000'000; }
  LinkFaults faults;
  const LinkCounters& counters() const noexcept { return counters_; }
  /// Hears of every whole answer to a REST request when it is handed over; may be empty.
  std::function<void(std::string_view target, int status, std::string_view body)> answered;

  /// The network resets this socket now; half the time what is on its way down is lost.
  void Cut(std::uint32_t socket);

  /// Moves to the next thing that happens on the link, at the venue, or that `events` waits for
  /// (`next_tick_ns`), at most to `until_ms`; hands over what has arrived. The caller then ticks.
  void Step(detail::VenueEvents& events, std::int64_t next_tick_ns, std::int64_t until_ms);

  void Open(std::uint32_t socket, std::string_view url) override;
  bool Send(std::uint32_t socket, std::string_view text) override;
  void Ping(std::uint32_t socket) override;
  void Close(std::uint32_t socket) override;
  void Get(std::uint64_t request, std::string_view url, std::int64_t timeout_ms) override;

 private:
  static constexpr std::int64_t kStartNs = 5'000'000'000;  // monotonic

  enum class Way : std::uint8_t {
    kConnect,  // to the venue
    kText,
    kPing,
    kPong,
    kBye,
    kRequest,
    kOpened,  // to the session
    kRefused,
    kFrame,
    kSign,
    kEnded,
    kAnswer,
  };
  struct Parcel {
    Way way = Way::kText;
    std::uint32_t socket = 0;
    std::uint64_t request = 0;
    std::string text;
    sim::VenueText frame;
    std::int64_t timeout_ns = 0;  // kRequest: when it is given up
    int status = 0;
    std::string target;  // kAnswer: what was asked
    std::vector<std::pair<std::string, std::string>> headers;
  };
  struct Socket {
    bool open = false;     // for the session
    bool stalled = false;  // half-open
    bool hushed = false;   // the venue sends nothing
    bool gone = false;     // the venue has ended it
    std::int64_t slower_ns = 0;
    std::int64_t last_up_ns = 0, last_down_ns = 0;
  };

  void Send(sim::ConnectionId connection, const sim::VenueText& text) override;
  void Ping(sim::ConnectionId connection, std::string_view payload) override;
  void Close(sim::ConnectionId connection, std::uint16_t code, std::string_view reason) override;
  void Drop(sim::ConnectionId connection) override;
  void Stall(sim::ConnectionId connection) override;
  void Hush(sim::ConnectionId connection) override;

  std::int64_t venue_ms() const { return (start_unix_ns_ + elapsed_ns_) / 1'000'000; }
  std::int64_t Latency();
  /// On a socket nothing overtakes.
  void Up(std::uint32_t socket, Parcel parcel);
  void Down(std::uint32_t socket, Parcel parcel);
  void At(std::int64_t due_ns, Parcel parcel) { parcels_.emplace(due_ns, std::move(parcel)); }
  void Arrive(Parcel& parcel, detail::VenueEvents& events);
  void ArriveAtVenue(Parcel& parcel);
  void AnswerRequest(const Parcel& parcel);
  Socket* Find(std::uint32_t socket);

  std::int64_t start_unix_ns_;
  std::int64_t elapsed_ns_ = 0;
  sim::Random random_;
  ManualClock clock_;
  LinkCounters counters_;
  std::map<std::uint32_t, Socket> sockets_;
  std::multimap<std::int64_t, Parcel> parcels_;  // by when they arrive
  std::unique_ptr<sim::BinanceVenue> venue_;
};

}  // namespace virtufin::test
