// The limits of tags.
#include "virtufin/core/tags.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "virtufin/core/utf8.hpp"

namespace virtufin::inline v0 {
namespace {

constexpr std::size_t kMaxTags = 50;
constexpr std::size_t kMaxTagKey = 128;
constexpr std::size_t kMaxTagValue = 1024;

/// Of text that is no UTF-8 each byte counts.
std::size_t Characters(std::string_view text) noexcept {
  if (!IsUtf8(text)) return text.size();
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // continues no character
  }));
}

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
    if (key.empty() || Characters(key) > kMaxTagKey || Characters(value) > kMaxTagValue) {
      return invalid("tag '" + std::string(CutUtf8(key, kMaxTagKey)) +
                     "': expected a key of 1 to " + std::to_string(kMaxTagKey) +
                     " and a value of at most " + std::to_string(kMaxTagValue) + " characters");
    }
  }
  return {};
}

}  // namespace virtufin::inline v0
