// The PubSub suite on the in-process broker: patterns.
#include "conformance/inproc_driver.hpp"
#include "conformance/pubsub_patterns.hpp"

VIRTUFIN_PUBSUB_PATTERNS(InprocDriver);
