// FanOut: one event on its way to all subscriptions of its topic.
#pragma once

#include "pubsub/inproc_subscription.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// What InprocBroker::Publish does; also for those who publish when the broker may be gone: it
/// counts as stopped then. [any] [callback]
Status FanOut(const BrokerCore& core, const Message& message);

/// UNAVAILABLE.
Status BrokerStopped();

}  // namespace detail
}  // namespace virtufin::inline v0
