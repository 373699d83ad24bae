// The server's insides that its sources share. Shows Boost: included by those sources only.
#pragma once

#include <utility>  // before Boost under g++ 12

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/http_server.hpp"

namespace virtufin::inline v0::net::detail {

namespace asio = boost::asio;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;
using LoopExecutor = asio::io_context::executor_type;
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, LoopExecutor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, LoopExecutor>;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, LoopExecutor>;
using TlsSocket = asio::ssl::stream<TcpSocket>;

// The way onto the loop for other threads; closed before the io_context goes.
class Loop {
 public:
  explicit Loop(asio::io_context& io) : io_(&io) {}
  // False, and `task` is dropped, when the loop has ended. A task must not own a session: it may be
  // dropped on any thread.
  template <class F>
  bool Post(F task) {
    const std::lock_guard lock(mutex_);
    if (io_ == nullptr) return false;
    asio::post(*io_, std::move(task));
    return true;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }
  void Enter() noexcept { thread_.store(std::this_thread::get_id()); }
  bool Here() const noexcept { return thread_.load() == std::this_thread::get_id(); }

 private:
  std::mutex mutex_;
  asio::io_context* io_;
  std::atomic<std::thread::id> thread_{};
};

struct Counters {
  std::atomic<std::uint64_t> connections{0}, sockets{0}, bodies_bytes{0}, accepted{0}, requests{0},
      refused{0}, bad_requests{0}, timeouts{0}, refused_pieces{0}, refused_messages{0};
};

// A plain or a TLS connection under one type, so that what stands on it is compiled once.
class AnyStream {
 public:
  using executor_type = LoopExecutor;

  AnyStream(TcpSocket socket, asio::ssl::context* tls) {
    if (tls == nullptr) {
      tcp_.emplace(std::move(socket));
    } else {
      tls_ = std::make_unique<TlsSocket>(std::move(socket), *tls);
    }
  }

  executor_type get_executor() noexcept { return Socket().get_executor(); }
  bool secure() const noexcept { return tls_ != nullptr; }
  TlsSocket& Tls() noexcept { return *tls_; }
  TcpSocket& Socket() noexcept { return tls_ ? tls_->next_layer() : *tcp_; }
  // Bytes that were read already and come first.
  void PutBack(std::string bytes) { before_ = std::move(bytes); }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (!before_.empty()) {
      const std::size_t n = asio::buffer_copy(buffers, asio::buffer(before_));
      before_.erase(0, n);
      asio::post(get_executor(), [n, handler = std::forward<Handler>(handler)]() mutable {
        handler(error_code{}, n);
      });
    } else if (tls_) {
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_->async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      tcp_->async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

  void Cancel() {
    error_code ignored;
    Socket().cancel(ignored);
  }
  void ShutdownSend() {
    error_code ignored;
    Socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void Close() {
    error_code ignored;
    Socket().close(ignored);
  }
  // The peer sees a reset.
  void Abort() {
    error_code ignored;
    Socket().set_option(asio::socket_base::linger(true, 0), ignored);
    Socket().close(ignored);
  }

 private:
  std::optional<TcpSocket> tcp_;
  std::unique_ptr<TlsSocket> tls_;
  std::string before_;
};

// One connection, as the server keeps it. Lives on the loop.
class Session : public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;
  virtual void Start() = 0;
  virtual void Sweep(SteadyClock::time_point now) = 0;  // ends what is overdue
  virtual void BeginStop() = 0;                         // ends as soon as its work is done
  virtual bool Kill() = 0;                              // ends now; true when work was cut

 private:
  friend class Server;
  std::list<std::shared_ptr<Session>>::iterator place_;
};

class Server {
 public:
  Server(HttpServerOptions its_options, HttpHandler& its_handler, LogSink& its_log);
  ~Server();
  Status SetUpTls();
  Status Start();
  Status Stop(std::chrono::milliseconds deadline);
  void After(std::chrono::nanoseconds delay, std::function<void()> task);
  HttpServerCounters Count() const noexcept;

  // The rest on the loop only.
  void Add(std::shared_ptr<Session> session);
  // Takes `old` out and puts `session` in its place, without counting a new connection.
  void Replace(Session& old, std::shared_ptr<Session> session);
  void Remove(Session& session);
  const std::string& Date();  // "Sun, 06 Nov 1994 08:49:37 GMT"
  bool stopping() const noexcept { return stopping_; }

  HttpServerOptions options;
  HttpHandler& handler;
  LogSink& log;
  std::shared_ptr<Counters> counters = std::make_shared<Counters>();
  std::optional<asio::ssl::context> tls;
  asio::io_context io{1};
  std::shared_ptr<Loop> loop = std::make_shared<Loop>(io);
  std::atomic<std::uint16_t> port{0};

 private:
  void Run();
  template <class F>
  void RunTasks(F run);
  void Accept();
  void OnAccept(const error_code& error);
  void Sweep();
  void BeginStop(SteadyClock::time_point deadline);

  enum class Phase { kNew, kRunning, kStopped };
  Phase phase_ = Phase::kNew;
  std::thread thread_;
  Acceptor acceptor_{io};
  std::optional<TcpSocket> incoming_;
  Timer accept_timer_{io};
  Timer sweep_timer_{io};
  bool sweeping_ = false;
  bool stopping_ = false;
  bool cut_ = false;
  SteadyClock::time_point stop_at_{};
  std::time_t date_second_ = 0;
  std::string date_;
  std::list<std::shared_ptr<Session>> sessions_;
};

std::shared_ptr<Session> MakeHttpSession(Server& server, AnyStream stream, std::string peer);

// Answers the handshake of `request` on `stream`; `old` is the session that read it.
void StartSocketSession(Server& server, Session& old, AnyStream stream,
                        const IncomingRequest& request, std::string protocol,
                        std::shared_ptr<SocketEvents> events);

}  // namespace virtufin::inline v0::net::detail
