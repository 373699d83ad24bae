// BanKeeper: keeps over a restart until when the venue has banned us.
#pragma once

#include <atomic>
#include <chrono>
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

  /// The record is "exchange.ban." and the host of `rest_url`, in lower case. All is borrowed until
  /// Close.
  BanKeeper(StateStore& store, const Runtime& runtime, std::string_view rest_url);

  /// `done` gets the end of the ban in Unix time, 0 when there is none or the store has not said so
  /// within 5 s. Once. [any]
  void Read(std::function<void(std::int64_t until_unix_ns)> done);
  /// Later ones replace one that has not been written yet. Never waits for the store. [any]
  void Write(std::int64_t until_unix_ns);
  /// Writes what is not written yet, and uses the store no more. Waits for a call that is under way
  /// as long as `wait`, and for its own. [any]
  /// Errors: DEADLINE_EXCEEDED when the store did not return.
  Status Close(std::chrono::milliseconds wait);

  const std::string& key() const noexcept { return key_; }

 private:
  std::int64_t ReadNow();
  void WritePending();
  void Warn(const std::string& text) const;

  const std::string key_;
  const Runtime runtime_;
  Executor::Strand strand_;
  std::timed_mutex store_mutex_;  // held while the store is used
  StateStore* store_;
  std::atomic<bool> closed_ = false;
  Executor::Timer patience_;
  std::mutex pending_mutex_;
  std::int64_t pending_ns_ = 0;  // 0: nothing to write
};

}  // namespace virtufin::inline v0::detail
