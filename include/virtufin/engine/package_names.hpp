// Names inside of a package of native workers: what engines look up and packers write.
//
// A package holds `runtimes/<rid>/native/<file>` for each kind of machine, `<rid>` as .NET names
// them: linux-x64, linux-arm64.
// Specification: docs/openspec/specs/worker-abi/spec.md
#pragma once

#include <string>
#include <string_view>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {

inline constexpr std::string_view kManifestJson = "manifest.json";
inline constexpr std::string_view kNuspecSuffix = ".nuspec";
inline constexpr std::string_view kSupportedRids = ".supported-rids";

/// The kind of machine that this library was built for, "linux-x64". Static storage. [any]
std::string_view HostRid() noexcept;

/// [any] Errors: INVALID_ARGUMENT unless it is [A-Za-z0-9_.-]+, without "..", of at most 128
/// characters.
Status CheckLibraryName(std::string_view library);
/// [any] Errors: INVALID_ARGUMENT unless it is [A-Za-z0-9_.-]+, without "..", of at most 64
/// characters, and no dot alone.
Status CheckRid(std::string_view rid);
/// Of an exported function. [any]
/// Errors: INVALID_ARGUMENT unless it is a name in C of at most 128 characters.
Status CheckSymbolName(std::string_view symbol);

/// `lib<library>.so`; on osx-* `lib<library>.dylib`, on win-* `<library>.dll`. [any]
std::string LibraryFileName(std::string_view rid, std::string_view library);
/// Where a package holds it: `runtimes/<rid>/native/<file name>`. [any]
std::string LibraryPath(std::string_view rid, std::string_view library);

/// The text for a message, in quotes: bytes that are no printable ASCII in hexadecimal, what is
/// behind the first 100 bytes as "...". [any]
std::string Quoted(std::string_view text);

}  // namespace virtufin::inline v0
