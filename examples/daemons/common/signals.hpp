// SIGTERM and SIGINT as something to wait for.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace virtufin::daemon {

/// Made before any thread starts, so that all inherit the mask.
class Signals {
 public:
  Signals() {
    signal(SIGPIPE, SIG_IGN);  // of the log's reader; sockets raise none
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  /// The signal that came. A second one ends the process at once.
  int Wait() {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
    return number;
  }

 private:
  sigset_t set_;
};

}  // namespace virtufin::daemon
