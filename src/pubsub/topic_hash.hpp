// TopicHash: the hash of a topic, 16 bytes at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace virtufin::inline v0 {
namespace detail {

/// Every publish hashes its topic, of some 40 bytes, once: two multiplications side by side for
/// each 16 bytes, where std::hash does eight one after the other. A multiplication carries a byte
/// upwards only, so the end folds and multiplies once more: every byte reaches every bit of the
/// result. Topics that meet under one `seed` seldom do under another.
inline std::size_t TopicHash(std::string_view topic, std::uint64_t seed) noexcept {
  constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kSecond = 0xd6e8feb86659fd93;
  std::uint64_t a = topic.size() * kFirst ^ seed;
  std::uint64_t b = kSecond;
  const auto mix = [&](std::uint64_t first, std::uint64_t second) {
    a = std::rotl((a ^ first) * kFirst, 32);
    b = std::rotl((b ^ second) * kSecond, 32);
  };
  const auto word = [](const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
  };
  const char* at = topic.data();
  const char* const end = at + topic.size();
  if (topic.size() >= 16) {
    for (; end - at > 16; at += 16) mix(word(at), word(at + 8));
    mix(word(end - 16), word(end - 8));  // may overlap those before
  } else {
    std::uint64_t words[2] = {0, 0};
    if (!topic.empty()) std::memcpy(words, at, topic.size());
    mix(words[0], words[1]);
  }
  std::uint64_t sum = (a ^ std::rotl(b, 17)) * kFirst;
  sum = (sum ^ sum >> 32) * kSecond;
  return static_cast<std::size_t>(sum ^ sum >> 29);
}

}  // namespace detail
}  // namespace virtufin::inline v0
