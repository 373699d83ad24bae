// What all workers of one manager share.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "workmanager/managed_worker.hpp"
#include "workmanager/record_store.hpp"

namespace virtufin::inline v0::detail {

inline constexpr std::int64_t kYearMs = std::int64_t{365} * 86'400'000;

/// What dependencies name is gone with the manager; whoever may outlive it touches nothing of it.
struct SlotServices {
  SlotServices(WorkManagerOptions given, std::shared_ptr<const WorkerSetting> shared)
      : options(std::move(given)), setting(std::move(shared)) {
    if (needed().records == nullptr) return;
    records = std::make_unique<RecordStore>(*needed().records, needed().runtime, instance_id(),
                                            options.retry_attempts, options.retry_base_delay_ms);
  }

  const WorkManager::Dependencies& needed() const noexcept { return setting->dependencies; }
  const std::string& instance_id() const noexcept { return setting->instance_id; }
  ManagedWorker::Timeout StopTimeout() const {
    return ManagedWorker::Timeout(std::clamp<std::int64_t>(options.stop_timeout_ms, 0, kYearMs));
  }

  const WorkManagerOptions options;
  const std::shared_ptr<const WorkerSetting> setting;
  /// Shut down: nothing is made any more, and loads that end afterwards touch nothing. Written with
  /// the table's lock held.
  mutable std::atomic<bool> closed = false;
  mutable RepeatableNames names;
  std::unique_ptr<RecordStore> records;  // null: workers end with the process
};

/// NOT_FOUND: nobody has a worker of that id.
inline Status UnknownWorker(std::string_view id) {
  return Status(StatusCode::kNotFound, "workmanager", "no worker '" + std::string(id) + "'");
}

/// A worker of `record` that runs `source`; not loaded yet. `voices` are made if there are none.
/// Errors: INVALID_ARGUMENT for a bad MIME type, topic, config key or tag; FAILED_PRECONDITION when
/// the engine is not available here.
Result<std::shared_ptr<ManagedWorker>> MakeWorker(const SlotServices& services,
                                                  const WorkerRecord& record, CodeSource source,
                                                  ManagedWorker::Voices& voices);

}  // namespace virtufin::inline v0::detail
