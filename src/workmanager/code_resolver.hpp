// Turns a source into code that an engine loads: checked, fetched, compared with its pin.
#pragma once

#include <string>

#include "virtufin/workmanager/code_source.hpp"

namespace virtufin::inline v0::detail {

/// What can be said without reading anything.
/// Errors: INVALID_ARGUMENT for several of url, path and content, a credential without a URL or of
/// the wrong form, a pin that is no digest; UNIMPLEMENTED for a URL without a fetcher.
Status CheckSource(const CodeSource& source, const CodeFetcher* fetcher);

struct ResolvedCode {
  WorkerCode code;
  std::string sha256;  // of its bytes; empty for a file that nobody could read
};

/// May wait. A file without a pin is left to the engine to read.
/// Errors: as CheckSource; those of CodeFetcher::Fetch; INVALID_ARGUMENT naming both digests when
/// the code is another than the pinned one, or the file cannot be read.
Result<ResolvedCode> ResolveCode(const CodeSource& source, CodeFetcher* fetcher);

/// Makes a path absolute: it is read again by processes that start elsewhere.
void KeepPath(CodeSource& source);

/// What may be told to others: without secrets.
CodeSource WithoutSecrets(const CodeSource& source);

}  // namespace virtufin::inline v0::detail
