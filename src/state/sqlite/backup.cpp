// Copies a store while others use it: one read transaction, a temporary file, a rename.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>

#include "state/sqlite/connection.hpp"
#include "state/sqlite/schema.hpp"
#include "virtufin/core/uuid.hpp"
#include "virtufin/state/sqlite.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::SqliteConnection;

constexpr std::int64_t kBusyTimeoutMs = 5'000;
constexpr std::int64_t kTargetBusyMs = 500;

Status Failed(const std::string& path, const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return Status(full ? StatusCode::kResourceExhausted : StatusCode::kUnavailable, "state",
                "copy " + path + ": " + what + ": " + std::system_category().message(error));
}

/// Forces the file or folder to the disk.
Status Sync(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return Failed(path, "open", errno);
  const int error = fsync(file) == 0 ? 0 : errno;
  close(file);
  return error == 0 ? Status() : Failed(path, "fsync", error);
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Status CheckTarget(const std::string& path, const std::string& copy_path) {
  struct stat source {
  }, target{};
  const bool exists = stat(copy_path.c_str(), &target) == 0;
  if (copy_path.empty() || copy_path == path ||
      (exists && stat(path.c_str(), &source) == 0 && source.st_ino == target.st_ino &&
       source.st_dev == target.st_dev)) {
    return Status(StatusCode::kInvalidArgument, "state",
                  "copy '" + copy_path + "': expected another path than the store's");
  }
  // The log of a store would be taken for the copy's.
  for (const char* companion : {"-wal", "-shm", "-journal"}) {
    if (stat((copy_path + companion).c_str(), &target) == 0) {
      return Status(StatusCode::kFailedPrecondition, "state",
                    "copy " + copy_path + ": expected a path that no store uses, found " +
                        copy_path + companion);
    }
  }
  return {};
}

/// Every page in one step: others go on writing to the log meanwhile.
Status CopyPages(SqliteConnection& source, SqliteConnection& target) {
  sqlite3_backup* const backup = sqlite3_backup_init(target.db(), "main", source.db(), "main");
  if (backup == nullptr) return target.Failure(sqlite3_extended_errcode(target.db()));
  const int code = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  source.EndWaiting();
  target.EndWaiting();
  if (code == SQLITE_DONE && finished == SQLITE_OK) return {};
  // A failure of reading is told by neither connection: the code must do.
  return target.Failure(code == SQLITE_DONE ? finished : code);
}

Status CopyTo(SqliteConnection& source, const std::string& temporary) {
  SqliteConnection target(temporary, kBusyTimeoutMs);
  if (Status s = target.Open(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); !s.ok()) return s;
  // A temporary file that is half done is thrown away: it needs no journal and no order of writes.
  if (Status s = target.Run("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"); !s.ok()) return s;
  if (Status s = CopyPages(source, target); !s.ok()) return s;
  // The copied header says "write-ahead log": without one the copy is a single file.
  return target.Run("PRAGMA journal_mode=DELETE");
}

Status InUse(const std::string& copy_path) {
  return Status(StatusCode::kFailedPrecondition, "state",
                "copy " + copy_path + ": expected a path that no store uses, found one in use");
}

/// Whoever opens the store that the copy replaces waits meanwhile, and is told that the file has
/// moved: nobody goes on writing to one that has no name any more. What is no SQLite file, or a
/// damaged one, has no users of that kind: a copy that was torn is replaced by the next.
Status LockTarget(std::optional<SqliteConnection>& target) {
  if (Status s = target->Open(SQLITE_OPEN_READWRITE); !s.ok()) return s;
  // With a write-ahead log an exclusive lock keeps no reader out.
  Status locked = target->Run("PRAGMA journal_mode=DELETE");
  if (locked.ok()) locked = target->Run("BEGIN EXCLUSIVE");
  target->EndWaiting();
  if (locked.ok()) return {};
  const int code = sqlite3_errcode(target->db()) & 0xff;  // without what an extended code adds
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    target.reset();  // the log that it made for a damaged store is no user's
    return {};
  }
  return code == SQLITE_BUSY || code == SQLITE_LOCKED ? InUse(target->path()) : locked;
}

/// Gives the finished copy its name.
Status Place(const std::string& path, const std::string& temporary, const std::string& copy_path) {
  // Somebody may have opened a store there while the pages were copied.
  if (Status s = CheckTarget(path, copy_path); !s.ok()) return s;
  std::optional<SqliteConnection> replaced;
  struct stat target {};
  if (stat(copy_path.c_str(), &target) == 0) {
    replaced.emplace(copy_path, kTargetBusyMs);
    if (Status s = LockTarget(replaced); !s.ok()) return s;
    if (Status s = CheckTarget(path, copy_path); !s.ok()) return s;
    return std::rename(temporary.c_str(), copy_path.c_str()) == 0
               ? Status()
               : Failed(copy_path, "rename", errno);
  }
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, copy_path.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno == EEXIST) return InUse(copy_path);
  // A file system or a kernel without that: the check above must do.
  if ((errno == EINVAL || errno == ENOSYS) &&
      std::rename(temporary.c_str(), copy_path.c_str()) == 0) {
    return {};
  }
  return Failed(copy_path, "rename", errno);
}

}  // namespace

Status BackUpSqliteStore(const std::string& path, const std::string& copy_path) {
  if (Status s = detail::CheckMayWait(); !s.ok()) return s;
  const Executor::BlockingScope blocking;
  if (Status s = CheckTarget(path, copy_path); !s.ok()) return s;
  SqliteConnection source(path, kBusyTimeoutMs);
  if (Status s = source.Open(SQLITE_OPEN_READWRITE); !s.ok()) return s;
  const auto ours = detail::CheckIsOurs(source);
  if (!ours.ok()) return ours.status();
  if (!*ours) {
    return Status(StatusCode::kFailedPrecondition, "state",
                  "SQLite store " + path + ": expected a state store, found an empty file");
  }
  const std::string temporary = copy_path + ".tmp-" + Uuid::V4().ToString();
  Status status = CopyTo(source, temporary);
  if (status.ok()) status = Sync(temporary, O_RDWR);
  if (status.ok()) status = Place(path, temporary, copy_path);
  if (!status.ok()) {
    (void)std::remove(temporary.c_str());
    (void)std::remove((temporary + "-wal").c_str());
    (void)std::remove((temporary + "-shm").c_str());
    return status;
  }
  return Sync(FolderOf(copy_path), O_RDONLY | O_DIRECTORY);
}

}  // namespace virtufin::inline v0
