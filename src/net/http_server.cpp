// The server itself: options, the loop's thread, accepting, what the loop runs later.
#include "net/http_server.hpp"

#include <exception>
#include <system_error>

#include <boost/asio/ip/address.hpp>

#include "net/server_impl.hpp"
#include "net/thread.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::net {
namespace detail {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{50};

}  // namespace

Server::Server(HttpServerOptions its_options, HttpHandler& its_handler, LogSink& its_log)
    : options(std::move(its_options)),
      handler(its_handler),
      loop(std::make_shared<Loop>(io, its_log, counters)) {}

Server::~Server() {
  loop->Close();
  sessions_.clear();
}

Status Server::Start() {
  if (phase_ != Phase::kNew) {
    return Status(StatusCode::kFailedPrecondition, "net", "the server was started before");
  }
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(options.address), options.port);
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor_.close(ignored);
    return Status(StatusCode::kUnavailable, "net",
                  "expected to listen on " + EndpointText(endpoint) + ": " + error.message());
  }
  port.store(acceptor_.local_endpoint(error).port());
  Accept();
  try {
    thread_ = StartQuietThread([self = shared_from_this()] { self->Run(); });
  } catch (const std::system_error&) {
    return Status(StatusCode::kResourceExhausted, "net", "the system gives no thread");
  }
  phase_ = Phase::kRunning;
  return Status{};
}

void Server::Run() {
  pthread_setname_np(pthread_self(), "vf-http");
  const ThreadMark mark(ThreadKind::kNetLoop);
  loop->Enter();
  const auto guard = asio::make_work_guard(io);
  while (!io.stopped()) RunTasks([this] { io.run(); });
  loop->Close();
  if (loop->abandoned()) {
    while (!sessions_.empty()) sessions_.front()->Kill();
  } else {
    // What came too late learns it here and not on the thread that destroys the server.
    io.restart();
    bool more = true;
    while (more) RunTasks([&] { more = io.poll() > 0; });
  }
  loop->Leave();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  ended_changed_.notify_all();
}

template <class F>
void Server::RunTasks(F run) {
  try {
    run();
  } catch (const std::exception& error) {
    loop->Log(LogLevel::kError, std::string("the HTTP loop caught: ") + error.what());
  }
}

void Server::Accept() {
  incoming_.emplace(io);
  acceptor_.async_accept(*incoming_, [this](const error_code& error) { OnAccept(error); });
}

void Server::AcceptLater() {
  accept_timer_.expires_after(kAcceptPause);
  accept_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && !stopping_) Accept();
  });
}

void Server::OnAccept(const error_code& error) {
  if (stopping_ || error == asio::error::operation_aborted) return;
  if (error) {  // out of descriptors, most likely: wait until some are free
    AcceptLater();
    return loop->Log(LogLevel::kWarn, "cannot accept a connection: " + error.message());
  }
  try {
    TakeConnection();
  } catch (const std::exception& fault) {
    AcceptLater();
    return loop->Log(LogLevel::kError, std::string("cannot take a connection: ") + fault.what());
  }
  Accept();
}

void Server::TakeConnection() {
  counters->accepted.fetch_add(1, std::memory_order_relaxed);
  error_code ignored;
  if (counters->connections.load(std::memory_order_relaxed) >=
      static_cast<std::uint64_t>(options.max_connections)) {
    counters->refused.fetch_add(1, std::memory_order_relaxed);
    incoming_->close(ignored);
    return;
  }
  SetSocketOptions(*incoming_, options);
  error_code gone;
  const auto peer = incoming_->remote_endpoint(gone);
  auto session =
      MakeHttpSession(*this, AnyStream(std::move(*incoming_), tls.has_value() ? &*tls : nullptr),
                      gone ? std::string() : EndpointText(peer));
  Add(session);
  Guard(*session, [&] { session->Start(); });
}

void Server::OnFault(Session& session, const char* reason) {
  const auto self = session.shared_from_this();
  loop->Log(LogLevel::kError, "the connection of " + session.Describe() + " failed: " + reason);
  self->Kill();
}

void Server::Add(std::shared_ptr<Session> session) {
  sessions_.push_back(std::move(session));
  sessions_.back()->place_ = std::prev(sessions_.end());
  counters->connections.fetch_add(1, std::memory_order_relaxed);
  if (!sweeping_) Sweep();
}

void Server::Replace(Session& old, std::shared_ptr<Session> session) {
  session->place_ = old.place_;
  *old.place_ = std::move(session);
}

void Server::Remove(Session& session) {
  sessions_.erase(session.place_);
  counters->connections.fetch_sub(1, std::memory_order_relaxed);
  if (stopping_ && sessions_.empty()) io.stop();
}

void Server::After(std::chrono::nanoseconds delay, std::function<void()> task) {
  loop->Post([this, at = SteadyClock::now() + delay, task = std::move(task)]() mutable {
    auto timer = std::make_unique<Timer>(io, at);
    Timer& waiting = *timer;
    waiting.async_wait(
        [this, timer = std::move(timer), task = std::move(task)](const error_code& cancelled) {
          if (!cancelled) loop->Call("a task of HttpServer::After", {}, task);
        });
  });
}

const std::string& Server::Date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    char text[64];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                  utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                  utc.tm_sec);
    date_ = text;
  }
  return date_;
}

HttpServerCounters Server::Count() const noexcept {
  const auto read = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  HttpServerCounters now;
  now.connections = read(counters->connections);
  now.sockets = read(counters->sockets);
  now.unfinished_bytes = read(counters->unfinished_bytes);
  now.unsent_bytes = read(counters->unsent_bytes);
  now.accepted = read(counters->accepted);
  now.requests = read(counters->requests);
  now.refused = read(counters->refused);
  now.bad_requests = read(counters->bad_requests);
  now.timeouts = read(counters->timeouts);
  now.refused_pieces = read(counters->refused_pieces);
  now.refused_messages = read(counters->refused_messages);
  now.handler_errors = read(counters->handler_errors);
  now.abandoned_calls = read(counters->abandoned_calls);
  return now;
}

}  // namespace detail

Result<std::unique_ptr<HttpServer>> HttpServer::Create(HttpServerOptions options,
                                                       HttpHandler& handler, LogSink& log) {
  if (Status status = detail::CheckOptions(options); !status.ok()) return status;
  auto server = std::make_shared<detail::Server>(std::move(options), handler, log);
  if (Status status = server->SetUpTls(); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(server)));
}

HttpServer::HttpServer(std::shared_ptr<detail::Server> server) noexcept
    : server_(std::move(server)) {}

HttpServer::~HttpServer() { static_cast<void>(server_->Stop(std::chrono::milliseconds(0))); }

Status HttpServer::Start() { return server_->Start(); }

Status HttpServer::Stop(std::chrono::milliseconds deadline) { return server_->Stop(deadline); }

std::uint16_t HttpServer::port() const noexcept { return server_->port.load(); }

HttpServerCounters HttpServer::counters() const noexcept { return server_->Count(); }

void HttpServer::After(std::chrono::nanoseconds delay, std::function<void()> task) {
  server_->After(delay, std::move(task));
}

}  // namespace virtufin::inline v0::net
