// Credentials as the header Authorization.
#include "workmanager/fetch/credentials.hpp"

#include <algorithm>
#include <utility>

#include "virtufin/core/base64.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "workmanager", std::move(message));
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

Result<std::string> Basic(const SourceCredential& credential) {
  if (credential.username.find(':') != std::string::npos || HasControl(credential.username)) {
    return Invalid("expected a user name without ':' and control characters");
  }
  if (HasControl(credential.token)) return Invalid("expected a token without control characters");
  const std::string pair = credential.username + ":" + credential.token;
  std::string text(Base64Size(pair.size()), '\0');
  WriteBase64(AsBytes(pair), text.data());
  return "Basic " + text;
}

Result<std::string> Bearer(const SourceCredential& credential) {
  const bool fits =
      !credential.token.empty() && std::all_of(credential.token.begin(), credential.token.end(),
                                               [](char c) { return c > ' ' && c < '\x7f'; });
  if (!fits) return Invalid("expected a token of visible ASCII characters");
  return "Bearer " + credential.token;
}

}  // namespace

Result<Credentials> Credentials::Make(const std::vector<NamedCredential>& named) {
  Credentials all;
  for (const NamedCredential& credential : named) {
    const auto bad = [&](std::string_view what) {
      return Invalid("credential '" + credential.name + "': " + std::string(what));
    };
    const SourceCredential::Kind kind = credential.secret.kind;
    if (credential.name.empty()) return bad("expected a name");
    if (credential.hosts.empty()) return bad("expected a host that it is for");
    if (kind != SourceCredential::Kind::kBasic && kind != SourceCredential::Kind::kBearer) {
      return bad("expected a secret of the kind basic or bearer");
    }
    for (const Entry& entry : all.entries_) {
      if (entry.name == credential.name) return bad("expected once, found twice");
    }
    Result<HostList> hosts = HostList::ParseForSecrets(credential.hosts);
    if (!hosts.ok()) return bad(hosts.status().message());
    Result<std::string> text = all.Authorization(credential.secret, {});
    if (!text.ok()) return bad(text.status().message());
    all.entries_.push_back({credential.name, std::move(*hosts), std::move(*text)});
  }
  return all;
}

Result<std::string> Credentials::Authorization(const SourceCredential& credential,
                                               const net::Url& url) const {
  switch (credential.kind) {
    case SourceCredential::Kind::kNone:
      return std::string();
    case SourceCredential::Kind::kBasic:
      return Basic(credential);
    case SourceCredential::Kind::kBearer:
      return Bearer(credential);
    case SourceCredential::Kind::kNamed:
      break;
  }
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.name == credential.name;
  });
  if (found == entries_.end()) {
    return Invalid("expected the name of a credential that is set up, found '" + credential.name +
                   "'");
  }
  if (!found->hosts.ContainsForSecrets(url)) {
    return Status(StatusCode::kPermissionDenied, "workmanager",
                  "expected a host that the credential '" + credential.name +
                      "' is for, with https and its port unless it says otherwise, found " +
                      url.scheme + "://" + url.Authority());
  }
  return found->authorization;
}

}  // namespace virtufin::inline v0::detail
