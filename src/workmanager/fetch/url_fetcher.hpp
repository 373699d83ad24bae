// UrlFetcher: one GET after another until code is there, each behind the guard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "virtufin/workmanager/url_fetcher.hpp"
#include "workmanager/fetch/code_url.hpp"
#include "workmanager/fetch/credentials.hpp"

namespace virtufin::inline v0::detail {

/// What tests put in the place of the network: the guard refuses the addresses of local servers.
struct FetchNetwork {
  /// The addresses of a name; null: the system's.
  std::function<Result<std::vector<std::string>>(const std::string& host)> lookup;
  /// Where an address that passed the guard is; null: there.
  std::function<std::string(const std::string& address)> connect;
};

class UrlFetcher final : public CodeFetcher {
 public:
  /// Errors: as MakeUrlFetcher.
  static Result<std::unique_ptr<UrlFetcher>> Create(const UrlFetcherOptions& options,
                                                    FetchNetwork network = {});
  Result<std::vector<std::uint8_t>> Fetch(const CodeSource& source) override;

 private:
  class Run;
  UrlFetcher(const UrlFetcherOptions& options, HostList allowed, Credentials credentials,
             FetchNetwork network)
      : options_(options),
        allowed_(std::move(allowed)),
        credentials_(std::move(credentials)),
        network_(std::move(network)) {}

  const UrlFetcherOptions options_;
  const HostList allowed_;
  const Credentials credentials_;
  const FetchNetwork network_;
};

}  // namespace virtufin::inline v0::detail
