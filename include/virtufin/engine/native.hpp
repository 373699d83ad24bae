// Native engine: shared libraries that speak the worker ABI (virtufin/virtufin_worker_api_c.h).
//
// MIME type application/x-native-dll, alias application/x-nativedll. The code is a bare shared
// library, or a package: a zip with `<id>.nuspec` or manifest.json and a library for each kind of
// machine, see docs/guide/packages.md. Packages are not trusted: one that is odd in any way is
// refused, and nothing but its manifest and the library for this machine is ever unpacked.
//
// Every load maps a private copy: the file may be replaced at once, and other bytes under the same
// path are other code. A library next to the file, found by $ORIGIN, is therefore not found.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0 {

inline constexpr std::string_view kNativeMimeType = "application/x-native-dll";
inline constexpr std::string_view kNativeMimeAlias = "application/x-nativedll";

struct NativeEngineOptions {
  /// Where private copies are written, each in a folder of its own that is removed on unload; key
  /// worker.directory. Empty: they live in memory only.
  std::string directory;
  /// Sets VIRTUFIN_WORKER_ID and VIRTUFIN_WORKER_TOPIC (topics joined by ',') while a library is
  /// being mapped; key worker.environment. Such loads run one after another. Off where other
  /// threads of the process read the environment: that is a race.
  bool environment = false;
  /// Larger libraries, and larger packages, are refused. Bytes.
  std::size_t max_library_bytes = std::size_t{512} << 20;
  /// Packages with more entries are refused.
  std::size_t max_package_entries = 4096;
  /// Packages whose entries are larger, all together and unpacked, are refused. Bytes.
  std::size_t max_package_bytes = std::size_t{1} << 30;
  /// Packages are refused with an entry, of more than 64 KiB, that grows by a larger factor when it
  /// is unpacked.
  std::size_t max_package_ratio = 200;
};

/// What native workers of the whole process did so far.
struct NativeCounters {
  std::uint64_t loads = 0;  // host structs handed out: 64 bytes each, never reused
  // log or gateway_call outside of a call, a table's function after Shutdown: dropped, refused
  std::uint64_t stray_callbacks = 0;
  std::uint64_t pinned = 0;     // libraries still mapped after their unload
  std::uint64_t abandoned = 0;  // loads that are left in place with a call inside
  // Of workers that were unloaded: buffers that Process left, and those that FreeResult took back.
  std::uint64_t buffers = 0;
  std::uint64_t buffers_freed = 0;
};
NativeCounters GetNativeCounters() noexcept;  // [any]

/// The engine; register it with kNativeMimeAlias. [any]
std::unique_ptr<Engine> MakeNativeEngine(NativeEngineOptions options = {});

}  // namespace virtufin::inline v0
