// The SQLite store when there is no room: a clear error, nothing half written, and usable again.
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "unit/state/sqlite_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// Writes until there is no room; the number of records then.
int Fill(StateStore& store, const SetOptions& options = {}) {
  const std::string value(4000, 'x');
  for (int i = 0; i < 100'000; ++i) {
    auto written = store.Set("s", "fill" + std::to_string(i), value, options);
    if (written.ok()) continue;
    CheckError(written.status(), StatusCode::kResourceExhausted, "expected");
    return i;
  }
  FAIL("never full");
  return 0;
}

void CheckSoundWith(StateStore& store, const std::string& path, int records) {
  auto page = store.Query("s", R"({"filter":{"PREFIX":{"key":"fill"}}})");
  REQUIRE(page.ok());
  CHECK(static_cast<int>(page->items.size()) == records);
  CHECK(PlainSqlite(path).Text("PRAGMA integrity_check") == "ok");
}

/// No file of this process may grow over `bytes` while it lives.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  void (*signal_)(int);
  rlimit before_{};
};

/// A disk in memory, when this process may mount one.
class SmallDisk {
 public:
  SmallDisk(std::string path, const char* options) : path_(std::move(path)) {
    REQUIRE(std::filesystem::create_directory(path_));
    mounted_ = mount("none", path_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace

// Pins ST-21.
TEST_CASE_FIXTURE(SqliteFixture,
                  "a store that reached max_bytes refuses and goes on when records go") {
  auto store = Open({.path = path, .max_bytes = 400'000});
  REQUIRE(store.ok());
  const int records = Fill(**store);
  CHECK(records > 50);
  CHECK((*store)->Get("s", "fill0").ok());
  CheckSoundWith(**store, path, records);
  for (int i = 0; i < 10; ++i) REQUIRE((*store)->Delete("s", "fill" + std::to_string(i)).value());
  CHECK((*store)->Set("s", "again", std::string(4000, 'x')).ok());
  CheckSoundWith(**store, path, records - 10);
}

// Pins ST-21.
TEST_CASE_FIXTURE(SqliteFixture, "a full store makes room of records whose time has passed") {
  auto store = Open({.path = path, .max_bytes = 400'000});
  REQUIRE(store.ok());
  SetOptions brief;
  brief.ttl_ms = 1000;
  Fill(**store, brief);
  clock.Advance(std::chrono::seconds(1));
  CHECK((*store)->Set("s", "large", std::string(200'000, 'x')).ok());
  CheckSoundWith(**store, path, 0);
}

// Pins ST-21.
TEST_CASE_FIXTURE(SqliteFixture,
                  "a store whose file may not grow refuses and goes on when it may") {
  auto store = Open();
  REQUIRE(store.ok());
  int records = 0;
  {
    const FileLimit limit(1'000'000);
    records = Fill(**store);
    CHECK(records > 20);
    CHECK((*store)->Get("s", "fill0").ok());
    CheckError((*store)->Set("s", "more", std::string(100'000, 'x')).status(),
               StatusCode::kResourceExhausted, "state.db");
  }
  CHECK((*store)->Set("s", "more", std::string(100'000, 'x')).ok());
  CheckSoundWith(**store, path, records);
  store->reset();
  CheckSoundWith(**Open(), path, records);
}

// Pins ST-21.
TEST_CASE_FIXTURE(SqliteFixture, "a store on a full disk refuses and goes on when there is room") {
  const SmallDisk disk(folder / "disk", "size=2m");
  if (!disk.mounted()) {
    MESSAGE("skipped: no right to mount a small disk; the limit of file sizes stands for it");
    return;
  }
  const std::string file = disk.path() + "/state.db";
  auto store = Open({.path = file});
  REQUIRE(store.ok());
  const std::string ballast = disk.path() + "/ballast";
  { std::ofstream(ballast) << std::string(500'000, 'x'); }
  const int records = Fill(**store);
  CHECK(records > 20);
  std::filesystem::remove(ballast);
  CHECK((*store)->Set("s", "more", std::string(50'000, 'x')).ok());
  CheckSoundWith(**store, file, records);
}
