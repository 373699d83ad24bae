// The server itself: options, the loop's thread, accepting, the sweep of overdue connections, stop.
#include "net/http_server.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "net/server_impl.hpp"
#include "net/thread.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::net {
namespace detail {
namespace {

constexpr std::chrono::milliseconds kAcceptPause{50};

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "net", std::move(message));
}

Status CheckPositive(std::initializer_list<std::pair<const char*, std::int64_t>> numbers) {
  for (const auto& [name, value] : numbers) {
    if (value <= 0) {
      return Invalid(std::string("expected ") + name + " above 0, found " + std::to_string(value));
    }
  }
  return Status{};
}

Status CheckOptions(const HttpServerOptions& options) {
  error_code error;
  asio::ip::make_address(options.address, error);
  if (error) return Invalid("expected an IP address as address, found '" + options.address + "'");
  if (options.tls_certificate_pem.empty() != options.tls_key_pem.empty()) {
    return Invalid("expected tls_certificate_pem and tls_key_pem, found one of them");
  }
  if (!options.tls_client_ca_pem.empty() && options.tls_key_pem.empty()) {
    return Invalid("expected a certificate with tls_client_ca_pem, found none");
  }
  if (options.max_header_bytes > (std::size_t{1} << 24)) {
    return Invalid("expected max_header_bytes of at most 16 MiB, found " +
                   std::to_string(options.max_header_bytes));
  }
  return CheckPositive(
      {{"max_header_bytes", static_cast<std::int64_t>(options.max_header_bytes)},
       {"max_fields", static_cast<std::int64_t>(options.max_fields)},
       {"max_stream_bytes", static_cast<std::int64_t>(options.max_stream_bytes)},
       {"max_message_bytes", static_cast<std::int64_t>(options.max_message_bytes)},
       {"max_send_queue_bytes", static_cast<std::int64_t>(options.max_send_queue_bytes)},
       {"header_timeout_ms", options.header_timeout_ms},
       {"body_timeout_ms", options.body_timeout_ms},
       {"idle_timeout_ms", options.idle_timeout_ms},
       {"write_timeout_ms", options.write_timeout_ms},
       {"max_connections", options.max_connections}});
}

std::string EndpointText(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = ":" + std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]" + port : host + port;
}

}  // namespace

Server::Server(HttpServerOptions its_options, HttpHandler& its_handler, LogSink& its_log)
    : options(std::move(its_options)), handler(its_handler), log(its_log) {}

Server::~Server() {
  loop->Close();
  sessions_.clear();
}

Status Server::SetUpTls() {
  if (options.tls_key_pem.empty()) return Status{};
  tls.emplace(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  // Sessions of clients that showed a certificate are resumed under this name only.
  constexpr unsigned char kName[] = "virtufin";
  SSL_CTX_set_session_id_context(tls->native_handle(), kName, sizeof(kName) - 1);
  error_code error;
  // Nobody is asked for the passphrase of an encrypted key.
  tls->set_password_callback(
      [](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
  tls->use_certificate_chain(asio::buffer(options.tls_certificate_pem), error);
  if (error) return Invalid("expected a PEM chain in tls_certificate_pem: " + error.message());
  tls->use_private_key(asio::buffer(options.tls_key_pem), asio::ssl::context::pem, error);
  if (error) return Invalid("expected the certificate's key in tls_key_pem: " + error.message());
  if (!options.tls_client_ca_pem.empty()) {
    tls->add_certificate_authority(asio::buffer(options.tls_client_ca_pem), error);
    if (error) return Invalid("expected PEM certificates in tls_client_ca_pem: " + error.message());
    tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  }
  options.tls_key_pem.assign(options.tls_key_pem.size(), '\0');
  return Status{};
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
    thread_ = StartQuietThread([this] { Run(); });
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
  // What came too late learns it here and not on the thread that destroys the server.
  loop->Close();
  io.restart();
  bool more = true;
  while (more) RunTasks([&] { more = io.poll() > 0; });
}

template <class F>
void Server::RunTasks(F run) {
  try {
    run();
  } catch (const std::exception& error) {
    if (log.Enabled(LogLevel::kError)) {
      log.Write(LogLevel::kError, "net", std::string("the HTTP loop caught: ") + error.what());
    }
  }
}

Status Server::Stop(std::chrono::milliseconds deadline) {
  if (loop->Here()) {
    return Status(StatusCode::kFailedPrecondition, "net", "a server is not stopped on its loop");
  }
  if (phase_ != Phase::kRunning) {
    phase_ = Phase::kStopped;
    return Status{};
  }
  phase_ = Phase::kStopped;
  const auto at = SteadyClock::now() + deadline;
  loop->Post([this, at] { BeginStop(at); });
  thread_.join();
  loop->Close();
  if (!cut_) return Status{};
  return Status(StatusCode::kDeadlineExceeded, "net",
                "connections were cut at the stop's deadline");
}

void Server::BeginStop(SteadyClock::time_point deadline) {
  stopping_ = true;
  stop_at_ = deadline;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
  for (const auto& session : all) session->BeginStop();
  if (sessions_.empty()) return io.stop();
  sweep_timer_.cancel();
  sweeping_ = false;
  Sweep();
}

void Server::Accept() {
  incoming_.emplace(io);
  acceptor_.async_accept(*incoming_, [this](const error_code& error) { OnAccept(error); });
}

void Server::OnAccept(const error_code& error) {
  if (stopping_ || error == asio::error::operation_aborted) return;
  if (error) {  // out of descriptors, most likely: wait until some are free
    if (log.Enabled(LogLevel::kWarn)) {
      log.Write(LogLevel::kWarn, "net", "cannot accept a connection: " + error.message());
    }
    accept_timer_.expires_after(kAcceptPause);
    accept_timer_.async_wait([this](const error_code& cancelled) {
      if (!cancelled && !stopping_) Accept();
    });
    return;
  }
  counters->accepted.fetch_add(1, std::memory_order_relaxed);
  if (counters->connections.load(std::memory_order_relaxed) >=
      static_cast<std::uint64_t>(options.max_connections)) {
    counters->refused.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    incoming_->close(ignored);
    return Accept();
  }
  error_code ignored;
  incoming_->set_option(asio::ip::tcp::no_delay(true), ignored);
  error_code gone;
  const auto peer = incoming_->remote_endpoint(gone);
  auto session =
      MakeHttpSession(*this, AnyStream(std::move(*incoming_), tls.has_value() ? &*tls : nullptr),
                      gone ? std::string() : EndpointText(peer));
  Add(session);
  session->Start();
  Accept();
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

// One timer for all deadlines: a quarter of the shortest, while there are connections.
void Server::Sweep() {
  const auto now = SteadyClock::now();
  const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
  const bool over = stopping_ && now >= stop_at_;
  for (const auto& session : all) {
    if (over) {
      cut_ = session->Kill() || cut_;
    } else {
      session->Sweep(now);
    }
  }
  sweeping_ = !sessions_.empty();
  if (!sweeping_) return;
  const std::int64_t shortest = std::min({options.header_timeout_ms, options.body_timeout_ms,
                                          options.idle_timeout_ms, options.write_timeout_ms});
  auto next = now + std::chrono::milliseconds(std::clamp<std::int64_t>(shortest / 4, 5, 1000));
  if (stopping_) next = std::min(next, std::max(stop_at_, now));
  sweep_timer_.expires_at(next);
  sweep_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) Sweep();
  });
}

void Server::After(std::chrono::nanoseconds delay, std::function<void()> task) {
  loop->Post([this, at = SteadyClock::now() + delay, task = std::move(task)]() mutable {
    auto timer = std::make_unique<Timer>(io, at);
    Timer& waiting = *timer;
    waiting.async_wait(
        [timer = std::move(timer), task = std::move(task)](const error_code& cancelled) {
          if (!cancelled) task();
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
  return {read(counters->connections),     read(counters->sockets),  read(counters->bodies_bytes),
          read(counters->accepted),        read(counters->requests), read(counters->refused),
          read(counters->bad_requests),    read(counters->timeouts), read(counters->refused_pieces),
          read(counters->refused_messages)};
}

}  // namespace detail

Result<std::unique_ptr<HttpServer>> HttpServer::Create(HttpServerOptions options,
                                                       HttpHandler& handler, LogSink& log) {
  if (Status status = detail::CheckOptions(options); !status.ok()) return status;
  auto server = std::make_unique<detail::Server>(std::move(options), handler, log);
  if (Status status = server->SetUpTls(); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(server)));
}

HttpServer::HttpServer(std::unique_ptr<detail::Server> server) noexcept
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
