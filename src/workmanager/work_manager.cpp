// The table of workers: create, look up, forget, and the blocking forms over the completions.
#include "virtufin/workmanager/work_manager.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "virtufin/core/uuid.hpp"
#include "workmanager/audit.hpp"
#include "workmanager/code_resolver.hpp"
#include "workmanager/heartbeat.hpp"
#include "workmanager/worker_config.hpp"
#include "workmanager/worker_slot.hpp"

namespace virtufin::inline v0 {

using detail::Heartbeat;
using detail::LifecycleEvents;
using detail::ManagedWorker;
using detail::WorkerSetting;
using detail::WorkerSlot;

namespace {

constexpr std::int64_t kYearMs = std::int64_t{365} * 86'400'000;

std::string NewId() {
  std::string text(36, '\0');
  Uuid::V4().Format(text.data());
  return text;
}

/// One answer that a foreign thread waits for.
struct Answer {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Status> status;
};

Status RefusePlatformThread() {
  if (CurrentThreadKind() == ThreadKind::kForeign) return {};
  return Status(
      StatusCode::kFailedPrecondition, "workmanager",
      "expected a thread of the application, found one of the platform: it must not wait, "
      "use the form with a completion");
}

/// Runs `begin(done)` and waits for the answer.
template <class Begin>
Status Await(Begin begin) {
  if (Status status = RefusePlatformThread(); !status.ok()) return status;
  auto answer = std::make_shared<Answer>();
  begin([answer](Status status) {
    std::lock_guard lock(answer->mutex);
    answer->status = std::move(status);
    answer->changed.notify_all();
  });
  std::unique_lock lock(answer->mutex);
  answer->changed.wait(lock, [&] { return answer->status.has_value(); });
  return *answer->status;
}

}  // namespace

struct WorkManager::Impl {
  Impl(const WorkManagerOptions& given, const Dependencies& needed)
      : options(given), dependencies(needed) {}
  ~Impl() { EndTelling(); }

  struct Table {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<WorkerSlot>, std::less<>> workers;
    bool closed = false;

    std::vector<std::shared_ptr<WorkerSlot>> All() {
      std::vector<std::shared_ptr<WorkerSlot>> all;
      std::lock_guard lock(mutex);
      for (const auto& [id, slot] : workers) all.push_back(slot);
      return all;
    }
  };

  WorkManagerOptions options;
  Dependencies dependencies;
  std::string instance_id = NewId();
  // Shared with deletions that end when the manager is gone.
  const std::shared_ptr<Table> table = std::make_shared<Table>();
  const std::shared_ptr<LifecycleEvents> events =
      std::make_shared<LifecycleEvents>(dependencies.runtime, dependencies.bus, instance_id);
  const std::shared_ptr<const WorkerSetting> setting = std::make_shared<WorkerSetting>(
      WorkerSetting{instance_id, dependencies, CallTimeout(), events, {}});
  const std::shared_ptr<Heartbeat> heartbeat =
      std::make_shared<Heartbeat>(dependencies.runtime.executor,
                                  std::chrono::milliseconds(std::clamp<std::int64_t>(
                                      options.heartbeat_interval_ms, 0, kYearMs)),
                                  [table = table] { Beat(*table); });

  static void Beat(Table& table) {
    for (const auto& slot : table.All()) slot->worker().TellBeat();
  }
  /// The bus is not used any more afterwards, nor is the executor for beats.
  void EndTelling() {
    constexpr std::chrono::seconds kPatience{1};
    heartbeat->Stop();
    events->Close(kPatience);
  }

  std::shared_ptr<WorkerSlot> Find(std::string_view id) const {
    std::lock_guard lock(table->mutex);
    auto it = table->workers.find(id);
    return it == table->workers.end() ? nullptr : it->second;
  }
  Status Unknown(std::string_view id) const {
    return Status(StatusCode::kNotFound, "workmanager", "no worker '" + std::string(id) + "'");
  }
  ManagedWorker::Timeout StopTimeout() const {
    return ManagedWorker::Timeout(std::clamp<std::int64_t>(options.stop_timeout_ms, 0, kYearMs));
  }
  ManagedWorker::Timeout CallTimeout() const {
    return ManagedWorker::Timeout(std::clamp<std::int64_t>(options.call_timeout_ms, 0, kYearMs));
  }
  /// What a worker does when it is gone.
  static std::function<void()> Forget(const std::shared_ptr<Table>& table, const std::string& id) {
    return [table = table, id] {
      std::shared_ptr<WorkerSlot> last;  // destroyed without the lock
      std::lock_guard lock(table->mutex);
      if (auto it = table->workers.find(id); it != table->workers.end()) {
        last = std::move(it->second);
        table->workers.erase(it);
      }
    };
  }
  Status UnloadAll(std::chrono::milliseconds deadline);
  Status Audit(const CallContext& by, const detail::AuditEntry& entry, Status outcome) const {
    detail::Audit(dependencies.runtime.log, by, entry, outcome);
    return outcome;
  }
  /// `done`, after its line in the audit.
  Done Audited(const CallContext& by, std::string_view action, std::string_view id,
               Done done) const {
    return [&log = dependencies.runtime.log, by, action, id = std::string(id),
            done = std::move(done)](Status status) {
      detail::Audit(log, by, {action, id}, status);
      done(std::move(status));
    };
  }
  Result<std::shared_ptr<WorkerSlot>> Make(CreateWorkerRequest request) const;
};

WorkManager::WorkManager(const WorkManagerOptions& options, const Dependencies& dependencies)
    : impl_(std::make_unique<Impl>(options, dependencies)) {}

WorkManager::~WorkManager() {
  // On a foreign thread nothing is in flight afterwards but what Shutdown abandoned.
  if (Status status = Shutdown(impl_->StopTimeout()); !status.ok()) {
    impl_->dependencies.runtime.log.Write(LogLevel::kError, "workmanager", status.ToString());
  }
}

Result<std::shared_ptr<WorkerSlot>> WorkManager::Impl::Make(CreateWorkerRequest request) const {
  auto engine = dependencies.engines.Find(request.code.mime_type);
  if (!engine.ok()) return engine.status();
  const EngineInfo description = (*engine)->Describe();
  if (!description.available) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "engine for " + description.mime_type + ": " + description.detail);
  }
  auto config = detail::CheckRequest(request);
  if (!config.ok()) return config.status();
  RetryPolicy& retry = config->subscribe.retry;
  retry.retries = options.retry_attempts;
  retry.first_delay_ms = std::clamp<std::int64_t>(options.retry_base_delay_ms, 0, kYearMs);
  retry.attempt_timeout_ms = 0;  // a call that does not return is the worker's own affair

  request.code.mime_type = description.mime_type;
  WorkerInfo info;
  info.id = NewId();
  info.mime_type = description.mime_type;
  info.language = description.language;
  info.topics = std::move(request.topics);
  info.config = std::move(request.config);
  info.created_at = dependencies.runtime.clock.Now();
  HistoryEntry first;
  first.code_source = detail::WithoutSecrets(request.code);
  first.created_at = info.created_at;
  auto worker = std::make_shared<ManagedWorker>(std::move(info), std::move(request.code),
                                                std::move(*config), **engine, setting);
  auto slot = std::make_shared<WorkerSlot>(std::move(request.tags));
  if (Status status = slot->LoadFirst(std::move(worker), std::move(first)); !status.ok()) {
    return status;
  }
  return slot;
}

Result<std::string> WorkManager::Create(CreateWorkerRequest request, const CallContext& by) {
  const std::string mime_type = request.code.mime_type;
  auto refused = [&](Status status) {
    return impl_->Audit(by, {"create", {}, mime_type}, std::move(status));
  };
  auto made = impl_->Make(std::move(request));
  if (!made.ok()) return refused(made.status());
  const std::string id = (*made)->Info().id;
  bool closed = false;
  {
    std::lock_guard lock(impl_->table->mutex);
    if (!(closed = impl_->table->closed)) impl_->table->workers.emplace(id, *made);
  }
  if (closed) {
    return refused(
        Status(StatusCode::kUnavailable, "workmanager", "no worker can be created: shut down"));
  }
  (*made)->worker().TellCreated();
  impl_->heartbeat->Start();
  (void)impl_->Audit(by, {"create", id, mime_type, (*made)->sha256()}, {});
  return id;
}

Status WorkManager::Start(std::string_view id, const CallContext& by) {
  auto slot = impl_->Find(id);
  return impl_->Audit(by, {"start", id}, slot ? slot->worker().Start() : impl_->Unknown(id));
}

void WorkManager::Stop(std::string_view id, Done done, const CallContext& by) {
  done = impl_->Audited(by, "stop", id, std::move(done));
  auto slot = impl_->Find(id);
  if (!slot) return done(impl_->Unknown(id));
  slot->worker().Stop(impl_->StopTimeout(), std::move(done));
}

void WorkManager::Delete(std::string_view id, Done done, const CallContext& by) {
  done = impl_->Audited(by, "delete", id, std::move(done));
  auto slot = impl_->Find(id);
  if (!slot) return done(impl_->Unknown(id));
  slot->worker().Delete(impl_->StopTimeout(), Impl::Forget(impl_->table, std::string(id)),
                        std::move(done));
}

void WorkManager::LoadCode(std::string_view id, CodeSource code, Done done, const CallContext& by) {
  auto answer = [&log = impl_->dependencies.runtime.log, by, id = std::string(id),
                 mime_type = code.mime_type,
                 done = std::move(done)](const Status& status, const std::string& sha256) {
    detail::Audit(log, by, {"load-code", id, mime_type, sha256}, status);
    done(status);
  };
  auto slot = impl_->Find(id);
  if (!slot) return answer(impl_->Unknown(id), {});
  if (!code.mime_type.empty()) {
    auto engine = impl_->dependencies.engines.Find(code.mime_type);
    if (!engine.ok()) return answer(engine.status(), {});
    code.mime_type = (*engine)->Describe().mime_type;
  }
  slot->LoadCode(std::move(code), impl_->dependencies.runtime.clock.Now(), impl_->StopTimeout(),
                 std::move(answer));
}

Status WorkManager::Stop(std::string_view id, const CallContext& by) {
  return Await([&](Done done) { Stop(id, std::move(done), by); });
}

Status WorkManager::Delete(std::string_view id, const CallContext& by) {
  return Await([&](Done done) { Delete(id, std::move(done), by); });
}

Status WorkManager::LoadCode(std::string_view id, CodeSource code, const CallContext& by) {
  return Await([&](Done done) { LoadCode(id, std::move(code), std::move(done), by); });
}

std::vector<WorkerInfo> WorkManager::List(const std::vector<TagFilter>& filters) const {
  std::vector<std::shared_ptr<WorkerSlot>> slots;
  {
    std::lock_guard lock(impl_->table->mutex);
    for (const auto& [id, slot] : impl_->table->workers) slots.push_back(slot);
  }
  std::vector<WorkerInfo> list;
  for (const auto& slot : slots) {
    WorkerInfo info = slot->Info();
    const bool matches = std::all_of(filters.begin(), filters.end(), [&](const TagFilter& filter) {
      auto tag = info.tags.find(filter.key);
      return tag != info.tags.end() && tag->second == filter.value;
    });
    if (matches) list.push_back(std::move(info));
  }
  return list;
}

Result<WorkerInfo> WorkManager::Get(std::string_view id) const {
  auto slot = impl_->Find(id);
  if (!slot) return impl_->Unknown(id);
  return slot->Info();
}

Result<std::vector<HistoryEntry>> WorkManager::History(std::string_view id) const {
  auto slot = impl_->Find(id);
  if (!slot) return impl_->Unknown(id);
  return slot->History();
}

std::vector<EngineInfo> WorkManager::Engines() const { return impl_->dependencies.engines.List(); }

Result<std::string> WorkManager::GetTag(std::string_view id, std::string_view key) const {
  auto tags = GetTags(id);
  if (!tags.ok()) return tags.status();
  auto tag = tags->find(std::string(key));
  if (tag == tags->end()) {
    return Status(StatusCode::kNotFound, "workmanager",
                  "worker " + std::string(id) + ": no tag '" + std::string(key) + "'");
  }
  return tag->second;
}

Result<std::map<std::string, std::string>> WorkManager::GetTags(std::string_view id) const {
  auto slot = impl_->Find(id);
  if (!slot) return impl_->Unknown(id);
  return slot->GetTags();
}

Status WorkManager::SetTag(std::string_view id, std::string key, std::string value,
                           const CallContext& by) {
  auto slot = impl_->Find(id);
  return impl_->Audit(by, {"set-tag", id},
                      slot ? slot->SetTag(std::move(key), std::move(value)) : impl_->Unknown(id));
}

Status WorkManager::SetTags(std::string_view id, std::map<std::string, std::string> tags,
                            const CallContext& by) {
  auto slot = impl_->Find(id);
  return impl_->Audit(by, {"set-tags", id},
                      slot ? slot->SetTags(std::move(tags)) : impl_->Unknown(id));
}

WorkManagerMetrics WorkManager::Metrics() const {
  WorkManagerMetrics metrics;
  for (const auto& slot : impl_->table->All()) {
    const WorkerMetrics& worker = metrics.workers.emplace_back(slot->worker().Metrics());
    if (worker.status == WorkerStatus::kRunning) {
      ++metrics.running;
      if (worker.degraded) ++metrics.degraded;
    } else {
      ++(worker.failed ? metrics.failed : metrics.stopped);
    }
  }
  const LifecycleEvents::Counters told = impl_->events->counters();
  metrics.lifecycle_dropped = told.dropped;
  metrics.lifecycle_refused = told.refused;
  return metrics;
}

WorkManagerHealth WorkManager::Health() const {
  const WorkManagerMetrics metrics = Metrics();
  WorkManagerHealth health;
  {
    std::lock_guard lock(impl_->table->mutex);
    health.ready = !impl_->table->closed;
  }
  health.entries.push_back({"workers", metrics.failed + metrics.degraded == 0,
                            std::to_string(metrics.running) + " running, " +
                                std::to_string(metrics.degraded) + " of them degraded, " +
                                std::to_string(metrics.stopped) + " stopped, " +
                                std::to_string(metrics.failed) + " failed"});
  for (const EngineInfo& engine : Engines()) {
    health.entries.push_back({"engine " + engine.mime_type, engine.available, engine.detail});
  }
  return health;
}

Status WorkManager::Shutdown(std::chrono::milliseconds deadline) {
  if (Status status = RefusePlatformThread(); !status.ok()) return status;
  Status status = impl_->UnloadAll(deadline);
  impl_->EndTelling();
  return status;
}

Status WorkManager::Impl::UnloadAll(std::chrono::milliseconds deadline) {
  struct Pending {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> left;
    std::string failures;
  };
  auto pending = std::make_shared<Pending>();
  std::vector<std::pair<std::string, std::shared_ptr<WorkerSlot>>> workers;
  {
    std::lock_guard lock(table->mutex);
    table->closed = true;
    for (const auto& entry : table->workers) {
      workers.push_back(entry);
      pending->left.insert(entry.first);
    }
  }
  if (workers.empty()) return {};
  // On a thread of its own: a worker's own shutdown may hang, and the deadline holds all the same.
  std::thread deleter([pending, deadline, table = table, workers = std::move(workers)] {
    for (const auto& [id, slot] : workers) {
      slot->worker().Unload(deadline, Forget(table, id), [pending, id = id](Status status) {
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

}  // namespace virtufin::inline v0
