// Splits topics into their parts.
#include <array>
#include <cstddef>

#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {
namespace {

// Takes what stands before the next dot; everything when there is none.
std::string_view TakeSegment(std::string_view& rest) noexcept {
  const std::size_t dot = rest.find('.');
  const std::string_view segment = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return segment;
}

// No segment is empty, and the text does not end in a dot.
bool IsWellFormed(std::string_view topic) noexcept {
  return !topic.empty() && topic.front() != '.' && topic.back() != '.' &&
         topic.find("..") == std::string_view::npos;
}

// `rest`: behind the world and "exchange.". Two segments at least follow the venue.
bool SplitMarket(std::string_view rest, TopicParts& parts) noexcept {
  parts.owner = TakeSegment(rest);
  parts.entity = TakeSegment(rest);
  parts.event = TakeSegment(rest);
  if (parts.event.empty()) return false;
  const bool candle = parts.entity == "ohlcv" && parts.event == "candle";
  if (candle) parts.interval = TakeSegment(rest);
  parts.id = rest;
  return true;
}

bool SplitScenario(std::string_view rest, TopicParts& parts) noexcept {
  parts.owner = TakeSegment(rest);
  parts.domain = TakeSegment(rest);
  parts.entity = TakeSegment(rest);
  parts.event = TakeSegment(rest);
  parts.id = rest;
  return !parts.event.empty();
}

bool Take(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Fills in the parts of a topic of that axis; false: it only begins like one.
bool Split(std::string_view topic, TopicParts& parts) noexcept {
  std::string_view rest = topic;
  if (Take(rest, "sc.")) {
    parts.axis = TopicAxis::kScenario;
    return SplitScenario(rest, parts);
  }
  const bool hypothetical = Take(rest, "hyp.");
  if (hypothetical || Take(rest, "act.")) {
    if (hypothetical) TakeSegment(rest);
    parts.axis = TopicAxis::kMarket;
    parts.world = topic.substr(0, topic.size() - rest.size());
    if (!parts.world.empty()) parts.world.remove_suffix(1);
    return Take(rest, "exchange.") && SplitMarket(rest, parts);
  }
  if (topic == kStateChangeTopic) {
    parts.axis = TopicAxis::kStateChange;
    return true;
  }
  const std::string_view first = TakeSegment(rest);
  parts.owner = first;
  parts.event = TakeSegment(rest);
  if (parts.event.empty()) return false;
  if (first == "command" || first == "response") {
    parts.axis = first == "command" ? TopicAxis::kCommand : TopicAxis::kResponse;
    parts.owner = parts.event;
    parts.event = {};
    return rest.empty();
  }
  parts.axis = TopicAxis::kInfrastructure;
  if (rest.empty()) return true;
  parts.id = rest;
  return parts.event == "infra" && rest.find('.') == std::string_view::npos;
}

}  // namespace

TopicParts SplitTopic(std::string_view topic) noexcept {
  TopicParts parts;
  const bool dead = IsDeadLetterTopic(topic);
  if (dead) topic.remove_suffix(kDeadLetterSuffix.size());
  if (!IsWellFormed(topic) || !Split(topic, parts)) parts = {};
  parts.dead_letter = dead;
  return parts;
}

}  // namespace virtufin::inline v0
