// Builds topics out of the payloads' patterns, and percent-encodes their segments.
#include "virtufin/event/topic.hpp"

#include "event/payload/topics.hpp"

namespace virtufin::inline v0 {
namespace {

bool IsPlain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '-';
}

int HexDigit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string Joined(std::string_view first, std::string_view middle, std::string_view last) {
  std::string topic;
  AppendTopicSegment(topic, first);
  topic.append(middle);
  AppendTopicSegment(topic, last);
  return topic;
}

Status NoWorld(std::string_view text) {
  return Status(StatusCode::kInvalidArgument, "event",
                "world: expected 'act' or 'hyp.<name>', found '" + std::string(text) + "'");
}

}  // namespace

void AppendTopicSegment(std::string& topic, std::string_view name) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : name) {
    if (IsPlain(c)) {
      topic += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    topic += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
}

std::string TopicSegment(std::string_view name) {
  std::string segment;
  segment.reserve(name.size());
  AppendTopicSegment(segment, name);
  return segment;
}

std::string TopicName(std::string_view segment) {
  std::string name;
  name.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const bool encoded = segment[i] == '%' && i + 2 < segment.size() &&
                         HexDigit(segment[i + 1]) >= 0 && HexDigit(segment[i + 2]) >= 0;
    if (!encoded) {
      name += segment[i];
      continue;
    }
    name += static_cast<char>(HexDigit(segment[i + 1]) << 4 | HexDigit(segment[i + 2]));
    i += 2;
  }
  return name;
}

Result<World> World::Hypothetical(std::string_view name) {
  if (name.empty()) return NoWorld("hyp.");
  World world;
  world.text_ = "hyp.";
  AppendTopicSegment(world.text_, name);
  return world;
}

Result<World> World::Parse(std::string_view text) {
  if (text == "act") return World();
  if (!text.starts_with("hyp.") || text.size() == 4) return NoWorld(text);
  for (const char c : text.substr(4)) {
    if (!IsPlain(c) && c != '%') return NoWorld(text);
  }
  World world;
  world.text_ = text;
  return world;
}

namespace detail {

std::string MarketPrefix(std::string_view venue, const World& world) {
  std::string prefix(world.text());
  prefix += ".exchange.";
  AppendTopicSegment(prefix, venue);
  return prefix += '.';
}

std::string ScenarioPrefix(std::string_view scenario_id) {
  std::string prefix = "sc.";
  AppendTopicSegment(prefix, scenario_id);
  return prefix += '.';
}

void AppendPayloadTopic(std::string& topic, const PayloadInfo& info, std::string_view interval,
                        std::string_view id) {
  std::string_view pattern = info.topic;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('<');
    topic.append(pattern.substr(0, open));
    if (open == std::string_view::npos) return;
    const std::size_t close = pattern.find('>', open);
    const std::string_view name = pattern.substr(open + 1, close - open - 1);
    const std::string_view value = name == "interval" ? interval : id;
    if (value.empty() && topic.ends_with('.')) topic.pop_back();
    AppendTopicSegment(topic, value);
    pattern.remove_prefix(close + 1);
  }
}

}  // namespace detail

MarketTopics::MarketTopics(std::string_view venue, const World& world)
    : prefix_(detail::MarketPrefix(venue, world)) {}

std::string MarketTopics::Tail(std::string_view tail, std::string_view instrument) const {
  std::string topic = prefix_;
  topic.append(tail);
  if (!instrument.empty()) AppendTopicSegment(topic += '.', instrument);
  return topic;
}

std::string MarketTopics::Make(PayloadKind kind, std::string_view interval,
                               std::string_view instrument) const {
  std::string topic = prefix_;
  detail::AppendPayloadTopic(topic, PayloadInfoOf(kind), interval, instrument);
  return topic;
}

ScenarioTopics::ScenarioTopics(std::string_view scenario_id)
    : prefix_(detail::ScenarioPrefix(scenario_id)) {}

std::string ScenarioTopics::Make(PayloadKind kind, std::string_view id) const {
  std::string topic = prefix_;
  detail::AppendPayloadTopic(topic, PayloadInfoOf(kind), {}, id);
  return topic;
}

std::string InfrastructureTopic(std::string_view service, std::string_view category) {
  return Joined(service, ".", category);
}
std::string InfrastructureSubTopic(std::string_view service, std::string_view sub) {
  return Joined(service, ".infra.", sub);
}
std::string CommandTopic(std::string_view worker) { return Joined("command", ".", worker); }
std::string ResponseTopic(std::string_view worker) { return Joined("response", ".", worker); }
std::string DeadLetterTopic(std::string_view topic) {
  return std::string(topic).append(kDeadLetterSuffix);
}

}  // namespace virtufin::inline v0
