// RetiredSequences: the last sequence numbers of topics that nobody uses now, in bounded memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace virtufin::inline v0::detail {

/// A topic that comes back goes on with its numbers, or who follows it would see them start anew.
/// Of names beyond `most`, those that left first are forgotten together: what is forgotten, or was
/// never here, then goes on above all of theirs. That is a hole, which says that something may be
/// missing, and never a number used twice. [owner]
template <std::size_t kTopics>
class RetiredSequences {
 public:
  using Numbers = std::array<std::uint64_t, kTopics>;

  explicit RetiredSequences(std::size_t most) noexcept
      : half_(std::max<std::size_t>(1, most / 2)) {}

  void Keep(std::string_view name, const Numbers& numbers) {
    if (numbers == floor_) return;  // as good as unknown
    if (newer_.size() >= half_) {
      for (const auto& [_, forgotten] : older_) {
        for (std::size_t i = 0; i < kTopics; ++i) floor_[i] = std::max(floor_[i], forgotten[i]);
      }
      older_ = std::exchange(newer_, {});
    }
    newer_.insert_or_assign(std::string(name), numbers);
  }
  /// Its numbers, which are kept here no more.
  Numbers Take(std::string_view name) {
    const std::string key(name);
    for (auto* const table : {&newer_, &older_}) {
      const auto node = table->extract(key);
      if (node) return node.mapped();
    }
    return floor_;
  }
  std::size_t size() const noexcept { return newer_.size() + older_.size(); }

 private:
  std::size_t half_;
  std::unordered_map<std::string, Numbers> newer_, older_;  // no order is published
  Numbers floor_{};
};

}  // namespace virtufin::inline v0::detail
