// SIGTERM and SIGINT as something to wait for.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "virtufin/core/log.hpp"

namespace virtufin::daemon {

/// Made before any other thread starts, so that all inherit the mask. Until Wait a signal ends the
/// process at once: what it has answered before is kept, and who serves nothing yet drains nothing.
class Signals {
 public:
  Signals() {
    signal(SIGPIPE, SIG_IGN);  // of the log's reader; sockets raise none
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    watcher_ = std::thread([this] { Watch(); });
  }
  ~Signals() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    pthread_kill(watcher_.native_handle(), SIGTERM);
    watcher_.join();
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  static std::string Told(int number) {
    return number == SIGTERM ? "stops: SIGTERM" : "stops: SIGINT";
  }
  /// Told of a signal that comes before Wait.
  void LogTo(std::shared_ptr<LogSink> log) {
    const std::lock_guard lock(mutex_);
    log_ = std::move(log);
  }
  /// The signal that came. A second one ends the process at once.
  int Wait() {
    std::unique_lock lock(mutex_);
    waited_for_ = true;
    came_.wait(lock, [this] { return number_ != 0; });
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
    return number_;
  }

 private:
  void Watch() {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    if (!waited_for_) {
      if (log_) log_->Write(LogLevel::kInfo, "daemon", Told(number));
      std::_Exit(0);
    }
    number_ = number;
    came_.notify_all();
  }

  sigset_t set_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::shared_ptr<LogSink> log_;
  bool waited_for_ = false;
  bool ending_ = false;
  int number_ = 0;
  std::thread watcher_;
};

}  // namespace virtufin::daemon
