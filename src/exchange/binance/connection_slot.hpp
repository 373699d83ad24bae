// What Connections keeps for one socket and for its place when it is gone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exchange/binance/connections.hpp"
#include "exchange/binance/escalation.hpp"

namespace virtufin::inline v0::detail {

/// A control message that waits for its answer.
struct PendingMessage {
  std::int64_t id = 0;
  bool subscribe = true;
  std::vector<VenueStream*> streams;
  std::int64_t deadline_ns = 0;
};

struct VenueSocket {
  /// More than the venue's second: what leaves a second apart can arrive closer together.
  static constexpr std::int64_t kBudgetMs = 1'250;

  VenueSocket(std::uint32_t number, std::int64_t messages_per_second)
      : id(number), budget(messages_per_second, kBudgetMs) {}

  std::uint32_t id;
  bool open = false;
  std::int64_t connect_by_ns = 0;
  std::int64_t opened_ns = 0;
  std::int64_t last_data_ns = 0;  // of any stream; before that, when it was opened
  bool heard_canary = false;
  std::int64_t last_life_ns = 0;
  std::int64_t next_ping_ns = 0;
  std::int64_t send_at_ns = 0;  // the link took nothing: not before then
  std::int64_t last_ack_ns = -1;
  RateLimiter budget;
  std::vector<PendingMessage> pending;  // oldest first
};

/// The place of a socket: its streams stay together when the socket is replaced.
struct ConnectionSlot {
  ConnectionSlot(BinanceRoute r, const BackoffOptions& reconnect, const Escalation& silences,
                 std::uint64_t seed)
      : route(r),
        backoff(reconnect, seed),
        silence(silences),
        rotate_backoff(reconnect, seed ^ 0x5bd1e995) {}

  BinanceRoute route;
  std::vector<VenueStream*> streams;
  std::deque<VenueStream*> todo;                             // may need a message
  std::vector<std::pair<std::int64_t, VenueStream*>> later;  // when they may be asked for again
  std::size_t asking = 0;              // streams asked for, no answer and no data yet
  std::size_t max_streams = SIZE_MAX;  // the venue took no more
  std::unique_ptr<VenueSocket> socket;
  bool was_open = false;  // one of its sockets
  Backoff backoff;
  std::int64_t connect_at_ns = 0;
  std::int64_t empty_since_ns = 0;

  // The data path.
  std::unique_ptr<VenueStream> canary;  // null: somebody subscribed the same, or there is none
  bool no_canary = false;               // the venue does not take it on this socket
  bool silent = false;
  Escalation silence;  // connections that are ended because of it

  // Rotation: the place of the socket that is to take over, with twins of this one's streams.
  std::unique_ptr<ConnectionSlot> successor;
  ConnectionSlot* place = nullptr;  // of a successor: whose
  std::string give_up;              // of a successor: why it is of no use
  Backoff rotate_backoff;
  int rotations_refused = 0;       // in a row: the venue did not take a stream on the new socket
  std::uint64_t rotate_early = 0;  // in 1/1024 of the time it may begin earlier
  bool rotate_now = false;         // the venue announced that it will cut the socket
  std::int64_t rotate_not_before_ns = 0;  // after one that failed
};

}  // namespace virtufin::inline v0::detail
