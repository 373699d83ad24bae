// What the parts of one server share: its counters, and the loop as other threads and the
// application's calls see it. Shows Boost.
#pragma once

#include <utility>  // before Boost under g++ 12

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "virtufin/core/log.hpp"

namespace virtufin::inline v0::net::detail {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

struct Counters {
  std::atomic<std::uint64_t> connections{0}, sockets{0}, unfinished_bytes{0}, unsent_bytes{0},
      accepted{0}, requests{0}, refused{0}, bad_requests{0}, timeouts{0}, refused_pieces{0},
      refused_messages{0}, handler_errors{0}, abandoned_calls{0};
};

// The way onto the loop for other threads, closed before the io_context goes; and the fence around
// what the application gave, which may throw, or never return.
class Loop {
 public:
  Loop(asio::io_context& io, LogSink& log, std::shared_ptr<Counters> counters)
      : io_(&io), log_(log), counters_(std::move(counters)) {}

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
  void Leave() noexcept { thread_.store({}); }
  bool Here() const noexcept { return thread_.load() == std::this_thread::get_id(); }

  // Runs `body`, which is the application's. False when it threw, which is logged and counted, or
  // when the server has given up waiting for the loop: then nothing of the application is touched
  // any more. `what` and `whom` name it and outlive the call. On the loop.
  template <class F>
  bool Call(const char* what, const std::string& whom, F&& body) {
    if (!Begin(what, whom)) return false;
    bool ok = false;
    try {
      body();
      ok = true;
    } catch (const std::exception& error) {
      OnThrow(what, whom, error.what());
    } catch (...) {
      OnThrow(what, whom, "no std::exception");
    }
    return End() && ok;
  }
  // As Call("LogSink::Write"). On the loop.
  void Log(LogLevel level, const std::string& text);

  // The rest for Stop. The call that is running, 0 when none is.
  std::uint64_t Running() const noexcept { return call_.load(); }
  // No call begins any more; names the one that is running. False when it was so before.
  bool Abandon(std::string& running);
  bool abandoned() const noexcept { return call_.load() == kAbandoned; }

 private:
  static constexpr std::uint64_t kAbandoned = ~std::uint64_t{0}, kNaming = kAbandoned - 1;

  bool Begin(const char* what, const std::string& whom);
  bool End() noexcept;
  void OnThrow(const char* what, const std::string& whom, const char* reason) noexcept;

  std::mutex mutex_;
  asio::io_context* io_;  // under the mutex
  std::atomic<std::thread::id> thread_{};
  LogSink& log_;
  std::shared_ptr<Counters> counters_;

  // Number of the call that is running, 0, or one of the constants. What it names is written by the
  // loop before it is set, and read by Stop while it says kNaming.
  std::atomic<std::uint64_t> call_{0};
  const char* what_ = nullptr;
  const std::string* whom_ = nullptr;
  std::uint64_t calls_ = 0;  // on the loop
  int depth_ = 0;            // on the loop: calls inside calls
};

}  // namespace virtufin::inline v0::net::detail
