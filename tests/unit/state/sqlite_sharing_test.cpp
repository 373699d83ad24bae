// The SQLite store beside others: threads, stores on one file, threads that must not wait, copies.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "conformance/state_suite.hpp"
#include "support/gate.hpp"
#include "unit/state/sqlite_fixture.hpp"
#include "virtufin/core/executor.hpp"

using namespace virtufin;
using namespace virtufin::test;

// Pins ST-18.
TEST_CASE_FIXTURE(SqliteFixture, "two stores on one file see each other's writes and lose none") {
  auto one = Open();
  auto two = Open();
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  REQUIRE((*one)->Set("s", "k", "1").ok());
  const auto item = (*two)->Get("s", "k");
  CHECK(item->value == "1");
  REQUIRE((*two)->Set("s", "k", "2", {item->etag}).ok());
  CHECK((*one)->Set("s", "k", "3", {item->etag}).status().code() == StatusCode::kAborted);

  REQUIRE((*one)->Set("s", "counter", "0").ok());
  const int each = Scaled(100);
  std::thread beside([&] { CountTogether(**two, 2, each); });
  CountTogether(**one, 2, each);
  beside.join();
  CHECK((*one)->Get("s", "counter")->value == std::to_string(4 * each));
}

TEST_CASE_FIXTURE(SqliteFixture, "more readers than connections take turns") {
  auto store = Open({.path = path, .max_readers = 2});
  REQUIRE(store.ok());
  for (int i = 0; i < 50; ++i) REQUIRE((*store)->Set("s", std::to_string(i), "{}").ok());
  std::atomic<int> whole = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 6; ++t) {
    readers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        auto page = (*store)->Query("s", R"({"sort":[{"key":"a"}]})");
        if (page.ok() && page->items.size() == 50) ++whole;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(whole == 6 * 20);
}

// Pins ST-22.
// Pins ST-30.
TEST_CASE_FIXTURE(SqliteFixture, "readers that overlap all the time do not let the log grow") {
  auto store = Open({.path = path, .busy_timeout_ms = 60'000, .max_log_bytes = 1 << 20});
  REQUIRE(store.ok());
  for (int i = 0; i < 300; ++i) REQUIRE((*store)->Set("s", std::to_string(i), R"({"a":1})").ok());
  std::atomic<bool> done = false;
  std::atomic<int> failed = 0;
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&] {
      while (!done) {
        if (!(*store)->Query("s", R"({"filter":{"EQ":{"a":2}}})").ok()) ++failed;
      }
    });
  }
  std::uintmax_t largest = 0;
  for (int i = 0; i < 200; ++i) {
    REQUIRE((*store)->Set("t", "k", std::string(100'000, static_cast<char>('a' + i % 26))).ok());
    largest = std::max(largest, std::filesystem::file_size(path + "-wal"));
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(failed == 0);
  CHECK(largest < 2'000'000);
}

// Pins ST-30.
TEST_CASE_FIXTURE(SqliteFixture,
                  "a reader of another program that does not let go stops no write") {
  auto store = Open({.path = path, .busy_timeout_ms = 20, .max_log_bytes = 1 << 20});
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "k", "1").ok());
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      REQUIRE((*store)->Set("s", "k", std::string(100'000, static_cast<char>('a' + i % 26))).ok());
    }
  };
  {
    PlainSqlite other(path);
    other.Run("BEGIN");
    CHECK(other.Text("SELECT value FROM state") == "1");
    write(50);
    CHECK(std::filesystem::file_size(path + "-wal") > 4'000'000);
    CHECK(other.Text("SELECT value FROM state") == "1");
    other.Run("COMMIT");
  }
  write(60);
  CHECK(std::filesystem::file_size(path + "-wal") < 2'000'000);
}

TEST_CASE_FIXTURE(SqliteFixture, "threads that must not wait are refused") {
  auto store = Open();
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "k", "1").ok());
  const std::vector<std::string> keys = {"k"};
  for (const ThreadKind kind : {ThreadKind::kNetLoop, ThreadKind::kCallback}) {
    const ThreadMark mark(kind);
    for (const Status& status :
         {(*store)->Get("s", "k").status(), (*store)->Set("s", "k", "2").status(),
          (*store)->Delete("s", "k").status(), (*store)->GetBulk("s", keys).status(),
          (*store)->DeleteBulk("s", keys).status(), (*store)->Query("s", "{}").status(),
          Open().status(), BackUpSqliteStore(path, folder / "copy")}) {
      CheckError(status, StatusCode::kFailedPrecondition, "post a task");
    }
  }
  CHECK((*store)->Get("s", "k")->value == "1");
}

// Pins ST-22.
TEST_CASE_FIXTURE(SqliteFixture,
                  "a task that waits for a locked file leaves its thread to others") {
  auto store = Open({.path = path, .busy_timeout_ms = 60'000});
  REQUIRE(store.ok());
  Executor executor({.threads = 1, .max_blocking_threads = 2, .blocking_after_ms = 60'000}, clock,
                    NullLog());
  REQUIRE(executor.Start().ok());
  PlainSqlite other(path);
  other.Run("BEGIN IMMEDIATE");
  Gate written, ran;
  std::atomic<bool> ok = false;
  executor.Post([&] {
    ok = (*store)->Set("s", "k", "1").ok();
    written.Open();
  });
  executor.Post([&] { ran.Open(); });
  CHECK(ran.Wait());  // on one thread, behind the one that waits
  CHECK(!ok);
  other.Run("ROLLBACK");
  CHECK(written.Wait());
  CHECK(ok);
  CHECK(executor.Stop(std::chrono::seconds(30)).ok());
}

// Pins ST-23.
TEST_CASE_FIXTURE(SqliteFixture, "a copy made while others write is one moment of the store") {
  auto store = Open();
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "a", "0").ok());
  REQUIRE((*store)->Set("s", "b", "0").ok());
  std::atomic<bool> done = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {  // a is never behind b, nor more than one before
    for (int i = 1; !done; ++i) {
      if (!(*store)->Set("s", "a", std::to_string(i)).ok()) std::abort();
      if (!(*store)->Set("s", "b", std::to_string(i)).ok()) std::abort();
      (void)(*store)->Set("s", "fill" + std::to_string(i), std::string(2000, 'x'));
      written = i;
    }
  });
  for (int round = 0; round < 5; ++round) {
    const int before = written;
    const std::string copy = folder / "copy.db";
    REQUIRE(BackUpSqliteStore(path, copy).ok());
    CHECK(!std::filesystem::exists(copy + "-wal"));
    CHECK(PlainSqlite(copy).Text("PRAGMA integrity_check") == "ok");
    auto copied = Open({.path = copy});
    REQUIRE(copied.ok());
    const int a = std::stoi((*copied)->Get("s", "a")->value);
    const int b = std::stoi((*copied)->Get("s", "b")->value);
    CHECK(b >= before);
    CHECK((a == b || a == b + 1));
    CHECK((*copied)->Set("s", "a", "of the copy").ok());
    CheckError(BackUpSqliteStore(path, copy), StatusCode::kFailedPrecondition, "no store uses");
  }
  done = true;
  writer.join();
  CHECK((*store)->Get("s", "a")->value != "of the copy");
}

// Pins ST-23.
TEST_CASE_FIXTURE(SqliteFixture, "a copy takes the place of no store that somebody reads") {
  auto store = Open();
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "a", "1").ok());
  const std::string copy = folder / "copy.db";
  REQUIRE(BackUpSqliteStore(path, copy).ok());
  REQUIRE((*store)->Set("s", "a", "2").ok());
  {
    // No companion shows this one: a reader of a store without a log.
    PlainSqlite reader(copy);
    reader.Run("BEGIN");
    CHECK(reader.Text("SELECT count(*) FROM sqlite_schema") != "0");
    CheckError(BackUpSqliteStore(path, copy), StatusCode::kFailedPrecondition, "found one in use");
    CHECK(std::distance(std::filesystem::directory_iterator(folder / "."), {}) == 4);
  }
  REQUIRE(BackUpSqliteStore(path, copy).ok());
  {
    auto copied = Open({.path = copy});  // a log from now on, and none behind it
    REQUIRE(copied.ok());
    CHECK((*copied)->Get("s", "a")->value == "2");
  }
  REQUIRE((*store)->Set("s", "a", "3").ok());
  REQUIRE(BackUpSqliteStore(path, copy).ok());
  auto copied = Open({.path = copy});
  REQUIRE(copied.ok());
  CHECK((*copied)->Get("s", "a")->value == "3");
}

TEST_CASE_FIXTURE(SqliteFixture, "a copy over a file that is no store replaces it") {
  auto store = Open();
  REQUIRE(store.ok());
  std::ofstream(folder / "copy.db")
      << "something else, longer than a header of SQLite's: " << std::string(4096, 'x');
  REQUIRE(BackUpSqliteStore(path, folder / "copy.db").ok());
  CHECK(Open({.path = folder / "copy.db"}).ok());
}

TEST_CASE_FIXTURE(SqliteFixture, "a copy over a damaged store replaces it") {
  auto store = Open();
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "a", "1").ok());
  const std::string copy = folder / "copy.db";
  for (const bool with_log : {false, true}) {
    CAPTURE(with_log);
    REQUIRE(BackUpSqliteStore(path, copy).ok());
    if (with_log) {
      PlainSqlite(copy).Run("PRAGMA journal_mode=WAL");
    }
    REQUIRE(std::filesystem::file_size(copy) > 6000);
    std::filesystem::resize_file(copy, 6000);
    const Status replaced = BackUpSqliteStore(path, copy);
    CAPTURE(replaced.ToString());
    REQUIRE(replaced.ok());
    CHECK(PlainSqlite(copy).Text("PRAGMA integrity_check") == "ok");
    CHECK(PlainSqlite(copy).Text("SELECT count(*) FROM sqlite_schema") != "0");
  }
  REQUIRE(BackUpSqliteStore(path, copy).ok());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 4);
}

TEST_CASE_FIXTURE(SqliteFixture, "a copy that cannot be made leaves nothing behind") {
  auto store = Open();
  REQUIRE(store.ok());
  REQUIRE((*store)->Set("s", "k", "1").ok());
  CheckError(BackUpSqliteStore(path, path), StatusCode::kInvalidArgument, "another path");
  std::filesystem::create_symlink(path, folder / "link");
  CheckError(BackUpSqliteStore(path, folder / "link"), StatusCode::kInvalidArgument, "another");
  CHECK(!BackUpSqliteStore(path, folder / "no/such/copy").ok());
  CHECK(!BackUpSqliteStore(folder / "nothing", folder / "copy").ok());
  CHECK(!std::filesystem::exists(folder / "nothing"));
  PlainSqlite(folder / "other").Run("CREATE TABLE t(a)");
  CheckError(BackUpSqliteStore(folder / "other", folder / "copy"), StatusCode::kFailedPrecondition,
             "another program");
  std::filesystem::create_directory(folder / "taken");
  CHECK(!BackUpSqliteStore(path, folder / "taken").ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    CAPTURE(entry.path().string());
    CHECK(entry.path().string().find(".tmp-") == std::string::npos);
  }
  CHECK((*store)->Get("s", "k")->value == "1");
}
