// Reply routing: topic choice and the extensions that travel from input to reply.
#include "workmanager/reply_routing.hpp"

#include <array>
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

std::string_view ReplyTopic(const CloudEvent& input, const CloudEvent& reply) {
  if (auto topic = input.ExtensionText(kReplyTopic); !topic.empty()) return topic;
  if (auto topic = reply.ExtensionText(kPublishTopic); !topic.empty()) return topic;
  return reply.type();
}

}  // namespace

Result<Message> RouteReply(const CloudEvent& input, const CloudEvent& reply) {
  const std::string_view topic = ReplyTopic(input, reply);
  const std::string_view own_reply_topic = reply.ExtensionText(kReplyTopic);
  const bool drop_reply_topic =
      !own_reply_topic.empty() && own_reply_topic == input.ExtensionText(kReplyTopic);
  const bool drop_publish_topic = reply.FindExtension(kPublishTopic).has_value();

  std::array<std::pair<std::string_view, AttributeValue>, kCopied.size()> missing;
  std::size_t count = 0;
  for (std::string_view name : kCopied) {
    auto value = input.FindExtension(name);
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
