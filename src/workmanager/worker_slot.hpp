// One worker as the manager keeps it: the running worker, its tags, the history of its code.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "workmanager/managed_worker.hpp"

namespace virtufin::inline v0::detail {

/// All functions are [any].
class WorkerSlot : public std::enable_shared_from_this<WorkerSlot> {
 public:
  using Done = WorkManager::Done;
  using Tags = std::map<std::string, std::string>;

  explicit WorkerSlot(Tags tags) : tags_(std::move(tags)) {}

  /// Once, before anything else: loads `worker` for the first time.
  Status LoadFirst(std::shared_ptr<ManagedWorker> worker, HistoryEntry entry);
  /// `done` gets the digest of the code as well.
  void LoadCode(CodeSource code, Timestamp now, ManagedWorker::Timeout timeout,
                std::function<void(const Status&, const std::string& sha256)> done);
  ManagedWorker& worker() const noexcept { return *worker_; }

  WorkerInfo Info() const;
  std::vector<HistoryEntry> History() const;
  Tags GetTags() const;
  Status SetTag(std::string key, std::string value);
  Status SetTags(Tags tags);
  std::string sha256() const;  // of the code that it has

 private:
  std::shared_ptr<ManagedWorker> worker_;  // set before others see this

  mutable std::mutex mutex_;
  Tags tags_;
  std::vector<HistoryEntry> history_;
};

}  // namespace virtufin::inline v0::detail
