// Where worker records lie: one key each, and the index that names them all.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "workmanager/guarded_store.hpp"
#include "workmanager/worker_record.hpp"

namespace virtufin::inline v0::detail {

/// A record that was read, or why it could not be.
struct ReadRecord {
  Result<WorkerRecord> record;
  std::string etag;
  std::string owner;  // its instance, also of one that cannot be read; empty: nobody knows

  /// Of one that names nobody each instance takes care.
  bool IsOf(std::string_view instance_id) const { return owner.empty() || owner == instance_id; }
};

/// Functions are [any] and may wait. Errors of all: those of the store.
class RecordStore {
 public:
  /// Everything is borrowed.
  RecordStore(StateStore& store, const Runtime& runtime, std::string instance_id,
              std::uint32_t retries, std::int64_t first_delay_ms)
      : store_(store, runtime, retries, first_delay_ms),
        log_(runtime.log),
        instance_id_(std::move(instance_id)) {}

  /// Puts the id in the index, then writes the record; all or nothing but for an id without a
  /// record, which means nothing. Answers the etag.
  Result<std::string> Create(const WorkerRecord& record);
  /// Writes over the record as this instance left it; `etag` is brought up to date.
  /// Errors: ABORTED when it is another instance's by now, or gone; DATA_LOSS or
  /// FAILED_PRECONDITION when nobody can read it: it is left alone.
  Status Write(const WorkerRecord& record, std::string& etag);
  /// The same for taking it away, then its id; gone already is fine.
  Status Remove(const std::string& id, std::string& etag);
  /// Takes the record of another instance, if it is still as it was read.
  /// Errors: ABORTED when it is not.
  Result<std::string> TakeOver(const WorkerRecord& record, const std::string& etag);
  /// Errors: ABORTED when the record is another instance's, or gone.
  Status CheckOwner(const std::string& id) { return Owned(id).status(); }
  /// Errors: NOT_FOUND.
  Result<ReadRecord> Read(std::string_view id);
  /// The ids of all instances' workers; also of some that are gone.
  Result<std::vector<std::string>> Ids();

  GuardedStore& store() noexcept { return store_; }
  const std::string& instance_id() const noexcept { return instance_id_; }

 private:
  Result<std::string> Owned(const std::string& id);
  GuardedStore store_;
  LogSink& log_;
  const std::string instance_id_;
  std::mutex index_mutex_;  // spares this process the races with itself
};

/// A list of texts in one record, changed by several instances: adds or takes away `text`.
/// Errors: those of the store; ABORTED when others change it all the time; DATA_LOSS when it is
/// something else.
Status EditTextList(GuardedStore& store, std::string_view key, const std::string& text, bool add);

}  // namespace virtufin::inline v0::detail
