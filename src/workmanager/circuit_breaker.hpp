// CircuitBreaker: stops asking a dependency that keeps failing, and tries it again later.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

#include "virtufin/core/time.hpp"

namespace virtufin::inline v0::detail {

struct BreakerOptions {
  std::uint32_t failures = 5;                  // within a window, at least so many,
  double ratio = 0.5;                          // and at least this share of its calls: open
  std::chrono::milliseconds window{30'000};    // counts begin again after it
  std::chrono::milliseconds open_for{30'000};  // then one call tries
};

/// All functions are [any] [callback]. `clock` is borrowed.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(Clock& clock, const BreakerOptions& options = {})
      : clock_(clock), options_(options) {}

  /// False: do not call. Every true is followed by one Report.
  bool Admit();
  enum class Change : std::uint8_t { kNone, kOpened, kClosed };
  /// What became of the breaker by it; a try that fails opens nothing anew.
  Change Report(bool success);
  /// Open, or not yet tried again.
  bool open() const;

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kTrying };
  Clock& clock_;
  const BreakerOptions options_;
  mutable std::mutex mutex_;
  State state_ = State::kClosed;
  MonotonicTime since_{};  // the window, or the opening, began
  std::uint32_t calls_ = 0;
  std::uint32_t failed_ = 0;
};

}  // namespace virtufin::inline v0::detail
