// RecordingPlayer: plays a recorded Binance session through the feed onto a bus, item by item.
//
// Time is the recording's: a frame, a snapshot answer or a deadline of the feed happens when it
// says, however fast it is played. Requests are answered from the recording only.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/binance_feed.hpp"
#include "virtufin/exchange/recording.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {

struct RecordingPlayerOptions {
  std::string frames_path = {};
  std::string answers_path = {};             // depth snapshots; empty: none
  std::optional<BinanceMarket> market = {};  // unset: told by the recorded URLs
  bool snapshots_first = false;              // all answers before the first frame, asked for or not
  BinanceFeedOptions feed = Historical();    // `market` is replaced

  /// Clock type historical in world "hyp.replay".
  static BinanceFeedOptions Historical();
};

struct RecordingCounters {
  std::uint64_t frames = 0, answers = 0;  // played
  std::uint64_t unanswered = 0;           // requests for which the recording has no answer (left)
  std::uint64_t not_published = 0;        // events that the bus did not accept for everybody
};

/// [owner]
class RecordingPlayer {
 public:
  /// `bus` is borrowed until the player is destroyed; `clock`, too, gives walltime when
  /// `feed.historical` is off.
  /// Errors: NOT_FOUND, PERMISSION_DENIED for a file; INVALID_ARGUMENT when neither file names a
  /// symbol, when the market is not told, or as BinanceFeed::Create.
  static Result<std::unique_ptr<RecordingPlayer>> Open(const RecordingPlayerOptions& options,
                                                       PubSub& bus, Clock& clock = WallClock());
  ~RecordingPlayer();

  /// Plays the next frame or answer, and before it what is due in the feed. False: it was all.
  bool Next();
  /// Recorded time from the first item to the next one; nothing at the end.
  std::optional<std::int64_t> next_offset_ns();
  /// Plays to the end, or until `stop` is requested, at `speed` times the recorded pace; 0: as fast
  /// as it goes. Sleeps on the calling thread between items; a request to stop, from any thread,
  /// wakes it.
  void Play(double speed, std::stop_token stop = {});

  BinanceMarket market() const noexcept;
  std::vector<std::string> symbols() const;  // all that the recording names, subscribed
  const BinanceFeed& feed() const noexcept;
  const RecordingCounters& counters() const noexcept;
  /// Lines that could not be used, and items that turned out to be cut, by file and line.
  std::vector<RecordingProblem> problems() const;

 private:
  struct Impl;
  explicit RecordingPlayer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
