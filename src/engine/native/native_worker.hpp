// One load of a native worker: calls it, judges what comes back, unloads it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/native/host_slab.hpp"
#include "engine/native/library.hpp"
#include "engine/native/manifest.hpp"
#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0::detail {

/// The functions of a worker library.
struct WorkerExports {
  VirtufinProcessFn process = nullptr;
  VirtufinFreeResultFn free_result = nullptr;
  VirtufinWorkerInitFn init = nullptr;          // null: not exported
  VirtufinWorkerShutdownFn shutdown = nullptr;  // null: not exported
  std::int32_t abi_version = 1;
  bool reentrant = false;

  /// By the names that the manifest gives. Its ABI version wins over the library's, which may be
  /// packed for older hosts. Errors: INVALID_ARGUMENT naming the missing symbol, or the supported
  /// ABI versions.
  static Result<WorkerExports> Find(const Library& library, const WorkerManifest& manifest);
};

class NativeWorker final : public LoadedWorker {
 public:
  NativeWorker(Library library, const WorkerExports& exports, const WorkerIdentity& identity,
               std::shared_ptr<WorkerHost> host);
  ~NativeWorker() override;

  /// Runs VirtufinWorkerInit when there is one. Errors: INVALID_ARGUMENT.
  Status Init();

  bool reentrant() const noexcept override { return exports_.reentrant; }
  void Process(const Message& message, const ExtensionOverlay* config,
               std::shared_ptr<CallSink> done) override;
  void Abandon() noexcept override;

 private:
  void Shutdown() noexcept;
  void Report(LogLevel level, const std::string& text) const noexcept;
  void LeaveInPlace() noexcept;

  Library library_;
  const WorkerExports exports_;
  const std::shared_ptr<WorkerHost> host_;
  std::unique_ptr<HostState> state_;
  HostSlot* slot_;
};

}  // namespace virtufin::inline v0::detail
