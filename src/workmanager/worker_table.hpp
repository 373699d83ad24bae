// The table of workers of one manager: makes them, finds them wherever they are, brings them back.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workmanager/heartbeat.hpp"
#include "workmanager/instances.hpp"
#include "workmanager/worker_slot.hpp"

namespace virtufin::inline v0::detail {

/// All functions are [any]. Deletions that end when the manager is gone share it.
class WorkerTable : public std::enable_shared_from_this<WorkerTable> {
 public:
  using Slot = std::shared_ptr<WorkerSlot>;
  using Losses = std::array<std::uint64_t, 4>;  // by Overflow

  explicit WorkerTable(std::shared_ptr<const SlotServices> services);

  /// Loads and keeps a new worker. Errors: as WorkManager::Create.
  Result<Slot> Create(CreateWorkerRequest request);

  /// Where a worker is: here, or with a peer.
  struct Place {
    Slot slot;
    std::optional<Peer> peer;
  };
  /// For a call that changes it: what an instance that is gone has left becomes this one's.
  /// Errors: NOT_FOUND; FAILED_PRECONDITION for one of another instance that cannot be reached.
  Result<Place> Locate(std::string_view id, bool forwarded);
  /// For a call that only reads: of another instance's worker its record.
  Result<Slot> Look(std::string_view id) const;
  std::vector<Slot> All() const;  // here
  /// The same, and what the queues of those that are gone lost, by policy: each worker is in one.
  std::vector<Slot> All(Losses& lost);
  std::vector<Slot> Others() const;  // of other instances: their records

  /// Loads what this instance has records of and has not loaded; how many of them are loaded now.
  Result<std::int32_t> Recover();
  /// It has recovered, or nobody asks for that.
  bool Ready() const;

  Status Join(std::string address);
  /// Nothing of the store is used any more, and no worker is told of by heartbeats.
  void Leave();
  /// Takes a worker out; shared with calls that end later.
  std::function<void()> Forgetter(const Slot& slot);
  /// One that another instance took over ends here.
  void Drop(const Slot& slot);
  bool Has(std::string_view id) const { return Find(id) != nullptr; }
  /// Unloads all workers and takes no more. Errors: DEADLINE_EXCEEDED naming the calls.
  Status UnloadAll(std::chrono::milliseconds deadline);

 private:
  Slot Find(std::string_view id) const;
  Result<Slot> Insert(Slot slot);
  Result<std::vector<Slot>> Unloaded();
  void DropLost();
  static void Add(const WorkerMetrics& metrics, Losses& lost);
  std::vector<Slot> Settle();  // lock held; to be let go of without it
  void TellBeats() const;

  const std::shared_ptr<const SlotServices> services_;
  const std::unique_ptr<Instances> instances_;  // null: no records

  mutable std::mutex mutex_;
  std::map<std::string, Slot, std::less<>> slots_;
  bool recovered_ = false;
  std::shared_ptr<Heartbeat> beats_;  // of workers that run; null until there is one
  std::vector<Slot> gone_;            // deleted, and perhaps not done with their counts
  Losses lost_ = {};                  // of all that went before
};

}  // namespace virtufin::inline v0::detail
