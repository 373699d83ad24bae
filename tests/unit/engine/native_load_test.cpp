// What the native engine loads, what it refuses and why, and what it leaves behind.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"

using namespace virtufin;
namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Status LoadStatus(Engine& engine, const WorkerCode& code,
                  std::shared_ptr<WorkerHost> host = std::make_shared<RecordingHost>()) {
  return engine.Load(code, TestIdentity(), std::move(host)).status();
}

void CheckRefused(const WorkerCode& code, std::string_view words) {
  const auto engine = MakeNativeEngine();
  const Status status = LoadStatus(*engine, code);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK_MESSAGE(status.message().find(words) != std::string_view::npos, status.ToString());
}

std::string Maps() {
  std::ifstream maps("/proc/self/maps");
  return {std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>()};
}

std::size_t OpenDescriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

struct ScratchFolder {
  ScratchFolder() {
    std::string name = fs::temp_directory_path() / "virtufin-test-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~ScratchFolder() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("the engine says what it runs") {
  const EngineInfo info = MakeNativeEngine()->Describe();
  CHECK(info.mime_type == "application/x-native-dll");
  CHECK(info.language == "Native");
  CHECK(info.available);
}

// Pins WA-5.
TEST_CASE("what is no regular file is refused at once, also a FIFO that nobody writes") {
  const ScratchFolder folder;
  const std::string fifo = folder.path / "libfifo.so";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  CheckRefused({"application/x-native-dll", fifo, {}}, "expected a regular file");
  CheckRefused({"application/x-native-dll", folder.path, {}}, "expected a regular file");
  CheckRefused({"application/x-native-dll", "/dev/zero", {}}, "expected a regular file");
}

TEST_CASE("a library loads from a file and from its bytes") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  CHECK(Answer(*LoadWorker(*engine, NativeFile(MODES_V2), host), "echo", "a") == "a");
  CHECK(Answer(*LoadWorker(*engine, {"application/x-native-dll", "", ReadFile(MODES_V2)}, host),
               "echo", "b") == "b");
}

// Pins WA-7.
TEST_CASE("a file that is not there is NOT_FOUND by its name") {
  const auto engine = MakeNativeEngine();
  for (const char* path : {"/nonexistent/lib.so", "/dev/null/lib.so"}) {
    const Status status = LoadStatus(*engine, NativeFile(path));
    CHECK(status.code() == StatusCode::kNotFound);
    CHECK(status.message().find(path) == 0);
  }
}

// Pins WA-1.
TEST_CASE("a library that lacks an export is refused by the name of the symbol") {
  CheckRefused(NativeFile(BROKEN_NO_PROCESS), "does not export 'Process'");
  CheckRefused(NativeFile(BROKEN_NO_FREE_RESULT), "does not export 'FreeResult'");
  CheckRefused(NativeFile(BROKEN_NO_FREE_RESULT), BROKEN_NO_FREE_RESULT);
}

// Pins WA-2.
TEST_CASE("an ABI version that the host does not know is refused with those it knows") {
  CheckRefused(NativeFile(BROKEN_ABI_3), "asks for worker ABI version 3: supported are 1 and 2");
  CheckRefused(NativeFile(BROKEN_ABI_0), "asks for worker ABI version 0: supported are 1 and 2");
}

// Pins WA-7.
TEST_CASE("the loader's words name the file that was given") {
  CheckRefused(NativeFile(BROKEN_UNDEFINED), "undefined symbol: FunctionThatNobodyDefines");
  CheckRefused(NativeFile(BROKEN_UNDEFINED), BROKEN_UNDEFINED);
  CheckRefused({"application/x-native-dll", "", ReadFile(BROKEN_UNDEFINED)}, "library of ");
}

// Pins WA-5.
TEST_CASE("what is no shared library is refused before the loader sees it") {
  const auto content = [](std::string_view text) {
    return WorkerCode{"application/x-native-dll", "", {text.begin(), text.end()}};
  };
  CheckRefused(content(""), "expected a shared library (7f 45 4c 46), found no bytes");
  CheckRefused(content("#!/bin/sh"), "expected a shared library (7f 45 4c 46), found 23 21 2f 62");
  CheckRefused(content("\x7f"
                       "ELF"),
               "truncated ELF file: 4 bytes");
  CheckRefused(NativeFile("/proc"), "/proc: expected a regular file");
}

// Pins WA-5.
TEST_CASE("a library cut at any length is an error, never a crash") {
  const auto engine = MakeNativeEngine();
  const std::vector<std::uint8_t> whole = ReadFile(HELLO_C);
  REQUIRE(whole.size() > 4096);
  // What lies behind the last segment (debug information, section names) is not missed.
  std::size_t refused = 0, loaded = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    WorkerCode code{"application/x-native-dll", "", {}};
    code.content.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Status status = LoadStatus(*engine, code);
    if (status.ok()) {
      ++loaded;
    } else {
      CHECK(status.code() == StatusCode::kInvalidArgument);
      CHECK_MESSAGE(loaded == 0, "a longer piece was refused");
      ++refused;
    }
  }
  CHECK(refused > 50);
}

// Pins WA-6.
TEST_CASE("a library above the limit is refused") {
  NativeEngineOptions options;
  options.max_library_bytes = 1000;
  const auto engine = MakeNativeEngine(options);
  CHECK(LoadStatus(*engine, NativeFile(MODES_V2)).code() == StatusCode::kResourceExhausted);
  CHECK(LoadStatus(*engine, {"application/x-native-dll", "", std::vector<std::uint8_t>(1001)})
            .code() == StatusCode::kResourceExhausted);
}

// Pins WA-2, WA-24.
TEST_CASE("the host writes the revision that the worker declares") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  CHECK(Answer(*LoadWorker(*engine, NativeFile(MODES_V1), host), "info") == "abi 1, no info");
  CHECK(Answer(*LoadWorker(*engine, NativeFile(MODES_V2), host), "info") ==
        "abi 2, 64 bytes, 6e9f1d3c-0000-4000-8000-000000000001, instance-1, " VERSION_TEXT
        ", act.a, act.b, depth=5, pair=BTCUSDT");
}

// Pins WA-4.
TEST_CASE("Init runs at the load and Shutdown before the unload") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  auto worker = LoadWorker(*engine, NativeFile(MODES_INIT_0), host);
  CHECK(host->lines() == std::vector<std::string>{"2 init"});
  worker.reset();
  CHECK(host->lines() == std::vector<std::string>{"2 init", "2 shutdown"});
}

// Pins WA-4.
TEST_CASE("a worker whose Init fails is shut down and not loaded") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const Status status = LoadStatus(*engine, NativeFile(MODES_INIT_5), host);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(status.message() == std::string(MODES_INIT_5) + ": VirtufinWorkerInit returned 5");
  CHECK(host->lines() == std::vector<std::string>{"2 init", "2 shutdown"});
}

// Pins WA-4.
TEST_CASE("a worker whose Init throws is not loaded") {
  CheckRefused(NativeFile(THROWER_INIT), "exception left VirtufinWorkerInit: not today");
}

// Pins WA-25.
TEST_CASE("the worker's environment is set while the library is mapped, when asked for") {
  REQUIRE(setenv("VIRTUFIN_WORKER_TOPIC", "of the application", 1) == 0);
  REQUIRE(unsetenv("VIRTUFIN_WORKER_ID") == 0);
  NativeEngineOptions options;
  options.environment = true;
  const auto host = std::make_shared<RecordingHost>();
  const auto with = LoadWorker(*MakeNativeEngine(options), NativeFile(MODES_V2), host);
  CHECK(Answer(*with, "environment") == "6e9f1d3c-0000-4000-8000-000000000001 act.a,act.b");
  CHECK(std::getenv("VIRTUFIN_WORKER_ID") == nullptr);
  CHECK(std::string(std::getenv("VIRTUFIN_WORKER_TOPIC")) == "of the application");

  const auto without = LoadWorker(*MakeNativeEngine(), NativeFile(MODES_V2), host);
  CHECK(Answer(*without, "environment") == "none of the application");
  unsetenv("VIRTUFIN_WORKER_TOPIC");
}

// Pins WA-9.
TEST_CASE("copies in memory leave no descriptor open and nothing mapped") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const std::size_t before = OpenDescriptors();
  auto first = LoadWorker(*engine, NativeFile(MODES_V2), host);
  auto second = LoadWorker(*engine, NativeFile(HELLO_C), host);
  CHECK(OpenDescriptors() == before);
  CHECK(Maps().find("virtufin-libmodes_v2.so") != std::string::npos);
  first.reset();
  CHECK(Maps().find("virtufin-libmodes_v2.so") == std::string::npos);
  CHECK(Maps().find("virtufin-libhello_c.so") != std::string::npos);
  second.reset();
  CHECK(Maps().find("virtufin-lib") == std::string::npos);
  CHECK(host->lines().empty());
}

// Pins WA-9.
TEST_CASE("copies in a directory are removed on unload, and after a failed load") {
  const ScratchFolder scratch;
  NativeEngineOptions options;
  options.directory = scratch.path;
  const auto engine = MakeNativeEngine(options);
  auto worker = LoadWorker(*engine, NativeFile(MODES_V2), std::make_shared<RecordingHost>());
  CHECK(Answer(*worker, "echo", "x") == "x");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path)) {
    files.push_back(entry.path().filename());
    CHECK((entry.status().permissions() & fs::perms::others_all) == fs::perms::none);
  }
  REQUIRE(files.size() == 2);
  CHECK(files[1] == "libmodes_v2.so");
  worker.reset();
  CHECK(fs::is_empty(scratch.path));
  CHECK(LoadStatus(*engine, NativeFile(BROKEN_UNDEFINED)).code() == StatusCode::kInvalidArgument);
  CHECK(LoadStatus(*engine, NativeFile(BROKEN_NO_PROCESS)).code() == StatusCode::kInvalidArgument);
  CHECK(fs::is_empty(scratch.path));
}

TEST_CASE("a directory that does not exist is a failed precondition") {
  NativeEngineOptions options;
  options.directory = "/nonexistent/folder";
  const Status status = LoadStatus(*MakeNativeEngine(options), NativeFile(MODES_V2));
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(status.message().find("/nonexistent/folder") != std::string_view::npos);
}

// Pins WA-10.
TEST_CASE("a library that stays mapped after its unload is reported") {
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const std::uint64_t before = GetNativeCounters().pinned;
  LoadWorker(*engine, NativeFile(PINNED), host).reset();
  CHECK(host->lines() == std::vector<std::string>{std::string("3 unload_pinned: ") + PINNED +
                                                  " is still mapped after its unload"});
  CHECK(GetNativeCounters().pinned == before + 1);
}
