// One worker as the manager keeps it: its record, the copy of that in the state store, and the
// worker that runs, if its code is loaded.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workmanager/slot_services.hpp"

namespace virtufin::inline v0::detail {

/// What is asked for is written to the record before it is done; whoever has done something looks
/// again at what was asked for last, so the worker ends up as its record says.
/// All functions are [any]; completions run exactly once, never under a lock.
class WorkerSlot : public std::enable_shared_from_this<WorkerSlot> {
 public:
  using Done = WorkManager::Done;
  using Tags = std::map<std::string, std::string>;
  using LoadedDone = std::function<void(const Status&, const std::string& sha256)>;
  using Timeout = ManagedWorker::Timeout;

  /// A new worker: `record` has no history yet. `kept`: it gets a record.
  WorkerSlot(std::shared_ptr<const SlotServices> services, WorkerRecord record, bool kept);
  /// One that was read; its code is not loaded.
  WorkerSlot(std::shared_ptr<const SlotServices> services, std::string id, ReadRecord read);

  /// A new worker: loads the code, then writes the record.
  Status CreateFirst(CodeSource code);
  /// A worker that was read: loads the code and starts it if that was asked for last. Nothing when
  /// it is loaded or being loaded.
  Status Recover();

  Status Start();
  void Stop(Done done);
  /// `forget` runs before `done`.
  void Delete(std::function<void()> forget, Done done);
  void LoadCode(CodeSource code, LoadedDone done);
  Status SetTags(const std::function<void(Tags&)>& edit);
  /// Unloads the worker and leaves the record as it is.
  void Release(Timeout timeout, std::function<void()> forget, Done done);

  WorkerInfo Info() const;
  WorkerMetrics Metrics() const;
  std::vector<HistoryEntry> History() const;
  Tags GetTags() const;
  /// Another instance has its record by now, or nobody: this one must let go.
  bool lost() const noexcept { return lost_; }
  /// Reads who has the record. Errors: ABORTED, and lost() from then on; those of the store.
  Status CheckOwner();
  std::shared_ptr<ManagedWorker> Loaded() const;  // null: no code is loaded
  const std::string& id() const noexcept { return id_; }
  std::string sha256() const;  // of the code that it has

 private:
  /// One swap of code, from its load to its outcome.
  struct Swap {
    HistoryEntry entry;
    std::vector<HistoryEntry> before;
    bool kept = false;  // the record names the new code
  };

  using Edit = std::function<Status(WorkerRecord&)>;
  class Writing;

  Status Readable() const;  // lock held
  /// Writes what `edit` makes of the record, then keeps it.
  Status Change(const Edit& edit);
  Status Write(const Edit& edit);           // the same, writing_ held
  Status WriteStatus(WorkerStatus status);  // if it has another one; writing_ held
  Status BeginStart(std::uint64_t& stops);  // those so far
  void EndStart(bool started, std::uint64_t stops);
  void StopWorker(Done done);
  void TakeBack(const HistoryEntry& entry, std::vector<HistoryEntry> before);
  Status Forget();
  Status ReadAgain();
  Status NotShutDown() const;
  /// `status` of a write or read of the record.
  Status Noted(Status status);
  /// Ends what set loading_: loads `code` if `status` is ok.
  Status FinishLoad(Status status, CodeSource code, const ManagedWorker::Commit& commit);
  /// After `done` was done: does the other if that was asked for since.
  Status Follow(ManagedWorker& worker, WorkerStatus done);
  void Unload(Timeout timeout, bool deletes, std::function<void()> forget, Done done);
  void Tell(Lifecycle change, Status why) const;
  /// Keeps `action` until the load has ended; false: none runs.
  bool Defer(std::function<void()> action);
  void Post(std::function<void()> action);

  const std::shared_ptr<const SlotServices> services_;
  const std::string id_;
  RecordStore* const records_;  // null: nothing is written

  std::mutex writing_;  // one change at a time; taken before mutex_
  std::string etag_;    // under writing_
  std::atomic<bool> lost_ = false;
  std::atomic<bool> behind_ = false;  // the store has another record than record_

  mutable std::mutex mutex_;
  WorkerRecord record_;
  Status unreadable_;  // not ok: there is a record that nobody can read
  std::shared_ptr<ManagedWorker> worker_;
  std::string error_;  // why no code is loaded
  bool loading_ = false;
  ManagedWorker::Voices voices_;  // of all its loads; of the one that runs
  bool deleted_ = false;
  int starting_ = 0;         // starts that were not answered yet
  bool on_trial_ = false;    // RUNNING stands for those only: STOPPED again if all of them fail
  std::uint64_t stops_ = 0;  // and deletions, so far
  std::vector<std::function<void()>> deferred_;  // until the load has ended
};

}  // namespace virtufin::inline v0::detail
