// The record first, then the worker: start, stop, delete, swap, recovery.
#include "workmanager/worker_slot.hpp"

#include <optional>
#include <utility>

#include "virtufin/core/tags.hpp"
#include "workmanager/code_resolver.hpp"
#include "workmanager/may_wait.hpp"

namespace virtufin::inline v0::detail {

WorkerSlot::WorkerSlot(std::shared_ptr<const SlotServices> services, WorkerRecord record, bool kept)
    : services_(std::move(services)),
      id_(record.id),
      records_(kept ? services_->records.get() : nullptr),
      record_(std::move(record)) {}

WorkerSlot::WorkerSlot(std::shared_ptr<const SlotServices> services, std::string id,
                       ReadRecord read)
    : services_(std::move(services)),
      id_(std::move(id)),
      records_(services_->records.get()),
      etag_(std::move(read.etag)) {
  if (read.record.ok()) {
    record_ = *std::move(read.record);
  } else {
    unreadable_ = read.record.status();
  }
}

// --- the record ---------------------------------------------------------------------------------

Status WorkerSlot::Readable() const {
  if (deleted_) return UnknownWorker(id_);
  if (unreadable_.ok()) return {};
  return Status(StatusCode::kFailedPrecondition, "workmanager",
                "worker " + id_ + ": expected a record that can be read, found one that cannot: " +
                    std::string(unreadable_.message()));
}

/// One change at a time; with a store it may wait.
class WorkerSlot::Writing {
 public:
  explicit Writing(WorkerSlot& slot) {
    if (slot.records_ != nullptr) blocking_.emplace();
    lock_ = std::unique_lock(slot.writing_);
  }

 private:
  std::optional<Executor::BlockingScope> blocking_;
  std::unique_lock<std::mutex> lock_;
};

Status WorkerSlot::Change(const Edit& edit) {
  const Writing writing(*this);
  return Write(edit);
}

Status WorkerSlot::Write(const Edit& edit) {
  WorkerRecord next;
  {
    std::lock_guard lock(mutex_);
    if (Status status = Readable(); !status.ok()) return status;
    next = record_;
  }
  if (Status status = edit(next); !status.ok()) return status;
  if (records_ != nullptr) {
    if (Status status = Noted(records_->Write(next, etag_)); !status.ok()) return status;
    behind_ = false;
  }
  std::lock_guard lock(mutex_);
  record_ = std::move(next);
  return {};
}

Status WorkerSlot::WriteStatus(WorkerStatus status) {
  {
    std::lock_guard lock(mutex_);
    if (Status readable = Readable(); !readable.ok()) return readable;
    if (record_.status == status && !behind_) return {};
  }
  return Write([status](WorkerRecord& record) {
    record.status = status;
    return Status();
  });
}

void WorkerSlot::TakeBack(const HistoryEntry& entry, std::vector<HistoryEntry> before) {
  auto edit = [&](WorkerRecord& record) {
    TakeBackHistory(record.history, entry, before);
    return Status();
  };
  const Status status = Change(edit);
  if (status.ok()) return;
  std::lock_guard writing(writing_);
  std::lock_guard lock(mutex_);
  if (!Readable().ok()) return;
  (void)edit(record_);
  behind_ = true;  // the next change writes it
  services_->needed().runtime.log.Write(
      LogLevel::kError, "workmanager",
      "worker " + id_ + ": its record names code " + entry.sha256 +
          ", which did not take effect, until it is written again: " + status.ToString());
}

// --- loading ------------------------------------------------------------------------------------

Status WorkerSlot::CreateFirst(CodeSource code) {
  HistoryEntry entry;
  entry.code_source = WithoutSecrets(code);
  entry.created_at = record_.created_at;
  auto worker = MakeWorker(*services_, record_, std::move(code), voices_);
  if (!worker.ok()) return worker.status();
  Status status = (*worker)->LoadFirst([&](const std::string& sha256) {
    if (Status closed = NotShutDown(); !closed.ok()) return closed;
    entry.sha256 = sha256;
    record_.history.push_back(std::move(entry));
    if (records_ == nullptr) return Status();
    auto etag = records_->Create(record_);
    if (!etag.ok()) return etag.status();
    etag_ = *std::move(etag);
    return Status();
  });
  if (status.ok()) worker_ = *std::move(worker);
  return status;
}

Status WorkerSlot::Noted(Status status) {
  if (status.code() == StatusCode::kAborted) lost_ = true;
  return status;
}

Status WorkerSlot::NotShutDown() const {
  if (!services_->closed) return {};
  return Status(StatusCode::kUnavailable, "workmanager",
                "worker " + id_ + ": expected a manager that runs, found one that is shut down");
}

Status WorkerSlot::CheckOwner() {
  if (records_ == nullptr) return {};
  Executor::BlockingScope blocking;
  std::lock_guard writing(writing_);
  {
    std::lock_guard lock(mutex_);
    if (deleted_ || !unreadable_.ok()) return {};
  }
  return Noted(records_->CheckOwner(id_));
}

Status WorkerSlot::ReadAgain() {
  Executor::BlockingScope blocking;
  std::lock_guard writing(writing_);
  auto read = records_->Read(id_);
  if (!read.ok()) return read.status();
  if (!read->IsOf(services_->instance_id())) {
    return Noted(Status(StatusCode::kAborted, "workmanager",
                        "worker " + id_ + ": taken over by instance '" + read->owner + "'"));
  }
  etag_ = std::move(read->etag);
  std::lock_guard lock(mutex_);
  unreadable_ = read->record.status();
  if (read->record.ok()) record_ = *std::move(read->record);
  return Readable();
}

Status WorkerSlot::Recover() {
  bool unreadable = false;
  {
    std::lock_guard lock(mutex_);
    if (deleted_) return UnknownWorker(id_);
    if (worker_ || loading_) return {};
    loading_ = true;
    unreadable = !unreadable_.ok();
  }
  Status status = unreadable ? ReadAgain() : Status();
  CodeSource code;
  if (status.ok()) {
    std::lock_guard lock(mutex_);
    code = record_.history.back().code_source;
    using Kind = SourceCredential::Kind;
    if (code.credential.kind == Kind::kBasic || code.credential.kind == Kind::kBearer) {
      status =
          Status(StatusCode::kFailedPrecondition, "workmanager",
                 "worker " + id_ +
                     ": expected a named credential, found one whose secret was not kept: load its "
                     "code again");
    }
  }
  return FinishLoad(std::move(status), std::move(code), [this](const std::string&) {
    if (Status closed = NotShutDown(); !closed.ok()) return closed;
    // With peers it may have been taken over while it was loaded.
    return services_->needed().peers == nullptr ? Status() : CheckOwner();
  });
}

Status WorkerSlot::FinishLoad(Status status, CodeSource code, const ManagedWorker::Commit& commit) {
  std::shared_ptr<ManagedWorker> worker;
  if (status.ok()) {
    WorkerRecord record;
    {
      std::lock_guard lock(mutex_);
      record = record_;
    }
    auto made = MakeWorker(*services_, record, std::move(code), voices_);
    status = made.ok() ? (*made)->LoadFirst(commit) : made.status();
    if (status.ok()) worker = *std::move(made);
  }
  if (!worker && !services_->closed) Tell(Lifecycle::kFailed, status);
  std::vector<std::function<void()>> deferred;
  {
    std::lock_guard lock(mutex_);
    worker_ = worker;
    error_ = status.ok() ? std::string() : status.ToString();
    loading_ = false;
    deferred = std::exchange(deferred_, {});
  }
  for (auto& action : deferred) action();
  if (worker && !services_->closed) status = Follow(*worker, WorkerStatus::kStopped);
  return status;
}

Status WorkerSlot::Follow(ManagedWorker& worker, WorkerStatus done) {
  for (;;) {
    WorkerStatus wanted{};
    {
      std::lock_guard lock(mutex_);
      wanted = record_.status;
      if (deleted_ || wanted == done || services_->closed) return {};
    }
    if (wanted == WorkerStatus::kStopped) {
      worker.Stop(services_->StopTimeout(), [](const Status&) {});
    } else {
      if (Status status = worker.Start(); !status.ok()) return status;
      const Writing writing(*this);  // it is not taken back now, or that is seen above
      std::lock_guard lock(mutex_);
      on_trial_ = false;
    }
    done = wanted;
  }
}

bool WorkerSlot::Defer(std::function<void()> action) {
  std::lock_guard lock(mutex_);
  if (!loading_) return false;
  deferred_.push_back(std::move(action));
  return true;
}

void WorkerSlot::Post(std::function<void()> action) {
  services_->needed().runtime.executor.Post(std::move(action));
}

// --- lifecycle ----------------------------------------------------------------------------------

Status WorkerSlot::Start() {
  std::uint64_t stops = 0;
  if (Status status = BeginStart(stops); !status.ok()) return status;
  const auto worker = Loaded();
  Status status = worker ? worker->Start() : Recover();  // which starts it, by the record
  if (status.ok() && !worker) {
    std::lock_guard lock(mutex_);
    if (stops != stops_) {
      status = Status(StatusCode::kCancelled, "workmanager",
                      "worker " + id_ + ": stopped while it was loading");
    }
  }
  EndStart(status.ok(), stops);
  if (status.ok() && worker) return Follow(*worker, WorkerStatus::kRunning);
  return status;
}

Status WorkerSlot::BeginStart(std::uint64_t& stops) {
  const Writing writing(*this);
  bool stopped = false;
  {
    std::lock_guard lock(mutex_);
    stopped = record_.status == WorkerStatus::kStopped;
  }
  if (Status status = WriteStatus(WorkerStatus::kRunning); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  ++starting_;
  on_trial_ = on_trial_ || stopped;
  stops = stops_;
  return {};
}

void WorkerSlot::EndStart(bool started, std::uint64_t stops) {
  const Writing writing(*this);
  {
    std::lock_guard lock(mutex_);
    --starting_;
    // What started before a stop says nothing of the starts after it.
    if (started && stops == stops_) on_trial_ = false;
    if (starting_ > 0 || !on_trial_ || deleted_) return;
  }
  if (Status undone = WriteStatus(WorkerStatus::kStopped); !undone.ok()) {
    return services_->needed().runtime.log.Write(
        LogLevel::kError, "workmanager",
        "worker " + id_ + ": did not start, but its record says so: " + undone.ToString());
  }
  std::lock_guard lock(mutex_);
  on_trial_ = false;
}

void WorkerSlot::Stop(Done done) {
  if (records_ != nullptr && !MayWait()) {
    return Post([self = shared_from_this(), done = std::move(done)]() mutable {
      self->Stop(std::move(done));
    });
  }
  Status status;
  {
    const Writing writing(*this);
    status = WriteStatus(WorkerStatus::kStopped);
    std::lock_guard lock(mutex_);
    if (status.ok()) {
      ++stops_;
      on_trial_ = false;
    }
  }
  if (!status.ok()) return done(status);
  StopWorker(std::move(done));
}

void WorkerSlot::StopWorker(Done done) {
  if (Defer([self = shared_from_this(), done] { self->StopWorker(done); })) return;
  Status status;
  if (const auto worker = Loaded()) {
    worker->Stop(services_->StopTimeout(), std::move(done));
    status = Follow(*worker, WorkerStatus::kStopped);
  } else {
    bool again = false;  // a start came after it, while the load that failed was running
    {
      std::lock_guard lock(mutex_);
      error_.clear();
      again = record_.status == WorkerStatus::kRunning && !deleted_ && !services_->closed;
    }
    done({});
    if (again) status = Recover();
  }
  if (status.ok()) return;
  services_->needed().runtime.log.Write(LogLevel::kError, "workmanager", status.ToString());
}

Status WorkerSlot::Forget() {
  const Writing writing(*this);
  {
    std::lock_guard lock(mutex_);
    if (deleted_) return {};
  }
  if (records_ != nullptr) {
    if (Status status = Noted(records_->Remove(id_, etag_)); !status.ok()) return status;
  }
  std::lock_guard lock(mutex_);
  deleted_ = true;
  ++stops_;
  return {};
}

void WorkerSlot::Delete(std::function<void()> forget, Done done) {
  if (records_ != nullptr && !MayWait()) {
    return Post(
        [self = shared_from_this(), forget = std::move(forget), done = std::move(done)]() mutable {
          self->Delete(std::move(forget), std::move(done));
        });
  }
  if (Status status = Forget(); !status.ok()) return done(status);
  Unload(services_->StopTimeout(), true, std::move(forget), std::move(done));
}

void WorkerSlot::Release(Timeout timeout, std::function<void()> forget, Done done) {
  Unload(timeout, false, std::move(forget), std::move(done));
}

void WorkerSlot::Unload(Timeout timeout, bool deletes, std::function<void()> forget, Done done) {
  const auto again = [self = shared_from_this(), timeout, deletes, forget, done] {
    self->Unload(timeout, deletes, forget, done);
  };
  if (Defer(again)) return;
  if (const auto worker = Loaded()) {
    if (deletes) return worker->Delete(timeout, std::move(forget), std::move(done));
    return worker->Unload(timeout, std::move(forget), std::move(done));
  }
  if (deletes) Tell(Lifecycle::kDeleted, {});
  forget();
  done({});
}

void WorkerSlot::Tell(Lifecycle change, Status why) const {
  auto subject = std::make_shared<LifecycleSubject>();
  subject->worker_id = id_;
  {
    std::lock_guard lock(mutex_);
    subject->topics = record_.topics;
  }
  services_->setting->events->Tell(std::move(subject), change, std::move(why));
}

// --- code ---------------------------------------------------------------------------------------

void WorkerSlot::LoadCode(CodeSource code, LoadedDone done) {
  std::shared_ptr<ManagedWorker> worker;
  Status status;
  bool empty = false;
  {
    std::lock_guard lock(mutex_);
    status = Readable();
    if (status.ok() && loading_) {
      status = Status(StatusCode::kFailedPrecondition, "workmanager",
                      "worker " + id_ + ": expected no other load, found one running");
    } else if (status.ok() && !code.mime_type.empty() && code.mime_type != record_.mime_type) {
      status = Status(StatusCode::kInvalidArgument, "workmanager",
                      "worker " + id_ + ": expected code of type " + record_.mime_type +
                          ", found " + code.mime_type);
    }
    code.mime_type = record_.mime_type;
    worker = worker_;
    empty = status.ok() && !worker;
    if (empty) loading_ = true;
  }
  if (!status.ok()) return done(status, {});
  if (records_ != nullptr) KeepPath(code);
  auto swap = std::make_shared<Swap>();
  swap->entry.code_source = WithoutSecrets(code);
  auto commit = [self = shared_from_this(), swap](const std::string& sha256) {
    if (Status closed = self->NotShutDown(); !closed.ok()) return closed;
    swap->entry.sha256 = sha256;
    swap->entry.created_at = self->services_->needed().runtime.clock.Now();
    Status kept = self->Change([&](WorkerRecord& record) {
      swap->before = record.history;
      AppendHistory(record.history, swap->entry);
      return Status();
    });
    swap->kept = kept.ok();
    return kept;
  };
  if (empty) {
    auto load = [self = shared_from_this(), code = std::move(code), commit, swap,
                 done = std::move(done)] {
      const Status ended = self->FinishLoad({}, code, commit);
      // One that is loaded but does not start says so in its info.
      done(self->Loaded() ? Status() : ended, swap->entry.sha256);
    };
    return MayWait() ? load() : Post(std::move(load));
  }
  auto swapped = [self = shared_from_this(), swap, done = std::move(done)](const Status& outcome) {
    if (!outcome.ok() && swap->kept) self->TakeBack(swap->entry, swap->before);
    done(outcome, swap->entry.sha256);
  };
  worker->LoadCode(std::move(code), std::move(commit), services_->StopTimeout(),
                   std::move(swapped));
}

// --- what it says -------------------------------------------------------------------------------

Status WorkerSlot::SetTags(const std::function<void(Tags&)>& edit) {
  return Change([&](WorkerRecord& record) {
    edit(record.tags);
    return CheckTags(record.tags, "workmanager");
  });
}

WorkerInfo WorkerSlot::Info() const {
  WorkerInfo info;
  info.id = id_;
  std::shared_ptr<ManagedWorker> worker;
  {
    std::lock_guard lock(mutex_);
    info.mime_type = record_.mime_type;
    info.topics = record_.topics;
    info.created_at = record_.created_at;
    info.config = record_.config;
    info.tags = record_.tags;
    info.error = unreadable_.ok() ? error_ : unreadable_.ToString();
    const bool ours = record_.instance_id == services_->instance_id();
    info.status = ours || !unreadable_.ok() ? WorkerStatus::kStopped : record_.status;
    worker = worker_;
  }
  if (worker) {
    WorkerInfo running = worker->Info();
    running.tags = std::move(info.tags);
    return running;
  }
  if (auto engine = services_->needed().engines.Find(info.mime_type); engine.ok()) {
    info.language = (*engine)->Describe().language;
  }
  return info;
}

WorkerMetrics WorkerSlot::Metrics() const {
  if (const auto worker = Loaded()) return worker->Metrics();
  WorkerMetrics metrics;
  metrics.id = id_;
  metrics.status = WorkerStatus::kStopped;
  std::lock_guard lock(mutex_);
  metrics.failed = !error_.empty() || !unreadable_.ok();
  return metrics;
}

std::vector<HistoryEntry> WorkerSlot::History() const {
  std::lock_guard lock(mutex_);
  return record_.history;
}

WorkerSlot::Tags WorkerSlot::GetTags() const {
  std::lock_guard lock(mutex_);
  return record_.tags;
}

std::shared_ptr<ManagedWorker> WorkerSlot::Loaded() const {
  std::lock_guard lock(mutex_);
  return worker_;
}

std::string WorkerSlot::sha256() const {
  std::lock_guard lock(mutex_);
  return record_.history.empty() ? std::string() : record_.history.back().sha256;
}

}  // namespace virtufin::inline v0::detail
