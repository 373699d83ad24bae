// Files that the SQLite store opens, brings up to date, or refuses.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/state/sqlite_fixture.hpp"

using namespace virtufin;
using namespace virtufin::test;

namespace {

/// Runs `body` as a user whom file permissions bind; the exit code of the child is its answer.
template <class F>
int AsOrdinaryUser(const std::string& folder, F body) {
  if (geteuid() != 0) return body();
  REQUIRE(chmod(folder.c_str(), 0777) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(99);
    _exit(body());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

// Pins ST-17.
TEST_CASE_FIXTURE(SqliteFixture, "records, etags and times to live outlive the store") {
  SetOptions brief;
  brief.ttl_ms = 1000;
  std::string etag;
  {
    auto store = Open();
    REQUIRE(store.ok());
    etag = (*store)->Set("s", "k", "{\"a\":1}").value();
    REQUIRE((*store)->Set("s", "brief", "x", brief).ok());
  }
  CHECK(std::filesystem::exists(path));
  CHECK(!std::filesystem::exists(path + "-wal"));  // the last one cleans up
  auto store = Open();
  REQUIRE(store.ok());
  auto item = (*store)->Get("s", "k");
  CHECK(item->value == "{\"a\":1}");
  CHECK(item->etag == etag);
  CHECK((*store)->Get("s", "brief").ok());
  clock.Advance(std::chrono::seconds(1));
  CHECK((*store)->Get("s", "brief").status().code() == StatusCode::kNotFound);
  CHECK((*store)->Set("s", "k", "2", {etag}).ok());
  PlainSqlite plain(path);
  CHECK(plain.Text("SELECT key FROM state WHERE key='s||k'") == "s||k");
  CHECK(plain.Text("PRAGMA journal_mode") == "wal");
}

TEST_CASE_FIXTURE(SqliteFixture, "records whose time has passed leave the file in the end") {
  auto store = Open();
  REQUIRE(store.ok());
  SetOptions brief;
  brief.ttl_ms = 10;
  for (int i = 0; i < 100; ++i) REQUIRE((*store)->Set("s", std::to_string(i), "x", brief).ok());
  clock.Advance(std::chrono::seconds(1));
  for (int i = 0; i < 200; ++i) REQUIRE((*store)->Set("s", "k", "x").ok());
  CHECK(PlainSqlite(path).Text("SELECT count(*) FROM state") == "1");
}

// Pins ST-19.
TEST_CASE_FIXTURE(SqliteFixture, "a file of layout 0 is brought up to date and keeps its records") {
  {
    PlainSqlite old(path);
    old.Run("CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL)");
    old.Run("INSERT INTO state VALUES('s||a', x'7b7d'), ('s||b', 'text'), ('t||a', x'')");
    old.Run("PRAGMA application_id=1986425716");
  }
  for (int round = 0; round < 2; ++round) {
    auto store = Open();
    REQUIRE(store.ok());
    CHECK((*store)->Get("s", "a")->value == "{}");
    CHECK((*store)->Get("s", "b")->value == "text");
    CHECK((*store)->Get("t", "a")->value.empty());
    CHECK((*store)->Get("s", "a")->etag != (*store)->Get("s", "b")->etag);
    CHECK((*store)->Query("s", "{}")->items.size() == 2);
    const auto item = (*store)->Get("s", "a");
    CHECK((*store)->Set("s", "a", "{}", {item->etag}).ok());
  }
  PlainSqlite now(path);
  CHECK(now.Text("PRAGMA user_version") == "1");
  CHECK(now.Text("SELECT count(*) FROM sqlite_schema WHERE name='state_0'") == "0");
}

// Pins ST-19.
TEST_CASE_FIXTURE(SqliteFixture, "a migration that fails leaves the old file as it was") {
  {
    PlainSqlite old(path);
    old.Run("CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL)");
    old.Run("INSERT INTO state VALUES('s||a', x'7b7d')");
    old.Run("CREATE TABLE state_expires(in_the_way)");
    old.Run("PRAGMA application_id=1986425716");
  }
  CHECK(!Open().ok());
  PlainSqlite plain(path);
  CHECK(plain.Text("PRAGMA user_version") == "0");
  CHECK(plain.Text("SELECT key FROM state") == "s||a");
  plain.Run("DROP TABLE state_expires");
  CHECK((*Open())->Get("s", "a")->value == "{}");
}

// Pins ST-19.
TEST_CASE_FIXTURE(SqliteFixture, "a newer layout is refused and left alone") {
  REQUIRE(Open().ok());
  PlainSqlite(path).Run("PRAGMA user_version=2");
  CheckError(Open().status(), StatusCode::kFailedPrecondition, "found 2: a newer release");
  CHECK(PlainSqlite(path).Text("PRAGMA user_version") == "2");
}

// Pins ST-19.
TEST_CASE_FIXTURE(SqliteFixture, "a database of another program is refused and left alone") {
  {
    PlainSqlite other(path);
    other.Run("CREATE TABLE state(key, value); PRAGMA user_version=1");
  }
  CheckError(Open().status(), StatusCode::kFailedPrecondition, "another program");
  CHECK(PlainSqlite(path).Text("PRAGMA journal_mode") == "delete");
  PlainSqlite(path).Run("PRAGMA application_id=1");
  CheckError(Open().status(), StatusCode::kFailedPrecondition, "another program");
  PlainSqlite(folder / "empty").Run("PRAGMA user_version=3");
  CheckError(Open({.path = folder / "empty"}).status(), StatusCode::kFailedPrecondition,
             "another program");
}

// Pins ST-19.
TEST_CASE_FIXTURE(SqliteFixture, "a file that is no database is refused and left alone") {
  const std::string text(5000, 'x');
  std::ofstream(path) << text;
  CheckError(Open().status(), StatusCode::kFailedPrecondition, "no SQLite database");
  CHECK(std::filesystem::file_size(path) == 5000);
}

TEST_CASE_FIXTURE(SqliteFixture, "an empty file becomes a store") {
  std::ofstream(path).flush();
  CHECK((*Open())->Set("s", "k", "v").ok());
}

// Pins ST-20.
TEST_CASE_FIXTURE(SqliteFixture, "a damaged file is DATA_LOSS, not a wrong answer") {
  {
    auto store = Open();
    REQUIRE(store.ok());
    for (int i = 0; i < 2000; ++i) {
      REQUIRE((*store)->Set("s", std::to_string(i), std::string(100, 'x')).ok());
    }
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 3; page < 40; ++page) {
      file.seekp(page * 4096);
      file << std::string(4096, '\xa5');
    }
  }
  auto store = Open();
  REQUIRE(store.ok());
  CheckError((*store)->Query("s", "{}").status(), StatusCode::kDataLoss, "damaged");
}

// Pins ST-20.
TEST_CASE_FIXTURE(SqliteFixture, "a file that may not be written is refused") {
  { REQUIRE((*Open())->Set("s", "k", "v").ok()); }
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  const int result = AsOrdinaryUser(folder.path(), [&] {
    const Status status = Open().status();
    return status.code() == StatusCode::kPermissionDenied &&
                   status.message().find("read-only") != std::string_view::npos
               ? 0
               : 1;
  });
  CHECK(result == 0);
  REQUIRE(chmod(path.c_str(), 0000) == 0);
  CHECK(AsOrdinaryUser(folder.path(), [&] {
          return Open().status().code() == StatusCode::kPermissionDenied ? 0 : 1;
        }) == 0);
}

// Pins ST-20.
TEST_CASE_FIXTURE(SqliteFixture, "a path that cannot hold a store says why") {
  CheckError(Open({.path = folder / "no/such/folder.db"}).status(), StatusCode::kFailedPrecondition,
             "No such file");
  CheckError(Open({.path = folder.path()}).status(), StatusCode::kInvalidArgument, "directory");
  CheckError(OpenSqliteStore({}, clock).status(), StatusCode::kInvalidArgument, "path");
  CheckError(Open({.path = ":memory:"}).status(), StatusCode::kInvalidArgument, ":memory:");
  CheckError(Open({.path = path, .busy_timeout_ms = -1}).status(), StatusCode::kInvalidArgument,
             "busy_timeout_ms");
  CheckError(Open({.path = path, .max_readers = 0}).status(), StatusCode::kInvalidArgument,
             "max_readers");
}

// Pins ST-18, ST-20.
TEST_CASE_FIXTURE(SqliteFixture, "a locked file is UNAVAILABLE, and usable when it is free again") {
  auto store = Open({.path = path, .busy_timeout_ms = 50});
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "k", "1").ok());
  {
    PlainSqlite other(path);
    other.Run("BEGIN IMMEDIATE");
    CheckError((*store)->Set("s", "k", "2").status(), StatusCode::kUnavailable, "50 ms");
    CheckError((*store)->Delete("s", "k").status(), StatusCode::kUnavailable, "lock");
    const std::vector<std::string> keys = {"k"};
    CheckError((*store)->DeleteBulk("s", keys).status(), StatusCode::kUnavailable, "lock");
    CHECK((*store)->Get("s", "k")->value == "1");  // readers do not wait for writers
    CHECK((*store)->Query("s", "{}")->items.size() == 1);
    other.Run("ROLLBACK");
  }
  CHECK((*store)->Set("s", "k", "2").ok());
  store->reset();
  PlainSqlite other(path);
  other.Run("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  CheckError(Open({.path = path, .busy_timeout_ms = 50}).status(), StatusCode::kUnavailable,
             "held by another connection");
}
