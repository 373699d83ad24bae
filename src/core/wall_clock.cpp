// The system's clocks behind the Clock port.
#include <ctime>
#include <new>

#include "virtufin/core/time.hpp"

namespace virtufin::inline v0 {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp Now() const noexcept override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return Timestamp::FromUnixNanos(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
  }
  MonotonicTime Monotonic() const noexcept override { return std::chrono::steady_clock::now(); }
};

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): clocks that drive timers keep the sink
bool Clock::DrivesTimers(std::weak_ptr<TimerSink>) { return false; }

Clock& WallClock() noexcept {
  // Never destroyed: a static with a destructor would pin a worker library in the process.
  alignas(SystemClock) static unsigned char storage[sizeof(SystemClock)];
  static Clock* const clock = new (storage) SystemClock;
  return *clock;
}

}  // namespace virtufin::inline v0
