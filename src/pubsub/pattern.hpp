// Patterns: topics with `*` for one segment and a trailing `>` for one segment or more; as the last
// segment `*-dead` and `>-dead` are the same for topics of dead letters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"

namespace virtufin::inline v0 {
namespace detail {

inline constexpr std::size_t kMaxPatternSegments = 64;
inline constexpr std::string_view kAnySegment = "*";
inline constexpr std::string_view kAnyRest = ">";
// The last segment of a dead letter's topic is matched by no other wildcard: who asked for
// `orders.*` would handle an order that somebody else failed to handle once more.
inline constexpr std::string_view kAnyDeadSegment = "*-dead";
inline constexpr std::string_view kAnyDeadRest = ">-dead";

/// A topic may have such a segment too: then only the wildcard matches it.
constexpr bool IsWildcard(std::string_view segment) noexcept {
  return segment == kAnySegment || segment == kAnyRest || segment == kAnyDeadSegment ||
         segment == kAnyDeadRest;
}

/// Takes the first segment off `rest`: what is before its first dot, and what is behind it. Without
/// a dot `last` is true and the rest empty.
struct FirstSegment {
  explicit FirstSegment(std::string_view text) noexcept
      : dot(text.find('.')),
        last(dot == std::string_view::npos),
        segment(text.substr(0, dot)),
        rest(last ? std::string_view() : text.substr(dot + 1)) {}
  std::size_t dot;
  bool last;
  std::string_view segment;
  std::string_view rest;
};

/// What a subscription asks for, sorted, each once.
struct TopicNames {
  std::vector<std::string> exact;
  std::vector<std::string> patterns;

  /// One event may match several of them.
  bool Overlap() const noexcept { return !patterns.empty() && exact.size() + patterns.size() > 1; }
  bool Fit(std::string_view topic) const noexcept;
  /// `topic` is among the exact ones, or one of the first `count` of `matched` among the patterns.
  template <class Entries>
  bool HasEarlier(std::string_view topic, const Entries& matched, std::size_t count) const {
    if (Contains(exact, topic)) return true;
    for (std::size_t i = 0; i < count; ++i) {
      if (Contains(patterns, matched[i]->pattern())) return true;
    }
    return false;
  }

 private:
  static bool Contains(const std::vector<std::string>& sorted, std::string_view name) noexcept;
};

/// Errors: INVALID_ARGUMENT saying what was expected of which segment, and what was found.
Status CheckPattern(std::string_view pattern);
/// Precondition, here and below: CheckPattern accepted it.
bool FitsPattern(std::string_view pattern, std::string_view topic) noexcept;
bool HasWildcard(std::string_view pattern) noexcept;

}  // namespace detail
}  // namespace virtufin::inline v0
