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

CircuitBreaker::Change CircuitBreaker::Report(bool success) {
  std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  if (state_ == State::kOpen) return Change::kNone;  // admitted before it opened
  if (state_ == State::kTrying) {
    state_ = success ? State::kClosed : State::kOpen;
    since_ = now;
    calls_ = failed_ = 0;
    return success ? Change::kClosed : Change::kNone;
  }
  if (calls_ == 0 || now - since_ > options_.window) {
    since_ = now;
    calls_ = failed_ = 0;
  }
  ++calls_;
  if (success) return Change::kNone;
  ++failed_;
  if (failed_ < options_.failures || failed_ < options_.ratio * calls_) return Change::kNone;
  state_ = State::kOpen;
  since_ = now;
  return Change::kOpened;
}

bool CircuitBreaker::open() const {
  std::lock_guard lock(mutex_);
  return state_ != State::kClosed;
}

}  // namespace virtufin::inline v0::detail
