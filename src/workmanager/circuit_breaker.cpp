// Counts calls and failures of one window, then decides.
#include "workmanager/circuit_breaker.hpp"

namespace virtufin::inline v0::detail {

bool CircuitBreaker::Admit() {
  std::lock_guard lock(mutex_);
  if (state_ == State::kTrying) return false;
  if (state_ == State::kOpen) {
    if (clock_.Monotonic() - since_ < options_.open_for) return false;
    state_ = State::kTrying;
  }
  return true;
}

void CircuitBreaker::Report(bool success) {
  std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  if (state_ == State::kOpen) return;  // admitted before it opened
  if (state_ == State::kTrying) {
    state_ = success ? State::kClosed : State::kOpen;
    since_ = now;
    calls_ = failed_ = 0;
    return;
  }
  if (calls_ == 0 || now - since_ > options_.window) {
    since_ = now;
    calls_ = failed_ = 0;
  }
  ++calls_;
  if (success) return;
  ++failed_;
  if (failed_ < options_.failures || failed_ < options_.ratio * calls_) return;
  state_ = State::kOpen;
  since_ = now;
}

bool CircuitBreaker::open() const {
  std::lock_guard lock(mutex_);
  return state_ != State::kClosed;
}

}  // namespace virtufin::inline v0::detail
