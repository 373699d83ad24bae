// The recorder: whole records or none, whatever the file and the buffer do.
#include "exchange/recording/recorder.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/file_limit.hpp"
#include "support/temporary_folder.hpp"
#include "unit/exchange/recording_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;
using detail::ContainerReader;
using detail::Record;
using detail::Recorder;
using detail::RecordHead;
using detail::RecordKind;

namespace {

class KeptLog final : public LogSink {
 public:
  bool Enabled(LogLevel) const noexcept override { return true; }
  void Write(LogLevel, std::string_view, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(text);
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

detail::RecordingHeader Header() {
  detail::RecordingHeader header;
  header.venue = "binance";
  return header;
}

RecordHead Frame(std::int64_t ns) {
  RecordHead head;
  head.kind = RecordKind::kText;
  head.time = {ns, ns};
  return head;
}

/// Its records, whose payloads must begin with their index; and how it ended.
struct Read {
  std::size_t records = 0;
  bool truncated = false;
  std::string reason;
  std::uint64_t lost = 0;
};

Read ReadAll(const std::string& path) {
  auto reader = ContainerReader::Open(path).value();
  Read out;
  Record record;
  for (;;) {
    const Result<bool> next = reader.Next(record);
    REQUIRE_MESSAGE(next.ok(), next.status().ToString());
    if (!*next) break;
    const std::string expected = std::to_string(out.records++) + " ";
    REQUIRE(record.payload().starts_with(expected));
  }
  out.truncated = reader.truncated();
  out.reason = reader.truncated_reason();
  out.lost = reader.lost_records();
  return out;
}

void Append(Recorder& recorder, int from, int to, const std::string& rest) {
  for (int i = from; i < to; ++i) recorder.Append(Frame(i), {std::to_string(i) + " ", rest});
}

}  // namespace

// Pins EX-81.
TEST_CASE("everything that is appended is in the file, and its end is marked") {
  TemporaryFolder folder;
  KeptLog log;
  Recorder recorder({folder / "a"}, log);
  REQUIRE(recorder.Start(Header()).ok());
  Append(recorder, 0, 20'000, std::string(200, 'x'));
  CHECK(recorder.Stop(std::chrono::seconds(60)).ok());
  CHECK(recorder.Stop(std::chrono::seconds(60)).ok());
  const Read read = ReadAll(folder / "a");
  CHECK(read.records == 20'000);
  CHECK_FALSE(read.truncated);
  CHECK(recorder.lost() == 0);
  CHECK(log.lines().empty());
}

TEST_CASE("whoever can wait for room loses nothing to a small buffer") {
  TemporaryFolder folder;
  KeptLog log;
  Recorder recorder({folder / "a", 64 * 1024}, log);
  CHECK_FALSE(recorder.AwaitRoom());  // not started
  REQUIRE(recorder.Start(Header()).ok());
  bool room = true;
  for (int i = 0; i < 20'000 && room; ++i) {
    Append(recorder, i, i + 1, std::string(2'000, 'x'));
    room = recorder.AwaitRoom();
  }
  CHECK(room);
  CHECK(recorder.Stop(std::chrono::seconds(60)).ok());
  CHECK(ReadAll(folder / "a").records == 20'000);
  CHECK(log.lines().empty());
}

// Pins EX-81.
TEST_CASE("a file that exists is never recorded over") {
  TemporaryFolder folder;
  WriteBytes(folder / "a", "what was here before");
  Recorder recorder({folder / "a"}, NullLog());
  const Status status = recorder.Start(Header());
  CHECK(status.code() == StatusCode::kAlreadyExists);
  CHECK(status.message() == "expected a file that can be made: File exists");
  CHECK(status.message().find(folder.path()) == std::string::npos);
  recorder.Append(Frame(1), {"0 "});
  CHECK(recorder.Stop(std::chrono::seconds(1)).ok());
  CHECK(ReadBytes(folder / "a") == "what was here before");
  Recorder nowhere({folder / "none/a"}, NullLog());
  CHECK(nowhere.Start(Header()).code() == StatusCode::kNotFound);
  Recorder unnamed({""}, NullLog());
  CHECK_FALSE(unnamed.Start(Header()).ok());
}

// Pins EX-93.
TEST_CASE("a path with a time is a new file at each start") {
  TemporaryFolder folder;
  detail::RecordingHeader header = Header();
  header.start.unix_ns = 1'795'414'500'999'999'999;
  for (const char* const name : {"20261123T061500Z", "20261123T061500Z-2", "20261123T061500Z-3"}) {
    Recorder recorder({folder / "a-%t.recording"}, NullLog());
    REQUIRE(recorder.Start(header).ok());
    REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
    CHECK(ReadAll(folder / ("a-" + std::string(name) + ".recording")).records == 0);
  }
  Recorder nowhere({folder / "none/%t"}, NullLog());
  CHECK(nowhere.Start(header).code() == StatusCode::kNotFound);
}

// Pins EX-81.
TEST_CASE("a full buffer ends the recording with a counted loss") {
  TemporaryFolder folder;
  KeptLog log;
  Recorder recorder({folder / "a", 100'000}, log);
  REQUIRE(recorder.Start(Header()).ok());
  Append(recorder, 0, 3, "short");
  recorder.Append(Frame(3), {"3 ", std::string(100'000, 'x')});  // more than it ever holds
  Append(recorder, 4, 10, "short");                              // there would be room for these
  REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
  const Read read = ReadAll(folder / "a");
  CHECK(read.records == 3);
  CHECK(read.truncated);
  CHECK(read.lost == 7);
  CHECK(recorder.lost() == 7);
  CHECK(read.reason.find("the buffer was full, 7 records lost") != std::string::npos);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("its buffer is full") != std::string::npos);
}

// Pins EX-81.
TEST_CASE("a write that fails ends the recording behind a whole record") {
  TemporaryFolder folder;
  KeptLog log;
  constexpr rlim_t kLimit = 30'000;
  {
    // The signal that comes with it goes to the recorder's thread, which takes none.
    const FileLimit limit(kLimit);
    Recorder recorder({folder / "a"}, log);
    REQUIRE(recorder.Start(Header()).ok());
    Append(recorder, 0, 400, std::string(200, 'x'));
    REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
    CHECK(recorder.lost() > 0);
    const Read read = ReadAll(folder / "a");
    CHECK(read.records > 50);
    CHECK(read.records + recorder.lost() == 400);
    CHECK(read.truncated);
    if (read.lost != 0) CHECK(read.reason.find("a write failed") != std::string::npos);
  }
  CHECK(ReadBytes(folder / "a").size() <= kLimit);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("a write failed: ") != std::string::npos);
}

// Pins EX-81.
TEST_CASE("a disk that takes nothing makes no recording") {
  TemporaryFolder folder;
  KeptLog log;
  const FileLimit limit(0);
  Recorder recorder({folder / "a"}, log);
  REQUIRE(recorder.Start(Header()).ok());
  Append(recorder, 0, 5, "x");
  CHECK(recorder.Stop(std::chrono::seconds(60)).ok());
  CHECK(recorder.lost() == 5);
  CHECK(log.lines().size() == 1);
  CHECK(ReadBytes(folder / "a").empty());
}

// Pins EX-92.
TEST_CASE("a record that is larger than any may be ends the recording") {
  TemporaryFolder folder;
  KeptLog log;
  Recorder recorder({folder / "a", std::size_t{256} << 20}, log);
  REQUIRE(recorder.Start(Header()).ok());
  Append(recorder, 0, 3, "short");
  const std::string half(std::size_t{32} << 20, 'x');
  recorder.Append(Frame(3), {half, half, "x"});
  Append(recorder, 4, 6, "short");
  REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
  const Read read = ReadAll(folder / "a");
  CHECK(read.records == 3);
  CHECK(read.lost == 3);
  CHECK(read.reason.find("it was as large as it may be, 3 records lost") != std::string::npos);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("larger than the format allows") != std::string::npos);
}

// Pins EX-92.
TEST_CASE("outputs of one input beyond what may be read are not written") {
  TemporaryFolder folder;
  Recorder recorder({folder / "a", std::size_t{256} << 20}, NullLog());
  REQUIRE(recorder.Start(Header()).ok());
  const std::string part(std::size_t{16} << 20, 'x');
  RecordHead output = Frame(1);
  output.direction = detail::RecordDirection::kOut;
  for (int i = 0; i < 6; ++i) {
    if (i == 0 || i == 3) recorder.Append(Frame(1), {std::to_string(i) + " "});
    recorder.Append(output, {part});
  }
  for (int i = 0; i < 2; ++i) recorder.Append(output, {part});
  REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
  const RecordingInfo info = ReadRecordingInfo(folder / "a").value();
  CHECK(info.records == 8);
  CHECK(info.lost_records == 2);
}

// Pins EX-93.
TEST_CASE("a recording ends before its file is larger than it may be") {
  TemporaryFolder folder;
  KeptLog log;
  constexpr std::uint64_t kMost = 50'000;
  Recorder recorder({folder / "a", 1 << 20, kMost}, log);
  REQUIRE(recorder.Start(Header()).ok());
  Append(recorder, 0, 400, std::string(200, 'x'));
  REQUIRE(recorder.Stop(std::chrono::seconds(60)).ok());
  const Read read = ReadAll(folder / "a");
  CHECK(read.records > 150);
  CHECK(read.records + read.lost == 400);
  CHECK(read.reason.find("it was as large as it may be") != std::string::npos);
  const std::size_t size = ReadBytes(folder / "a").size();
  CHECK(size <= kMost);
  CHECK(size > kMost - 300);
  REQUIRE(log.lines().size() == 1);
  CHECK(log.lines()[0].find("record_max_bytes") != std::string::npos);
}

// Pins EX-81.
TEST_CASE("several may stop one recording") {
  TemporaryFolder folder;
  for (int round = 0; round < 50; ++round) {
    const std::string path = folder / std::to_string(round);
    Recorder recorder({path}, NullLog());
    REQUIRE(recorder.Start(Header()).ok());
    Append(recorder, 0, 100, "x");
    std::atomic<int> stopped = 0;
    const auto stop = [&] { stopped += recorder.Stop(std::chrono::seconds(60)).ok() ? 1 : 0; };
    { const std::jthread one(stop), other(stop), third(stop); }
    CHECK(stopped == 3);
    CHECK(ReadAll(path).records == 100);
  }
}
