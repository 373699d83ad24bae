// A native worker that does not return: overdue, then abandoned; the process and others go on.
#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "support/gate.hpp"
#include "support/scripted_engine.hpp"
#include "virtufin/engine/native.hpp"
#include "virtufin/platform/platform.hpp"

using namespace virtufin;
using namespace virtufin::test;

/// A platform whose call was abandoned is left in place for that call: said to the leak sanitizer.
extern "C" const char* __lsan_default_suppressions() { return "leak:virtufin::v0::Platform::"; }

namespace {

/// Never closed: an abandoned call may be inside its read.
struct Pipe {
  Pipe() { REQUIRE(pipe(ends) == 0); }
  void LetGo() { REQUIRE(write(ends[1], "x", 1) == 1); }
  Message Call() const { return Message("in", Event(std::to_string(ends[0]))); }

  int ends[2] = {-1, -1};
};

std::unique_ptr<Platform> Started(std::int64_t call_timeout_ms, std::int64_t stop_timeout_ms) {
  PlatformOptions options;
  options.executor.threads = 2;
  options.workmanager.call_timeout_ms = call_timeout_ms;
  options.workmanager.stop_timeout_ms = stop_timeout_ms;
  auto platform = Platform::Create(std::move(options));
  REQUIRE(platform.ok());
  REQUIRE((*platform)->Start().ok());
  return std::move(*platform);
}

std::string StartWorker(Platform& platform) {
  CreateWorkerRequest request;
  request.code.mime_type = "application/x-native-dll";
  request.code.path = VIRTUFIN_HANGING;
  request.topics = {"in"};
  auto id = platform.workers().Create(std::move(request));
  REQUIRE(id.ok());
  REQUIRE(platform.workers().Start(*id).ok());
  return *id;
}

template <class Wanted>
WorkerInfo AwaitInfo(Platform& platform, Wanted wanted) {
  for (;;) {
    WorkerInfo info = platform.workers().List().at(0);
    if (wanted(info)) return info;
    std::this_thread::yield();
  }
}

}  // namespace

// Pins WA-26.
TEST_CASE("a native call that hangs is overdue, and its worker is well when it returned") {
  auto platform = Started(20, 30'000);
  const std::string id = StartWorker(*platform);
  Pipe pipe;
  REQUIRE(platform->bus().Publish(pipe.Call()).ok());
  const WorkerInfo overdue =
      AwaitInfo(*platform, [](const WorkerInfo& info) { return info.degraded; });
  CHECK(overdue.error.find("still running after 20 ms") != std::string::npos);
  pipe.LetGo();
  const WorkerInfo well =
      AwaitInfo(*platform, [](const WorkerInfo& info) { return !info.degraded; });
  CHECK(well.error.empty());
  CHECK(well.counters.discarded == 1);
  CHECK(platform->Stop(std::chrono::minutes(2)).ok());
}

// Pins WA-27.
TEST_CASE("a native call that hangs is abandoned by Delete and returns into mapped code") {
  const std::uint64_t abandoned = GetNativeCounters().abandoned;
  Pipe pipe;
  auto platform = Started(0, 20);
  const std::string id = StartWorker(*platform);
  REQUIRE(platform->bus().Publish(pipe.Call()).ok());
  AwaitInfo(*platform, [](const WorkerInfo& info) { return info.counters.calls == 1; });
  const Status deleted = platform->workers().Delete(id);
  CHECK(deleted.code() == StatusCode::kDeadlineExceeded);
  CHECK(deleted.message() == "worker " + id + ": still running after 20 ms, abandoned");
  CHECK(platform->workers().List().empty());

  // A load of the same library beside it works.
  StartWorker(*platform);
  Pipe other;
  other.LetGo();
  REQUIRE(platform->bus().Publish(other.Call()).ok());
  AwaitInfo(*platform, [](const WorkerInfo& info) { return info.counters.failed == 1; });
  pipe.LetGo();
  while (GetNativeCounters().abandoned == abandoned) std::this_thread::yield();
  CHECK(GetNativeCounters().abandoned == abandoned + 1);
  CHECK(platform->Stop(std::chrono::minutes(2)).ok());
}

// Pins WA-27, WM-11.
TEST_CASE("a stop that meets a native call that hangs names its worker and ends") {
  Pipe pipe;
  {
    auto platform = Started(0, 30'000);
    const std::string id = StartWorker(*platform);
    REQUIRE(platform->bus().Publish(pipe.Call()).ok());
    AwaitInfo(*platform, [](const WorkerInfo& info) { return info.counters.calls == 1; });
    const Status stopped = platform->Stop(std::chrono::milliseconds(20));
    CHECK(stopped.code() == StatusCode::kDeadlineExceeded);
    CHECK(stopped.message().find(id) != std::string_view::npos);
    CHECK(platform->executor().counters().abandoned == 1);
    CHECK(platform->executor().counters().threads == 0);
  }
  pipe.LetGo();  // the thread goes on in code that is still mapped
}
