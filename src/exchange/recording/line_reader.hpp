// LineReader: sessions that were recorded as text, one frame or one answer a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/recording_import.hpp"

namespace virtufin::inline v0::detail {

struct RecordedLine {
  enum class Kind : std::uint8_t { kOpen, kFrame, kAnswer };
  Kind kind = Kind::kFrame;
  std::size_t number = 0;  // from 1
  std::int64_t unix_ns = 0;
  std::string_view url;   // kOpen, kAnswer
  std::string_view body;  // kFrame, kAnswer
};

/// What could not be used of some files; the first kMost of it.
struct Problems {
  void Add(const std::string& file, std::size_t line, std::string what) {
    ++count;
    if (all.size() < RecordingImport::kMostProblems) all.push_back({file, line, std::move(what)});
  }
  std::vector<RecordingProblem> all;
  std::uint64_t count = 0;
};

/// Reads forward, one line in memory at a time. Lines that cannot be used go to `problems`, which
/// is borrowed. [owner]
class LineReader {
 public:
  /// Errors: NOT_FOUND or PERMISSION_DENIED naming the file.
  static Result<LineReader> Open(const std::string& path, Problems& problems);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  /// The next line that can be used; false at the end. Views are borrowed until the next call.
  bool Next(RecordedLine& line);
  const std::string& path() const noexcept;

 private:
  struct Impl;
  explicit LineReader(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::detail
