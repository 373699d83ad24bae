// CodeSource: where a worker's code comes from, and the port that fetches what lies behind a URL.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0 {

/// What a fetch shows to the first host of its URL. Only a named one is kept in records: the others
/// are secrets, and a worker that needs one is not recovered without it.
struct SourceCredential {
  enum class Kind : std::uint8_t { kNone, kBasic, kBearer, kNamed };
  Kind kind = Kind::kNone;
  std::string username = {};  // kBasic
  std::string token = {};     // kBasic, kBearer: the secret
  std::string name = {};      // kNamed: one that the fetcher knows
};

/// A secret that an application sets up and requests name.
struct NamedCredential {
  std::string name = {};
  std::vector<std::string> hosts = {};  // it is shown to no other; "host" or "host:port"
  SourceCredential secret = {};         // kBasic or kBearer
};

/// Exactly one of `url`, `path` and `content`.
struct CodeSource {
  CodeSource() = default;
  CodeSource(WorkerCode code)  // NOLINT(google-explicit-constructor): code is a source
      : mime_type(std::move(code.mime_type)),
        path(std::move(code.path)),
        content(std::move(code.content)) {}

  std::string mime_type = {};  // or an alias; empty in LoadCode: that of the worker
  std::string url = {};        // absolute, http or https; fetched whenever the code is loaded
  std::string path = {};       // a file of this machine, read whenever the code is loaded
  /// What the MIME type says: a library, a package, source, a factory's name.
  std::vector<std::uint8_t> content = {};
  SourceCredential credential = {};  // for `url` only
  std::string sha256 = {};           // 64 hexadecimal digits: refuse other code; empty: any
};

/// Port: turns the URL of a source into bytes; without one a manager takes no URLs.
class CodeFetcher {
 public:
  virtual ~CodeFetcher() = default;
  /// The bytes behind `source.url`; the manager compares them with `source.sha256`. May wait:
  /// it is called on threads that may. `source` is borrowed until it returns. [any]
  /// Errors: INVALID_ARGUMENT for a bad URL or credential; PERMISSION_DENIED when the fetch is
  /// refused; UNAVAILABLE when it failed; RESOURCE_EXHAUSTED for too many bytes.
  virtual Result<std::vector<std::uint8_t>> Fetch(const CodeSource& source) = 0;
};

}  // namespace virtufin::inline v0
