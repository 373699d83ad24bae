// Where a driver of the PubSub port differs from the suite.
#pragma once

namespace virtufin::test {

/// Each field is asked by name in the tests that it switches.
struct PubSubQuirks {
  bool inline_on_publisher = true;  // kInline handlers run before Publish returns, on its thread
  bool redelivers_retry = false;    // kRetry leads to a further delivery
  bool publisher_waits = true;      // a full kBlock queue slows the publisher of this process down
  bool patterns = true;             // else UNIMPLEMENTED
};

}  // namespace virtufin::test
