// The native engine: code in, a loaded and initialised worker out.
#include "virtufin/engine/native.hpp"

#include <utility>

#include "engine/native/library.hpp"
#include "engine/native/native_worker.hpp"

namespace virtufin::inline v0 {
namespace {

class NativeEngine final : public Engine {
 public:
  explicit NativeEngine(NativeEngineOptions options) : options_(std::move(options)) {}

  EngineInfo Describe() const override {
    return {std::string(kNativeMimeType), "Native", true, {}};
  }

  Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code, const WorkerIdentity& identity,
                                             std::shared_ptr<WorkerHost> host) override {
    auto library = detail::Library::Open(code, identity, options_);
    if (!library.ok()) return library.status();
    const auto exports = detail::WorkerExports::Find(*library);
    if (!exports.ok()) return exports.status();
    auto worker = std::make_unique<detail::NativeWorker>(*std::move(library), *exports, identity,
                                                         std::move(host));
    if (Status status = worker->Init(); !status.ok()) return status;
    return Result<std::unique_ptr<LoadedWorker>>(std::move(worker));
  }

 private:
  const NativeEngineOptions options_;
};

}  // namespace

std::unique_ptr<Engine> MakeNativeEngine(NativeEngineOptions options) {
  return std::make_unique<NativeEngine>(std::move(options));
}

}  // namespace virtufin::inline v0
