// The PubSub suite on the in-process broker.
#include "conformance/pubsub_suite.hpp"

namespace virtufin::test {

class InprocDriver {
 public:
  static constexpr PubSubQuirks kQuirks = {};

  PubSub& bus() { return *bus_.broker; }
  void Stop() { (void)bus_.broker->Stop(std::chrono::seconds(30)); }
  void DestroyBus() { bus_.broker.reset(); }

 private:
  Bus bus_;
};

}  // namespace virtufin::test

VIRTUFIN_PUBSUB_SUITE(InprocDriver);
