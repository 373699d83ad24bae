// Engine: the port that turns code into running workers. One engine per MIME type.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {

/// The time it is for a worker.
struct HostTime {
  Timestamp now;
  bool historical = false;  // of the event in hand, whose clocktype says so; else the host's clock
};

/// A record of a worker's state.
struct HostRecord {
  std::string value;
  std::string etag;
};

/// A timer of a worker; it arrives as events of type kWorkerTimerType.
struct HostTimer {
  std::string_view name = {};  // at most kMaxTimerNameBytes of UTF-8; subject of the events
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds period{0};  // 0: once
};

inline constexpr std::string_view kWorkerTimerType = "com.virtufin.worker.timer";
inline constexpr std::chrono::milliseconds kMinTimerPeriod{1};
inline constexpr std::size_t kMaxTimers = 1024;  // of one load
inline constexpr std::size_t kMaxTimerNameBytes = 256;
inline constexpr std::size_t kMaxTopicBytes = 65'535;  // of what a worker publishes on

/// What a host offers to one load of a worker; implemented by workmanager. Shared with the load: an
/// abandoned call may still be inside when everybody else has let go. What a host does not offer
/// answers UNIMPLEMENTED. Arguments are borrowed until a function returns. What workers are told of
/// these functions: virtufin/virtufin_worker_api_c.h.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  /// One line of the worker, or of the engine about it. `text` is borrowed. [any]
  virtual void Log(LogLevel level, std::string_view text) noexcept = 0;
  /// JSON in, JSON out; all borrowed until it returns. May wait: the implementation declares that
  /// to the executor. [any] Errors: the service's own status; UNAVAILABLE when there is no gateway.
  virtual Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                          std::string_view json) = 0;

  /// On the bus when this returns. [any] Errors: INVALID_ARGUMENT for a topic that is none; what
  /// PubSub::Publish answers.
  virtual Status Publish(std::string_view topic, const CloudEvent& event);
  /// Records under the worker's service. [any] Errors: those of StateStore; UNAVAILABLE when there
  /// is no store.
  virtual Result<HostRecord> GetState(std::string_view key);
  /// Without an `etag` over whatever there is, with an empty one only when there is no record.
  /// Answers the new etag.
  virtual Result<std::string> SetState(std::string_view key, std::string_view value,
                                       std::optional<std::string_view> etag);
  /// Whether there was one. An empty `etag`: whatever it is.
  virtual Result<bool> DeleteState(std::string_view key, std::string_view etag);
  virtual Result<HostTime> Now();  // [any]
  /// What is left to the call that runs, of real time; nothing without a limit and outside of
  /// calls. [any]
  virtual Result<std::optional<std::chrono::nanoseconds>> TimeLeft();
  /// Its number, never 0. Ends with this load. [any] Errors: INVALID_ARGUMENT naming what is out of
  /// range; RESOURCE_EXHAUSTED above kMaxTimers; FAILED_PRECONDITION when the load ends.
  virtual Result<std::uint64_t> StartTimer(const HostTimer& timer);
  /// Errors: NOT_FOUND. [any]
  virtual Status CancelTimer(std::uint64_t id);
};

/// Where the code of a worker is.
struct WorkerCode {
  std::string mime_type = {};
  std::string path = {};  // set: a file, read during Load; empty: `content`
  /// What the MIME type says: a library, source, a factory's name.
  std::vector<std::uint8_t> content = {};
};

/// Who a worker is, as far as it is told.
struct WorkerIdentity {
  std::string worker_id;
  std::string instance_id;
  std::vector<std::string> topics;
  std::map<std::string, std::string> config;
};

/// What one call gave: a reply, an error, both, or neither.
struct CallOutcome {
  std::optional<CloudEvent> reply;
  Status status;          // not ok without a reply: the delivery failed; with one: it is surfaced
  bool degrades = false;  // the worker may be damaged: counts towards "degraded"
};

/// Gets the outcome of one call.
class CallSink {
 public:
  virtual ~CallSink() = default;
  /// Exactly once a call, on any thread, with nothing of the engine locked: may destroy the
  /// LoadedWorker. [callback]
  virtual void OnOutcome(CallOutcome outcome) noexcept = 0;
};

/// One loaded instance of one worker.
class LoadedWorker {
 public:
  /// Lets the worker shut down, then unloads it. Precondition: no call runs, or Abandon was called.
  virtual ~LoadedWorker() = default;
  /// False: Process must not be called before the outcome of the last call is there. [any]
  virtual bool reentrant() const noexcept = 0;
  /// Hands one event to the worker, with `config` (null: none) stamped on it; both are borrowed
  /// until the outcome is there. `done` gets it before this returns (native, in-process) or later
  /// on any thread, and is kept until then. [owner]
  virtual void Process(const Message& message, const ExtensionOverlay* config,
                       std::shared_ptr<CallSink> done) = 0;
  /// A call did not return in time. From now on nothing new is called into the worker, its
  /// callbacks are refused, its code stays mapped for ever; the destructor releases only what is
  /// the host's. The outcome of the running call is still delivered when it returns. [any]
  virtual void Abandon() noexcept = 0;
};

/// What an engine says about itself.
struct EngineInfo {
  std::string mime_type;
  std::string language;
  bool available = false;
  std::string detail;  // how to get it when it is not available
};

/// Port: implemented once per way to run code.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineInfo Describe() const = 0;  // [any]
  /// Brings the code to life. Runs initialisers of the worker, so it may take long: declare it
  /// blocking. `code` and `identity` are borrowed until it returns, `host` is shared. [any]
  /// Errors: NOT_FOUND when no file is at the path; INVALID_ARGUMENT with the loader's words;
  /// FAILED_PRECONDITION when this engine is not available here; RESOURCE_EXHAUSTED.
  virtual Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code,
                                                     const WorkerIdentity& identity,
                                                     std::shared_ptr<WorkerHost> host) = 0;
};

/// Engines by MIME type. Upper and lower case are one.
class EngineRegistry {
 public:
  EngineRegistry();
  ~EngineRegistry();
  EngineRegistry(const EngineRegistry&) = delete;
  EngineRegistry& operator=(const EngineRegistry&) = delete;

  /// `aliases` are other MIME types that mean the same engine. [any]
  /// Errors: ALREADY_EXISTS naming a MIME type that is taken: nothing is registered then;
  /// INVALID_ARGUMENT for an empty one.
  Status Register(std::unique_ptr<Engine> engine, std::vector<std::string> aliases = {});
  /// The engine of a MIME type or alias; its Describe() says the canonical type. Borrowed until the
  /// registry is destroyed. [any]
  /// Errors: INVALID_ARGUMENT naming the MIME types that exist.
  Result<Engine*> Find(std::string_view mime_type) const;
  std::vector<EngineInfo> List() const;  // [any] in ascending order of their MIME type

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
