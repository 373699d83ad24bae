// The StateStore suite on the memory store.
#include "conformance/state_suite.hpp"
#include "virtufin/state/memory.hpp"

namespace virtufin::test {

class MemoryDriver {
 public:
  static constexpr StateQuirks kQuirks = {};

  StateStore& store() { return *store_; }
  ManualClock& clock() { return clock_; }

 private:
  ManualClock clock_{Timestamp::FromUnixMillis(1'700'000'000'000)};
  std::unique_ptr<StateStore> store_ = MakeMemoryStore(clock_);
};

}  // namespace virtufin::test

VIRTUFIN_STATE_SUITE(MemoryDriver);
