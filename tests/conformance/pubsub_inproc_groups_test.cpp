// The PubSub suite on the in-process broker: groups.
#include "conformance/inproc_driver.hpp"
#include "conformance/pubsub_groups.hpp"

VIRTUFIN_PUBSUB_GROUPS(InprocDriver);
