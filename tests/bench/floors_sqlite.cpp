// The floor of a store on disk: SQLite with prepared statements. Frozen.
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

#include "bench/floors.hpp"

namespace floors {

struct SqliteTable::Impl {
  sqlite3* db = nullptr;
  sqlite3_stmt* save = nullptr;
  sqlite3_stmt* get = nullptr;

  void Check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    std::fprintf(stderr, "floor: %s\n", sqlite3_errmsg(db));
    std::abort();
  }
};

SqliteTable::SqliteTable(const std::string& path) : impl_(std::make_unique<Impl>()) {
  impl_->Check(sqlite3_open_v2(path.c_str(), &impl_->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               nullptr));
  impl_->Check(sqlite3_exec(impl_->db,
                            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                            "CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY, v BLOB) WITHOUT ROWID",
                            nullptr, nullptr, nullptr));
  impl_->Check(sqlite3_prepare_v3(
      impl_->db, "INSERT INTO t VALUES(?1,?2) ON CONFLICT(k) DO UPDATE SET v=excluded.v", -1,
      SQLITE_PREPARE_PERSISTENT, &impl_->save, nullptr));
  impl_->Check(sqlite3_prepare_v3(impl_->db, "SELECT v FROM t WHERE k=?1", -1,
                                  SQLITE_PREPARE_PERSISTENT, &impl_->get, nullptr));
}

SqliteTable::~SqliteTable() {
  sqlite3_finalize(impl_->save);
  sqlite3_finalize(impl_->get);
  sqlite3_close(impl_->db);
}

void SqliteTable::Save(std::string_view key, std::string_view value) {
  sqlite3_bind_text(impl_->save, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
  sqlite3_bind_blob(impl_->save, 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  impl_->Check(sqlite3_step(impl_->save));
  impl_->Check(sqlite3_reset(impl_->save));
}

std::string SqliteTable::Get(std::string_view key) {
  sqlite3_bind_text(impl_->get, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
  impl_->Check(sqlite3_step(impl_->get));
  const void* value = sqlite3_column_blob(impl_->get, 0);
  std::string out(static_cast<const char*>(value),
                  static_cast<std::size_t>(sqlite3_column_bytes(impl_->get, 0)));
  impl_->Check(sqlite3_reset(impl_->get));
  return out;
}

}  // namespace floors
