// Sources: what is refused at once, bytes out of files and fetchers, digests.
#include "workmanager/code_resolver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "virtufin/core/sha256.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

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

struct File {
  ~File() {
    if (descriptor >= 0) close(descriptor);
  }
  const int descriptor;
};

Result<std::vector<std::uint8_t>> ReadFile(const std::string& path) {
  // Not waiting: opening a FIFO would, for a writer that may never come.
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about {};
  if (file.descriptor < 0 || fstat(file.descriptor, &about) != 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return Status(missing ? StatusCode::kNotFound : StatusCode::kInvalidArgument, "workmanager",
                  path + ": " + std::strerror(errno));
  }
  if (!S_ISREG(about.st_mode) || static_cast<std::uint64_t>(about.st_size) > kMaxFileBytes) {
    return Invalid(path + ": expected a regular file of at most " + std::to_string(kMaxFileBytes) +
                   " bytes");
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(about.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Invalid(path + ": " + std::strerror(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
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
