// A simulated venue and a network that do their worst, and a session that soon takes notice.
#pragma once

#include <cstdint>

#include "exchange/binance/session.hpp"
#include "sim/random.hpp"
#include "support/simulated_link.hpp"

namespace virtufin::test {

/// All but its symbols, its seed and what is drawn from that.
inline void MakeUnruly(sim::VenueOptions& options) {
  options.depth = 12;
  options.ack_order = sim::AckOrder::kMixed;
  options.error_shape = sim::ErrorShape::kMixed;
  options.ping_interval_ms = 7'000;
  options.pong_timeout_ms = 20'000;
  options.shutdown_notice_ms = 8'000;
  options.ban_ms = 4'000;
}

/// Of a session over a SimulatedLink.
inline void MakeWatchful(detail::BinanceSessionOptions& options) {
  options.stream_url = SimulatedLink::kStreamUrl;
  options.rest_url = SimulatedLink::kRestUrl;
  options.connect_timeout_ms = 5'000;
  options.ack_timeout_ms = 2'000;
  options.ping_ms = 5'000;
  options.life_timeout_ms = 12'000;
  options.request_timeout_ms = 4'000;
}

inline LinkFaults DrawLinkFaults(std::uint64_t seed) {
  sim::Random random(seed * 3 + 7);
  LinkFaults faults;
  faults.connect_lost = static_cast<int>(random.Below(12));
  faults.request_lost = static_cast<int>(random.Below(12));
  faults.late = static_cast<int>(random.Below(6));
  faults.send_refused = static_cast<int>(random.Below(10));
  return faults;
}

}  // namespace virtufin::test
