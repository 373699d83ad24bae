// Runs libwebsockets on one thread and keeps it from touching the rest of the process.
#include "net/loop.hpp"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/loop_impl.hpp"
#include "net/thread.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::net {
namespace {

/// libwebsockets has process-wide state: its log, OpenSSL's set-up, SIGPIPE. One loop at a time is
/// made or ended.
std::mutex& LwsMutex() {
  static std::mutex mutex;
  return mutex;
}

constexpr std::size_t kLineBytes = 256;
struct LastLine {
  char text[kLineBytes];
  std::size_t size;
  bool mine;  // the thread belongs to us: its lines are kept, not printed
};
thread_local constinit LastLine last_line{};

void EmitLine(int level, const char* line) {
  if (!last_line.mine) {
    lwsl_emit_stderr(level, line);
    return;
  }
  if ((level & (LLL_ERR | LLL_WARN)) == 0) return;
  last_line.size = std::min(std::strlen(line), kLineBytes);
  std::memcpy(last_line.text, line, last_line.size);
}

/// While it lives, lines of the calling thread are ours.
class OwnLines {
 public:
  OwnLines() noexcept : before_(last_line.mine) { last_line.mine = true; }
  ~OwnLines() { last_line.mine = before_; }
  OwnLines(const OwnLines&) = delete;
  OwnLines& operator=(const OwnLines&) = delete;

 private:
  bool before_;
};

constexpr int kDefaultLevel = LLL_ERR | LLL_WARN | LLL_NOTICE;

bool LevelIsDefault() {
  for (int bit = 0; bit < LLL_COUNT; ++bit) {
    const int level = 1 << bit;
    if (level == LLL_USER) continue;  // visible or not by version
    if ((lwsl_visible(level) != 0) != ((kDefaultLevel & level) != 0)) return false;
  }
  return true;
}

int CurrentLevel() {
  int level = 0;
  for (int bit = 0; bit < LLL_COUNT; ++bit) {
    if (lwsl_visible(1 << bit) != 0) level |= 1 << bit;
  }
  return level;
}

int log_users = 0;  // under LwsMutex

void TakeLog() {
  if (log_users++ == 0 && LevelIsDefault()) lws_set_log_level(CurrentLevel(), &EmitLine);
}
void GiveLogBack() {
  if (--log_users == 0 && LevelIsDefault()) lws_set_log_level(CurrentLevel(), &lwsl_emit_stderr);
}

lws_protocols ClientProtocol() {
  lws_protocols protocol{};
  protocol.name = "virtufin-ws";
  protocol.callback = &WebSocketCallback;
  protocol.rx_buffer_size = kLwsBufferBytes;
  return protocol;
}
const lws_protocols kProtocols[] = {ClientProtocol(), lws_protocols{}};

lws_context_creation_info BaseInfo() {
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.pt_serv_buf_size = kLwsBufferBytes;
  info.max_http_header_data2 = 16 * 1024;
  info.protocols = kProtocols;
  info.http_proxy_address = ":0";  // none; without it the one of the environment is taken
  return info;
}

}  // namespace

std::string TakeLwsLine() {
  std::string line(last_line.text, last_line.size);
  last_line.size = 0;
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.pop_back();
  return line;
}

NetLoop::Impl::Impl(const NetLoopOptions& loop_options, Clock& loop_clock, LogSink& loop_log)
    : options(loop_options), clock(loop_clock), log(loop_log), resolver(loop_options.resolver) {}

NetLoop::Impl::~Impl() { DestroyContext(); }

Status NetLoop::Impl::CreateContext() {
  std::lock_guard lock(LwsMutex());
  OwnLines own;
  if (!options.keep_lws_log) TakeLog();
  struct sigaction before {};
  sigaction(SIGPIPE, nullptr, &before);
  const lws_context_creation_info info = BaseInfo();
  context = lws_create_context(&info);
  sigaction(SIGPIPE, &before, nullptr);
  if (context != nullptr) return Status();
  if (!options.keep_lws_log) GiveLogBack();
  return Status(StatusCode::kInternal, "net", "libwebsockets gave no context: " + TakeLwsLine());
}

void NetLoop::Impl::DestroyContext() {
  if (context == nullptr) return;
  std::lock_guard lock(LwsMutex());
  OwnLines own;
  lws_context_destroy(context);
  context = nullptr;
  vhosts.clear();
  if (!options.keep_lws_log) GiveLogBack();
}

void NetLoop::Impl::Log(LogLevel level, const std::string& text) const {
  if (log.Enabled(level)) log.Write(level, "net", text);
}

Result<lws_vhost*> NetLoop::Impl::VhostFor(const TlsOptions& tls) {
  for (const Vhost& known : vhosts) {
    if (known.tls == tls) return known.vhost;
  }
  Result<SslCtxPtr> made = MakeClientContext(tls);
  if (!made.ok()) return made.status();
  Vhost& fresh = vhosts.emplace_back();
  fresh.name = "v" + std::to_string(vhosts.size());
  fresh.tls = tls;
  fresh.context = std::move(*made);
  lws_context_creation_info info = BaseInfo();
  info.vhost_name = fresh.name.c_str();
  info.provided_client_ssl_ctx = fresh.context.get();
  fresh.vhost = lws_create_vhost(context, &info);
  info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  if (fresh.vhost != nullptr && lws_init_vhost_client_ssl(&info, fresh.vhost) == 0) {
    return fresh.vhost;
  }
  Status status(StatusCode::kInternal, "net", "libwebsockets gave no vhost: " + TakeLwsLine());
  if (fresh.vhost == nullptr) {
    vhosts.pop_back();
  } else {
    // It goes with the context, as do the name and the trust it points to; nobody finds it again.
    fresh.tls.ca_pem = "(unusable)";
  }
  return status;
}

void NetLoop::Impl::Keep(std::shared_ptr<LoopGuest> guest) {
  LoopGuest* key = guest.get();
  guests.emplace(key, std::move(guest));
}

void NetLoop::Impl::Forget(LoopGuest* guest) {
  // What is forgotten may be on the stack: it goes with the next round.
  if (auto node = guests.extract(guest)) PostAlways([keep = std::move(node.mapped())] {});
}

void NetLoop::Impl::PostAlways(Task task) {
  std::lock_guard lock(mutex);
  queue.push_back(std::move(task));
  if (queue.size() == 1) Kick();
}

/// Under the mutex: wakes the loop. Lookups answer at any time, also while the context goes.
void NetLoop::Impl::Kick() {
  if (started && !context_gone) lws_cancel_service(context);
}

bool NetLoop::Impl::Stopping() {
  std::lock_guard lock(mutex);
  return stopping;
}

ReceiveTime NetLoop::Impl::Now() const noexcept {
  const Timestamp now = clock.Now();
  return {now.unix_seconds() * 1'000'000'000 + now.nanoseconds(),
          clock.Monotonic().time_since_epoch().count()};
}

void NetLoop::Impl::Drain() {
  {
    std::lock_guard lock(mutex);
    batch.swap(queue);
  }
  for (Task& task : batch) {
    try {
      task();
    } catch (const std::exception& error) {
      Log(LogLevel::kError, std::string("a task of the net loop threw: ") + error.what());
    } catch (...) {
      Log(LogLevel::kError, "a task of the net loop threw");
    }
  }
  batch.clear();
}

void NetLoop::Impl::Run() {
  ThreadMark mark(ThreadKind::kNetLoop);
  OwnLines own;
  thread_id = std::this_thread::get_id();
  for (;;) {
    Drain();
    {
      std::lock_guard lock(mutex);
      if (stopping) break;
    }
    ++turn;
    lws_service(context, 0);
  }
  Drain();  // what was posted before Stop comes before the end of the sockets
  while (!guests.empty()) {
    std::shared_ptr<LoopGuest> guest = guests.begin()->second;
    guest->OnLoopStop();
    guests.erase(guest.get());
  }
  Drain();
  {
    std::lock_guard lock(mutex);
    context_gone = true;
  }
  DestroyContext();
  std::vector<Task> dropped;
  {
    std::lock_guard lock(mutex);
    ended = true;
    dropped.swap(queue);
  }
  ended_changed.notify_all();
}

NetLoop::NetLoop(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<std::unique_ptr<NetLoop>> NetLoop::Create(const NetLoopOptions& options, Clock& clock,
                                                 LogSink& log) {
  auto impl = std::make_shared<Impl>(options, clock, log);
  if (Status s = impl->CreateContext(); !s.ok()) return s;
  return std::unique_ptr<NetLoop>(new NetLoop(std::move(impl)));
}

NetLoop::~NetLoop() {
  if (const Status s = Stop(std::chrono::seconds(5)); s.code() == StatusCode::kFailedPrecondition) {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;  // on its own thread: it ends after this task
  }
  if (impl_->thread.joinable()) impl_->thread.detach();
}

Status NetLoop::Start() {
  std::lock_guard lock(impl_->mutex);
  if (impl_->started || impl_->stopping) {
    return Status(StatusCode::kFailedPrecondition, "net",
                  "expected a net loop that was neither started nor stopped");
  }
  try {
    impl_->thread = StartQuietThread([impl = impl_] { impl->Run(); });
  } catch (const std::exception& error) {
    return Status(StatusCode::kResourceExhausted, "net",
                  std::string("the system gave no thread for the net loop: ") + error.what());
  }
  impl_->started = true;
  return Status();
}

Status NetLoop::Stop(std::chrono::milliseconds deadline) {
  if (OnLoopThread()) {
    return Status(StatusCode::kFailedPrecondition, "net",
                  "expected Stop of a net loop on another thread than its own");
  }
  impl_->stop_asked = true;
  std::vector<Task> never;  // of a loop that was not started; destroyed without the mutex
  std::unique_lock lock(impl_->mutex);
  const bool first = !std::exchange(impl_->stopping, true);
  if (!impl_->started) never.swap(impl_->queue);
  if (!impl_->started) return Status();
  if (first) impl_->Kick();
  if (impl_->ended_changed.wait_for(lock, deadline, [&] { return impl_->ended; })) {
    lock.unlock();
    if (impl_->thread.joinable()) impl_->thread.join();
    return Status();
  }
  return Status(StatusCode::kDeadlineExceeded, "net",
                "a callback on the net loop did not return within " +
                    std::to_string(deadline.count()) + " ms");
}

void NetLoop::Post(Task task) {
  if (!task) return;
  std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return;
  impl_->queue.push_back(std::move(task));
  if (impl_->queue.size() == 1) impl_->Kick();
}

bool NetLoop::OnLoopThread() const noexcept {
  return impl_->thread_id.load() == std::this_thread::get_id();
}

ReceiveTime NetLoop::Now() const noexcept { return impl_->Now(); }

Resolver& NetLoop::resolver() noexcept { return impl_->resolver; }

}  // namespace virtufin::inline v0::net
