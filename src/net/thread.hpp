// Threads that take no signals of the process but those that they raise themselves and a
// profiler's: a host's handlers run on the host's threads, and a write to a closed socket under
// OpenSSL raises no SIGPIPE here.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace virtufin::inline v0::net {

/// Throws std::system_error when the system gives no thread. [any]
template <class F>
std::thread StartQuietThread(F&& body) {
  sigset_t asynchronous, before;
  sigfillset(&asynchronous);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
    sigdelset(&asynchronous, fault);
  }
  pthread_sigmask(SIG_BLOCK, &asynchronous, &before);  // the new thread inherits it
  struct Restore {
    sigset_t* mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, mask, nullptr); }
  } restore{&before};
  return std::thread(std::forward<F>(body));
}

}  // namespace virtufin::inline v0::net
