// NetLoop: the one thread on which WebSocket clients live: a libwebsockets context and its loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "net/resolver.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/core/task.hpp"
#include "virtufin/core/time.hpp"

namespace virtufin::inline v0::net {

struct NetLoopOptions {
  ResolverOptions resolver;
  /// libwebsockets has one log for the whole process, and prints to standard error unless told
  /// otherwise. While its level is the default, which says that nobody set it, loops take its
  /// lines: those of their own threads are kept for error messages, those of other threads are
  /// printed as before. true: a host that set a log of its own at the default level keeps it.
  bool keep_lws_log = false;
};

/// When bytes were read from a socket, on both sides of the clock.
struct ReceiveTime {
  std::int64_t unix_ns = 0;
  std::int64_t monotonic_ns = 0;
};

/// Its thread is marked ThreadKind::kNetLoop and takes no signals. The process keeps its SIGPIPE
/// disposition.
class NetLoop {
 public:
  /// `clock` gives receive times; it and `log` are borrowed until the loop is destroyed, and until
  /// its thread has ended when a Stop could not wait for it.
  /// Errors: INTERNAL when libwebsockets gives no context. [any]
  static Result<std::unique_ptr<NetLoop>> Create(const NetLoopOptions& options, Clock& clock,
                                                 LogSink& log);
  /// Stop with a deadline of 5 s unless stopped; on the loop's own thread without waiting.
  ~NetLoop();
  NetLoop(const NetLoop&) = delete;
  NetLoop& operator=(const NetLoop&) = delete;

  /// Starts the thread. [owner]
  /// Errors: FAILED_PRECONDITION when started before; RESOURCE_EXHAUSTED without a thread.
  Status Start();
  /// Runs what was posted, ends every socket (its handler is told CANCELLED), ends the thread.
  /// Later posts are dropped. [owner]
  /// Errors: FAILED_PRECONDITION on the loop's thread; DEADLINE_EXCEEDED when a callback does not
  /// return: the thread is left alone and ends when it does.
  Status Stop(std::chrono::milliseconds deadline);

  /// Runs `task` on the loop's thread, in order; before Start it is kept. What it throws is logged.
  /// [any]
  void Post(Task task);
  bool OnLoopThread() const noexcept;  // [any]
  /// Of the loop's own clock. [any]
  ReceiveTime Now() const noexcept;
  Resolver& resolver() noexcept;  // [any]

  struct Impl;
  /// For the parts of `net` that live on the loop.
  Impl& impl() noexcept { return *impl_; }

 private:
  explicit NetLoop(std::shared_ptr<Impl> impl) noexcept;
  std::shared_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::net
