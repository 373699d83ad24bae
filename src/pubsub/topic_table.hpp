// TopicTable: who gets the events of a topic. A lookup takes one lock of many and copies one
// handle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "pubsub/targets.hpp"

namespace virtufin::inline v0 {
namespace detail {

class InlineSubscription;
class InprocSubscription;

/// Everything is [any].
class TopicTable {
 public:
  /// Null when nobody listens.
  Targets::Ref Find(std::string_view topic) const;

  void Add(std::string_view topic, const Targets::Queued& subscription);
  void Add(std::string_view topic, const Targets::Inlined& subscription);
  void Remove(std::string_view topic, const InprocSubscription& subscription);

  std::size_t size() const;  // topics somebody listens to
  /// Each subscription at least once.
  std::vector<std::shared_ptr<InprocSubscription>> All() const;
  std::vector<std::shared_ptr<InlineSubscription>> AllInline() const;
  /// Forgets every topic.
  void Clear();

 private:
  struct Slot {
    std::size_t hash = 0;
    Targets::Owner targets;  // null: free
  };
  // Open addressing; at most half of the slots, a power of two, are taken.
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::vector<Slot> slots;
    std::size_t used = 0;

    /// The slot of `topic`, or the free one where it belongs. Precondition: slots not empty.
    std::size_t Seek(std::size_t hash, std::string_view topic) const noexcept;
    void Insert(std::size_t hash, Targets::Owner targets);
    Targets::Owner Erase(std::size_t at) noexcept;
  };
  class Edit;

  static std::uint64_t RandomSeed() noexcept;

  static constexpr std::size_t kShards = 64;
  // The low bits of a hash pick the shard, the others the slot.
  static constexpr int kShardBits = 6;
  const std::uint64_t seed_ = RandomSeed();
  std::array<Shard, kShards> shards_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
