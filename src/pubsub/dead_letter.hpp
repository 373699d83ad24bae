// The dead letter: where events go that no handler wanted to take.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// The same event for the topic `<topic>-dead`, with the extensions `deadletterreason` and
/// `deadletterattempts`, or without them when it has no room for more. What of `reason` is no
/// printable ASCII is replaced, what is longer than 1024 bytes cut off. Nothing when the topic is
/// one of dead letters itself.
std::optional<Message> DeadLetter(const Message& message, std::string_view reason,
                                  std::uint32_t attempts);

}  // namespace detail
}  // namespace virtufin::inline v0
