// FanOut: one event on its way to all subscriptions of its topic.
#pragma once

#include <cstddef>

#include "pubsub/inproc_subscription.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// What InprocBroker::Publish does; also for those who publish when the broker may be gone: it
/// counts as stopped then. `takers`, if not null: how many subscriptions took it, those that
/// dropped it as their policy says included. [any] [callback]
Status FanOut(const BrokerCore& core, const Message& message, std::size_t* takers = nullptr);

/// UNAVAILABLE.
Status BrokerStopped();

}  // namespace detail
}  // namespace virtufin::inline v0
