// Sources: what is refused at once, bytes out of files and fetchers, digests.
#include "workmanager/code_resolver.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "virtufin/core/sha256.hpp"
#include "virtufin/engine/code_file.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 30;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "workmanager", std::move(message));
}

bool IsDigest(std::string_view text) noexcept {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Result<std::vector<std::uint8_t>> ReadFile(const std::string& path) {
  auto bytes = ReadCodeFile(path, kMaxFileBytes, "workmanager");
  if (bytes.status().code() != StatusCode::kResourceExhausted) return bytes;
  return Invalid(std::string(bytes.status().message()));
}

Status CheckCredential(const CodeSource& source) {
  const SourceCredential& credential = source.credential;
  using Kind = SourceCredential::Kind;
  const bool fits = [&] {
    switch (credential.kind) {
      case Kind::kNone:
        return credential.username.empty() && credential.token.empty() && credential.name.empty();
      case Kind::kBasic:
        return credential.name.empty();
      case Kind::kBearer:
        return credential.username.empty() && credential.name.empty();
      case Kind::kNamed:
        return !credential.name.empty() && credential.username.empty() && credential.token.empty();
    }
    return false;
  }();
  if (!fits) {
    return Invalid(
        "credential: expected a user name and a token (basic), a token (bearer) or a name (named), "
        "found another mixture");
  }
  const bool secret = credential.kind == Kind::kBasic || credential.kind == Kind::kBearer;
  if (secret && credential.token.empty()) {
    return Invalid("credential: expected a token, found none");
  }
  if (credential.kind != Kind::kNone && source.url.empty()) {
    return Invalid("credential: expected one with a url only, found one without");
  }
  return {};
}

}  // namespace

Status CheckSource(const CodeSource& source, const CodeFetcher* fetcher) {
  const int given = (source.url.empty() ? 0 : 1) + (source.path.empty() ? 0 : 1) +
                    (source.content.empty() ? 0 : 1);
  if (given != 1) {
    return Invalid("code: expected one of url, path and content, found " + std::to_string(given));
  }
  if (!source.sha256.empty() && !IsDigest(source.sha256)) {
    return Invalid("sha256: expected 64 hexadecimal digits, found '" + source.sha256 + "'");
  }
  if (Status status = CheckCredential(source); !status.ok()) return status;
  if (!source.url.empty() && fetcher == nullptr) {
    return Status(StatusCode::kUnimplemented, "workmanager",
                  "url: expected a manager with a code fetcher, found one without");
  }
  return {};
}

Result<ResolvedCode> ResolveCode(const CodeSource& source, CodeFetcher* fetcher) {
  if (Status status = CheckSource(source, fetcher); !status.ok()) return status;
  ResolvedCode resolved;
  resolved.code.mime_type = source.mime_type;
  if (!source.path.empty()) {
    auto bytes = ReadFile(source.path);
    if (bytes.ok()) resolved.sha256 = Sha256Hex(*bytes);
    if (source.sha256.empty()) {
      resolved.code.path = source.path;
      return resolved;
    }
    if (!bytes.ok()) return bytes.status();
    resolved.code.content = *std::move(bytes);
  } else if (!source.url.empty()) {
    auto bytes = fetcher->Fetch(source);
    if (!bytes.ok()) return bytes.status();
    resolved.code.content = *std::move(bytes);
    resolved.sha256 = Sha256Hex(resolved.code.content);
  } else {
    resolved.code.content = source.content;
    resolved.sha256 = Sha256Hex(source.content);
  }
  if (!source.sha256.empty() && resolved.sha256 != Lower(source.sha256)) {
    return Invalid("sha256: expected code with digest " + Lower(source.sha256) + ", found " +
                   resolved.sha256);
  }
  return resolved;
}

void KeepPath(CodeSource& source) {
  if (source.path.empty()) return;
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(source.path, failed);
  if (!failed) source.path = absolute.string();
}

CodeSource WithoutSecrets(const CodeSource& source) {
  CodeSource told = source;
  told.credential.username.clear();
  told.credential.token.clear();
  return told;
}

}  // namespace virtufin::inline v0::detail
