// WorkManager: creates, runs and feeds workers. A plain class; no gRPC, no network.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/worker/gateway_client.hpp"

namespace virtufin::inline v0 {

struct WorkManagerOptions {
  std::int64_t handling_timeout_ms = 30'000;
  std::int64_t stop_timeout_ms = 30'000;
};

struct CreateWorkerRequest {
  WorkerCode code;
  std::vector<std::string> topics;
  std::map<std::string, std::string> config;
  std::map<std::string, std::string> tags;
};

enum class WorkerStatus { kUnspecified = 0, kStopped = 1, kRunning = 2 };

struct WorkerInfo {
  std::string id, mime_type, language;
  std::vector<std::string> topics;
  Timestamp created_at;
  WorkerStatus status = WorkerStatus::kUnspecified;
  std::map<std::string, std::string> config, tags;
  std::string error;
};

class WorkManager {
 public:
  /// Everything borrowed until the manager is destroyed.
  struct Dependencies {
    Runtime runtime;
    PubSub& bus;
    EngineRegistry& engines;
    GatewayClient* gateway = nullptr;  // what gateway_call reaches; null: UNAVAILABLE
  };
  using Done = std::function<void(Status)>;

  WorkManager(const WorkManagerOptions& options, const Dependencies& dependencies);
  ~WorkManager();
  WorkManager(const WorkManager&) = delete;
  WorkManager& operator=(const WorkManager&) = delete;

  /// Loads the code; status STOPPED afterwards. Runs the worker's initialiser: may take long. [any]
  /// Errors: INVALID_ARGUMENT bad MIME, topics or config key, or code that does not load;
  /// FAILED_PRECONDITION engine not available here.
  Result<std::string> Create(CreateWorkerRequest request);
  /// Idempotent. Errors: NOT_FOUND. [any] [callback]
  Status Start(std::string_view id);

  /// Completion-based forms: `done` runs exactly once, on any thread, perhaps before they return.
  /// They end with the event in flight, and take effect after it when called from inside the
  /// worker's own call. [any] [callback]
  /// Errors: NOT_FOUND; DEADLINE_EXCEEDED when the event in flight did not end within
  /// stop_timeout_ms: stopped or deleted all the same, the call abandoned.
  void Stop(std::string_view id, Done done);
  void Delete(std::string_view id, Done done);
  /// Loads the new code beside the old and swaps between two events; no event is lost, doubled or
  /// reordered. Errors: INVALID_ARGUMENT with the loader's words, NOT_FOUND, DEADLINE_EXCEEDED: the
  /// old code stays.
  void LoadCode(std::string_view id, WorkerCode code, Done done);

  /// Blocking forms, for foreign threads. Errors: as above; FAILED_PRECONDITION on executor and
  /// callback threads. [any]
  Status Stop(std::string_view id);
  Status Delete(std::string_view id);
  Status LoadCode(std::string_view id, WorkerCode code);

  std::vector<WorkerInfo> List() const;  // [any] [callback]

  /// Stops all workers. Errors: DEADLINE_EXCEEDED naming calls that were abandoned. [owner]
  Status Shutdown(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
