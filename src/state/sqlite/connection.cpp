// Opening, waiting for locks, and what SQLite's codes mean to a caller.
#include "state/sqlite/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

namespace virtufin::inline v0::detail {
namespace {

StatusCode CodeOfSystem(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return StatusCode::kFailedPrecondition;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return StatusCode::kInvalidArgument;
    default:
      return StatusCode::kUnavailable;
  }
}

/// What the system said of the failure; 0 when nobody kept it.
int SystemError(sqlite3* db) noexcept {
  if (db == nullptr) return 0;
  int error = sqlite3_system_errno(db);
  sqlite3_file* file = nullptr;
  // A write of the log that failed is remembered by that file alone.
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    if (error != 0 || sqlite3_file_control(db, "main", which, &file) != SQLITE_OK) continue;
    if (file == nullptr || file->pMethods == nullptr) continue;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error;
}

/// Waits are short at first: a writer needs some microseconds.
std::chrono::microseconds Pause(int count) noexcept {
  return std::chrono::microseconds(count < 7 ? 100 << count : 10'000);
}

}  // namespace

Status CheckMayWait() {
  const ThreadKind kind = CurrentThreadKind();
  if (kind != ThreadKind::kNetLoop && kind != ThreadKind::kCallback) return {};
  return Status(StatusCode::kFailedPrecondition, "state",
                "SQLite store: expected a thread that may wait for a disk, found a net loop or an "
                "inline handler: post a task to the executor");
}

Status SqliteConnection::Open(int flags) {
  if (sqlite3_threadsafe() == 0) {
    return Status(StatusCode::kUnimplemented, "state",
                  "SQLite: expected one built for threads, found one that is not");
  }
  // The host may have told SQLite to take names that begin so for URIs.
  const std::string name = path_.starts_with("file:") ? "./" + path_ : path_;
  const int code = sqlite3_open_v2(name.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (db_ == nullptr) return Failure(SQLITE_NOMEM);
  sqlite3_extended_result_codes(db_, 1);
  if (code != SQLITE_OK) return Failure(sqlite3_extended_errcode(db_));
  sqlite3_busy_handler(db_, &OnBusy, this);
  // A file made by somebody else must not run code of its own.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  return {};
}

Status SqliteConnection::Run(const char* sql) {
  const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  Status status = code == SQLITE_OK ? Status() : Failure(code);
  EndWaiting();
  return status;
}

Status SqliteConnection::RunPatiently(const char* sql) {
  for (int count = 0;; ++count) {
    const int code = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
    if (code == SQLITE_OK || (code & 0xff) != SQLITE_BUSY || !WaitMore(count)) {
      Status status = code == SQLITE_OK ? Status() : Failure(code);
      EndWaiting();
      return status;
    }
  }
}

Result<std::int64_t> SqliteConnection::Number(const char* sql) {
  SqliteStatement statement;
  if (Status status = statement.Prepare(*this, sql); !status.ok()) return status;
  const SqliteUse use(*this, statement);
  const int code = statement.Step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return Failure(code);
  return code == SQLITE_ROW ? statement.Number(0) : 0;
}

Result<std::string> SqliteConnection::Text(const char* sql) {
  SqliteStatement statement;
  if (Status status = statement.Prepare(*this, sql); !status.ok()) return status;
  const SqliteUse use(*this, statement);
  const int code = statement.Step();
  if (code != SQLITE_ROW && code != SQLITE_DONE) return Failure(code);
  return std::string(code == SQLITE_ROW ? statement.Bytes(0) : std::string_view());
}

int SqliteConnection::OnBusy(void* self, int count) noexcept {
  return static_cast<SqliteConnection*>(self)->WaitMore(count) ? 1 : 0;
}

bool SqliteConnection::WaitMore(int count) noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (count == 0) busy_since_ = now;
  const auto left = busy_timeout_ - (now - busy_since_);
  if (left <= left.zero()) return false;
  if (!waiting_) waiting_.emplace();
  std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(Pause(count), left));
  return true;
}

Status SqliteConnection::Failure(int code) const {
  const auto say = [&](StatusCode status, const std::string& text) {
    return Status(status, "state", "SQLite store " + path_ + ": " + text);
  };
  const int system = SystemError(db_);
  const std::string reason = std::string(sqlite3_errstr(code)) +
                             (system == 0 ? "" : ", " + std::system_category().message(system));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(StatusCode::kUnavailable, "expected its lock within " +
                                               std::to_string(busy_timeout_.count()) +
                                               " ms, found it held by another connection");
    case SQLITE_FULL:
      return say(StatusCode::kResourceExhausted, "expected room for the write, found none left");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return say(CodeOfSystem(system), "expected a file that can be used, found: " + reason);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return say(StatusCode::kPermissionDenied,
                 "expected a file that can be written, found it read-only");
    case SQLITE_NOTADB:
      return say(StatusCode::kFailedPrecondition,
                 "expected a state store, found a file that is no SQLite database");
    case SQLITE_CORRUPT:
      return say(StatusCode::kDataLoss, "expected a sound database, found it damaged: " + reason);
    case SQLITE_NOMEM:
      return say(StatusCode::kResourceExhausted, "expected memory, found none left");
    default:
      return say(StatusCode::kInternal, reason);
  }
}

Status SqliteStatement::Prepare(SqliteConnection& connection, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(connection.db(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  Status status = code == SQLITE_OK ? Status() : connection.Failure(code);
  connection.EndWaiting();
  return status;
}

}  // namespace virtufin::inline v0::detail
