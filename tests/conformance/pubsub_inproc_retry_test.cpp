// The PubSub suite on the in-process broker: retry.
#include "conformance/inproc_driver.hpp"
#include "conformance/pubsub_retry.hpp"

VIRTUFIN_PUBSUB_RETRY(InprocDriver);
