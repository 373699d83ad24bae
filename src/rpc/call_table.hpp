// Who calls, and which calls are open: what the reactors of a server share, without gRPC.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "virtufin/rpc/rpc_server.hpp"

namespace virtufin::inline v0::detail {

/// "127.0.0.1:4711" of gRPC's "ipv4:127.0.0.1:4711", "[::1]:4711" of "ipv6:%5B::1%5D:4711".
std::string AddressOf(std::string_view peer);

/// An open call, as others than gRPC reach it.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  /// Both answer false when it has ended before, or is left alone.
  virtual bool Cut(const Status& status) = 0;
  virtual bool CutIdle(const Status& status) = 0;  // a stream, or without its request yet
  virtual void ReadinessChanged() = 0;
};

class CallTable;

/// The place of a call and the bytes of its request; given back by the last who holds it.
class CallTicket {
 public:
  explicit CallTicket(std::shared_ptr<CallTable> table) : table_(std::move(table)) {}
  ~CallTicket();
  CallTicket(const CallTicket&) = delete;
  CallTicket& operator=(const CallTicket&) = delete;

 private:
  friend class CallTable;
  const std::shared_ptr<CallTable> table_;
  bool held_ = false;  // these two under the table's mutex
  std::size_t bytes_ = 0;
};

/// The open calls, within limits. [any]
class CallTable : public std::enable_shared_from_this<CallTable> {
 public:
  CallTable(std::size_t max_calls, std::size_t max_bytes)
      : max_calls_(max_calls), max_bytes_(max_bytes) {}
  /// After the last Close, which gRPC saw to; the lock says so to tools.
  ~CallTable() { const std::lock_guard lock(mutex_); }

  /// Errors: UNAVAILABLE once closed; RESOURCE_EXHAUSTED at the limit.
  Status Open(const std::shared_ptr<OpenCall>& call, std::shared_ptr<CallTicket>& ticket);
  /// Errors: RESOURCE_EXHAUSTED at the limit.
  Status TakeBytes(CallTicket& ticket, std::size_t bytes);
  /// For an answer that its client has not read; Close gives it back. A small one is never refused:
  /// it may tell what was done. Errors: RESOURCE_EXHAUSTED at the limit.
  Status TakeAnswer(std::size_t bytes);
  void Close(const std::shared_ptr<OpenCall>& call, std::size_t answer_bytes, bool cancelled);
  void CountRefusedKey();

  /// No more calls; ends those that nothing works on, waits for the others until `deadline` and
  /// cuts what is left. Answers how many those were.
  std::size_t Drain(std::chrono::steady_clock::time_point deadline, const Status& why);
  void TellReadiness();
  RpcServerCounters counters() const;

 private:
  friend class CallTicket;
  std::vector<std::shared_ptr<OpenCall>> Snapshot() const;
  Status CheckBytes(std::size_t bytes);  // under the mutex

  const std::size_t max_calls_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::unordered_set<std::shared_ptr<OpenCall>> open_;
  std::size_t places_ = 0;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  RpcServerCounters counters_;
};

}  // namespace virtufin::inline v0::detail
