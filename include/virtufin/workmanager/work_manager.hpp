// WorkManager: creates workers, feeds them events and publishes their replies.
// Specification: docs/openspec/specs/workmanager/spec.md
// A plain class: no gRPC, no network; on disk is what a state store keeps there. Events of a
// worker's topics reach it in order, one at a time; every worker of a topic gets every event, but
// of a group only one does. A reply goes to the extension `replytopic` of the event it answers,
// else to its own extension `publishtopic`, else to the topic that equals its type: a worker whose
// replies have one of its own topics feeds itself. What becomes of workers is told on topic
// `workmanager.lifecycle` (docs/events.md).
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
#include "virtufin/state/state_store.hpp"
#include "virtufin/worker/gateway_client.hpp"
#include "virtufin/workmanager/code_source.hpp"
#include "virtufin/workmanager/metrics.hpp"
#include "virtufin/workmanager/peers.hpp"
#include "virtufin/workmanager/worker_info.hpp"

namespace virtufin::inline v0 {

struct WorkManagerOptions {
  std::int64_t stop_timeout_ms = 30'000;  // how long an event in flight may hold up Stop and Delete
  /// How long a call may take; 0: for ever. It is not interrupted: it is reported overdue
  /// (DEADLINE_EXCEEDED `still running after <t>`) at most a quarter later, the worker is degraded
  /// and its next event waits until the call returns; its reply is discarded then.
  std::int64_t call_timeout_ms = 30'000;
  /// An event whose call failed is tried again so often, first after this delay, which doubles;
  /// then it goes to `<topic>-dead`. What was overdue goes there at once.
  std::uint32_t retry_attempts = 3;
  std::int64_t retry_base_delay_ms = 200;
  /// How often each running worker is told on topic `workmanager.infra.worker`; 0: never.
  std::int64_t heartbeat_interval_ms = 10'000;
  /// Who this manager is in the records of its workers: the same after each restart, another for
  /// each manager over one state store. Empty: `default`, or by chance without a store.
  std::string instance_id = {};
  /// Not empty: the clock is a replay's. Workers are told a historical time, and what they say
  /// without a cause is historical, its ids made out of this text, the same in every replay.
  std::string replay_run = {};
  bool recovery_on_start = true;  // it is not ready before Recover; Platform::Start calls that
};

struct CreateWorkerRequest {
  CodeSource code = {};
  std::vector<std::string> topics = {};
  /// Stamped on every incoming event as extensions; one already on the event wins. Keys that start
  /// with `virtufin.` steer the manager instead: `virtufin.queue` (events), `virtufin.overflow`
  /// (`Block`, `DropOldest`, `DropNewest`, `Conflate`), `virtufin.group` (workers of one group
  /// compete), `virtufin.instances` (a pool of so many, up to 256: each has the code loaded for
  /// itself, a queue of its own and its share of the events by `subject`, all events of a subject
  /// in order; in a group they are so many members of it instead), `virtufin.ordered` (`false`:
  /// later events pass one that is retried), `virtufin.patterns` (`true`: `topics`
  /// are patterns as in SubscribeOptions; Start refuses an illegal one),
  /// `virtufin.retryaftertimeout` (`true`: what was overdue is retried as well).
  std::map<std::string, std::string> config = {};
  std::map<std::string, std::string> tags = {};  // at most 50; never seen by the worker
  /// No record: the worker ends with the process. For workers that the application creates anew at
  /// each start, which a recovery would double.
  bool ephemeral = false;
};

class WorkManager {
 public:
  /// Everything borrowed until the manager is destroyed.
  struct Dependencies {
    Runtime runtime;
    PubSub& bus;
    EngineRegistry& engines;
    GatewayClient* gateway = nullptr;  // what gateway_call reaches; null: UNAVAILABLE
    CodeFetcher* fetcher = nullptr;    // for code from URLs; null: UNIMPLEMENTED
    StateStore* state = nullptr;       // of workers, config `stateservice`; null: UNAVAILABLE
    /// What this keeps of workers; null: they end with the process. Calls that change a worker
    /// write there before they answer; they fail, with nothing changed, as StateStore::Set does.
    StateStore* records = nullptr;
    PeerForwarder* peers = nullptr;  // reaches other instances over `records`; null: none
  };
  using Done = std::function<void(Status)>;

  WorkManager(const WorkManagerOptions& options, const Dependencies& dependencies);
  ~WorkManager();  // Shutdown with stop_timeout_ms
  WorkManager(const WorkManager&) = delete;
  WorkManager& operator=(const WorkManager&) = delete;

  /// Loads the code, which may take long; the worker is STOPPED afterwards. Answers its id. [any]
  /// Errors: INVALID_ARGUMENT for a bad MIME type, source, topic, config key or tag, or code that
  /// does not load; FAILED_PRECONDITION when the engine is not available here; those of
  /// CodeFetcher; UNAVAILABLE after Shutdown.
  Result<std::string> Create(CreateWorkerRequest request, const CallContext& by = {});
  /// Subscribes the topics. Idempotent; a worker without code tries the load again. OK at once
  /// while another start or new code loads or a stop drains: it runs afterwards, or its info says
  /// why not. [any] [callback]
  /// Errors: NOT_FOUND; those of Create when it loads; CANCELLED when a stop came meanwhile.
  Status Start(std::string_view id, const CallContext& by = {});

  /// Completion-based forms: `done` runs exactly once, on any thread, perhaps before they return.
  /// They end with the event in flight (what is still queued is dropped, counted and logged: to
  /// drain a worker, let its topics fall silent first), and take effect after it when called from
  /// inside the worker's own call. [any] [callback]
  /// Errors: NOT_FOUND; DEADLINE_EXCEEDED when the event in flight did not end within
  /// stop_timeout_ms: stopped or deleted all the same, the call abandoned.
  void Stop(std::string_view id, Done done, const CallContext& by = {});
  void Delete(std::string_view id, Done done, const CallContext& by = {});
  /// Loads the new code beside the old and swaps between two events: none is lost, doubled or
  /// reordered. The new code starts with state of its own; id, topics, config and queue stay.
  /// Errors: NOT_FOUND; INVALID_ARGUMENT with the loader's words; those of CodeFetcher;
  /// FAILED_PRECONDITION during another swap; DEADLINE_EXCEEDED when the event in flight did not
  /// end. The old code stays.
  void LoadCode(std::string_view id, CodeSource code, Done done, const CallContext& by = {});

  /// Blocking forms, for foreign threads. [any]
  /// Errors: as above; FAILED_PRECONDITION on executor and callback threads.
  Status Stop(std::string_view id, const CallContext& by = {});
  Status Delete(std::string_view id, const CallContext& by = {});
  Status LoadCode(std::string_view id, CodeSource code, const CallContext& by = {});

  /// Those that match all filters, by id; no filter: all. [any] [callback]
  std::vector<WorkerInfo> List(const std::vector<TagFilter>& filters = {}) const;
  /// [any] [callback] Errors: NOT_FOUND.
  Result<WorkerInfo> Get(std::string_view id) const;
  /// The codes that the worker has had, oldest first; the last is the one it has. [any] [callback]
  /// Errors: NOT_FOUND.
  Result<std::vector<HistoryEntry>> History(std::string_view id) const;
  std::vector<EngineInfo> Engines() const;  // [any] by MIME type

  /// Tags of one worker; SetTags replaces all. [any] [callback]
  /// Errors: NOT_FOUND, of GetTag also for a tag that is not there; INVALID_ARGUMENT naming a tag
  /// that is too long, or too many of them.
  Result<std::string> GetTag(std::string_view id, std::string_view key) const;
  Result<std::map<std::string, std::string>> GetTags(std::string_view id) const;
  Status SetTag(std::string_view id, std::string key, std::string value,
                const CallContext& by = {});
  Status SetTags(std::string_view id, std::map<std::string, std::string> tags,
                 const CallContext& by = {});

  /// Loads the workers that this instance has records of and has not loaded, in parallel, and
  /// starts those that ran; answers how many are loaded now. One that fails is listed STOPPED with
  /// its error, and its record stays as it is. With peers, one instance at a time recovers: a lease
  /// of another is waited for, up to 30 s. The executor must run. [any], on a thread that may wait.
  /// Errors: those of StateStore; UNAVAILABLE naming who has the lease.
  Result<std::int32_t> Recover(const CallContext& by = {});
  /// From now on other instances reach this one at `address`; calls for workers of one that is gone
  /// make them this one's. [any], on a thread that may wait.
  /// Errors: FAILED_PRECONDITION without a store; those of StateStore.
  Status Join(std::string address);

  WorkManagerMetrics Metrics() const;  // [any] [callback]
  WorkManagerHealth Health() const;    // [any] [callback]

  /// Stops and unloads all workers; nothing can be created afterwards. [owner]
  /// Errors: DEADLINE_EXCEEDED naming the calls that were abandoned; FAILED_PRECONDITION on
  /// executor and callback threads.
  Status Shutdown(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
