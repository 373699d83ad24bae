// Percent-encoding of topic segments.
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {
namespace {

bool IsPlain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '-';
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

}  // namespace virtufin::inline v0
