// Reply routing: topic choice and the extensions that travel from input to reply.
#include "workmanager/reply_routing.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::string_view kReplyTopic = "replytopic";
constexpr std::string_view kPublishTopic = "publishtopic";

constexpr std::array<std::string_view, 10> kCopied = {
    "correlationid",  "scenarioid",    "runid",          "clocktype",   "marketworld",
    "portfolioworld", "strategyworld", "marketuniverse", "traceparent", "tracestate"};

/// The event as the worker saw it. Asks the overlay instead of making the stamped event: that would
/// cost each reply the copy of one.
class SeenInput {
 public:
  SeenInput(const CloudEvent& event, const ExtensionOverlay* overlay)
      : event_(event), overlay_(overlay) {}

  std::optional<AttributeValue> Find(std::string_view name) const noexcept {
    if (auto own = event_.FindExtension(name); own || overlay_ == nullptr) return own;
    if (const auto stamped = Stamped(name)) return AttributeValue(*stamped);
    return std::nullopt;
  }
  std::string_view Text(std::string_view name) const noexcept {
    const std::string_view own = event_.ExtensionText(name);
    if (!own.empty() || overlay_ == nullptr || event_.FindExtension(name)) return own;
    return Stamped(name).value_or(std::string_view());
  }

 private:
  std::optional<std::string_view> Stamped(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < overlay_->size(); ++i) {
      if (const auto [key, value] = overlay_->extension(i); key == name) return value;
    }
    return std::nullopt;
  }

  const CloudEvent& event_;
  const ExtensionOverlay* const overlay_;
};

}  // namespace

Result<Message> RouteReply(const CloudEvent& event, const ExtensionOverlay* overlay,
                           const CloudEvent& reply) {
  const SeenInput input(event, overlay);
  const std::string_view wanted = input.Text(kReplyTopic);
  const std::string_view chosen = reply.ExtensionText(kPublishTopic);
  const std::string_view topic = !wanted.empty() ? wanted : !chosen.empty() ? chosen : reply.type();
  const std::string_view own_reply_topic = reply.ExtensionText(kReplyTopic);
  const bool drop_reply_topic = !own_reply_topic.empty() && own_reply_topic == wanted;
  const bool drop_publish_topic = reply.FindExtension(kPublishTopic).has_value();

  std::array<std::pair<std::string_view, AttributeValue>, kCopied.size()> missing;
  std::size_t count = 0;
  for (std::string_view name : kCopied) {
    auto value = input.Find(name);
    if (value && !reply.FindExtension(name)) missing[count++] = {name, *value};
  }
  if (count == 0 && !drop_reply_topic && !drop_publish_topic) return Message(topic, reply);

  CloudEvent::Builder edit(reply);
  if (drop_reply_topic) edit.RemoveExtension(kReplyTopic);
  if (drop_publish_topic) edit.RemoveExtension(kPublishTopic);
  for (std::size_t i = 0; i < count; ++i) edit.Extension(missing[i].first, missing[i].second);
  // The wire keeps legacy names: what came in with them goes out with them.
  auto routed = edit.Build(NameRule::kLenient);
  if (!routed.ok()) return routed.status();
  return Message(topic, std::move(*routed));
}

}  // namespace virtufin::inline v0::detail
