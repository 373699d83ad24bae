// Packages of native workers: from untrusted bytes to the one library that this machine runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/native/manifest.hpp"
#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/engine/native.hpp"

namespace virtufin::inline v0::detail {

struct PackagedLibrary {
  WorkerManifest manifest;
  std::string path;  // in the package
  std::vector<std::uint8_t> bytes;
};

/// Whether it begins as a zip does.
inline bool IsPackage(ByteView file) noexcept {
  return file.size() >= 2 && file[0] == 'P' && file[1] == 'K';
}

/// Everything happens in memory. Errors: INVALID_ARGUMENT naming file, value and what was expected;
/// RESOURCE_EXHAUSTED naming the limit; FAILED_PRECONDITION in a build that reads no packages.
Result<PackagedLibrary> OpenPackage(ByteView file, const NativeEngineOptions& options);

}  // namespace virtufin::inline v0::detail
