// The server's insides that its sources share. Shows Boost: included by those sources only.
#pragma once

#include <utility>  // before Boost under g++ 12

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/steady_timer.hpp>

#include "net/any_stream.hpp"
#include "net/http_server.hpp"
#include "net/server_loop.hpp"

namespace virtufin::inline v0::net::detail {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, LoopExecutor>;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, LoopExecutor>;

// After the last byte of ours a peer may still be sending: until it ends, or for so long and so
// much, its bytes are read and dropped. Closing before would reset the connection, and the peer
// might never see what it was told.
constexpr std::int64_t kLingerMs = 2000;
constexpr std::size_t kLingerBytes = std::size_t{64} * 1024 * 1024;

// One connection, as the server keeps it. Lives on the loop.
class Session : public std::enable_shared_from_this<Session> {
 public:
  virtual ~Session() = default;
  virtual void Start() = 0;
  virtual void Sweep(SteadyClock::time_point now) = 0;  // ends what is overdue
  virtual void BeginStop() = 0;                         // ends as soon as its work is done
  virtual bool Kill() = 0;                              // ends now; true when work was cut
  virtual std::string Describe() const = 0;             // "127.0.0.1:50312 (WebSocket)"

 private:
  friend class Server;
  std::list<std::shared_ptr<Session>>::iterator place_;
};

class Server : public std::enable_shared_from_this<Server> {
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
  // Runs what the loop does for `session`; ends that when there is no memory for it.
  template <class F>
  void Guard(Session& session, F body) {
    try {
      body();
    } catch (const std::exception& error) {
      OnFault(session, error.what());
    }
  }
  const std::string& Date();  // "Sun, 06 Nov 1994 08:49:37 GMT"
  bool stopping() const noexcept { return stopping_; }

  HttpServerOptions options;
  HttpHandler& handler;  // called through `loop` only
  std::shared_ptr<Counters> counters = std::make_shared<Counters>();
  std::optional<asio::ssl::context> tls;
  std::shared_ptr<Loop> loop;
  asio::io_context io{1};
  std::atomic<std::uint16_t> port{0};
  std::array<char, std::size_t{64} * 1024> dropped;  // bytes that nobody looks at

 private:
  void Run();
  template <class F>
  void RunTasks(F run);
  void Accept();
  void AcceptLater();
  void OnAccept(const error_code& error);
  void TakeConnection();
  void OnFault(Session& session, const char* reason);
  void Sweep();
  void BeginStop(SteadyClock::time_point deadline);
  bool WaitForEnd(SteadyClock::time_point deadline);

  enum class Phase { kNew, kRunning, kStopped };
  Phase phase_ = Phase::kNew;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;  // under the mutex
  Acceptor acceptor_{io};
  std::optional<TcpSocket> incoming_;
  Timer accept_timer_{io};
  Timer sweep_timer_{io};
  bool sweeping_ = false;
  bool stopping_ = false;
  std::size_t cut_ = 0;
  std::string cut_names_;  // of the first ones
  SteadyClock::time_point stop_at_{};
  std::time_t date_second_ = 0;
  std::string date_;
  std::list<std::shared_ptr<Session>> sessions_;
};

// Errors: INVALID_ARGUMENT naming the option.
Status CheckOptions(const HttpServerOptions& options);
// How often overdue connections are looked for.
std::chrono::milliseconds SweepInterval(const HttpServerOptions& options);
// What the system does about a peer that is gone.
void SetSocketOptions(TcpSocket& socket, const HttpServerOptions& options);
// "127.0.0.1:50312", "[::1]:50312"
std::string EndpointText(const asio::ip::tcp::endpoint& endpoint);

std::shared_ptr<Session> MakeHttpSession(Server& server, AnyStream stream, std::string peer);

// Answers the handshake of `request` on `stream`; `old` is the session that read it.
void StartSocketSession(Server& server, Session& old, AnyStream stream,
                        const IncomingRequest& request, std::string protocol,
                        std::shared_ptr<SocketEvents> events);

}  // namespace virtufin::inline v0::net::detail
