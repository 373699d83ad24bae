// BanKeeper: keeps over a restart until when the venue has banned us.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "virtufin/core/executor.hpp"
#include "virtufin/state/state_store.hpp"

namespace virtufin::inline v0::detail {

/// A store may wait for a disk or a network: it is used on the executor, in order, never on the
/// venue's loop. What cannot be read or written is logged, and the adapter goes on without it.
class BanKeeper : public std::enable_shared_from_this<BanKeeper> {
 public:
  static constexpr std::string_view kService = "exchange";

  /// The record is "exchange.ban." and the host of `rest_url`, in lower case, an IPv6 address
  /// without its brackets. All is borrowed until Close.
  BanKeeper(StateStore& store, const Runtime& runtime, std::string_view rest_url);

  /// `done` gets the end of the ban in Unix time, 0 when there is none or the store has not said so
  /// within 5 s. Once. [any]
  void Read(std::function<void(std::int64_t until_unix_ns)> done);
  /// Later ones replace one that has not been written yet. Never waits for the store. [any]
  void Write(std::int64_t until_unix_ns);
  /// Writes what is not written yet, and uses the store no more; waits for both as long as `wait`.
  /// On an executor thread: inside a BlockingScope. [any]
  /// Errors: DEADLINE_EXCEEDED when the store did not return.
  Status Close(std::chrono::milliseconds wait);

  const std::string& key() const noexcept { return key_; }

 private:
  class Use;

  /// Runs `task` on the strand, unless this is closed by then.
  template <class Task>
  void Post(Task task);
  std::int64_t ReadNow();
  void WritePending();
  void Warn(const std::string& text) const;

  const std::string key_;
  const Runtime runtime_;
  Executor::Strand strand_;
  StateStore* store_;
  Executor::Timer patience_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable unused_;
  int uses_ = 0;  // tasks that are posted and have not ended
  bool closed_ = false;
  std::int64_t pending_ns_ = 0;  // 0: nothing to write
};

}  // namespace virtufin::inline v0::detail
