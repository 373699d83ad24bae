// What the SQLite store waits for: the disk when it is asked to, and a clock that steps back.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "unit/state/sqlite_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

std::atomic<int> syncs = 0;

/// Shows the time that it is told.
class SteppingClock final : public Clock {
 public:
  Timestamp Now() const noexcept override { return Timestamp::FromUnixMillis(ms); }
  MonotonicTime Monotonic() const noexcept override { return {}; }
  std::int64_t ms = 1'700'000'000'000;
};

}  // namespace

// SQLite and the store call these, instead of the C library's.
extern "C" int fdatasync(int file) {
  ++syncs;
  return static_cast<int>(syscall(SYS_fdatasync, file));
}
extern "C" int fsync(int file) {
  ++syncs;
  return static_cast<int>(syscall(SYS_fsync, file));
}

// Pins ST-17.
TEST_CASE_FIXTURE(SqliteFixture,
                  "a store that survives a power loss waits for the disk at each write") {
  for (const bool survive : {false, true}) {
    CAPTURE(survive);
    auto store = Open({.path = folder / (survive ? "a" : "b"), .survive_power_loss = survive});
    REQUIRE(store.ok());
    REQUIRE((*store)->Set("s", "k", "0").ok());
    const int before = syncs;
    for (int i = 0; i < 20; ++i) REQUIRE((*store)->Set("s", "k", std::to_string(i)).ok());
    if (survive) {
      CHECK(syncs - before >= 20);
    } else {
      CHECK(syncs == before);
    }
  }
}

TEST_CASE_FIXTURE(SqliteFixture, "a copy is on the disk before it has its name") {
  auto store = Open();
  REQUIRE(store.ok());
  const int before = syncs;
  REQUIRE(BackUpSqliteStore(path, folder / "copy").ok());
  CHECK(syncs - before >= 2);  // the file and its folder
}

// Pins ST-31.
TEST_CASE_FIXTURE(SqliteFixture, "what is gone stays gone when the clock steps back") {
  SteppingClock stepping;
  auto store = OpenSqliteStore({.path = path}, stepping);
  REQUIRE(store.ok());
  SetOptions lease;
  lease.ttl_ms = 1000;
  lease.create_only = true;
  REQUIRE((*store)->Set("s", "leader", "a", lease).ok());
  stepping.ms += 1000;
  CHECK((*store)->Get("s", "leader").status().code() == StatusCode::kNotFound);
  stepping.ms -= 500;
  CHECK((*store)->Get("s", "leader").status().code() == StatusCode::kNotFound);
  CHECK((*store)->Set("s", "leader", "b", lease).ok());
  CHECK((*store)->Get("s", "leader")->value == "b");
}
