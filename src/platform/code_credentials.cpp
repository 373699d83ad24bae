// Reads credentials out of a JSON file.
#include "platform/code_credentials.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace virtufin::inline v0::detail {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "platform", std::move(message));
}

/// A member that must be text.
bool Take(const Json& from, const char* name, std::string& out) {
  const auto found = from.find(name);
  if (found == from.end() || !found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

bool TakeSecret(const Json& entry, SourceCredential& out) {
  if (const auto bearer = entry.find("bearer"); bearer != entry.end()) {
    out.kind = SourceCredential::Kind::kBearer;
    return bearer->is_object() && bearer->size() == 1 && Take(*bearer, "token", out.token);
  }
  const auto basic = entry.find("basic");
  out.kind = SourceCredential::Kind::kBasic;
  return basic != entry.end() && basic->is_object() && basic->size() == 2 &&
         Take(*basic, "username", out.username) && Take(*basic, "token", out.token);
}

bool TakeHosts(const Json& entry, std::vector<std::string>& out) {
  const auto hosts = entry.find("hosts");
  if (hosts == entry.end() || !hosts->is_array()) return false;
  for (const Json& host : *hosts) {
    if (!host.is_string()) return false;
    out.push_back(host.get<std::string>());
  }
  return true;
}

}  // namespace

Result<std::vector<NamedCredential>> ParseCodeCredentials(std::string_view text) {
  const Json whole = Json::parse(text, nullptr, false);
  if (!whole.is_array()) return Invalid("expected a JSON array of credentials");
  std::vector<NamedCredential> credentials;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const Json& entry = whole[i];
    NamedCredential credential;
    if (!entry.is_object() || entry.size() != 3 || !Take(entry, "name", credential.name) ||
        !TakeHosts(entry, credential.hosts) || !TakeSecret(entry, credential.secret)) {
      return Invalid("credential " + std::to_string(i) +
                     R"(: expected "name", "hosts": [...] and either "bearer": {"token"} or )"
                     R"("basic": {"username", "token"}, found something else)");
    }
    credentials.push_back(std::move(credential));
  }
  return credentials;
}

Result<std::vector<NamedCredential>> ReadCodeCredentials(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return Invalid("workmanager.code.credentials: " + path + ": " + why);
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return refuse(std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return refuse("expected at most " + std::to_string(kMaxFileBytes) + " bytes, found more");
  }
  auto credentials = ParseCodeCredentials(text);
  if (!credentials.ok()) return refuse(std::string(credentials.status().message()));
  return credentials;
}

}  // namespace virtufin::inline v0::detail
