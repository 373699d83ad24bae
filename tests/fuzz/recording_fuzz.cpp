// Any bytes as a recording: every line is given out or reported, and none is invented.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "virtufin/exchange/recording.hpp"

using namespace virtufin;

// Pins EX-51.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = memfd_create("recording", MFD_CLOEXEC);
  FUZZ_CHECK(file >= 0);
  FUZZ_CHECK(ftruncate(file, 0) == 0);
  FUZZ_CHECK(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  auto reader = RecordingReader::Open("/proc/self/fd/" + std::to_string(file)).value();
  RecordedLine line;
  std::size_t last = 0;
  std::size_t lines = 0;
  while (reader.Next(line)) {
    FUZZ_CHECK(line.number > last);
    FUZZ_CHECK(line.unix_ns >= 0);
    FUZZ_CHECK((line.kind == RecordedLine::Kind::kOpen) == line.body.empty());
    FUZZ_CHECK(content.find(line.body) != std::string_view::npos);
    FUZZ_CHECK(content.find(line.url) != std::string_view::npos);
    last = line.number;
    ++lines;
  }
  std::size_t newlines = 0;
  for (const char c : content) newlines += c == '\n' ? 1 : 0;
  FUZZ_CHECK(lines + reader.problem_count() <= newlines + 1);
  FUZZ_CHECK(last <= newlines + 1);
  for (const RecordingProblem& problem : reader.problems()) FUZZ_CHECK(!problem.what.empty());
  return 0;
}
