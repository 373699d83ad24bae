// Topics: how a name of a venue (a symbol, an interval) becomes one segment of a topic.
// Specification: docs/openspec/specs/topics/spec.md
#pragma once

#include <string>
#include <string_view>

namespace virtufin::inline v0 {

/// Appends `name` with every byte outside [A-Za-z0-9_-] percent-encoded, so that it holds no dot:
/// "BTC.P" appends "BTC%2EP". Different names give different segments. [any]
void AppendTopicSegment(std::string& topic, std::string_view name);

/// The segment alone, owned by the caller. [any]
std::string TopicSegment(std::string_view name);

}  // namespace virtufin::inline v0
