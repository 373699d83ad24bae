// RecordingReader: recorded exchange sessions as text, one frame or one answer a line.
//
// Frames:  `<url> <-> <unix seconds>` when a connection was opened, then `<unix seconds>: <frame>`.
// Answers: `<url> -> <unix seconds>: <body>`. Empty lines and `configuration: ...` mean nothing.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

struct RecordedLine {
  enum class Kind : std::uint8_t { kOpen, kFrame, kAnswer };
  Kind kind = Kind::kFrame;
  std::size_t number = 0;  // from 1
  std::int64_t unix_ns = 0;
  std::string_view url;   // kOpen, kAnswer
  std::string_view body;  // kFrame, kAnswer
};

/// A line that could not be used; everything around it could.
struct RecordingProblem {
  std::string file;
  std::size_t line = 0;
  std::string what;
  /// "spot.ws:17: what".
  std::string ToString() const;
};

/// Reads forward, one line in memory at a time. [owner] for everything.
class RecordingReader {
 public:
  /// Errors: NOT_FOUND or PERMISSION_DENIED naming the file.
  static Result<RecordingReader> Open(const std::string& path);
  ~RecordingReader();
  RecordingReader(RecordingReader&&) noexcept;
  RecordingReader& operator=(RecordingReader&&) noexcept;

  /// The next line that can be used; false at the end. Views are borrowed until the next call.
  bool Next(RecordedLine& line);

  const std::string& path() const noexcept;
  /// Of the lines read so far, at most kMaxProblems.
  const std::vector<RecordingProblem>& problems() const noexcept;
  std::uint64_t problem_count() const noexcept;
  static constexpr std::size_t kMaxProblems = 1000;

 private:
  struct Impl;
  explicit RecordingReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
