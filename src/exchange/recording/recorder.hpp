// Recorder: writes records to a file without holding up whoever has them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "exchange/recording/container.hpp"
#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

struct RecorderOptions {
  std::string path;                                  // `%t` in it is the time of the start
  std::size_t buffer_bytes = std::size_t{64} << 20;  // of records that are not written yet
  std::uint64_t max_bytes = 0;                       // of the file; 0: any
};

/// A thread of its own writes. When the buffer is full, the file as large as it may be, or a write
/// fails, the recording ends there:
/// what was recorded until then stays whole, what comes later is counted, and the log says so once.
class Recorder {
 public:
  /// `log` is borrowed until Stop or the destructor returns.
  Recorder(RecorderOptions options, LogSink& log);
  /// Stop with a deadline of 5 s.
  ~Recorder();

  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Makes the file and starts the thread, which takes no signals. With `%t` in its path it gets a
  /// number behind the time when there is such a file.
  /// Errors: ALREADY_EXISTS when there is such a file; PERMISSION_DENIED, NOT_FOUND and
  /// INVALID_ARGUMENT saying what the system said; RESOURCE_EXHAUSTED without a thread.
  Status Start(const RecordingHeader& header);
  /// Copies; never waits for the file. The payload is all of `payload`, one behind the other.
  /// No effect before Start. [owner]
  void Append(const RecordHead& head, std::initializer_list<std::string_view> payload = {});
  /// For whoever can wait: returns when half of the buffer is free. False: the recording has ended.
  /// [owner]
  bool AwaitRoom();
  /// Writes what is left, and the mark of the end. Several at a time wait for the same end. [any]
  /// Errors: DEADLINE_EXCEEDED: it goes on by itself.
  Status Stop(std::chrono::milliseconds deadline);

  /// Records that are not in the file and never will be.
  std::uint64_t lost() const;

 private:
  struct State;
  const RecorderOptions options_;
  std::shared_ptr<State> state_;  // the thread's, too
  std::mutex thread_mutex_;       // of those who stop it
  std::thread thread_;
  bool running_ = false;
};

}  // namespace virtufin::inline v0::detail
