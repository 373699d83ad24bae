// ConflationIndex: where in its queue a waiting event of some topic and subject is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "virtufin/event/message.hpp"

namespace virtufin::inline v0 {
namespace detail {

/// Events are known by the hash of what they are about and by their number; the events themselves
/// stay with the caller, who compares them. Open addressing; at most half of the slots are taken,
/// and they are kept: no allocation in steady state. [owner]
class ConflationIndex {
 public:
  static std::size_t HashOf(const Message& message) noexcept {
    const std::hash<std::string_view> hash;
    return hash(message.topic()) * 31 + hash(message.event().subject());
  }
  static bool SameKey(const Message& a, const Message& b) noexcept {
    return a.topic() == b.topic() && a.event().subject() == b.event().subject();
  }

  /// The number added with `hash` for which `same` says true.
  template <class Same>
  std::optional<std::uint64_t> Find(std::size_t hash, Same same) const {
    if (used_ == 0) return std::nullopt;
    for (std::size_t at = Home(hash); slots_[at].taken; at = Next(at)) {
      if (slots_[at].hash == hash && same(slots_[at].number)) return slots_[at].number;
    }
    return std::nullopt;
  }
  /// Makes room for one more.
  void Reserve();
  /// Precondition: Reserve was called since the last Add.
  void Add(std::size_t hash, std::uint64_t number) noexcept;
  /// Precondition: was added.
  void Remove(std::size_t hash, std::uint64_t number) noexcept;
  void Clear() noexcept;

 private:
  struct Slot {
    std::size_t hash = 0;
    std::uint64_t number = 0;
    bool taken = false;
  };
  // The low bits of a product of hashes say least.
  std::size_t Home(std::size_t hash) const noexcept {
    return (hash ^ hash >> 29) & (slots_.size() - 1);
  }
  std::size_t Next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }
  void Put(std::size_t hash, std::uint64_t number) noexcept;

  std::vector<Slot> slots_;  // a power of two of them, or none
  std::size_t used_ = 0;
};

}  // namespace detail
}  // namespace virtufin::inline v0
