// BanKeeper: keeps over a restart until when the venue has banned us.
#pragma once

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

  /// The record is "exchange.ban." and the host of `rest_url`, with its port when it names one. All
  /// is borrowed until Close.
  BanKeeper(StateStore& store, const Runtime& runtime, std::string_view rest_url);

  /// `done` gets the end of the ban in Unix time, 0 when there is none; not called after Close.
  /// [any]
  void Read(std::function<void(std::int64_t until_unix_ns)> done);
  /// Later ones replace one that has not been written yet. Never waits for the store. [any]
  void Write(std::int64_t until_unix_ns);
  /// Writes what is not written yet, and uses the store no more. May wait for it. [any]
  void Close();

  const std::string& key() const noexcept { return key_; }

 private:
  std::int64_t ReadNow();
  void WritePending();
  void Warn(const std::string& text) const;

  const std::string key_;
  const Runtime runtime_;
  Executor::Strand strand_;
  std::mutex store_mutex_;  // held while the store is used
  StateStore* store_;       // null: closed
  std::mutex pending_mutex_;
  std::int64_t pending_ns_ = 0;  // 0: nothing to write
};

}  // namespace virtufin::inline v0::detail
