// What a package says about its worker, from a nuspec or a manifest.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "virtufin/core/bytes.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct WorkerManifest {
  std::string library;
  std::string entry_point = "Process";
  std::string free_result = "FreeResult";
  std::optional<std::int32_t> abi_version;  // none: what the library exports, else 1
  bool reentrant = false;
};

/// `name` is the file's, for messages.
/// Errors of all: INVALID_ARGUMENT naming file, field and value.
Result<WorkerManifest> ParseManifestJson(std::string_view name, ByteView text);
Result<WorkerManifest> ParseNuspec(std::string_view name, ByteView text);
/// Whether the names and the version can be: the last step of both.
Status CheckManifest(std::string_view name, const WorkerManifest& manifest);

}  // namespace virtufin::inline v0::detail
