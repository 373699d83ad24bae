// What a ServerSocket and its session share: the queue of what is to be sent. Shows Boost.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "net/server_impl.hpp"

namespace virtufin::inline v0::net::detail {

// The loop's end of a socket, as its handles see it.
class SocketSession : public Session {
 public:
  virtual void Flush() = 0;
  virtual void StopReading() = 0;
  virtual void ResumeReading() = 0;
  virtual void Stall() = 0;
  virtual void Hush() = 0;

 protected:
  static ServerSocket Handle(std::shared_ptr<SocketBuffer> buffer) {
    ServerSocket handle;
    handle.buffer_ = std::move(buffer);
    return handle;
  }
};

struct SocketItem {
  enum class Kind { kText, kBinary, kPing, kClose };
  Kind kind;
  std::shared_ptr<const std::string> data;
  std::uint16_t code = 0;
};

// What a message costs in the queue beyond its bytes.
constexpr std::size_t kItemBytes = 64;

struct SocketBuffer {
  std::shared_ptr<Loop> loop;
  std::weak_ptr<SocketSession> session;
  std::shared_ptr<Counters> counters;
  std::size_t max_bytes = 0;

  std::atomic<std::size_t> unsent{0};
  std::mutex mutex;  // guards what follows
  std::deque<SocketItem> items;
  bool scheduled = false;
  bool closing = false;  // a close was asked for, or the socket is closed
  bool stalled = false;
  bool hushed = false;  // at once, where the session hears of it by a task

  Status Push(SocketItem item);
  // Behind what is queued, or instead of it; the queue's bound does not hold a close back.
  void Close(std::uint16_t code, std::string_view reason, bool at_once);
  void Add(SocketItem item);  // with the mutex held
  void Clear();               // with the mutex held
  // Runs `task` with the session on the loop, unless that has gone.
  template <class F>
  void Post(F task) {
    loop->Post([weak = session, task = std::move(task)] {
      if (const auto its = weak.lock()) task(*its);
    });
  }
};

}  // namespace virtufin::inline v0::net::detail
