// The dead letter: an event, unchanged, with why and how often it was tried.
#include "pubsub/dead_letter.hpp"

#include <algorithm>
#include <string>

#include "pubsub/pattern.hpp"
#include "virtufin/event/event_builder.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

constexpr std::size_t kMaxReasonBytes = 1024;

/// What somebody threw may be any bytes: printable ASCII of it.
std::string Printable(std::string_view reason) {
  std::string text(reason.substr(0, kMaxReasonBytes));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.empty() ? "unknown" : text;
}

}  // namespace

std::optional<Message> DeadLetter(const Message& message, std::string_view reason,
                                  std::uint32_t attempts) {
  if (IsDeadLetterTopic(message.topic())) return std::nullopt;
  const std::string topic = DeadLetterTopic(message.topic());
  const std::string text = Printable(reason);
  CloudEvent::Builder builder(message.event());
  builder.Extension("deadletterreason", std::string_view(text));
  builder.Extension("deadletterattempts", static_cast<std::int32_t>(attempts));
  const auto event = builder.Build(NameRule::kLenient);
  return Message(topic, event.ok() ? *event : message.event());
}

}  // namespace detail
}  // namespace virtufin::inline v0
