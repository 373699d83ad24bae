// CodeUrl: the address of a worker's code, read so that nobody can read it otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/url.hpp"
#include "virtufin/core/result.hpp"
#include "workmanager/fetch/address.hpp"

namespace virtufin::inline v0::detail {

struct CodeUrl {
  net::Url url;                      // the host without a trailing dot, an address as Text() has it
  std::optional<IpAddress> literal;  // the host, when it is an address
  std::string pin;                   // 64 hexadecimal digits in lower case, or none

  /// What is asked for: no fragment, nothing but what `url` says.
  std::string Text() const;
  /// What may be printed.
  std::string Shown() const { return net::Redact(Text()); }
  bool SameOrigin(const CodeUrl& other) const;
};

/// Takes http and https, no user part, a host in ASCII that is a name or an address in its usual
/// form, and as a fragment `sha256:<64 hexadecimal digits>` or none.
/// Errors: INVALID_ARGUMENT; PERMISSION_DENIED for an unusual form of an address inside. Neither
/// repeats more of `text` than its host.
Result<CodeUrl> ParseCodeUrl(std::string_view text);

/// Where `location`, a relative or absolute reference, leads from `base`. Its fragment is dropped.
/// Errors: as ParseCodeUrl.
Result<CodeUrl> FollowLocation(const CodeUrl& base, std::string_view location);

/// Hosts by name or address, each with all its ports or one: "cdn.example", "10.0.0.7:8443",
/// "[fd00::7]:8443".
class HostList {
 public:
  /// Errors: INVALID_ARGUMENT naming the entry.
  static Result<HostList> Parse(const std::vector<std::string>& entries);
  /// The same for where a secret may go: "http://" in front allows plain text there.
  static Result<HostList> ParseForSecrets(const std::vector<std::string>& entries);
  /// True when the host is written so: what a name resolves to does not matter.
  bool Contains(const net::Url& url) const;
  /// True when it is written so with the URL's scheme and port; https and its port need no writing.
  bool ContainsForSecrets(const net::Url& url) const;

 private:
  struct Entry {
    std::string host;
    std::optional<std::uint16_t> port;
    bool plain_text = false;
  };
  std::vector<Entry> entries_;
};

}  // namespace virtufin::inline v0::detail
