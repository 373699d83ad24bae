// Drives libcurl's multi handle on one thread.
#include "net/http_client.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "net/http_transfer.hpp"
#include "net/thread.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::net {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// libcurl 7.88 counts these calls and guards them by a lock of its own, so clients of ours and a
/// host that uses libcurl too do not disturb each other.
struct CurlGlobal {
  CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  ~CurlGlobal() {
    if (code == CURLE_OK) curl_global_cleanup();
  }
};

Status Cancelled() { return Status(StatusCode::kCancelled, "net", "the HTTP client was stopped"); }

}  // namespace

struct HttpClient::Impl {
  using Addresses = Result<std::vector<std::string>>;
  struct Pending {
    std::unique_ptr<HttpTransfer> transfer;
    SteadyClock::time_point deadline;
    bool running = false;  // in the multi handle
  };
  struct Mail {
    enum class Kind : std::uint8_t { kSend, kAddresses, kCancel } kind;
    HttpRequestId id;
    std::unique_ptr<HttpTransfer> transfer;
    std::optional<Addresses> addresses;
  };

  explicit Impl(HttpClientOptions client_options)
      : options(std::move(client_options)), resolver(options.resolver) {}
  ~Impl() {
    if (multi != nullptr) curl_multi_cleanup(multi);
  }
  Status Set();
  void Run();
  void Deliver(Mail mail);
  void Begin(std::unique_ptr<HttpTransfer> transfer);
  void OnAddresses(HttpRequestId id, Addresses addresses);
  void End(HttpRequestId id, const std::function<void(HttpTransfer&)>& how);
  void Collect();
  int ExpireAndWait();
  bool PostMail(Mail mail);

  CurlGlobal global;
  HttpClientOptions options;
  std::string ca_pem;  // borrowed by handles
  CURLM* multi = nullptr;
  std::mutex mutex;
  std::condition_variable ended_changed;
  std::deque<Mail> mail;                                  // under the mutex
  bool started = false, stopping = false, ended = false;  // under the mutex
  HttpRequestId next_id = 1;                              // under the mutex
  std::thread thread;                                     // [owner]
  std::atomic<std::thread::id> thread_id{};
  std::unordered_map<HttpRequestId, Pending> pending;  // on the thread
  Resolver resolver;                                   // last: it answers while it goes
};

Status HttpClient::Impl::Set() {
  if (global.code != CURLE_OK) {
    return Status(StatusCode::kInternal, "net",
                  std::string("libcurl cannot be used: ") + curl_easy_strerror(global.code));
  }
  if (options.tls != TlsOptions{}) {  // libcurl reads the system's CAs itself, when it needs them
    const Result<SslCtxPtr> checked = MakeClientContext(options.tls);
    if (!checked.ok()) return checked.status();
  }
  if (!options.tls.ca_file.empty()) {
    std::ifstream file(options.tls.ca_file, std::ios::binary);
    ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    ca_pem += '\n';
  }
  ca_pem += options.tls.ca_pem;
  multi = curl_multi_init();
  if (multi == nullptr) return Status(StatusCode::kInternal, "net", "libcurl gave no handle");
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(options.max_connections_per_host));
  return Status();
}

/// False, and `mail` is left alone, when the client is stopped.
bool HttpClient::Impl::PostMail(Mail item) {
  std::lock_guard lock(mutex);
  if (ended) return false;
  mail.push_back(std::move(item));
  if (mail.size() == 1) curl_multi_wakeup(multi);
  return true;
}

void HttpClient::Impl::Begin(std::unique_ptr<HttpTransfer> transfer) {
  const HttpRequestId id = transfer->id();
  if (Status s = transfer->Check(); !s.ok()) {
    transfer->Fail(std::move(s));
    return;
  }
  const std::string host = transfer->url().host;
  const std::vector<std::string> known = transfer->request().addresses;
  const auto timeout = std::chrono::milliseconds(transfer->request().timeout_ms);
  pending[id] = Pending{std::move(transfer), SteadyClock::now() + timeout};
  if (!known.empty() || IsAddressLiteral(host) || !options.proxy.empty()) {
    OnAddresses(id, known);
    return;
  }
  // The resolver is ours and waits for its callbacks.
  resolver.Resolve(host, [this, id](Addresses addresses) {
    PostMail({Mail::Kind::kAddresses, id, nullptr, std::move(addresses)});
  });
}

void HttpClient::Impl::OnAddresses(HttpRequestId id, Addresses addresses) {
  const auto found = pending.find(id);
  if (found == pending.end()) return;
  HttpTransfer& transfer = *found->second.transfer;
  Status status = addresses.status();
  if (status.ok()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(found->second.deadline -
                                                                            SteadyClock::now());
    status = transfer.Prepare(options, ca_pem, *addresses, std::max<std::int64_t>(1, left.count()));
  }
  if (status.ok() && curl_multi_add_handle(multi, transfer.easy()) != CURLM_OK) {
    status = Status(StatusCode::kInternal, "net", "libcurl refused a request");
  }
  if (!status.ok()) {
    End(id, [&](HttpTransfer& t) { t.Fail(std::move(status)); });
    return;
  }
  found->second.running = true;
}

void HttpClient::Impl::End(HttpRequestId id, const std::function<void(HttpTransfer&)>& how) {
  auto node = pending.extract(id);
  if (!node) return;
  if (node.mapped().running) curl_multi_remove_handle(multi, node.mapped().transfer->easy());
  how(*node.mapped().transfer);
}

void HttpClient::Impl::Deliver(Mail item) {
  switch (item.kind) {
    case Mail::Kind::kSend:
      Begin(std::move(item.transfer));
      break;
    case Mail::Kind::kAddresses:
      OnAddresses(item.id, std::move(*item.addresses));
      break;
    case Mail::Kind::kCancel:
      End(item.id, [](HttpTransfer& transfer) {
        transfer.Fail(Status(StatusCode::kCancelled, "net", "the request was cancelled"));
      });
      break;
  }
}

void HttpClient::Impl::Collect() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* transfer = nullptr;
    const CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    End(static_cast<HttpTransfer*>(transfer)->id(), [&](HttpTransfer& done) { done.Finish(code); });
  }
}

/// Requests that still wait for their addresses have no timer in libcurl. How long to wait at most.
int HttpClient::Impl::ExpireAndWait() {
  std::int64_t wait_ms = 60'000;
  std::vector<HttpRequestId> late;
  const auto now = SteadyClock::now();
  for (const auto& [id, request] : pending) {
    if (request.running) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(request.deadline - now);
    if (left.count() <= 0) late.push_back(id);
    wait_ms = std::clamp<std::int64_t>(left.count(), 1, wait_ms);
  }
  for (const HttpRequestId id : late) {
    End(id, [](HttpTransfer& transfer) {
      transfer.Fail(Status(StatusCode::kDeadlineExceeded, "net",
                           "no address of " + transfer.url().host + " within " +
                               std::to_string(transfer.request().timeout_ms) + " ms"));
    });
  }
  return static_cast<int>(wait_ms);
}

void HttpClient::Impl::Run() {
  ThreadMark mark(ThreadKind::kNetLoop);
  thread_id = std::this_thread::get_id();
  std::deque<Mail> batch;
  for (;;) {
    {
      std::lock_guard lock(mutex);
      batch.swap(mail);
      if (stopping) break;
    }
    for (Mail& item : batch) Deliver(std::move(item));
    batch.clear();
    int running = 0;
    curl_multi_perform(multi, &running);
    Collect();
    const int wait_ms = ExpireAndWait();
    curl_multi_poll(multi, nullptr, 0, wait_ms, nullptr);
  }
  for (;;) {
    for (Mail& item : batch) {
      if (item.kind == Mail::Kind::kSend) item.transfer->Fail(Cancelled());
    }
    batch.clear();
    while (!pending.empty()) {
      End(pending.begin()->first, [](HttpTransfer& transfer) { transfer.Fail(Cancelled()); });
    }
    std::lock_guard lock(mutex);
    batch.swap(mail);
    if (!batch.empty()) continue;
    ended = true;
    break;
  }
  ended_changed.notify_all();
}

HttpClient::HttpClient(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  auto impl = std::make_shared<Impl>(std::move(options));
  if (Status s = impl->Set(); !s.ok()) return s;
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::~HttpClient() {
  if (const Status s = Stop(std::chrono::seconds(5)); s.code() == StatusCode::kFailedPrecondition) {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;  // on its own thread: it ends after this callback
  }
  if (impl_->thread.joinable()) impl_->thread.detach();
}

Status HttpClient::Start() {
  std::lock_guard lock(impl_->mutex);
  if (impl_->started || impl_->stopping) {
    return Status(StatusCode::kFailedPrecondition, "net",
                  "expected an HTTP client that was neither started nor stopped");
  }
  try {
    impl_->thread = StartQuietThread([impl = impl_] { impl->Run(); });
  } catch (const std::exception& error) {
    return Status(StatusCode::kResourceExhausted, "net",
                  std::string("the system gave no thread for the HTTP client: ") + error.what());
  }
  impl_->started = true;
  return Status();
}

Status HttpClient::Stop(std::chrono::milliseconds deadline) {
  if (impl_->thread_id.load() == std::this_thread::get_id()) {
    return Status(StatusCode::kFailedPrecondition, "net",
                  "expected Stop of an HTTP client on another thread than its own");
  }
  std::unique_lock lock(impl_->mutex);
  impl_->stopping = true;
  if (!impl_->started) {
    impl_->ended = true;
    std::deque<Impl::Mail> never = std::move(impl_->mail);
    lock.unlock();
    for (Impl::Mail& item : never) {
      if (item.transfer != nullptr) item.transfer->Fail(Cancelled());
    }
    return Status();
  }
  if (!impl_->ended) curl_multi_wakeup(impl_->multi);
  if (impl_->ended_changed.wait_for(lock, deadline, [&] { return impl_->ended; })) {
    lock.unlock();
    if (impl_->thread.joinable()) impl_->thread.join();
    return Status();
  }
  return Status(StatusCode::kDeadlineExceeded, "net",
                "a callback of the HTTP client did not return within " +
                    std::to_string(deadline.count()) + " ms");
}

HttpRequestId HttpClient::Send(HttpRequest request, Done done) {
  std::unique_lock lock(impl_->mutex);
  const HttpRequestId id = impl_->next_id++;
  auto transfer = std::make_unique<HttpTransfer>(id, std::move(request), std::move(done));
  if (impl_->ended || impl_->stopping) {
    lock.unlock();
    transfer->Fail(Cancelled());
    return id;
  }
  impl_->mail.push_back({Impl::Mail::Kind::kSend, id, std::move(transfer), std::nullopt});
  if (impl_->mail.size() == 1) curl_multi_wakeup(impl_->multi);
  return id;
}

void HttpClient::Cancel(HttpRequestId id) {
  impl_->PostMail({Impl::Mail::Kind::kCancel, id, nullptr, std::nullopt});
}

}  // namespace virtufin::inline v0::net
