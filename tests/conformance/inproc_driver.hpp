// The in-process broker as a driver of the PubSub suite.
#pragma once

#include <chrono>

#include "conformance/pubsub_quirks.hpp"
#include "support/bus.hpp"

namespace virtufin::test {

class InprocDriver {
 public:
  static constexpr PubSubQuirks kQuirks = {};

  PubSub& bus() { return *bus_.broker; }
  void Stop() { (void)bus_.broker->Stop(std::chrono::seconds(30)); }
  void DestroyBus() { bus_.broker.reset(); }
  void Advance(std::chrono::milliseconds by) { bus_.Advance(by); }
  void Settle() { bus_.Settle(); }

 private:
  ManualBus bus_;
};

}  // namespace virtufin::test
