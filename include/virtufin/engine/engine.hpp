// Engine: the port that turns code into running workers. One per MIME type.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {

/// What a host offers to one worker. Implemented by workmanager; borrowed by the worker until Unload.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  virtual void Log(LogLevel level, std::string_view text) noexcept = 0;                 // [any]
  virtual Result<std::string> GatewayCall(std::string_view service, std::string_view method,
                                          std::string_view json) = 0;                   // [any]
  virtual Status Publish(const Message& message) = 0;                                   // [any]
};

struct WorkerCode {
  std::string mime_type;
  std::string path;             // set: a file of the host; else `content`
  std::vector<std::uint8_t> content;
};

struct WorkerIdentity {
  std::string worker_id;
  std::string instance_id;
  std::vector<std::string> topics;
  std::map<std::string, std::string> config;
};

/// What one call gave: a reply, an error text, both, or neither.
struct CallOutcome {
  std::optional<CloudEvent> reply;
  Status status;           // not ok: surfaced; without reply the delivery failed
  bool degrades = false;   // the table "What a bad call costs"
};

/// One loaded instance of one worker.
class LoadedWorker {
 public:
  using Done = std::function<void(CallOutcome)>;
  /// Shutdown, then unload; pinned or abandoned libraries are reported through the log.
  virtual ~LoadedWorker() = default;
  virtual bool reentrant() const noexcept = 0;
  /// A call did not return in time: from now on nothing is called into the worker, and its code
  /// stays mapped for ever. The destructor then releases only what is the host's.
  virtual void Abandon() noexcept = 0;
  /// `done` runs exactly once: before this returns (native, in-process) or later on any thread.
  /// `message` is borrowed until `done` ran.
  virtual void Process(const Message& message, const ExtensionOverlay* config, Done done) = 0;
};

struct EngineInfo {
  std::string mime_type, language;
  bool available = false;
  std::string detail;      // how to get it when it is not available
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineInfo Describe() const = 0;
  /// Errors: INVALID_ARGUMENT with the loader's words; FAILED_PRECONDITION when not available.
  virtual Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code,
                                                     const WorkerIdentity& identity,
                                                     WorkerHost& host) = 0;
};

class EngineRegistry {
 public:
  EngineRegistry();
  ~EngineRegistry();
  /// Errors: ALREADY_EXISTS for a MIME type or alias that is taken.
  Status Register(std::unique_ptr<Engine> engine, std::vector<std::string> aliases = {});
  /// Errors: INVALID_ARGUMENT naming the MIME types that exist.
  Result<Engine*> Find(std::string_view mime_type) const;
  std::vector<EngineInfo> List() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
