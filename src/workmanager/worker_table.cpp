// Creation, look-up across instances, recovery, and the end of all workers.
#include "workmanager/worker_table.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iterator>
#include <set>
#include <thread>
#include <utility>

#include "virtufin/core/uuid.hpp"
#include "workmanager/code_resolver.hpp"
#include "workmanager/worker_config.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Closed() {
  return Status(StatusCode::kUnavailable, "workmanager", "no worker can be created: shut down");
}

/// Counts tasks that have run or were dropped, and waits for all of them.
class Latch {
 public:
  /// Goes with the task that holds it.
  class Ticket {
   public:
    explicit Ticket(std::shared_ptr<Latch> latch) : latch_(std::move(latch)) {
      std::lock_guard lock(latch_->mutex_);
      ++latch_->open_;
    }
    ~Ticket() {
      std::lock_guard lock(latch_->mutex_);
      --latch_->open_;
      latch_->changed_.notify_all();
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    const std::shared_ptr<Latch> latch_;
  };
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int open_ = 0;
};

}  // namespace

WorkerTable::WorkerTable(std::shared_ptr<const SlotServices> services)
    : services_(std::move(services)),
      instances_(services_->records == nullptr
                     ? nullptr
                     : std::make_unique<Instances>(
                           *services_->needed().records, services_->needed().runtime,
                           services_->instance_id(), [this] { DropLost(); })) {}

// --- creation -----------------------------------------------------------------------------------

Result<WorkerTable::Slot> WorkerTable::Create(CreateWorkerRequest request) {
  if (services_->closed) return Closed();
  const auto engine = services_->needed().engines.Find(request.code.mime_type);
  if (!engine.ok()) return engine.status();
  if (auto config = CheckRequest(request); !config.ok()) return config.status();
  const bool kept = services_->records != nullptr && !request.ephemeral;
  if (kept) KeepPath(request.code);
  WorkerRecord record;
  record.id = Uuid::V4().ToString();
  record.instance_id = services_->instance_id();
  record.mime_type = (*engine)->Describe().mime_type;
  record.topics = std::move(request.topics);
  record.config = std::move(request.config);
  record.tags = std::move(request.tags);
  record.created_at = services_->needed().runtime.clock.Now();
  auto slot = std::make_shared<WorkerSlot>(services_, std::move(record), kept);
  if (Status status = slot->CreateFirst(std::move(request.code)); !status.ok()) return status;
  if (const auto worker = slot->Loaded()) worker->TellCreated();  // nobody can start it before
  auto inserted = Insert(slot);
  // Whoever shut down meanwhile waits for nobody: what was kept is taken back.
  if (!inserted.ok()) slot->Delete([] {}, [](const Status&) {});
  return inserted;
}

Result<WorkerTable::Slot> WorkerTable::Insert(Slot slot) {
  std::lock_guard lock(mutex_);
  if (services_->closed) return Closed();
  if (!beats_) {  // from the first worker on
    const std::int64_t interval = services_->options.heartbeat_interval_ms;
    beats_ = std::make_shared<Heartbeat>(
        services_->needed().runtime.executor,
        std::chrono::milliseconds(std::clamp<std::int64_t>(interval, 0, kYearMs)),
        [weak = weak_from_this()] {
          if (const auto table = weak.lock()) table->TellBeats();
        });
    beats_->Start();
  }
  return slots_.emplace(slot->id(), std::move(slot)).first->second;
}

// --- look-up ------------------------------------------------------------------------------------

WorkerTable::Slot WorkerTable::Find(std::string_view id) const {
  std::lock_guard lock(mutex_);
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second;
}

std::vector<WorkerTable::Slot> WorkerTable::All() const {
  std::vector<Slot> all;
  std::lock_guard lock(mutex_);
  for (const auto& [id, slot] : slots_) all.push_back(slot);
  return all;
}

std::vector<WorkerTable::Slot> WorkerTable::All(Losses& lost) {
  std::vector<Slot> all, settled;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  for (const auto& [id, slot] : slots_) all.push_back(slot);
  settled = Settle();
  lost = lost_;
  for (const Slot& slot : gone_) Add(slot->Metrics(), lost);
  return all;
}

void WorkerTable::Add(const WorkerMetrics& metrics, Losses& lost) {
  lost[static_cast<std::size_t>(metrics.overflow)] += metrics.queue.lost();
}

// A worker that is deleted may still count what its queues lost: whoever does holds it.
std::vector<WorkerTable::Slot> WorkerTable::Settle() {
  const auto counts = [](const Slot& slot) {
    constexpr long kOurs = 2;  // the slot's, and this one
    return slot->Loaded().use_count() > kOurs;
  };
  const auto end = std::stable_partition(gone_.begin(), gone_.end(), counts);
  std::vector<Slot> settled(std::make_move_iterator(end), std::make_move_iterator(gone_.end()));
  gone_.erase(end, gone_.end());
  for (const Slot& slot : settled) Add(slot->Metrics(), lost_);
  return settled;
}

std::vector<WorkerTable::Slot> WorkerTable::Others() const {
  std::vector<Slot> others;
  if (services_->records == nullptr || services_->needed().peers == nullptr) return others;
  const auto ids = services_->records->Ids();
  if (!ids.ok()) return others;
  for (const std::string& id : *ids) {
    if (Find(id)) continue;
    auto read = services_->records->Read(id);
    if (!read.ok() || (read->record.ok() && read->IsOf(services_->instance_id()))) continue;
    others.push_back(std::make_shared<WorkerSlot>(services_, id, *std::move(read)));
  }
  return others;
}

Result<WorkerTable::Slot> WorkerTable::Look(std::string_view id) const {
  if (auto slot = Find(id)) return slot;
  if (services_->records == nullptr || services_->needed().peers == nullptr)
    return UnknownWorker(id);
  auto read = services_->records->Read(id);
  if (!read.ok()) {
    return read.status().code() == StatusCode::kNotFound ? UnknownWorker(id) : read.status();
  }
  return std::make_shared<WorkerSlot>(services_, std::string(id), *std::move(read));
}

Result<WorkerTable::Place> WorkerTable::Locate(std::string_view id, bool forwarded) {
  constexpr int kTries = 3;  // others may take it over at the same time
  bool tried = false;        // to take it over; that may have been done although it failed
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (auto slot = Find(id)) return Place{std::move(slot), {}};
    if (services_->records == nullptr || services_->closed) return UnknownWorker(id);
    auto read = services_->records->Read(id);
    if (!read.ok()) {
      return read.status().code() == StatusCode::kNotFound ? UnknownWorker(id) : read.status();
    }
    const std::string owner = read->owner;
    if (!read->IsOf(services_->instance_id())) {
      if (forwarded || services_->needed().peers == nullptr) {
        return Status(StatusCode::kFailedPrecondition, "workmanager",
                      "worker " + std::string(id) + ": expected one of instance '" +
                          services_->instance_id() + "', found one of '" + owner + "'");
      }
      auto peer = instances_->Find(owner);
      if (!peer.ok()) return peer.status();
      if (peer->has_value()) return Place{nullptr, **peer};
      if (!read->record.ok()) return read->record.status();
      WorkerRecord taken = *read->record;
      taken.instance_id = services_->instance_id();
      tried = true;
      auto etag = services_->records->TakeOver(taken, read->etag);
      if (!etag.ok() && etag.status().code() == StatusCode::kAborted) continue;
      if (!etag.ok()) return etag.status();
      services_->needed().runtime.log.Write(LogLevel::kWarn, "workmanager",
                                            "worker " + std::string(id) +
                                                ": taken over from instance '" + owner +
                                                "', which is gone");
      read->record = std::move(taken);
      read->etag = *std::move(etag);
    }
    auto slot = Insert(std::make_shared<WorkerSlot>(services_, std::string(id), *std::move(read)));
    if (!slot.ok()) return slot.status();
    // What ran there runs on here, whatever the call is; why it does not is in its info.
    if (tried) (void)(*slot)->Recover();
    return Place{*std::move(slot), {}};
  }
  return Status(StatusCode::kAborted, "workmanager",
                "worker " + std::string(id) + ": others take it over at the same time");
}

// --- recovery -----------------------------------------------------------------------------------

Result<std::vector<WorkerTable::Slot>> WorkerTable::Unloaded() {
  const auto ids = services_->records->Ids();
  if (!ids.ok()) return ids.status();
  std::vector<Slot> unloaded;
  for (const std::string& id : *ids) {
    Slot slot = Find(id);
    if (!slot) {
      auto read = services_->records->Read(id);
      if (!read.ok() && read.status().code() == StatusCode::kNotFound) continue;
      if (!read.ok() && GuardedStore::IsAway(read.status())) return read.status();
      // One that cannot be read keeps nobody else from recovery.
      if (!read.ok()) read = ReadRecord{read.status(), {}, {}};
      if (!read->IsOf(services_->instance_id())) continue;
      auto inserted = Insert(std::make_shared<WorkerSlot>(services_, id, *std::move(read)));
      if (!inserted.ok()) return inserted.status();
      slot = *std::move(inserted);
    }
    if (!slot->Loaded()) unloaded.push_back(std::move(slot));
  }
  return unloaded;
}

Result<std::int32_t> WorkerTable::Recover() {
  if (services_->records == nullptr) {
    std::lock_guard lock(mutex_);
    recovered_ = true;
    return 0;
  }
  std::optional<Instances::Lease> lease;
  if (services_->needed().peers != nullptr) {
    // Nobody takes over what is being recovered here.
    if (Status status = instances_->Announce(); !status.ok()) return status;
    auto acquired = instances_->AcquireRecovery();
    if (!acquired.ok()) return acquired.status();
    lease.emplace(*std::move(acquired));
  }
  Executor::BlockingScope blocking;
  auto unloaded = Unloaded();
  if (!unloaded.ok()) return unloaded.status();
  auto latch = std::make_shared<Latch>();
  LogSink& log = services_->needed().runtime.log;
  for (const Slot& slot : *unloaded) {
    auto ticket = std::make_shared<Latch::Ticket>(latch);
    services_->needed().runtime.executor.Post(
        [table = shared_from_this(), slot = slot, ticket = std::move(ticket), &log]() mutable {
          if (Status status = slot->Recover(); !status.ok()) {
            log.Write(LogLevel::kError, "workmanager",
                      "worker " + slot->id() + ": not recovered: " + status.ToString());
          }
          if (slot->lost()) table->Drop(slot);
          table.reset();
          slot.reset();
          ticket.reset();
        });
  }
  latch->Wait();
  std::int32_t loaded = 0;
  for (const Slot& slot : *unloaded) loaded += slot->Loaded() ? 1 : 0;
  std::lock_guard lock(mutex_);
  recovered_ = true;
  return loaded;
}

bool WorkerTable::Ready() const {
  std::lock_guard lock(mutex_);
  return !services_->closed &&
         (recovered_ || services_->records == nullptr || !services_->options.recovery_on_start);
}

Status WorkerTable::Join(std::string address) {
  if (instances_ != nullptr) return instances_->Join(std::move(address));
  return Status(StatusCode::kFailedPrecondition, "workmanager",
                "expected a manager with a state store to be joined, found one without");
}

void WorkerTable::TellBeats() const {
  for (const Slot& slot : All()) {
    if (const auto worker = slot->Loaded()) worker->TellBeat();
  }
}

void WorkerTable::Leave() {
  std::shared_ptr<Heartbeat> beats;
  {
    std::lock_guard lock(mutex_);
    services_->closed = true;  // no worker comes, and no beats begin
    beats = beats_;
  }
  if (beats) beats->Stop();
  if (instances_ != nullptr) instances_->Leave();
}

// --- the end ------------------------------------------------------------------------------------

std::function<void()> WorkerTable::Forgetter(const Slot& slot) {
  // Compared only: another one of that id may have come instead.
  return [table = shared_from_this(), id = slot->id(), is = slot.get()] {
    std::vector<Slot> settled;  // destroyed without the lock
    std::lock_guard lock(table->mutex_);
    settled = table->Settle();
    if (const auto found = table->slots_.find(id);
        found != table->slots_.end() && found->second.get() == is) {
      // After a shutdown nothing is kept: what a worker was made of goes with the manager.
      const bool closed = table->services_->closed;
      if (closed) Add(found->second->Metrics(), table->lost_);
      (closed ? settled : table->gone_).push_back(std::move(found->second));
      table->slots_.erase(found);
    }
  };
}

void WorkerTable::Drop(const Slot& slot) {
  services_->needed().runtime.log.Write(
      LogLevel::kWarn, "workmanager",
      "worker " + slot->id() + ": not this instance's any more, unloaded");
  slot->Release(services_->StopTimeout(), Forgetter(slot), [](const Status&) {});
}

void WorkerTable::DropLost() {
  for (const Slot& slot : All()) {
    (void)slot->CheckOwner();
    if (slot->lost()) Drop(slot);
  }
}

Status WorkerTable::UnloadAll(std::chrono::milliseconds deadline) {
  struct Pending {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> left;
    std::string failures;
  };
  auto pending = std::make_shared<Pending>();
  std::vector<Slot> slots, gone;  // destroyed without the lock
  {
    std::lock_guard lock(mutex_);
    services_->closed = true;
    for (const Slot& slot : gone_) Add(slot->Metrics(), lost_);
    gone = std::exchange(gone_, {});
    for (const auto& [id, slot] : slots_) {
      slots.push_back(slot);
      pending->left.insert(id);
    }
  }
  if (slots.empty()) return {};
  // On a thread of its own: a worker's own shutdown may hang, and the deadline holds all the same.
  std::thread deleter([pending, deadline, table = shared_from_this(), slots = std::move(slots)] {
    for (const Slot& slot : slots) {
      slot->Release(deadline, table->Forgetter(slot),
                    [pending, id = slot->id()](const Status& status) {
                      std::lock_guard lock(pending->mutex);
                      if (status.code() == StatusCode::kDeadlineExceeded) {
                        if (!pending->failures.empty()) pending->failures += "; ";
                        pending->failures += status.message();
                      }
                      pending->left.erase(id);
                      pending->changed.notify_all();
                    });
    }
  });
  // Calls in flight are abandoned at the deadline; what takes longer than that hangs elsewhere.
  constexpr std::chrono::milliseconds kGrace{500};
  std::unique_lock lock(pending->mutex);
  const bool ended =
      pending->changed.wait_for(lock, deadline + kGrace, [&] { return pending->left.empty(); });
  for (const std::string& id : pending->left) {
    if (!pending->failures.empty()) pending->failures += "; ";
    pending->failures += "worker " + id + ": loading or shutting down, abandoned";
  }
  const std::string failures = pending->failures;
  lock.unlock();
  if (ended) {
    deleter.join();
  } else {
    deleter.detach();
  }
  if (failures.empty()) return {};
  return Status(StatusCode::kDeadlineExceeded, "workmanager", failures);
}

}  // namespace virtufin::inline v0::detail
