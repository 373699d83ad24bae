// The venues that feeds know: the one place that names their adapters.
#pragma once

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/state/state_store.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

namespace virtufin::inline v0::detail {

/// What is passed is borrowed until the manager is destroyed.
Status RegisterFeedVenues(WebSocketManager& feeds, PubSub& bus, StateStore& state,
                          const Runtime& runtime);

}  // namespace virtufin::inline v0::detail
