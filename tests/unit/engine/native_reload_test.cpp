// A C++ worker loaded and unloaded thousands of times.
#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/scale.hpp"
#include "unit/engine/fixture.hpp"
#include "virtufin/engine/native.hpp"

using namespace virtufin;
namespace fs = std::filesystem;

namespace {

std::string Maps() {
  std::ifstream maps("/proc/self/maps");
  return {std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>()};
}

std::size_t OpenDescriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

fs::path PathOfBuilds() {
  std::string folder = fs::temp_directory_path() / "virtufin-reload-XXXXXX";
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  return fs::path(folder) / "libreloaded.so";
}

/// Bytes that were asked for and not given back; 0 under a sanitizer, which has its own heap.
std::size_t HeapInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

// Pins WA-9.
TEST_CASE("loads and unloads leave a host struct of 64 bytes each and nothing else") {
  const int cycles = test::Scaled(10'000);
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const auto cycle = [&] {
    const auto worker = LoadWorker(*engine, NativeFile(RELOADED_1), host);
    CHECK(Answer(*worker, "any") == "1 1 1 1");
  };
  for (int i = 0; i < 100; ++i) cycle();  // what is made once
  const std::size_t descriptors = OpenDescriptors();
  const std::uint64_t loads = GetNativeCounters().loads;
  const std::size_t before = HeapInUse();
  for (int i = 0; i < cycles; ++i) cycle();
  const std::size_t after = HeapInUse();
  CHECK(GetNativeCounters().loads - loads == static_cast<std::uint64_t>(cycles));
  constexpr std::size_t kPage = 64 * 64;  // host structs are taken from pages of 63
  const std::size_t allowed = 65 * static_cast<std::size_t>(cycles) + 2 * kPage;
  CHECK(after <= before + allowed);
  CHECK(OpenDescriptors() == descriptors);
  CHECK(Maps().find("libreloaded") == std::string::npos);
  CHECK(Maps().find("virtufin-worker") == std::string::npos);
}

// Pins WA-8, WA-9.
TEST_CASE("each of 1000 reloads at one path runs the new code and leaves nothing mapped") {
  const std::string builds[] = {RELOADED_1, RELOADED_2, RELOADED_3};
  const fs::path path = PathOfBuilds();
  const auto engine = MakeNativeEngine();
  const auto host = std::make_shared<RecordingHost>();
  const std::size_t descriptors = OpenDescriptors();
  std::unique_ptr<LoadedWorker> running;
  for (int reload = 0; reload < 1000; ++reload) {
    const int build = reload % 3 + 1;
    fs::copy_file(builds[build - 1], path, fs::copy_options::overwrite_existing);
    // The new code is loaded beside the old, as WorkManager does.
    auto next = LoadWorker(*engine, NativeFile(path), host);
    CHECK(Answer(*next, "any") == std::to_string(build) + " 1 1 1");
    if (running != nullptr) {
      const int old = (reload + 2) % 3 + 1;
      CHECK(Answer(*running, "any") == std::to_string(old) + " 3 3 3");
    }
    CHECK(Answer(*next, "any") == std::to_string(build) + " 2 2 2");
    running = std::move(next);
  }
  CHECK(Maps().find("libreloaded") != std::string::npos);
  running.reset();
  CHECK(Maps().find("libreloaded") == std::string::npos);
  CHECK(OpenDescriptors() == descriptors);
  CHECK(host->lines().empty());
  fs::remove_all(path.parent_path());
}
