// Any bytes as a recording in text: every line is given out or reported, and none is invented; what
// can be made of it plays to its end.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "exchange/recording/line_reader.hpp"
#include "fuzz/check.hpp"
#include "virtufin/exchange/recording_import.hpp"
#include "virtufin/exchange/session_player.hpp"

using namespace virtufin;

namespace {

class Bus final : public PubSub {
 public:
  Status Publish(const Message&) override { return {}; }
  Result<Subscription> Subscribe(std::span<const std::string_view>, const SubscribeOptions&,
                                 MessageHandler) override {
    return Status(StatusCode::kUnimplemented, "fuzz", "nobody subscribes here");
  }
};

/// The text as frames and as answers to what these lead to.
void Import(const std::string& text_path) {
  RecordingImportOptions options;
  options.frames_path = text_path;
  options.answers_paths = {text_path};
  options.path = "/tmp/recording_fuzz." + std::to_string(getpid());
  const auto made = ImportRecording(options);
  if (!made.ok()) {
    FUZZ_CHECK(made.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  Bus bus;
  ManualClock clock(Timestamp::FromUnixMillis(0));
  SessionPlayerOptions play;
  play.path = options.path;
  auto player = SessionPlayer::Open(play, bus, clock).value();
  (void)unlink(options.path.c_str());
  FUZZ_CHECK(player->Play(0).ok());
  FUZZ_CHECK(!player->info().truncated);
  FUZZ_CHECK(player->counters().frames >= made->frames);
  FUZZ_CHECK(player->counters().answers >= made->answers + made->unanswered);
}

}  // namespace

// Pins EX-51.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = memfd_create("recording", MFD_CLOEXEC);
  FUZZ_CHECK(file >= 0);
  FUZZ_CHECK(ftruncate(file, 0) == 0);
  FUZZ_CHECK(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  detail::Problems problems;
  auto reader = detail::LineReader::Open(path, problems).value();
  detail::RecordedLine line;
  std::size_t last = 0;
  std::size_t lines = 0;
  while (reader.Next(line)) {
    FUZZ_CHECK(line.number > last);
    FUZZ_CHECK(line.unix_ns >= 0);
    FUZZ_CHECK((line.kind == detail::RecordedLine::Kind::kOpen) == line.body.empty());
    FUZZ_CHECK(content.find(line.body) != std::string_view::npos);
    FUZZ_CHECK(content.find(line.url) != std::string_view::npos);
    last = line.number;
    ++lines;
  }
  std::size_t newlines = 0;
  for (const char c : content) newlines += c == '\n' ? 1 : 0;
  FUZZ_CHECK(lines + problems.count <= newlines + 1);
  FUZZ_CHECK(last <= newlines + 1);
  for (const RecordingProblem& problem : problems.all) FUZZ_CHECK(!problem.what.empty());
  Import(path);
  return 0;
}
