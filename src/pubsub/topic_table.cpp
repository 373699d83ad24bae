// TopicTable: copy-on-write lists of subscriptions in a sharded map.
#include "pubsub/topic_table.hpp"

#include <algorithm>
#include <utility>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/queued_subscription.hpp"

namespace virtufin::inline v0 {
namespace detail {

std::shared_ptr<const Targets> TopicTable::Find(std::string_view topic) const {
  const Probe probe = ProbeOf(topic);
  const Shard& shard = ShardOf(probe);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.topics.find(probe);
  if (found == shard.topics.end()) return nullptr;
  return found->second;
}

void TopicTable::Edit(std::string_view topic, const std::function<void(Targets&)>& edit) {
  const Probe probe = ProbeOf(topic);
  Shard& shard = ShardOf(probe);
  std::shared_ptr<const Targets> old;  // destroyed after unlocking
  std::lock_guard lock(shard.mutex);
  auto found = shard.topics.find(probe);
  auto changed = found == shard.topics.end() ? std::make_shared<Targets>()
                                             : std::make_shared<Targets>(*found->second);
  edit(*changed);
  const bool empty = changed->queued.empty() && changed->inlined.empty();
  if (found == shard.topics.end()) {
    if (!empty) shard.topics.emplace(Key{std::string(topic), probe.hash}, std::move(changed));
    return;
  }
  old = std::move(found->second);
  if (empty) {
    shard.topics.erase(found);
  } else {
    found->second = std::move(changed);
  }
}

void TopicTable::Add(std::string_view topic,
                     const std::shared_ptr<QueuedSubscription>& subscription) {
  Edit(topic, [&](Targets& targets) { targets.queued.push_back(subscription); });
}

void TopicTable::Add(std::string_view topic,
                     const std::shared_ptr<InlineSubscription>& subscription) {
  Edit(topic, [&](Targets& targets) { targets.inlined.push_back(subscription); });
}

void TopicTable::Remove(std::string_view topic, const InprocSubscription& subscription) {
  const auto same = [&](const auto& other) { return other.get() == &subscription; };
  Edit(topic, [&](Targets& targets) {
    std::erase_if(targets.queued, same);
    std::erase_if(targets.inlined, same);
  });
}

std::size_t TopicTable::size() const {
  std::size_t topics = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    topics += shard.topics.size();
  }
  return topics;
}

std::vector<std::shared_ptr<InprocSubscription>> TopicTable::All() const {
  std::vector<std::shared_ptr<InprocSubscription>> all;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (const auto& [topic, targets] : shard.topics) {
      all.insert(all.end(), targets->queued.begin(), targets->queued.end());
      all.insert(all.end(), targets->inlined.begin(), targets->inlined.end());
    }
  }
  return all;
}

}  // namespace detail
}  // namespace virtufin::inline v0
