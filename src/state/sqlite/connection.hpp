// One connection to a SQLite file and its statements, with SQLite's codes turned into a Status.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// FAILED_PRECONDITION on threads that must never wait.
Status CheckMayWait();

/// Used by one thread at a time.
class SqliteConnection {
 public:
  SqliteConnection(std::string path, std::int64_t busy_timeout_ms)
      : path_(std::move(path)), busy_timeout_(busy_timeout_ms) {}
  ~SqliteConnection() { sqlite3_close(db_); }
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  /// `flags` as for sqlite3_open_v2.
  Status Open(int flags);
  /// Statements without parameters, rows ignored.
  Status Run(const char* sql);
  /// The first column of the first row, 0 without one.
  Result<std::int64_t> Number(const char* sql);
  /// The same as text.
  Result<std::string> Text(const char* sql);
  /// Run, again while another connection is in the way: for what SQLite does not wait for itself.
  Status RunPatiently(const char* sql);

  /// What the last call on this connection says, under `code`.
  Status Failure(int code) const;
  /// Ends what the busy handler declared to the executor; after each operation.
  void EndWaiting() noexcept { waiting_.reset(); }
  sqlite3* db() const noexcept { return db_; }
  const std::string& path() const noexcept { return path_; }

 private:
  static int OnBusy(void* self, int count) noexcept;
  bool WaitMore(int count) noexcept;

  std::string path_;
  std::chrono::milliseconds busy_timeout_;
  sqlite3* db_ = nullptr;
  std::chrono::steady_clock::time_point busy_since_;
  std::optional<Executor::BlockingScope> waiting_;
};

/// A prepared statement.
class SqliteStatement {
 public:
  Status Prepare(SqliteConnection& connection, const char* sql);
  sqlite3_stmt* get() const noexcept { return statement_.get(); }

  void Bind(int index, std::int64_t number) noexcept { sqlite3_bind_int64(get(), index, number); }
  void BindNull(int index) noexcept { sqlite3_bind_null(get(), index); }
  /// Borrowed until the Reset.
  void BindText(int index, std::string_view text) noexcept {
    sqlite3_bind_text(get(), index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  void BindBytes(int index, std::string_view bytes) noexcept {
    sqlite3_bind_blob(get(), index, bytes.empty() ? "" : bytes.data(),
                      static_cast<int>(bytes.size()), SQLITE_STATIC);
  }
  /// Borrowed until the next step.
  std::string_view Bytes(int column) const noexcept {
    const void* data = sqlite3_column_blob(get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(get(), column));
    return data == nullptr ? std::string_view()
                           : std::string_view(static_cast<const char*>(data), size);
  }
  std::int64_t Number(int column) const noexcept { return sqlite3_column_int64(get(), column); }
  bool IsNull(int column) const noexcept {
    return sqlite3_column_type(get(), column) == SQLITE_NULL;
  }
  int Step() noexcept { return sqlite3_step(get()); }
  void Reset() noexcept {
    sqlite3_reset(get());
    sqlite3_clear_bindings(get());
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Resets a statement, and ends the waiting of its connection.
class SqliteUse {
 public:
  SqliteUse(SqliteConnection& connection, SqliteStatement& statement) noexcept
      : connection_(connection), statement_(statement) {}
  ~SqliteUse() {
    statement_.Reset();
    connection_.EndWaiting();
  }
  SqliteUse(const SqliteUse&) = delete;
  SqliteUse& operator=(const SqliteUse&) = delete;

 private:
  SqliteConnection& connection_;
  SqliteStatement& statement_;
};

}  // namespace virtufin::inline v0::detail
