// The SQLite driver: one connection that writes, a few that read beside it (write-ahead log).
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "state/sqlite/connection.hpp"
#include "state/sqlite/schema.hpp"
#include "virtufin/state/driver.hpp"
#include "virtufin/state/sqlite.hpp"

namespace virtufin::inline v0 {
namespace {

using detail::SqliteConnection;
using detail::SqliteStatement;
using detail::SqliteUse;

constexpr std::uint64_t kWritesBetweenPurges = 64;
constexpr int kCheckpointPages = 1000;  // so long a log is copied into the file after a write
constexpr const char* kLive = "(expires_ms IS NULL OR expires_ms>?5)";

Status RecordStatus(StatusCode code, std::string_view service, std::string_view key,
                    const char* text) {
  return Status(code, "state",
                "record '" + std::string(key) + "' of " + std::string(service) + ": " + text);
}

struct Reader {
  Reader(const std::string& path, std::int64_t busy_timeout_ms)
      : connection(path, busy_timeout_ms) {}

  Status Open() {
    if (Status s = connection.Open(SQLITE_OPEN_READWRITE); !s.ok()) return s;
    if (Status s = connection.Run("PRAGMA query_only=1"); !s.ok()) return s;
    if (Status s = get.Prepare(connection, "SELECT value,etag,expires_ms FROM state WHERE key=?1");
        !s.ok()) {
      return s;
    }
    return scan.Prepare(connection,
                        "SELECT key,value,etag,expires_ms FROM state WHERE key>=?1 ORDER BY key");
  }

  SqliteConnection connection;
  SqliteStatement get, scan;
};

struct Writer {
  Writer(const std::string& path, std::int64_t busy_timeout_ms)
      : connection(path, busy_timeout_ms) {}

  Status Open(const SqliteStoreOptions& options) {
    if (Status s = connection.Open(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); !s.ok()) return s;
    if (sqlite3_db_readonly(connection.db(), "main") == 1) {
      return connection.Failure(SQLITE_READONLY);
    }
    if (auto ours = detail::CheckIsOurs(connection); !ours.ok()) return ours.status();
    if (Status s = connection.RunPatiently("PRAGMA journal_mode=WAL"); !s.ok()) return s;
    const auto mode = connection.Text("PRAGMA journal_mode");
    if (!mode.ok()) return mode.status();
    if (*mode != "wal") {
      return Status(StatusCode::kFailedPrecondition, "state",
                    "SQLite store " + options.path +
                        ": expected a file system with shared memory, found one without");
    }
    const char* const sync =
        options.survive_power_loss ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL";
    if (Status s = connection.Run(sync); !s.ok()) return s;
    // A log that grew while a reader held it gives the room back.
    const std::string limit = std::to_string(options.max_log_bytes);
    if (Status s = connection.Run(("PRAGMA journal_size_limit=" + limit).c_str()); !s.ok()) {
      return s;
    }
    if (Status s = detail::BringUpToDate(connection); !s.ok()) return s;
    sqlite3_wal_hook(
        connection.db(),
        [](void* self, sqlite3*, const char*, int pages) {
          static_cast<Writer*>(self)->log_pages = pages;
          return SQLITE_OK;
        },
        this);
    if (Status s = Limit(options); !s.ok()) return s;
    return Prepare();
  }

  Status Limit(const SqliteStoreOptions& options) {
    const auto page = connection.Number("PRAGMA page_size");
    if (!page.ok()) return page.status();
    const auto page_bytes = static_cast<std::size_t>(*page);
    max_log_pages = next_restart =
        static_cast<int>(std::clamp<std::size_t>(options.max_log_bytes / page_bytes, 1, 1 << 29));
    if (options.max_bytes == 0) return {};
    const std::size_t pages = std::max<std::size_t>(1, options.max_bytes / page_bytes);
    return connection.Run(("PRAGMA max_page_count=" + std::to_string(pages)).c_str());
  }

  Status Prepare() {
    const std::string live = kLive;
    const std::string insert =
        "INSERT INTO state(key,value,etag,expires_ms) VALUES(?1,?2,?3,?4) ON CONFLICT(key) DO"
        " UPDATE SET value=excluded.value,etag=excluded.etag,expires_ms=excluded.expires_ms";
    const std::pair<SqliteStatement*, std::string> statements[] = {
        {&set, insert},
        {&create, insert + " WHERE NOT " + live},
        {&replace,
         "UPDATE state SET value=?2,etag=?3,expires_ms=?4 WHERE key=?1 AND etag=?6 AND " + live},
        {&erase, "DELETE FROM state WHERE key=?1 AND " + live},
        {&erase_if, "DELETE FROM state WHERE key=?1 AND etag=?6 AND " + live},
        {&purge,
         "DELETE FROM state WHERE key IN"
         " (SELECT key FROM state WHERE expires_ms<=?5 LIMIT ?6)"},
    };
    for (const auto& [statement, sql] : statements) {
      if (Status s = statement->Prepare(connection, sql.c_str()); !s.ok()) return s;
    }
    return {};
  }

  std::mutex mutex;
  SqliteConnection connection;
  SqliteStatement set, create, replace, erase, erase_if, purge;
  std::uint64_t writes = 0;
  int log_pages = 0;  // after the last commit of this connection
  int max_log_pages = 0;
  int next_restart = 0;  // of them; more when readers elsewhere do not let go
};

class SqliteStore final : public StateStore {
 public:
  SqliteStore(const SqliteStoreOptions& options, Clock& clock)
      : options_(options), clock_(clock), writer_(options.path, options.busy_timeout_ms) {}

  Status Open() { return writer_.Open(options_); }

  Result<StateItem> Get(std::string_view service, std::string_view key) override {
    RecordKey address;
    if (Status s = address.Assign(service, key); !s.ok()) return s;
    ReaderLease reader(*this);
    if (!reader.status().ok()) return reader.status();
    StateItem item;
    auto found = Read(*reader, address.text(), item);
    if (!found.ok()) return found.status();
    if (!*found) return RecordStatus(StatusCode::kNotFound, service, key, "there is none");
    item.key = key;
    return item;
  }

  Result<std::string> Set(std::string_view service, std::string_view key, std::string_view value,
                          const SetOptions& options) override {
    RecordKey address;
    if (Status s = address.Assign(service, key); !s.ok()) return s;
    if (Status s = CheckSet(value, options); !s.ok()) return s;
    if (Status s = detail::CheckMayWait(); !s.ok()) return s;
    std::uint64_t expected = 0;
    if (!options.etag.empty() && !ReadEtag(options.etag, expected)) return Stale(service, key);
    const std::uint64_t etag = etags_.Next();
    WriteLock lock(*this);
    auto changed = Write(address.text(), value, etag, expected, options);
    if (!changed.ok() && changed.status().code() == StatusCode::kResourceExhausted &&
        Purge(std::numeric_limits<std::int64_t>::max())) {
      changed = Write(address.text(), value, etag, expected, options);
    }
    if (!changed.ok()) return changed.status();
    if (!*changed) {
      if (!options.create_only) return Stale(service, key);
      return RecordStatus(StatusCode::kAlreadyExists, service, key, "expected none, found one");
    }
    if (++writer_.writes % kWritesBetweenPurges == 0) Purge(kWritesBetweenPurges);
    KeepLogShort();
    return EtagText(etag);
  }

  Result<bool> Delete(std::string_view service, std::string_view key,
                      std::string_view etag) override {
    RecordKey address;
    if (Status s = address.Assign(service, key); !s.ok()) return s;
    if (Status s = detail::CheckMayWait(); !s.ok()) return s;
    std::uint64_t expected = 0;
    if (!etag.empty() && !ReadEtag(etag, expected)) return Stale(service, key);
    WriteLock lock(*this);
    SqliteStatement& statement = etag.empty() ? writer_.erase : writer_.erase_if;
    if (!etag.empty()) statement.Bind(6, static_cast<std::int64_t>(expected));
    auto changed = Erase(statement, address.text());
    if (changed.ok() && !*changed && !etag.empty()) return Stale(service, key);
    KeepLogShort();
    return changed;
  }

  Result<std::vector<StateItem>> GetBulk(std::string_view service,
                                         std::span<const std::string> keys) override {
    ReaderLease reader(*this);
    if (!reader.status().ok()) return reader.status();
    std::vector<StateItem> items;
    AnswerBytes bytes;
    RecordKey address;
    for (const std::string& key : keys) {
      if (Status s = address.Assign(service, key); !s.ok()) return s;
      StateItem item;
      auto found = Read(*reader, address.text(), item);
      if (!found.ok()) return found.status();
      if (!*found) continue;
      if (Status s = bytes.Add(key, item.value); !s.ok()) return s;
      item.key = key;
      items.push_back(std::move(item));
    }
    return items;
  }

  /// All of them in one transaction.
  Result<std::vector<std::string>> DeleteBulk(std::string_view service,
                                              std::span<const std::string> keys) override {
    RecordKey address;
    for (const std::string& key : keys) {  // a bad key deletes nothing
      if (Status s = address.Assign(service, key); !s.ok()) return s;
    }
    if (Status s = detail::CheckMayWait(); !s.ok()) return s;
    WriteLock lock(*this);
    if (Status s = writer_.connection.Run("BEGIN IMMEDIATE"); !s.ok()) return s;
    std::vector<std::string> deleted;
    Status status;
    for (const std::string& key : keys) {
      status = address.Assign(service, key);
      if (!status.ok()) break;
      auto changed = Erase(writer_.erase, address.text());
      status = changed.status();
      if (!status.ok()) break;
      if (*changed) deleted.push_back(key);
    }
    if (status.ok()) status = writer_.connection.Run("COMMIT");
    if (status.ok()) {
      KeepLogShort();
      return deleted;
    }
    (void)writer_.connection.Run("ROLLBACK");  // SQLite may have done it
    return status;
  }

  Result<QueryPage> Query(std::string_view service, std::string_view query,
                          std::size_t limit) override {
    RecordKey address;
    if (Status s = address.AssignService(service); !s.ok()) return s;
    auto parsed = StateQuery::Parse(service, query, limit);
    if (!parsed.ok()) return parsed.status();
    const Executor::BlockingScope blocking;  // many pages, maybe from the disk
    ReaderLease reader(*this);
    if (!reader.status().ok()) return reader.status();
    const std::size_t skip = address.text().size();
    const std::string prefix = std::string(address.text()) + std::string(parsed->key_prefix());
    const std::string after = std::string(address.text()) + std::string(parsed->after_key());
    StateQuery::Run run(*parsed);
    if (Status s = Scan(*reader, prefix, after, skip, run); !s.ok()) return s;
    return run.Finish();
  }

 private:
  /// A connection to read with, for as long as it lives.
  class ReaderLease {
   public:
    explicit ReaderLease(SqliteStore& store) : store_(store), status_(detail::CheckMayWait()) {
      if (status_.ok()) reader_ = store.TakeReader(status_);
    }
    ~ReaderLease() {
      if (reader_ != nullptr) store_.GiveReader(std::move(reader_));
    }
    ReaderLease(const ReaderLease&) = delete;
    ReaderLease& operator=(const ReaderLease&) = delete;
    const Status& status() const noexcept { return status_; }
    Reader& operator*() noexcept { return *reader_; }

   private:
    SqliteStore& store_;
    Status status_;
    std::unique_ptr<Reader> reader_;
  };

  /// The writing connection; says so when it waits for another thread or for the disk.
  class WriteLock {
   public:
    explicit WriteLock(SqliteStore& store) : lock_(store.writer_.mutex, std::try_to_lock) {
      if (store.options_.survive_power_loss || !lock_.owns_lock()) blocking_.emplace();
      if (!lock_.owns_lock()) lock_.lock();
    }

   private:
    std::optional<Executor::BlockingScope> blocking_;  // ends after the lock
    std::unique_lock<std::mutex> lock_;
  };

  static Status Stale(std::string_view service, std::string_view key) {
    return RecordStatus(StatusCode::kAborted, service, key,
                        "expected the etag given, found another one or no record");
  }

  /// The time of day, but never earlier than before: what is gone stays gone when the clock of the
  /// system steps back.
  std::int64_t NowMs() noexcept {
    const Timestamp now = clock_.Now();
    const std::int64_t ms = now.unix_seconds() * 1000 + now.nanoseconds() / 1'000'000;
    std::int64_t latest = latest_ms_.load(std::memory_order_relaxed);
    while (latest < ms && !latest_ms_.compare_exchange_weak(latest, ms)) {
    }
    return std::max(latest, ms);
  }

  std::unique_ptr<Reader> TakeReader(Status& status) {
    {
      std::unique_lock lock(readers_mutex_);
      const auto may_go = [&] {
        return !readers_held_ && (!idle_.empty() || readers_ < options_.max_readers);
      };
      if (!may_go()) {
        Executor::BlockingScope blocking;
        reader_back_.wait(lock, may_go);
      }
      if (!idle_.empty()) {
        std::unique_ptr<Reader> reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
      ++readers_;
    }
    auto reader = std::make_unique<Reader>(options_.path, options_.busy_timeout_ms);
    status = reader->Open();
    if (status.ok()) return reader;
    const std::lock_guard lock(readers_mutex_);
    --readers_;
    reader_back_.notify_one();
    return nullptr;
  }

  void GiveReader(std::unique_ptr<Reader> reader) {
    const std::lock_guard lock(readers_mutex_);
    idle_.push_back(std::move(reader));
    reader_back_.notify_one();
  }

  /// False: there is no record. Leaves item.key alone.
  Result<bool> Read(Reader& reader, std::string_view address, StateItem& item) {
    const SqliteUse use(reader.connection, reader.get);
    reader.get.BindText(1, address);
    const int code = reader.get.Step();
    if (code == SQLITE_DONE) return false;
    if (code != SQLITE_ROW) return reader.connection.Failure(code);
    if (!reader.get.IsNull(2) && reader.get.Number(2) <= NowMs()) return false;
    item.value = reader.get.Bytes(0);
    item.etag = EtagText(static_cast<std::uint64_t>(reader.get.Number(1)));
    return true;
  }

  Status Scan(Reader& reader, const std::string& prefix, const std::string& after, std::size_t skip,
              StateQuery::Run& run) {
    const SqliteUse use(reader.connection, reader.scan);
    reader.scan.BindText(1, std::max(prefix, after));
    const std::int64_t now = NowMs();
    for (;;) {
      const int code = reader.scan.Step();
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return reader.connection.Failure(code);
      const std::string_view key = reader.scan.Bytes(0);
      if (!key.starts_with(prefix)) return {};
      if (key <= after) continue;
      if (!reader.scan.IsNull(3) && reader.scan.Number(3) <= now) continue;
      const auto etag = static_cast<std::uint64_t>(reader.scan.Number(2));
      if (!run.Offer(key.substr(skip), reader.scan.Bytes(1), etag)) return {};
    }
  }

  // The functions below need the write lock.
  Result<bool> Change(SqliteStatement& statement) {
    const int code = statement.Step();
    if (code != SQLITE_DONE) return writer_.connection.Failure(code);
    return sqlite3_changes(writer_.connection.db()) > 0;
  }

  Result<bool> Erase(SqliteStatement& statement, std::string_view address) {
    const SqliteUse use(writer_.connection, statement);
    statement.BindText(1, address);
    statement.Bind(5, NowMs());
    return Change(statement);
  }

  Result<bool> Write(std::string_view address, std::string_view value, std::uint64_t etag,
                     std::uint64_t expected, const SetOptions& options) {
    SqliteStatement& statement = options.create_only     ? writer_.create
                                 : !options.etag.empty() ? writer_.replace
                                                         : writer_.set;
    const SqliteUse use(writer_.connection, statement);
    statement.BindText(1, address);
    statement.BindBytes(2, value);
    statement.Bind(3, static_cast<std::int64_t>(etag));
    const bool conditional = &statement != &writer_.set;
    const std::int64_t now = conditional || options.ttl_ms != 0 ? NowMs() : 0;
    if (options.ttl_ms != 0 && options.ttl_ms < std::numeric_limits<std::int64_t>::max() - now) {
      statement.Bind(4, now + options.ttl_ms);
    }
    if (conditional) statement.Bind(5, now);
    if (&statement == &writer_.replace) statement.Bind(6, static_cast<std::int64_t>(expected));
    return Change(statement);
  }

  /// At most `most` records whose time has passed; true when there was one. What fails here is
  /// tried again later.
  bool Purge(std::int64_t most) {
    const SqliteUse use(writer_.connection, writer_.purge);
    writer_.purge.Bind(5, NowMs());
    writer_.purge.Bind(6, most);
    return Change(writer_.purge).value_or(false);
  }

  /// Copies the log into the file when it is long. A log that readers which overlap never let start
  /// over would grow until the disk is full: then new ones wait once.
  void KeepLogShort() {
    if (writer_.log_pages < writer_.max_log_pages) writer_.next_restart = writer_.max_log_pages;
    if (writer_.log_pages < std::min(kCheckpointPages, writer_.max_log_pages)) return;
    const Executor::BlockingScope blocking;
    const bool restart = writer_.log_pages >= writer_.next_restart;
    if (restart) HoldReaders(true);
    const int code = sqlite3_wal_checkpoint_v2(
        writer_.connection.db(), "main",
        restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    writer_.connection.EndWaiting();
    if (!restart) return;
    HoldReaders(false);
    // Another process reads on: to wait for it at each write would help nobody.
    writer_.next_restart = code == SQLITE_OK ? writer_.max_log_pages : 2 * writer_.log_pages;
  }

  void HoldReaders(bool held) {
    const std::lock_guard lock(readers_mutex_);
    readers_held_ = held;
    if (!held) reader_back_.notify_all();
  }

  const SqliteStoreOptions options_;
  Clock& clock_;
  std::atomic<std::int64_t> latest_ms_ = 0;
  EtagSource etags_;
  Writer writer_;
  std::mutex readers_mutex_;
  std::condition_variable reader_back_;
  std::vector<std::unique_ptr<Reader>> idle_;
  int readers_ = 0;  // idle or lent
  bool readers_held_ = false;
};

Status CheckOptions(const SqliteStoreOptions& options) {
  const auto invalid = [](const std::string& text) {
    return Status(StatusCode::kInvalidArgument, "state", "SqliteStoreOptions." + text);
  };
  // SQLite makes private databases of these two.
  if (options.path.empty() || options.path == ":memory:") {
    return invalid("path: expected that of a file, found '" + options.path + "'");
  }
  if (options.path.find('\0') != std::string::npos) return invalid("path: expected no NUL");
  if (options.busy_timeout_ms < 0 || options.busy_timeout_ms > 86'400'000) {
    return invalid("busy_timeout_ms: expected 0 to 86400000, found " +
                   std::to_string(options.busy_timeout_ms));
  }
  if (options.max_readers < 1 || options.max_readers > 1024) {
    return invalid("max_readers: expected 1 to 1024, found " + std::to_string(options.max_readers));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StateStore>> OpenSqliteStore(const SqliteStoreOptions& options,
                                                    Clock& clock) {
  if (Status s = CheckOptions(options); !s.ok()) return s;
  if (Status s = detail::CheckMayWait(); !s.ok()) return s;
  auto store = std::make_unique<SqliteStore>(options, clock);
  if (Status s = store->Open(); !s.ok()) return s;
  return store;
}

}  // namespace virtufin::inline v0
