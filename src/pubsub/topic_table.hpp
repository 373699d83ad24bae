// TopicTable: who gets the events of a topic. Lookups copy one pointer under a lock of a shard.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace virtufin::inline v0 {
namespace detail {

class InlineSubscription;
class InprocSubscription;
class QueuedSubscription;

/// The subscriptions of one topic at one moment. Immutable: publishers use it without a lock.
struct Targets {
  std::vector<std::shared_ptr<QueuedSubscription>> queued;
  std::vector<std::shared_ptr<InlineSubscription>> inlined;
};

/// Everything is [any].
class TopicTable {
 public:
  /// Null when nobody listens.
  std::shared_ptr<const Targets> Find(std::string_view topic) const;

  void Add(std::string_view topic, const std::shared_ptr<QueuedSubscription>& subscription);
  void Add(std::string_view topic, const std::shared_ptr<InlineSubscription>& subscription);
  void Remove(std::string_view topic, const InprocSubscription& subscription);

  std::size_t size() const;  // topics somebody listens to
  /// Each subscription at least once.
  std::vector<std::shared_ptr<InprocSubscription>> All() const;

 private:
  // The hash picks the shard and the bucket; it is made once a lookup.
  struct Probe {
    std::string_view text;
    std::size_t hash;
  };
  struct Key {
    std::string text;
    std::size_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Probe& probe) const noexcept { return probe.hash; }
    std::size_t operator()(const Key& key) const noexcept { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      return std::string_view(a.text) == std::string_view(b.text);
    }
  };
  using Map = std::unordered_map<Key, std::shared_ptr<const Targets>, Hash, Equal>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Map topics;
  };

  static Probe ProbeOf(std::string_view topic) noexcept {
    return {topic, std::hash<std::string_view>{}(topic)};
  }
  const Shard& ShardOf(const Probe& probe) const noexcept {
    return shards_[probe.hash & (kShards - 1)];
  }
  Shard& ShardOf(const Probe& probe) noexcept { return shards_[probe.hash & (kShards - 1)]; }
  /// Puts a changed copy in place of the targets of `topic`; an empty one removes the topic.
  void Edit(std::string_view topic, const std::function<void(Targets&)>& edit);

  static constexpr std::size_t kShards = 64;
  std::array<Shard, kShards> shards_;
};

}  // namespace detail
}  // namespace virtufin::inline v0
