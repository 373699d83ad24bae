// WorkManager: calls to the table of workers or to peers, the blocking forms, and the audit.
#include "virtufin/workmanager/work_manager.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "virtufin/core/uuid.hpp"
#include "workmanager/audit.hpp"
#include "workmanager/may_wait.hpp"
#include "workmanager/worker_table.hpp"

namespace virtufin::inline v0 {

using detail::LifecycleEvents;
using detail::SlotServices;
using detail::WorkerSetting;
using detail::WorkerSlot;
using detail::WorkerTable;

namespace {

/// One answer that a thread waits for.
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
Status WaitFor(Begin begin) {
  Executor::BlockingScope blocking;
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

template <class Begin>
Status Await(Begin begin) {
  if (Status status = RefusePlatformThread(); !status.ok()) return status;
  return WaitFor(std::move(begin));
}

std::string InstanceId(const WorkManagerOptions& options, const StateStore* records) {
  if (!options.instance_id.empty()) return options.instance_id;
  return records == nullptr ? Uuid::V4().ToString() : "default";
}

/// What a call is named in the audit.
std::string_view ActionOf(PeerCall::Kind kind) {
  switch (kind) {
    case PeerCall::Kind::kStart:
      return "start";
    case PeerCall::Kind::kStop:
      return "stop";
    case PeerCall::Kind::kDelete:
      return "delete";
    case PeerCall::Kind::kLoadCode:
      return "load-code";
    case PeerCall::Kind::kSetTag:
      return "set-tag";
    case PeerCall::Kind::kSetTags:
      return "set-tags";
  }
  return "";
}

PeerCall CallOf(PeerCall::Kind kind, std::string_view id, const CallContext& by) {
  PeerCall call;
  call.kind = kind;
  call.worker_id = id;
  call.by = by;
  return call;
}

bool Matches(const WorkerInfo& info, const std::vector<TagFilter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const TagFilter& filter) {
    const auto tag = info.tags.find(filter.key);
    return tag != info.tags.end() && tag->second == filter.value;
  });
}

}  // namespace

struct WorkManager::Impl {
  static std::shared_ptr<const WorkerSetting> SettingOf(const WorkManagerOptions& options,
                                                        const Dependencies& needed) {
    const std::string instance_id = InstanceId(options, needed.records);
    return std::make_shared<WorkerSetting>(
        WorkerSetting{instance_id,
                      needed,
                      std::chrono::milliseconds(
                          std::clamp<std::int64_t>(options.call_timeout_ms, 0, detail::kYearMs)),
                      std::make_shared<LifecycleEvents>(needed.runtime, needed.bus, instance_id),
                      {}});
  }
  Impl(const WorkManagerOptions& options, const Dependencies& needed)
      : services(std::make_shared<SlotServices>(options, SettingOf(options, needed))),
        table(std::make_shared<WorkerTable>(services)) {}
  ~Impl() { EndTelling(); }

  /// The bus and the store are not used any more afterwards, nor is the executor for beats.
  void EndTelling() {
    constexpr std::chrono::seconds kPatience{1};
    table->Leave();
    events().Close(kPatience);
  }

  const Dependencies& dependencies() const noexcept { return services->needed(); }
  const Runtime& runtime() const noexcept { return dependencies().runtime; }
  LifecycleEvents& events() const noexcept { return *services->setting->events; }

  /// The code that a call is about, for its line in the audit: known once its worker is found.
  struct Code {
    std::string mime_type = {};
    std::string sha256 = {};
  };
  /// A call, and what is done at its end.
  struct Running {
    PeerCall call;
    std::shared_ptr<Code> code;
    Done done;
  };
  /// What a call does here; it has the call's code and tags.
  using Local = std::function<void(const std::shared_ptr<WorkerSlot>&, Running)>;
  static void Run(const std::shared_ptr<WorkerTable>& table, PeerForwarder* peers, Running running,
                  const Local& local);
  /// Waits for it.
  Status RunNow(PeerCall call, const Local& local) const {
    return WaitFor([&](Done done) {
      Run(table, dependencies().peers, Audited(std::move(call), std::move(done)), local);
    });
  }
  /// The same for completions: where a thread that must not wait would have to look for the worker
  /// in the store, another one does.
  void RunLater(Running running, Local local) const;
  /// A call with its line in the audit before `done`.
  Running Audited(PeerCall call, Done done, std::string mime_type = {}) const {
    auto code = std::make_shared<Code>(Code{std::move(mime_type), {}});
    auto told = [&log = runtime().log, by = call.by, action = ActionOf(call.kind),
                 id = call.worker_id, code, done = std::move(done)](Status status) {
      detail::Audit(log, by, {action, id, code->mime_type, code->sha256}, status);
      done(std::move(status));
    };
    return {std::move(call), std::move(code), std::move(told)};
  }

  const std::shared_ptr<const SlotServices> services;
  const std::shared_ptr<WorkerTable> table;
};

void WorkManager::Impl::Run(const std::shared_ptr<WorkerTable>& table, PeerForwarder* peers,
                            Running running, const Local& local) {
  PeerCall& call = running.call;
  auto place = table->Locate(call.worker_id, call.by.forwarded);
  if (!place.ok()) return running.done(place.status());
  if (place->peer) {
    call.by.forwarded = true;
    return peers->Forward(*place->peer, std::move(call), std::move(running.done));
  }
  running.code->mime_type = place->slot->Info().mime_type;
  if (call.kind != PeerCall::Kind::kLoadCode) running.code->sha256 = place->slot->sha256();
  running.done = [table, slot = place->slot, done = std::move(running.done)](Status status) {
    if (slot->lost()) table->Drop(slot);
    done(std::move(status));
  };
  local(place->slot, std::move(running));
}

void WorkManager::Impl::RunLater(Running running, Local local) const {
  PeerForwarder* const peers = dependencies().peers;
  if (detail::MayWait() || services->records == nullptr || table->Has(running.call.worker_id)) {
    return Run(table, peers, std::move(running), local);
  }
  runtime().executor.Post(
      [table = table, peers, running = std::move(running), local = std::move(local)]() mutable {
        Run(table, peers, std::move(running), local);
      });
}

WorkManager::WorkManager(const WorkManagerOptions& options, const Dependencies& dependencies)
    : impl_(std::make_unique<Impl>(options, dependencies)) {}

WorkManager::~WorkManager() {
  // On a foreign thread nothing is in flight afterwards but what Shutdown abandoned.
  if (Status status = Shutdown(impl_->services->StopTimeout()); !status.ok()) {
    impl_->runtime().log.Write(LogLevel::kError, "workmanager", status.ToString());
  }
}

Result<std::string> WorkManager::Create(CreateWorkerRequest request, const CallContext& by) {
  const std::string mime_type = request.code.mime_type;
  LogSink& log = impl_->runtime().log;
  auto made = impl_->table->Create(std::move(request));
  if (!made.ok()) {
    detail::Audit(log, by, {"create", {}, mime_type}, made.status());
    return made.status();
  }
  const std::string id = (*made)->id();
  detail::Audit(log, by, {"create", id, (*made)->Info().mime_type, (*made)->sha256()}, {});
  return id;
}

Status WorkManager::Start(std::string_view id, const CallContext& by) {
  return impl_->RunNow(
      CallOf(PeerCall::Kind::kStart, id, by),
      [](const auto& slot, const Impl::Running& running) { running.done(slot->Start()); });
}

void WorkManager::Stop(std::string_view id, Done done, const CallContext& by) {
  impl_->RunLater(
      impl_->Audited(CallOf(PeerCall::Kind::kStop, id, by), std::move(done)),
      [](const auto& slot, Impl::Running running) { slot->Stop(std::move(running.done)); });
}

void WorkManager::Delete(std::string_view id, Done done, const CallContext& by) {
  impl_->RunLater(impl_->Audited(CallOf(PeerCall::Kind::kDelete, id, by), std::move(done)),
                  [table = impl_->table](const auto& slot, Impl::Running running) {
                    slot->Delete(table->Forgetter(slot), std::move(running.done));
                  });
}

void WorkManager::LoadCode(std::string_view id, CodeSource code, Done done, const CallContext& by) {
  auto running =
      impl_->Audited(CallOf(PeerCall::Kind::kLoadCode, id, by), std::move(done), code.mime_type);
  if (!code.mime_type.empty()) {
    const auto engine = impl_->dependencies().engines.Find(code.mime_type);
    if (!engine.ok()) return running.done(engine.status());
    code.mime_type = (*engine)->Describe().mime_type;
  }
  running.call.code = std::move(code);
  impl_->RunLater(std::move(running), [](const auto& slot, Impl::Running asked) {
    slot->LoadCode(std::move(asked.call.code),
                   [about = std::move(asked.code), done = std::move(asked.done)](
                       const Status& status, const std::string& sha256) {
                     about->sha256 = sha256;
                     done(status);
                   });
  });
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
  std::vector<WorkerInfo> list;
  auto slots = impl_->table->All();
  for (auto& other : impl_->table->Others()) slots.push_back(std::move(other));
  for (const auto& slot : slots) {
    WorkerInfo info = slot->Info();
    if (Matches(info, filters)) list.push_back(std::move(info));
  }
  std::sort(list.begin(), list.end(),
            [](const WorkerInfo& a, const WorkerInfo& b) { return a.id < b.id; });
  return list;
}

Result<WorkerInfo> WorkManager::Get(std::string_view id) const {
  const auto slot = impl_->table->Look(id);
  if (!slot.ok()) return slot.status();
  return (*slot)->Info();
}

Result<std::vector<HistoryEntry>> WorkManager::History(std::string_view id) const {
  const auto slot = impl_->table->Look(id);
  if (!slot.ok()) return slot.status();
  return (*slot)->History();
}

std::vector<EngineInfo> WorkManager::Engines() const {
  return impl_->dependencies().engines.List();
}

Result<std::string> WorkManager::GetTag(std::string_view id, std::string_view key) const {
  const auto tags = GetTags(id);
  if (!tags.ok()) return tags.status();
  const auto tag = tags->find(std::string(key));
  if (tag != tags->end()) return tag->second;
  return Status(StatusCode::kNotFound, "workmanager",
                "worker " + std::string(id) + ": no tag '" + std::string(key) + "'");
}

Result<std::map<std::string, std::string>> WorkManager::GetTags(std::string_view id) const {
  const auto slot = impl_->table->Look(id);
  if (!slot.ok()) return slot.status();
  return (*slot)->GetTags();
}

Status WorkManager::SetTag(std::string_view id, std::string key, std::string value,
                           const CallContext& by) {
  PeerCall call = CallOf(PeerCall::Kind::kSetTag, id, by);
  call.tags.emplace(std::move(key), std::move(value));
  return impl_->RunNow(std::move(call), [](const auto& slot, const Impl::Running& running) {
    running.done(slot->SetTags([&](auto& tags) {
      for (const auto& [name, text] : running.call.tags) tags[name] = text;
    }));
  });
}

Status WorkManager::SetTags(std::string_view id, std::map<std::string, std::string> tags,
                            const CallContext& by) {
  PeerCall call = CallOf(PeerCall::Kind::kSetTags, id, by);
  call.tags = std::move(tags);
  return impl_->RunNow(std::move(call), [](const auto& slot, const Impl::Running& running) {
    running.done(slot->SetTags([&](auto& all) { all = running.call.tags; }));
  });
}

Result<std::int32_t> WorkManager::Recover(const CallContext& by) {
  if (!detail::MayWait()) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "Recover: expected a thread that may wait, found one that must not");
  }
  auto recovered = impl_->table->Recover();
  detail::Audit(impl_->runtime().log, by, {"recover"}, recovered.status());
  return recovered;
}

Status WorkManager::Join(std::string address) { return impl_->table->Join(std::move(address)); }

WorkManagerMetrics WorkManager::Metrics() const {
  WorkManagerMetrics metrics;
  for (const auto& slot : impl_->table->All(metrics.queue_dropped)) {
    const WorkerMetrics& worker = metrics.workers.emplace_back(slot->Metrics());
    metrics.queue_depth += worker.queue.depth;
    metrics.queue_dropped[static_cast<std::size_t>(worker.overflow)] += worker.queue.lost();
    if (worker.status == WorkerStatus::kRunning) {
      ++metrics.running;
      if (worker.degraded) ++metrics.degraded;
    } else {
      ++(worker.failed ? metrics.failed : metrics.stopped);
    }
  }
  const LifecycleEvents::Counters told = impl_->events().counters();
  metrics.lifecycle_dropped = told.dropped;
  metrics.lifecycle_refused = told.refused;
  return metrics;
}

WorkManagerHealth WorkManager::Health() const {
  const WorkManagerMetrics metrics = Metrics();
  WorkManagerHealth health;
  health.ready = impl_->table->Ready();
  health.entries.push_back({"workers", metrics.failed + metrics.degraded == 0,
                            std::to_string(metrics.running) + " running, " +
                                std::to_string(metrics.degraded) + " of them degraded, " +
                                std::to_string(metrics.stopped) + " stopped, " +
                                std::to_string(metrics.failed) + " failed"});
  if (const auto& records = impl_->services->records) {
    const bool away = records->store().open();
    health.entries.push_back({"state store", !away, away ? "does not answer" : ""});
  }
  for (const EngineInfo& engine : Engines()) {
    health.entries.push_back({"engine " + engine.mime_type, engine.available, engine.detail});
  }
  return health;
}

Status WorkManager::Shutdown(std::chrono::milliseconds deadline) {
  if (Status status = RefusePlatformThread(); !status.ok()) return status;
  Status status = impl_->table->UnloadAll(deadline);
  impl_->EndTelling();
  return status;
}

}  // namespace virtufin::inline v0
