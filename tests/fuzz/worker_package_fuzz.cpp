// Any bytes as a package of a worker; text that is no zip, as the manifest in a good one.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "engine/native/package.hpp"
#include "fuzz/check.hpp"
#include "support/test_zip.hpp"
#include "virtufin/engine/package_names.hpp"

using namespace virtufin;

namespace {

NativeEngineOptions SmallLimits() {
  NativeEngineOptions options;
  options.max_library_bytes = 1 << 20;
  options.max_package_entries = 64;
  options.max_package_bytes = 1 << 20;
  return options;
}

// What is opened keeps to the limits and the rules for names; what is not says why.
void Open(ByteView package) {
  const NativeEngineOptions options = SmallLimits();
  const auto opened = detail::OpenPackage(package, options);
  if (!opened.ok()) {
    FUZZ_CHECK(opened.status().code() == StatusCode::kInvalidArgument ||
               opened.status().code() == StatusCode::kResourceExhausted);
    FUZZ_CHECK(!opened.status().message().empty());
    FUZZ_CHECK(opened.status().message().size() < 4096);
    return;
  }
  const detail::WorkerManifest& manifest = opened->manifest;
  FUZZ_CHECK(opened->bytes.size() <= options.max_library_bytes);
  FUZZ_CHECK(CheckLibraryName(manifest.library).ok());
  FUZZ_CHECK(CheckSymbolName(manifest.entry_point).ok());
  FUZZ_CHECK(CheckSymbolName(manifest.free_result).ok());
  FUZZ_CHECK(manifest.abi_version.value_or(1) == 1 || manifest.abi_version == 2);
  FUZZ_CHECK(opened->path == LibraryPath(HostRid(), manifest.library));
}

}  // namespace

// Pins WA-34, WA-35, WA-37.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[size]);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const ByteView bytes(exact.get(), size);
  if (detail::IsPackage(bytes)) {
    Open(bytes);
    return 0;
  }
  const std::string text(AsText(bytes));
  test::ZipFile zip;
  zip.items = {{text.starts_with('{') ? "manifest.json" : "worker.nuspec", text},
               {LibraryPath(HostRid(), "worker"), "library"}};
  const std::string package = test::WriteZip(zip);
  Open(AsBytes(package));
  return 0;
}
