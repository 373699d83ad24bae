// PackNative: makes a package of a native worker out of its libraries, the same bytes every time.
//
// A NuGet package with `<id>.nuspec`, `.supported-rids` and `runtimes/<rid>/native/<file>`; entries
// in ascending order, stored, dated 1980-01-01 00:00, no extra fields. docs/guide/packages.md.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

/// The worker's library for one kind of machine.
struct PackageLibrary {
  std::string rid;                    // "linux-x64", "linux-arm64", ...
  std::vector<std::uint8_t> content;  // of the file; an ELF file of that machine for linux-*
};

/// What is packed.
struct PackageSpec {
  std::string id;                       // of the package: [A-Za-z0-9_.-]+
  std::string version;                  // "1.2.3" or "1.2.3-beta"; a suffix is appended to it
  std::string library;                  // name without lib and .so; empty: the id
  std::string authors = "unknown";      // text; NuGet wants one
  std::string description;              // text; empty: the id
  std::int32_t abi_version = 0;         // 0: not in the nuspec, so what the library exports, or 1
  std::string entry_point = "Process";  // name of the function
  std::string free_result = "FreeResult";  // name of the function
  bool reentrant = false;  // may be called by several threads; hosts do not do so yet
  std::vector<PackageLibrary> libraries;  // at least one, in any order, each RID once
};

/// What became of it.
struct PackedWorker {
  std::string version;              // with `-sha.<8 hex digits>` of what is packed
  std::vector<std::uint8_t> bytes;  // the package; by custom `<id>.<version>.nupkg`
};

/// The suffix is the start of the SHA-256 of the package as it is packed with the version
/// `<version>-sha.00000000`. [any]
/// Errors: INVALID_ARGUMENT naming the field, what was expected and what was found;
/// RESOURCE_EXHAUSTED for libraries of more than 511 MiB in total (hosts load packages of at most
/// 512 MiB unless they are told otherwise), or no memory.
Result<PackedWorker> PackNative(const PackageSpec& spec);

}  // namespace virtufin::inline v0
