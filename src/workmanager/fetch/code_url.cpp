// Reads addresses of code, and what redirects make of them.
#include "workmanager/fetch/code_url.hpp"

#include <algorithm>

#include "net/resolver.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::string_view kPinPrefix = "sha256:";
constexpr std::size_t kPinDigits = 64;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "workmanager", std::move(message));
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// A typing error in a pin must not make an unpinned fetch of it.
Status SetPin(std::string_view fragment, std::string& pin) {
  std::string digits(fragment);
  std::transform(digits.begin(), digits.end(), digits.begin(), Lower);
  const bool prefixed = digits.starts_with(kPinPrefix);
  if (prefixed) digits.erase(0, kPinPrefix.size());
  if (!prefixed || digits.size() != kPinDigits ||
      digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Invalid(
        "expected no fragment behind the address of code, or #sha256: and 64 hexadecimal digits, "
        "found another of " +
        std::to_string(fragment.size()) + " characters");
  }
  pin = std::move(digits);
  return {};
}

/// Names of DNS: labels of 1 to 63 characters.
Status CheckName(std::string_view host) {
  while (!host.empty()) {
    const std::size_t end = std::min(host.find('.'), host.size());
    if (end == 0 || end > 63) {
      return Invalid("expected a host of labels of 1 to 63 characters, found " +
                     std::to_string(end));
    }
    if (end + 1 == host.size()) return Invalid("expected no second '.' at the end of a host");
    host.remove_prefix(std::min(end + 1, host.size()));
  }
  return {};
}

Status RefuseNumeric(const std::string& host, const NumericHost& numeric) {
  const std::string found = "found " + host;
  const AddressRange* inside = numeric.address ? InsideRange(*numeric.address) : nullptr;
  if (inside == nullptr) {
    return Invalid("expected an IPv4 address of four decimal numbers without leading zeros, " +
                   found);
  }
  return Status(StatusCode::kPermissionDenied, "workmanager",
                "expected a host outside, " + found + ", which is " + numeric.address->Text() +
                    ": " + std::string(inside->name) + " (" + std::string(inside->where) + ")");
}

Status SetHost(CodeUrl& code) {
  std::string& host = code.url.host;
  if (host.size() > 1 && host.ends_with('.')) host.pop_back();
  code.literal = ParseAddress(host);
  if (code.literal) {
    host = code.literal->Text();
    return {};
  }
  if (host.find(':') != std::string::npos) {
    return Invalid("expected an IPv6 address in [], found " + host);
  }
  const NumericHost numeric = ParseNumericHost(host);
  return numeric.numeric ? RefuseNumeric(host, numeric) : CheckName(host);
}

Result<CodeUrl> ParseWithoutFragment(std::string_view text) {
  std::string scheme(text.substr(0, text.find("://")));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), Lower);
  if (scheme != "http" && scheme != "https") {
    return Invalid("expected an address of code that starts with http:// or https://");
  }
  Result<net::Url> url = net::ParseUrl(text);
  if (!url.ok()) return Invalid(std::string(url.status().message()));
  if (!url->userinfo.empty()) {
    return Invalid(
        "expected no name and password in the address of code: a credential goes beside it");
  }
  CodeUrl code;
  code.url = std::move(*url);
  if (Status status = SetHost(code); !status.ok()) return status;
  return code;
}

/// RFC 3986: a letter, then letters, digits, '+', '-' and '.' up to a ':'.
bool HasScheme(std::string_view reference) {
  const std::size_t end = reference.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
  if (end == std::string_view::npos || end == 0 || reference[end] != ':') return false;
  const char first = Lower(reference[0]);
  return first >= 'a' && first <= 'z';
}

}  // namespace

std::string CodeUrl::Text() const { return url.scheme + "://" + url.Authority() + url.target; }

bool CodeUrl::SameOrigin(const CodeUrl& other) const {
  return url.scheme == other.url.scheme && url.host == other.url.host && url.port == other.url.port;
}

Result<CodeUrl> ParseCodeUrl(std::string_view text) {
  const std::size_t hash = text.find('#');
  Result<CodeUrl> code = ParseWithoutFragment(text.substr(0, hash));
  if (!code.ok() || hash == std::string_view::npos) return code;
  if (Status status = SetPin(text.substr(hash + 1), code->pin); !status.ok()) return status;
  return code;
}

Result<CodeUrl> FollowLocation(const CodeUrl& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  if (HasScheme(location)) return ParseWithoutFragment(location);
  if (location.starts_with("//")) {
    return ParseWithoutFragment(base.url.scheme + ":" + std::string(location));
  }
  std::string text = base.url.scheme + "://" + base.url.Authority();
  const std::string path = base.url.target.substr(0, base.url.target.find('?'));
  if (location.empty()) {
    text += base.url.target;
  } else if (location[0] == '?') {
    text += path;
  } else if (location[0] != '/') {
    text += path.substr(0, path.rfind('/') + 1);
  }
  return ParseWithoutFragment(text.append(location));
}

Result<HostList> HostList::Parse(const std::vector<std::string>& entries) {
  HostList list;
  for (const std::string& entry : entries) {
    const bool bare_v6 = net::IsAddressLiteral(entry) && entry.find(':') != std::string::npos;
    const std::string text = "http://" + (bare_v6 ? "[" + entry + "]" : entry);
    Result<CodeUrl> code = entry.find_first_of("/?#@") == std::string::npos
                               ? ParseWithoutFragment(text)
                               : Invalid("expected a host and perhaps a port");
    if (!code.ok()) {
      return Invalid("host '" + entry + "': " + std::string(code.status().message()));
    }
    Entry parsed{code->url.host, std::nullopt};
    const bool port = !code->url.default_port || (!bare_v6 && entry.ends_with(":80"));
    if (port) parsed.port = code->url.port;
    list.entries_.push_back(std::move(parsed));
  }
  return list;
}

Result<HostList> HostList::ParseForSecrets(const std::vector<std::string>& entries) {
  constexpr std::string_view kPlainText = "http://";
  HostList list;
  for (const std::string& entry : entries) {
    const bool plain_text = entry.starts_with(kPlainText);
    Result<HostList> one = Parse({plain_text ? entry.substr(kPlainText.size()) : entry});
    if (!one.ok()) return one;
    one->entries_[0].plain_text = plain_text;
    list.entries_.push_back(std::move(one->entries_[0]));
  }
  return list;
}

bool HostList::ContainsForSecrets(const net::Url& url) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.host == url.host && (entry.plain_text || url.scheme == "https") &&
           (entry.port ? *entry.port == url.port : url.default_port);
  });
}

bool HostList::Contains(const net::Url& url) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.host == url.host && (!entry.port || *entry.port == url.port);
  });
}

}  // namespace virtufin::inline v0::detail
