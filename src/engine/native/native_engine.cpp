// The native engine: code in, a loaded and initialised worker out.
#include "virtufin/engine/native.hpp"

#include <utility>

#include "engine/native/code.hpp"
#include "engine/native/library.hpp"
#include "engine/native/native_worker.hpp"
#include "engine/native/package.hpp"

namespace virtufin::inline v0 {
namespace {

std::string FileNameOf(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// How messages call the code: its path, or how many bytes of what it is.
std::string NameOf(const WorkerCode& code, const char* kind) {
  if (!code.path.empty()) return code.path;
  return kind + (" of " + std::to_string(code.content.size()) + " bytes");
}

struct Opened {
  detail::Library library;
  detail::WorkerManifest manifest;
};

Result<Opened> Open(const WorkerCode& code, const WorkerIdentity& identity,
                    const NativeEngineOptions& options) {
  const auto bytes = detail::CodeBytes::Of(code, options.max_library_bytes);
  if (!bytes.ok()) return bytes.status();
  if (!detail::IsPackage(bytes->bytes())) {
    auto library = detail::Library::Open(bytes->bytes(), NameOf(code, "library"),
                                         FileNameOf(code.path), identity, options);
    if (!library.ok()) return library.status();
    return Opened{*std::move(library), {}};
  }
  const std::string name = NameOf(code, "package");
  auto package = detail::OpenPackage(bytes->bytes(), options);
  if (!package.ok()) {
    return Status(package.status().code(), "engine",
                  name + ": " + std::string(package.status().message()));
  }
  auto library = detail::Library::Open(package->bytes, name + ": " + package->path,
                                       FileNameOf(package->path), identity, options);
  if (!library.ok()) return library.status();
  return Opened{*std::move(library), std::move(package->manifest)};
}

class NativeEngine final : public Engine {
 public:
  explicit NativeEngine(NativeEngineOptions options) : options_(std::move(options)) {}

  EngineInfo Describe() const override {
    return {std::string(kNativeMimeType), "Native", true, {}};
  }

  Result<std::unique_ptr<LoadedWorker>> Load(const WorkerCode& code, const WorkerIdentity& identity,
                                             std::shared_ptr<WorkerHost> host) override {
    auto opened = Open(code, identity, options_);
    if (!opened.ok()) return opened.status();
    const auto exports = detail::WorkerExports::Find(opened->library, opened->manifest);
    if (!exports.ok()) return exports.status();
    auto worker = std::make_unique<detail::NativeWorker>(std::move(opened->library), *exports,
                                                         identity, std::move(host));
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
