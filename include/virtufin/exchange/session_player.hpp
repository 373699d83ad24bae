// SessionPlayer: runs a recorded session of an adapter once more, on recorded time.
//
// An adapter with the option `record_path` writes down everything that its session is given and
// does. Playing gives the same to the same session: what it publishes is what it published then,
// and what it wants from the venue is compared with the record, never carried out.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance.hpp"
#include "virtufin/exchange/binance_feed.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {

/// What a recording says of itself. Layout: docs/recording-format.md.
struct RecordingInfo {
  std::string venue;  // "binance"
  BinanceMarket market = BinanceMarket::kSpot;
  std::uint64_t seed = 0;                                     // of the session's delays
  std::vector<std::pair<std::string, std::string>> options;   // as recorded, without secrets
  std::vector<std::string> unknown_options;                   // of those, keys we do not know
  std::vector<std::string> missing_options;                   // ours that it lacks: our defaults
  std::int64_t start_unix_ns = 0, end_unix_ns = 0;            // first and last record
  std::int64_t start_monotonic_ns = 0, end_monotonic_ns = 0;  // the same on the monotonic side
  std::uint64_t records = 0, frames = 0, answers = 0;         // whole ones
  std::vector<FeedRequest> subscriptions;                     // different ones, in recorded order
  std::uint64_t lost_records = 0;  // after which it ended: the buffer was full, or a write failed
  bool truncated = false;          // it does not reach to the end of the session
  std::string truncated_reason;    // with the byte where it ends
};

/// Reads all of it: whole records up to the end, or to where it was cut. [any]
/// Errors: NOT_FOUND, PERMISSION_DENIED for the file; INVALID_ARGUMENT when it is no recording or
/// of a version that we do not know; DATA_LOSS naming the byte at which it is damaged.
Result<RecordingInfo> ReadRecordingInfo(const std::string& path);

struct SessionPlayerOptions {
  std::string path = {};
  std::string world = "hyp.replay";  // must be "hyp.<name>"
  std::string run_id = {};           // extension runid of the events, a UUID; empty: none
  /// Name space of the events' ids. All zeros: made of the recording's header, world and run_id, so
  /// the same for each replay of it. Replays on one bus need different ones.
  Uuid run_seed = {};
  /// Called on the playing thread after whatever may have woken somebody: after each record that
  /// published, every kSettleEvents events of one that publishes many, and after the clock moved.
  /// Returns when all that followed from it has been done: Executor::WaitIdle. Empty: nothing is
  /// waited for. An error ends the replay with it.
  std::function<Status()> settle = {};
  static constexpr std::uint64_t kSettleEvents = 64;
};

struct SessionPlayerCounters {
  std::uint64_t records = 0;        // played, of all kinds
  std::uint64_t frames = 0;         // of those, messages of the venue
  std::uint64_t answers = 0;        // of those, answers to requests
  std::uint64_t events = 0;         // published
  std::uint64_t not_published = 0;  // of those, not accepted by the bus for everybody
};

/// [owner], and on one thread at a time: it moves the clock, calls the session and settles.
class SessionPlayer {
 public:
  /// `clock` should stand at the recording's start_unix_ns, or before it; it is moved by as much as
  /// the recording's monotonic time goes on. It and `bus` are borrowed until the player is gone.
  /// Errors: as ReadRecordingInfo, of the header; INVALID_ARGUMENT naming the option.
  static Result<std::unique_ptr<SessionPlayer>> Open(const SessionPlayerOptions& options,
                                                     PubSub& bus, ManualClock& clock);
  ~SessionPlayer();

  /// Moves the clock to the next record, which fires the timers that are due, then plays it. False:
  /// there is none any more, because the recording ends, or because of status().
  bool Next();
  /// Recorded time from the first record to the next one; nothing at the end.
  std::optional<std::int64_t> next_offset_ns() const;
  /// Plays to the end, or until `stop` is requested, at `speed` times the recorded pace; 0: as fast
  /// as it goes. Sleeps on the calling thread between records; a request to stop, from any thread,
  /// wakes it. Returns status().
  Status Play(double speed, std::stop_token stop = {});

  /// OK: all that was played is what was recorded. A recording that was cut plays to its last whole
  /// record: see info().
  /// Errors: ABORTED when the session did something else than recorded, naming the record, what was
  /// expected and what was found; DATA_LOSS naming the byte at which the recording is damaged; what
  /// `settle` said; what the bus said of an event that it did not take for everybody, naming the
  /// record and the topic.
  const Status& status() const noexcept;
  /// Of what was read so far; all of it after the end.
  const RecordingInfo& info() const noexcept;
  const SessionPlayerCounters& counters() const noexcept;
  /// The session's books, their states and what its frames were, as far as it was played.
  const BinanceFeed& books() const noexcept;

 private:
  struct Impl;
  explicit SessionPlayer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
