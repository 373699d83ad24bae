// The limits of tags.
#include "virtufin/core/tags.hpp"

#include <cstddef>
#include <utility>

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTagKey = 128;
constexpr std::size_t kMaxTagValue = 1024;

}  // namespace

Status CheckTags(const std::map<std::string, std::string>& tags, std::string_view component) {
  const auto invalid = [component](std::string text) {
    return Status(StatusCode::kInvalidArgument, component, std::move(text));
  };
  if (tags.size() > kMaxTags) {
    return invalid("tags: expected at most " + std::to_string(kMaxTags) + ", found " +
                   std::to_string(tags.size()));
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > kMaxTagKey || value.size() > kMaxTagValue) {
      return invalid("tag '" + key.substr(0, kMaxTagKey) + "': expected a key of 1 to " +
                     std::to_string(kMaxTagKey) + " and a value of at most " +
                     std::to_string(kMaxTagValue) + " bytes");
    }
  }
  return {};
}

}  // namespace virtufin::inline v0
