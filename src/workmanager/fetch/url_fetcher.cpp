// Resolves, judges, connects and follows redirects itself, so that nothing is asked unjudged.
#include "workmanager/fetch/url_fetcher.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "net/http_client.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/core/sha256.hpp"

namespace virtufin::inline v0::detail {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Code = std::vector<std::uint8_t>;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr int kMostRedirects = 20;

Status Failed(StatusCode code, std::string message) {
  return Status(code, "workmanager", std::move(message));
}

/// What a callback on another thread answers.
template <class T>
class Answer {
 public:
  void Give(T value) {
    std::lock_guard lock(mutex_);
    value_.emplace(std::move(value));
    changed_.notify_all();
  }
  T Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return value_.has_value(); });
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

std::string Sha256(std::string_view bytes) {
  return Sha256Hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Status CheckOptions(const UrlFetcherOptions& options) {
  const auto check = [](const char* name, std::int64_t least, std::int64_t most,
                        std::int64_t found) -> Status {
    if (found >= least && found <= most) return {};
    return Failed(StatusCode::kInvalidArgument, "fetcher of code: expected " + std::string(name) +
                                                    " from " + std::to_string(least) + " to " +
                                                    std::to_string(most) + ", found " +
                                                    std::to_string(found));
  };
  if (Status s = check("timeout_ms", 1, kDayMs, options.timeout_ms); !s.ok()) return s;
  return check("max_redirects", 0, kMostRedirects, options.max_redirects);
}

net::HttpClientOptions ClientOptions(const UrlFetcherOptions& options) {
  net::HttpClientOptions client;
  client.tls.ca_file = options.ca_file;
  return client;
}

}  // namespace

/// One fetch: its deadline, its client, and how far it has come.
class UrlFetcher::Run {
 public:
  Run(const UrlFetcher& fetcher, CodeUrl first, std::string authorization)
      : fetcher_(fetcher),
        first_(std::move(first)),
        authorization_(std::move(authorization)),
        deadline_(SteadyClock::now() + std::chrono::milliseconds(fetcher.options_.timeout_ms)) {}

  Result<Code> Fetch() {
    CodeUrl url = first_;
    for (int redirects = 0;; ++redirects) {
      net::HttpResponse response;
      if (Status status = Ask(url, response); !status.ok()) return status;
      if (!IsRedirect(response.status)) return Accept(url, response);
      Result<CodeUrl> next = Follow(url, response, redirects);
      if (!next.ok()) return next.status();
      url = std::move(*next);
      if (!url.SameOrigin(first_)) authorization_.clear();  // nor when it comes back
    }
  }

 private:
  Status Error(StatusCode code, const CodeUrl& url, const std::string& what) const {
    std::string where = first_.Shown();
    if (url.Text() != first_.Text()) where += ": redirected to " + url.Shown();
    return Failed(code, "cannot fetch code from " + where + ": " + what);
  }
  std::int64_t LeftMs() const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - SteadyClock::now()).count();
    return std::max<std::int64_t>(left, 0);
  }
  Status Late(const CodeUrl& url) const {
    return Error(StatusCode::kUnavailable, url,
                 "expected it within " + std::to_string(fetcher_.options_.timeout_ms) +
                     " ms, found no end by then");
  }

  Status StartClient();
  Status Resolve(const CodeUrl& url, std::vector<std::string>& addresses) const;
  Status Judge(const CodeUrl& url, const std::vector<std::string>& addresses) const;
  Status Ask(const CodeUrl& url, net::HttpResponse& response);
  Result<CodeUrl> Follow(const CodeUrl& from, const net::HttpResponse& response, int before) const;
  Result<Code> Accept(const CodeUrl& url, const net::HttpResponse& response) const;

  const UrlFetcher& fetcher_;
  const CodeUrl first_;
  std::string authorization_;
  const SteadyClock::time_point deadline_;
  std::unique_ptr<net::HttpClient> client_;
};

/// Not before something passed the guard: a refused fetch reads no CA and starts no thread.
Status UrlFetcher::Run::StartClient() {
  if (client_ != nullptr) return {};
  auto client = net::HttpClient::Create(ClientOptions(fetcher_.options_));
  if (!client.ok()) return client.status();
  client_ = std::move(*client);
  return client_->Start();
}

/// Asks anew for each request: an answer of before has been judged for another one.
Status UrlFetcher::Run::Resolve(const CodeUrl& url, std::vector<std::string>& addresses) const {
  if (url.literal) {
    addresses = {url.url.host};
    return {};
  }
  const std::int64_t left_ms = LeftMs();
  if (left_ms == 0) return Late(url);
  Answer<Result<std::vector<std::string>>> answer;
  net::ResolverOptions options;
  options.timeout_ms = left_ms;
  options.max_threads = 1;
  options.lookup = fetcher_.network_.lookup;
  net::Resolver resolver(options);
  resolver.Resolve(url.url.host, [&](auto found) { answer.Give(std::move(found)); });
  Result<std::vector<std::string>> found = answer.Take();
  if (found.status().code() == StatusCode::kDeadlineExceeded) return Late(url);
  if (!found.ok()) {
    return Error(StatusCode::kUnavailable, url, std::string(found.status().message()));
  }
  addresses = std::move(*found);
  return {};
}

Status UrlFetcher::Run::Judge(const CodeUrl& url, const std::vector<std::string>& addresses) const {
  if (fetcher_.allowed_.Contains(url.url)) return {};
  for (const std::string& text : addresses) {
    const std::optional<IpAddress> address = ParseAddress(text);
    const AddressRange* inside = address ? InsideRange(*address) : nullptr;
    if (address && inside == nullptr) continue;
    const std::string reason =
        inside != nullptr ? std::string(inside->name) + " (" + std::string(inside->where) + ")"
                          : "no address that can be judged";
    return Error(StatusCode::kPermissionDenied, url,
                 "expected public addresses, or the host among workmanager.code.allowed_hosts, "
                 "found " +
                     text + ": " + reason);
  }
  return {};
}

Status UrlFetcher::Run::Ask(const CodeUrl& url, net::HttpResponse& response) {
  net::HttpRequest request;
  if (Status status = Resolve(url, request.addresses); !status.ok()) return status;
  if (Status status = Judge(url, request.addresses); !status.ok()) return status;
  if (Status status = StartClient(); !status.ok()) return status;
  if (fetcher_.network_.connect) {
    for (std::string& address : request.addresses) address = fetcher_.network_.connect(address);
  }
  request.url = url.Text();
  request.timeout_ms = LeftMs();
  if (request.timeout_ms == 0) return Late(url);
  request.max_body_bytes = fetcher_.options_.max_bytes;
  request.headers = {{"User-Agent", "libvirtufin"}};
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  Answer<net::HttpResponse> answer;
  client_->Send(std::move(request), [&](net::HttpResponse r) { answer.Give(std::move(r)); });
  response = answer.Take();
  if (response.error.ok()) return {};
  switch (response.error.code()) {
    case StatusCode::kDeadlineExceeded:
      return Late(url);
    case StatusCode::kResourceExhausted:
      return Failed(StatusCode::kResourceExhausted,
                    "cannot fetch code: " + std::string(response.error.message()));
    default:
      return Failed(StatusCode::kUnavailable,
                    "cannot fetch code: " + std::string(response.error.message()));
  }
}

Result<CodeUrl> UrlFetcher::Run::Follow(const CodeUrl& from, const net::HttpResponse& response,
                                        int before) const {
  const std::string status = std::to_string(response.status);
  const std::string_view location = response.Header("location");
  if (location.empty()) {
    return Error(StatusCode::kUnavailable, from,
                 "expected a Location with the status " + status + ", found none");
  }
  if (before >= fetcher_.options_.max_redirects) {
    return Error(StatusCode::kUnavailable, from,
                 "expected at most " + std::to_string(fetcher_.options_.max_redirects) +
                     " redirects, found another");
  }
  Result<CodeUrl> next = FollowLocation(from, location);
  if (!next.ok()) {
    return Error(StatusCode::kPermissionDenied, from,
                 "found a redirect: " + std::string(next.status().message()));
  }
  if (from.url.tls && !next->url.tls) {
    return Error(StatusCode::kPermissionDenied, from,
                 "expected a redirect to https, found one to " + next->Shown());
  }
  return next;
}

Result<Code> UrlFetcher::Run::Accept(const CodeUrl& url, const net::HttpResponse& response) const {
  if (response.status != 200) {
    return Error(StatusCode::kUnavailable, url,
                 "expected the status 200, found " + std::to_string(response.status));
  }
  if (!first_.pin.empty()) {
    if (const std::string found = Sha256(response.body); found != first_.pin) {
      return Error(StatusCode::kInvalidArgument, url,
                   "expected sha256:" + first_.pin + ", found sha256:" + found);
    }
  }
  return Code(response.body.begin(), response.body.end());
}

Result<std::unique_ptr<UrlFetcher>> UrlFetcher::Create(const UrlFetcherOptions& options,
                                                       FetchNetwork network) {
  if (Status status = CheckOptions(options); !status.ok()) return status;
  Result<HostList> allowed = HostList::Parse(options.allowed_hosts);
  if (!allowed.ok()) {
    return Failed(StatusCode::kInvalidArgument,
                  "workmanager.code.allowed_hosts: " + std::string(allowed.status().message()));
  }
  Result<Credentials> credentials = Credentials::Make(options.credentials);
  if (!credentials.ok()) return credentials.status();
  if (!options.ca_file.empty()) {  // whether it can be read shows now, not with the first worker
    const auto client = net::HttpClient::Create(ClientOptions(options));
    if (!client.ok()) return client.status();
  }
  return std::unique_ptr<UrlFetcher>(
      new UrlFetcher(options, std::move(*allowed), std::move(*credentials), std::move(network)));
}

Result<Code> UrlFetcher::Fetch(const CodeSource& source) {
  if (CurrentThreadKind() == ThreadKind::kNetLoop) {
    return Failed(StatusCode::kFailedPrecondition,
                  "expected a fetch of code on a thread that may wait, found a net loop");
  }
  const Executor::BlockingScope blocking;
  Result<CodeUrl> url = ParseCodeUrl(source.url);
  if (!url.ok()) return url.status();
  Result<std::string> authorization = credentials_.Authorization(source.credential, url->url);
  if (!authorization.ok()) return authorization.status();
  return Run(*this, std::move(*url), std::move(*authorization)).Fetch();
}

}  // namespace virtufin::inline v0::detail

namespace virtufin::inline v0 {

Result<std::unique_ptr<CodeFetcher>> MakeUrlFetcher(const UrlFetcherOptions& options) {
  Result<std::unique_ptr<detail::UrlFetcher>> fetcher = detail::UrlFetcher::Create(options);
  if (!fetcher.ok()) return fetcher.status();
  return std::unique_ptr<CodeFetcher>(std::move(*fetcher));
}

}  // namespace virtufin::inline v0
