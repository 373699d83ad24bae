// The PubSub suite, what every driver of the port must do: what a driver is, and where it differs.
//
// A driver's test includes the parts (pubsub_*.hpp) and invokes each once, with a type that has
//   static constexpr virtufin::test::PubSubQuirks kQuirks;
//   virtufin::PubSub& bus();  // a fresh bus for each object of the type, on a manual clock
//   void Advance(std::chrono::milliseconds by);  // moves it; what was due has happened afterwards
//   void Settle();            // what handlers that are not stuck had to do is done
//   void Stop();              // the bus answers UNAVAILABLE afterwards
//   void DestroyBus();        // handles live on
#pragma once

namespace virtufin::test {

/// Each field is asked by name in the tests that it switches.
struct PubSubQuirks {
  bool inline_on_publisher = true;  // kInline handlers run before Publish returns, on its thread
  bool publisher_waits = true;      // a full kBlock queue slows the publisher of this process down
  bool patterns = true;             // else UNIMPLEMENTED
};

}  // namespace virtufin::test

#define VIRTUFIN_INVOKE(name, driver) TEST_CASE_TEMPLATE_INVOKE(name, driver)
