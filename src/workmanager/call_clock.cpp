// CallClock: which counter there is and how fast it runs.
#include "workmanager/call_clock.hpp"

#include <chrono>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace virtufin::inline v0::detail {

CallClock::CallClock() {
  if (HasCounter()) {
    const double seconds = Compare();
    counter_ = seconds > 0;
    if (counter_) seconds_per_tick_ = seconds;
  }
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    bounds_[i] = static_cast<std::uint64_t>(CallDurations::kUpperSeconds[i] / seconds_per_tick_);
  }
}

std::uint64_t CallClock::SteadyNow() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

bool CallClock::HasCounter() noexcept {
#if defined(__x86_64__)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1U << 8)) != 0;
#elif defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

double CallClock::Compare() noexcept {
  constexpr std::uint64_t kLongEnoughNs = 20'000;
  const std::uint64_t began = SteadyNow();
  const std::uint64_t first = Counter();
  std::uint64_t ended = began;
  while (ended - began < kLongEnoughNs) ended = SteadyNow();
  const std::uint64_t last = Counter();
  if (last <= first) return 0;
  return static_cast<double>(ended - began) * 1e-9 / static_cast<double>(last - first);
}

}  // namespace virtufin::inline v0::detail
