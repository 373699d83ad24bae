// Where a worker's reply goes and what it carries: the rules of the dispatch, as pure functions.
#pragma once

#include "virtufin/core/result.hpp"
#include "virtufin/event/message.hpp"

namespace virtufin::inline v0::detail {

/// The message to publish for `reply`. Topic, first that is not empty: `replytopic` of the input,
/// `publishtopic` of the reply, the reply's type. `publishtopic` is removed, and `replytopic` when
/// it is the input's; context extensions that the reply lacks are copied from the input. The input
/// counts as the worker saw it: with `overlay` stamped, which may be null.
/// Errors: those of CloudEvent::Builder::Build.
Result<Message> RouteReply(const CloudEvent& input, const ExtensionOverlay* overlay,
                           const CloudEvent& reply);

}  // namespace virtufin::inline v0::detail
