// The PubSub suite on the in-process broker: delivery, ends, overflow.
#include "conformance/inproc_driver.hpp"
#include "conformance/pubsub_delivery.hpp"
#include "conformance/pubsub_ends.hpp"
#include "conformance/pubsub_overflow.hpp"

VIRTUFIN_PUBSUB_DELIVERY(InprocDriver);
VIRTUFIN_PUBSUB_ENDS(InprocDriver);
VIRTUFIN_PUBSUB_OVERFLOW(InprocDriver);
