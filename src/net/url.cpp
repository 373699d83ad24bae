// Splits addresses, and makes them fit to be printed.
#include "net/url.hpp"

#include <algorithm>
#include <charconv>

namespace virtufin::inline v0::net {
namespace {

constexpr std::size_t kMaxUrlBytes = 16 * 1024;
constexpr std::size_t kMaxShownSegment = 24;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "net", std::move(message));
}

bool HostCharacter(char c, bool literal) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) return true;
  if (literal) return c == ':' || c == '.';
  return c == '-' || c == '.' || c == '_';
}

Status SetScheme(std::string_view scheme, Url& url) {
  url.scheme.assign(scheme);
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), Lower);
  if (url.scheme == "ws" || url.scheme == "http") {
    url.port = 80;
  } else if (url.scheme == "wss" || url.scheme == "https") {
    url.port = 443;
    url.tls = true;
  } else {
    return Invalid("expected an address that starts with ws://, wss://, http:// or https://");
  }
  url.default_port = true;
  return Status();
}

Status SetHost(std::string_view host, bool literal, Url& url) {
  url.host.assign(host);
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), Lower);
  if (url.host.empty()) return Invalid("expected a host after " + url.scheme + "://, found none");
  if (url.host.size() > 253) return Invalid("expected a host of at most 253 characters");
  for (char c : url.host) {
    if (!HostCharacter(c, literal)) {
      return Invalid("expected letters, digits, '.', '-' and '_' in the host of an address");
    }
  }
  return Status();
}

Status SetPort(std::string_view digits, Url& url) {
  if (digits.empty()) return Status();  // "host:" is the scheme's own port
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65'535) {
    return Invalid("expected a port from 1 to 65535 after the host " + url.host);
  }
  url.default_port = port == url.port;
  url.port = static_cast<std::uint16_t>(port);
  return Status();
}

Status SetAuthority(std::string_view authority, Url& url) {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.userinfo.assign(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return Invalid("expected ']' behind an IPv6 host");
    std::string_view rest = authority.substr(close + 1);
    if (Status s = SetHost(authority.substr(1, close - 1), true, url); !s.ok()) return s;
    if (url.host.find(':') == std::string::npos) return Invalid("expected an IPv6 address in []");
    if (!rest.empty() && rest.front() != ':') return Invalid("expected ':' or '/' behind ']'");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = authority.find(':');
    if (Status s = SetHost(authority.substr(0, colon), false, url); !s.ok()) return s;
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  return SetPort(port, url);
}

std::string ShownPath(std::string_view target) {
  const std::size_t query = target.find('?');
  std::string_view path = target.substr(0, query);
  std::string shown;
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::size_t end = std::min(path.find('/'), path.size());
    shown += '/';
    shown += end > kMaxShownSegment ? std::string_view("...") : path.substr(0, end);
    path.remove_prefix(end);
  }
  if (query != std::string_view::npos) shown += "?...";
  return shown;
}

}  // namespace

std::string Url::Authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!default_port) text += ":" + std::to_string(port);
  return text;
}

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return Invalid("expected an address of at most 16384 bytes, found " +
                   std::to_string(text.size()));
  }
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return Invalid("expected an address without spaces and control characters");
    }
  }
  const std::size_t colon = text.find("://");
  Url url;
  if (Status s = SetScheme(text.substr(0, colon == std::string_view::npos ? 0 : colon), url);
      !s.ok()) {
    return s;
  }
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t slash = std::min(text.find_first_of("/?"), text.size());
  if (Status s = SetAuthority(text.substr(0, slash), url); !s.ok()) return s;
  url.target.assign(text.substr(slash));
  if (url.target.empty() || url.target.front() == '?') url.target.insert(url.target.begin(), '/');
  return url;
}

std::string Redact(std::string_view text) {
  const Result<Url> parsed = ParseUrl(text);
  if (!parsed.ok()) return "(not an address)";
  return parsed->scheme + "://" + parsed->Authority() + ShownPath(parsed->target);
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                         HexDigit(text[i + 2]) >= 0;
    if (!escaped) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
    i += 2;
  }
  return out;
}

}  // namespace virtufin::inline v0::net
