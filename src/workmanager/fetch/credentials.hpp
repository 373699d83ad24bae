// What a fetch shows to the first host, made of what a request brings or names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/url.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/code_source.hpp"
#include "workmanager/fetch/code_url.hpp"

namespace virtufin::inline v0::detail {

/// The credentials that requests may name.
class Credentials {
 public:
  /// Errors: INVALID_ARGUMENT naming the credential and what is wrong with it, never its secret.
  static Result<Credentials> Make(const std::vector<NamedCredential>& named);

  /// The value of the header Authorization for a fetch from `url`; empty: none is shown.
  /// Errors: INVALID_ARGUMENT for a name that is unknown or a secret that fits no header;
  /// PERMISSION_DENIED when the named one is not for this host.
  Result<std::string> Authorization(const SourceCredential& credential, const net::Url& url) const;

 private:
  struct Entry {
    std::string name;
    HostList hosts;
    std::string authorization;
  };
  std::vector<Entry> entries_;
};

}  // namespace virtufin::inline v0::detail
