// Layouts: version 0 had neither etags nor times to live; version 1 is written today.
#include "state/sqlite/schema.hpp"

#include <string>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kApplicationId = 0x76667374;  // "vfst"; SQLite's header keeps it
constexpr std::int64_t kVersion = 1;

// Without row ids: one tree to walk, not two. Partial index: records that stay cost nothing in it.
constexpr const char* kMakeTable =
    "CREATE TABLE state(key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, etag INTEGER NOT NULL,"
    " expires_ms INTEGER) WITHOUT ROWID;"
    "CREATE INDEX state_expires ON state(expires_ms) WHERE expires_ms IS NOT NULL;";
constexpr const char* kCopyVersion0 =
    "INSERT INTO state SELECT key, CAST(value AS BLOB), random(), NULL FROM state_0;"
    "DROP TABLE state_0;";
constexpr const char* kMark = "PRAGMA application_id=1986425716; PRAGMA user_version=1;";
static_assert(kApplicationId == 1986425716 && kVersion == 1);

Status Migrate(SqliteConnection& connection) {
  const auto ours = CheckIsOurs(connection);  // again: another process may have been faster
  if (!ours.ok()) return ours.status();
  const auto version = connection.Number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version == kVersion) return {};
  if (*ours) {
    if (Status s = connection.Run("ALTER TABLE state RENAME TO state_0"); !s.ok()) return s;
  }
  if (Status s = connection.Run(kMakeTable); !s.ok()) return s;
  if (*ours) {
    if (Status s = connection.Run(kCopyVersion0); !s.ok()) return s;
  }
  return connection.Run(kMark);
}

}  // namespace

Result<bool> CheckIsOurs(SqliteConnection& connection) {
  const auto refuse = [&](const std::string& expected, const std::string& found) {
    return Status(
        StatusCode::kFailedPrecondition, "state",
        "SQLite store " + connection.path() + ": expected " + expected + ", found " + found);
  };
  const auto id = connection.Number("PRAGMA application_id");
  if (!id.ok()) return id.status();
  const auto version = connection.Number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*id != kApplicationId) {
    const auto tables = connection.Number("SELECT count(*) FROM sqlite_schema");
    if (!tables.ok()) return tables.status();
    if (*id == 0 && *version == 0 && *tables == 0) return false;
    return refuse("a state store", "a database of another program");
  }
  if (*version < 0 || *version > kVersion) {
    return refuse("layout " + std::to_string(kVersion) + " or older",
                  std::to_string(*version) + ": a newer release wrote it");
  }
  return true;
}

Status BringUpToDate(SqliteConnection& connection) {
  const auto version = connection.Number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version == kVersion) return {};
  if (Status status = connection.Run("BEGIN IMMEDIATE"); !status.ok()) return status;
  Status status = Migrate(connection);
  if (status.ok()) status = connection.Run("COMMIT");
  if (!status.ok()) (void)connection.Run("ROLLBACK");  // SQLite may have done it
  return status;
}

}  // namespace virtufin::inline v0::detail
