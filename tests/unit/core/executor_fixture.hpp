// Meeting points and a log for the executor's tests: no test sleeps to be on time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/executor.hpp"

namespace virtufin::test {

/// Counts events; Wait blocks the calling thread until `wanted` happened.
class Tally {
 public:
  void Add(std::uint64_t count = 1) {
    const std::lock_guard lock(mutex_);
    count_ += count;
    changed_.notify_all();
  }
  void Wait(std::uint64_t wanted) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= wanted; });
  }
  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

/// Closed until Open.
class Gate {
 public:
  void Open() { tally_.Add(); }
  void Pass() { tally_.Wait(1); }
  bool IsOpen() const { return tally_.count() > 0; }

 private:
  Tally tally_;
};

class KeptLog final : public LogSink {
 public:
  bool Enabled(LogLevel) const noexcept override { return true; }
  void Write(LogLevel level, std::string_view component, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(component) + " " +
                     std::string(text));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline constexpr std::chrono::milliseconds kLong = std::chrono::minutes(2);

inline ExecutorOptions WithThreads(int threads) {
  ExecutorOptions options;
  options.threads = threads;
  return options;
}

}  // namespace virtufin::test
