// The fetcher of worker code from http and https addresses, guarded against requests to the inside.
// Specification: docs/openspec/specs/workmanager/spec.md
//
// A name is resolved once for each request; when one of its addresses is not public (loopback,
// private, link-local, multicast, a cloud's metadata and the like) nothing is connected to, else
// exactly these addresses are. The same holds for each redirect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/code_source.hpp"

namespace virtufin::inline v0 {

struct UrlFetcherOptions {
  /// Hosts that may be inside, as their URLs write them: "artifacts.corp", "10.0.0.7:8443",
  /// "[fd00::7]"; without a port all ports. That another name resolves to one does not help.
  std::vector<std::string> allowed_hosts = {};
  std::int64_t timeout_ms = 30'000;               // for a fetch with all its redirects
  std::size_t max_bytes = std::size_t{64} << 20;  // of the code, unpacked when sent as gzip
  int max_redirects = 5;                          // 0: a redirect is a failure
  std::string ca_file = {};                       // PEM, trusted instead of the system's
  std::vector<NamedCredential> credentials = {};  // what requests may name
};

/// A fetch asks by GET and takes the body of a 200. It reads no environment variable and uses no
/// proxy. A fragment `#sha256:<64 hexadecimal digits>` of a URL is a pin: other code is refused. A
/// credential is shown to the first host only, and to none after a redirect elsewhere. From https
/// no redirect leads to http.
/// Fetch needs a thread that may wait: on a net loop it answers FAILED_PRECONDITION. It starts some
/// of its own, which end with it (one that looks a name up when the system's resolver lets it);
/// several fetches may run at once. [any]
/// Errors: INVALID_ARGUMENT naming the option, host or credential, or the CA that cannot be read.
Result<std::unique_ptr<CodeFetcher>> MakeUrlFetcher(const UrlFetcherOptions& options);

}  // namespace virtufin::inline v0
