// What tests of the SQLite store need: a folder, a clock, and SQLite itself to make odd files.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "support/temporary_folder.hpp"
#include "virtufin/state/sqlite.hpp"

namespace virtufin::test {

struct SqliteFixture {
  TemporaryFolder folder;
  ManualClock clock{Timestamp::FromUnixMillis(1'700'000'000'000)};
  std::string path = folder / "state.db";

  Result<std::unique_ptr<StateStore>> Open(SqliteStoreOptions options = {}) {
    if (options.path.empty()) options.path = path;
    return OpenSqliteStore(options, clock);
  }
};

/// A connection that knows nothing of stores.
class PlainSqlite {
 public:
  explicit PlainSqlite(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
  }
  ~PlainSqlite() { sqlite3_close(db_); }
  PlainSqlite(const PlainSqlite&) = delete;
  PlainSqlite& operator=(const PlainSqlite&) = delete;

  void Run(const std::string& sql) {
    CAPTURE(sql);
    REQUIRE(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  std::string Text(const std::string& sql) {
    std::string text;
    const auto keep = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) += values[0] == nullptr ? "NULL" : values[0];
      return 0;
    };
    REQUIRE(sqlite3_exec(db_, sql.c_str(), keep, &text, nullptr) == SQLITE_OK);
    return text;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// Code and a part of the text of an error.
inline void CheckError(const Status& status, StatusCode code, std::string_view part) {
  CAPTURE(status.ToString());
  CHECK(status.code() == code);
  CHECK(status.message().find(part) != std::string_view::npos);
}

}  // namespace virtufin::test
