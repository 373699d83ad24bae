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
#include "workmanager/managed_worker.hpp"
#include "workmanager/worker_config.hpp"

namespace virtufin::inline v0 {

using detail::ManagedWorker;

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

  struct Table {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<ManagedWorker>, std::less<>> workers;
    bool closed = false;
  };

  WorkManagerOptions options;
  Dependencies dependencies;
  std::string instance_id = NewId();
  // Shared with deletions that end when the manager is gone.
  const std::shared_ptr<Table> table = std::make_shared<Table>();

  std::shared_ptr<ManagedWorker> Find(std::string_view id) const {
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
  static void Delete(const std::shared_ptr<Table>& table,
                     const std::shared_ptr<ManagedWorker>& worker, const std::string& id,
                     ManagedWorker::Timeout timeout, Done done) {
    auto forget = [table = table, id] {
      std::shared_ptr<ManagedWorker> last;  // destroyed without the lock
      std::lock_guard lock(table->mutex);
      if (auto it = table->workers.find(id); it != table->workers.end()) {
        last = std::move(it->second);
        table->workers.erase(it);
      }
    };
    worker->Delete(timeout, std::move(forget), std::move(done));
  }
};

WorkManager::WorkManager(const WorkManagerOptions& options, const Dependencies& dependencies)
    : impl_(std::make_unique<Impl>(options, dependencies)) {}

WorkManager::~WorkManager() {
  // On a foreign thread nothing is in flight afterwards but what Shutdown abandoned.
  if (Status status = Shutdown(impl_->StopTimeout()); !status.ok()) {
    impl_->dependencies.runtime.log.Write(LogLevel::kError, "workmanager", status.ToString());
  }
}

Result<std::string> WorkManager::Create(CreateWorkerRequest request) {
  auto engine = impl_->dependencies.engines.Find(request.code.mime_type);
  if (!engine.ok()) return engine.status();
  const EngineInfo description = (*engine)->Describe();
  if (!description.available) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "engine for " + description.mime_type + ": " + description.detail);
  }
  auto config = detail::CheckRequest(request);
  if (!config.ok()) return config.status();
  RetryPolicy& retry = config->subscribe.retry;
  retry.retries = impl_->options.retry_attempts;
  retry.first_delay_ms = std::clamp<std::int64_t>(impl_->options.retry_base_delay_ms, 0, kYearMs);
  retry.attempt_timeout_ms = 0;  // a call that does not return is the worker's own affair

  WorkerInfo info;
  info.id = NewId();
  info.mime_type = description.mime_type;
  info.language = description.language;
  info.topics = std::move(request.topics);
  info.config = std::move(request.config);
  info.tags = std::move(request.tags);
  info.created_at = impl_->dependencies.runtime.clock.Now();
  const std::string id = info.id;
  request.code.mime_type = description.mime_type;
  auto worker = std::make_shared<ManagedWorker>(std::move(info), std::move(request.code),
                                                std::move(*config), impl_->instance_id, **engine,
                                                impl_->dependencies, impl_->CallTimeout());
  if (Status status = worker->LoadFirst(); !status.ok()) return status;
  std::lock_guard lock(impl_->table->mutex);
  if (impl_->table->closed) {
    return Status(StatusCode::kUnavailable, "workmanager", "no worker can be created: shut down");
  }
  impl_->table->workers.emplace(id, std::move(worker));
  return id;
}

Status WorkManager::Start(std::string_view id) {
  auto worker = impl_->Find(id);
  return worker ? worker->Start() : impl_->Unknown(id);
}

void WorkManager::Stop(std::string_view id, Done done) {
  auto worker = impl_->Find(id);
  if (!worker) return done(impl_->Unknown(id));
  worker->Stop(impl_->StopTimeout(), std::move(done));
}

void WorkManager::Delete(std::string_view id, Done done) {
  auto worker = impl_->Find(id);
  if (!worker) return done(impl_->Unknown(id));
  Impl::Delete(impl_->table, worker, std::string(id), impl_->StopTimeout(), std::move(done));
}

void WorkManager::LoadCode(std::string_view id, WorkerCode code, Done done) {
  auto worker = impl_->Find(id);
  if (!worker) return done(impl_->Unknown(id));
  if (!code.mime_type.empty()) {
    auto engine = impl_->dependencies.engines.Find(code.mime_type);
    if (!engine.ok()) return done(engine.status());
    code.mime_type = (*engine)->Describe().mime_type;
  }
  worker->LoadCode(std::move(code), impl_->StopTimeout(), std::move(done));
}

Status WorkManager::Stop(std::string_view id) {
  return Await([&](Done done) { Stop(id, std::move(done)); });
}

Status WorkManager::Delete(std::string_view id) {
  return Await([&](Done done) { Delete(id, std::move(done)); });
}

Status WorkManager::LoadCode(std::string_view id, WorkerCode code) {
  return Await([&](Done done) { LoadCode(id, std::move(code), std::move(done)); });
}

std::vector<WorkerInfo> WorkManager::List() const {
  std::vector<std::shared_ptr<ManagedWorker>> workers;
  {
    std::lock_guard lock(impl_->table->mutex);
    for (const auto& [id, worker] : impl_->table->workers) workers.push_back(worker);
  }
  std::vector<WorkerInfo> list;
  for (const auto& worker : workers) list.push_back(worker->Info());
  return list;
}

Status WorkManager::Shutdown(std::chrono::milliseconds deadline) {
  if (Status status = RefusePlatformThread(); !status.ok()) return status;
  struct Pending {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> left;
    std::string failures;
  };
  auto pending = std::make_shared<Pending>();
  std::vector<std::pair<std::string, std::shared_ptr<ManagedWorker>>> workers;
  {
    std::lock_guard lock(impl_->table->mutex);
    impl_->table->closed = true;
    for (const auto& entry : impl_->table->workers) {
      workers.push_back(entry);
      pending->left.insert(entry.first);
    }
  }
  if (workers.empty()) return {};
  // On a thread of its own: a worker's own shutdown may hang, and the deadline holds all the same.
  std::thread deleter([pending, deadline, table = impl_->table, workers = std::move(workers)] {
    for (const auto& [id, worker] : workers) {
      Impl::Delete(table, worker, id, deadline, [pending, id = id](Status status) {
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
