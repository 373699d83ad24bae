// Patterns: what a legal one is.
#include "pubsub/pattern.hpp"

#include <algorithm>
#include <functional>

#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

Status Invalid(std::string_view pattern, const std::string& expected, const std::string& found) {
  return {StatusCode::kInvalidArgument, "pubsub",
          "pattern '" + std::string(pattern) + "': expected " + expected + ", found " + found};
}

}  // namespace

bool TopicNames::Contains(const std::vector<std::string>& sorted, std::string_view name) noexcept {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), name, std::less<>());
  return at != sorted.end() && *at == name;
}

bool TopicNames::Fit(std::string_view topic) const noexcept {
  return Contains(exact, topic) ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return FitsPattern(pattern, topic); });
}

Status CheckPattern(std::string_view pattern) {
  std::string_view rest = pattern;
  for (std::size_t number = 1;; ++number) {
    if (number > kMaxPatternSegments) {
      return Invalid(pattern.substr(0, 200),
                     "at most " + std::to_string(kMaxPatternSegments) + " segments", "more");
    }
    const FirstSegment first(rest);
    const std::string where = "segment " + std::to_string(number);
    if (first.segment.empty()) return Invalid(pattern, "text as " + where, "nothing");
    if (first.segment == kAnyRest && !first.last) {
      return Invalid(pattern, "'>' as the last segment only", "it as " + where);
    }
    const bool dead = first.segment == kAnyDeadSegment || first.segment == kAnyDeadRest;
    if (dead && !first.last) {
      return Invalid(pattern, "'" + std::string(first.segment) + "' as the last segment only",
                     "it as " + where);
    }
    if (!dead && first.segment.size() > 1 &&
        first.segment.find_first_of("*>") != std::string_view::npos) {
      return Invalid(pattern, "'*' or '>' to be a whole segment",
                     "'" + std::string(first.segment) + "' as " + where);
    }
    if (first.last) return {};
    rest = first.rest;
  }
}

bool FitsPattern(std::string_view pattern, std::string_view topic) noexcept {
  for (;;) {
    const FirstSegment wanted(pattern);
    if (wanted.segment == kAnyRest) return !IsDeadLetterTopic(topic);
    if (wanted.segment == kAnyDeadRest) return IsDeadLetterTopic(topic);
    const FirstSegment found(topic);
    if (wanted.segment == kAnyDeadSegment) return found.last && IsDeadLetterTopic(topic);
    if (wanted.segment != kAnySegment && wanted.segment != found.segment) return false;
    if (wanted.segment == kAnySegment && found.last && IsDeadLetterTopic(topic)) return false;
    if (wanted.last || found.last) return wanted.last && found.last;
    pattern = wanted.rest;
    topic = found.rest;
  }
}

bool HasWildcard(std::string_view pattern) noexcept {
  return pattern.find_first_of("*>") != std::string_view::npos;
}

}  // namespace detail
}  // namespace virtufin::inline v0
