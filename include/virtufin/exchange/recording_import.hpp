// ImportRecording: makes a recording for SessionPlayer of a session that was recorded as text.
//
// Frames:  `<url> <-> <unix seconds>` when a connection was opened, then `<unix seconds>: <frame>`.
// Answers: `<url> -> <unix seconds>: <body>`. Empty lines and `configuration: ...` mean nothing.
//
// A session of today's adapter lives on the recorded time and is given these frames and answers; it
// is that session which is recorded. Text holds no pings and no stream that never rests: the
// session watches for no silence, rotates nothing, and asks for what it needs as often as it does.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0 {

struct RecordingImportOptions {
  std::string frames_path = {};                 // combined streams, or one stream a connection
  std::vector<std::string> answers_paths = {};  // of requests: depth, exchangeInfo, aggTrades, ...
  std::string path = {};                        // of the recording; `%t` as in record_path
  std::optional<BinanceMarket> market = {};     // unset: told by the first recorded URL
  /// Of the session. Replaced: feed.market, all of addresses, records, rates and reconnects, what
  /// watches for silence, rotation, instruments_poll_ms; depth_speed_ms by the first depth stream;
  /// check_symbols holds when there is an answer of exchangeInfo.
  BinanceAdapterOptions adapter = {};
};

/// A line that could not be used; everything around it could.
struct RecordingProblem {
  std::string file;
  std::size_t line = 0;
  std::string what;
  /// "spot.ws:17: what".
  std::string ToString() const;
};

/// What became of it.
struct RecordingImport {
  std::uint64_t frames = 0, answers = 0;  // in the recording
  std::uint64_t left_out = 0;             // frames that no subscription of an adapter brings
  std::uint64_t unanswered = 0;           // requests of the session that failed: no such answer
  std::uint64_t problem_count = 0;
  std::vector<RecordingProblem> problems;  // the first kMostProblems, by order of finding
  static constexpr std::size_t kMostProblems = 1000;
};

/// Reads both once, in order of recorded time, and subscribes to every stream that a recorded URL
/// or a frame names. Answers are given to requests of the same path and query (but `limit`), in
/// recorded order, not before their time. Blocks; a thread of its own writes meanwhile. [any]
/// Errors: NOT_FOUND, PERMISSION_DENIED naming a file that cannot be read; INVALID_ARGUMENT when
/// the market is not told, for an option of the adapter, or when no line can be used;
/// ALREADY_EXISTS and others for `path`; DATA_LOSS saying why not all could be written: the
/// recording plays up to there.
Result<RecordingImport> ImportRecording(const RecordingImportOptions& options);

}  // namespace virtufin::inline v0
