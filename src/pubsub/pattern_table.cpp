// PatternTable: a tree of segments behind a bounded memory of what each topic matched.
#include "pubsub/pattern_table.hpp"

#include <utility>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/pattern.hpp"
#include "pubsub/queued_subscription.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0 {
namespace detail {

// ---- the tree; mutex_ is held ------------------------------------------------------------------

void PatternTable::Match(const Node& node, std::string_view topic,
                         std::vector<std::shared_ptr<PatternEntry>>& found) {
  const bool dead = IsDeadLetterTopic(topic);
  if (node.rest != nullptr && !dead) found.push_back(node.rest);
  const FirstSegment first(topic);
  const auto down = [&](std::string_view segment) {
    const auto child = node.children.find(segment);
    if (child == node.children.end()) return;
    if (!first.last) return Match(*child->second, first.rest, found);
    if (child->second->ends != nullptr) found.push_back(child->second->ends);
  };
  if (!first.last || !dead) down(kAnySegment);
  if (first.last && dead) down(kAnyDeadSegment);
  if (dead) {
    const auto child = node.children.find(kAnyDeadRest);
    if (child != node.children.end()) found.push_back(child->second->ends);
  }
  if (!IsWildcard(first.segment)) down(first.segment);
}

std::shared_ptr<PatternEntry>& PatternTable::Seek(Node& root, std::string_view pattern) {
  Node* node = &root;
  for (std::string_view rest = pattern;;) {
    const FirstSegment first(rest);
    if (first.segment == kAnyRest) return node->rest;
    auto& child = node->children[std::string(first.segment)];
    if (child == nullptr) child = std::make_unique<Node>();
    node = child.get();
    if (first.last) return node->ends;
    rest = first.rest;
  }
}

bool PatternTable::Erase(Node& node, std::string_view pattern) {
  const FirstSegment first(pattern);
  if (first.segment == kAnyRest) {
    node.rest = nullptr;
    return node.empty();
  }
  const auto child = node.children.find(first.segment);
  if (child == node.children.end()) return false;
  bool empty = false;
  if (first.last) {
    child->second->ends = nullptr;
    empty = child->second->empty();
  } else {
    empty = Erase(*child->second, first.rest);
  }
  if (empty) node.children.erase(child);
  return node.empty();
}

// ---- the table ---------------------------------------------------------------------------------

PatternMatch PatternTable::Find(std::string_view topic) const {
  Shard& shard = shards_[Hash{}(topic) & (kShards - 1)];
  ByText<PatternMatch> dropped;  // destroyed after unlocking
  const std::lock_guard lock(shard.mutex);
  if (shard.epoch == epoch_.load(std::memory_order_acquire)) {
    if (const auto known = shard.matches.find(topic); known != shard.matches.end()) {
      return known->second;
    }
  }
  auto found = std::make_shared<std::vector<std::shared_ptr<PatternEntry>>>();
  std::uint64_t epoch = 0;
  {
    const std::lock_guard tree_lock(mutex_);
    epoch = epoch_.load(std::memory_order_relaxed);
    Match(root_, topic, *found);
  }
  if (shard.epoch != epoch || shard.matches.size() >= kMaxRemembered) {
    dropped.swap(shard.matches);
    shard.epoch = epoch;
  }
  return shard.matches.emplace(topic, std::move(found)).first->second;
}

template <class Change>
void PatternTable::Edit(std::string_view pattern, Change change) {
  std::vector<Targets::Queued> queued;
  std::vector<Targets::Inlined> inlined;
  Targets::Ref old;  // these are destroyed after unlocking
  std::unique_lock lock(mutex_);
  std::shared_ptr<PatternEntry>& place = Seek(root_, pattern);
  const bool is_new = place == nullptr;
  if (is_new) place = std::make_shared<PatternEntry>(pattern);
  const std::shared_ptr<PatternEntry> entry = place;
  if (old = entry->targets(); old) {
    queued.assign(old->queued().begin(), old->queued().end());
    inlined.assign(old->inlined().begin(), old->inlined().end());
  }
  change(queued, inlined);
  const bool is_empty = queued.empty() && inlined.empty();
  Targets::Owner changed;
  if (!is_empty) changed = Targets::Make(pattern, queued, inlined);
  entry->Replace(changed);
  if (is_empty) Erase(root_, pattern);
  if (is_empty == is_new) return;
  const std::size_t count = count_.load(std::memory_order_relaxed) + (is_new ? 1 : std::size_t(-1));
  count_.store(count, std::memory_order_release);
  epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  lock.unlock();
  if (count == 0) Forget();
}

void PatternTable::Add(std::string_view pattern, const Targets::Queued& subscription) {
  Edit(pattern, [&](auto& queued, auto&) { queued.push_back(subscription); });
}

void PatternTable::Add(std::string_view pattern, const Targets::Inlined& subscription) {
  Edit(pattern, [&](auto&, auto& inlined) { inlined.push_back(subscription); });
}

void PatternTable::Remove(std::string_view pattern, const InprocSubscription& subscription) {
  const auto same = [&](const auto& other) { return other.get() == &subscription; };
  Edit(pattern, [&](auto& queued, auto& inlined) {
    std::erase_if(queued, same);
    std::erase_if(inlined, same);
  });
}

std::size_t PatternTable::remembered() const {
  std::size_t topics = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    topics += shard.matches.size();
  }
  return topics;
}

template <class Visit>
void PatternTable::VisitEntries(const Node& node, Visit visit) {
  for (const auto* entry : {&node.ends, &node.rest}) {
    if (*entry != nullptr) visit(**entry);
  }
  for (const auto& [segment, child] : node.children) VisitEntries(*child, visit);
}

std::vector<std::shared_ptr<InprocSubscription>> PatternTable::All() const {
  std::vector<std::shared_ptr<InprocSubscription>> all;
  const std::lock_guard lock(mutex_);
  VisitEntries(root_, [&](const PatternEntry& entry) {
    const Targets::Ref targets = entry.targets();
    all.insert(all.end(), targets->queued().begin(), targets->queued().end());
    all.insert(all.end(), targets->inlined().begin(), targets->inlined().end());
  });
  return all;
}

std::vector<std::shared_ptr<InlineSubscription>> PatternTable::AllInline() const {
  std::vector<std::shared_ptr<InlineSubscription>> all;
  const std::lock_guard lock(mutex_);
  VisitEntries(root_, [&](const PatternEntry& entry) {
    const Targets::Ref targets = entry.targets();
    all.insert(all.end(), targets->inlined().begin(), targets->inlined().end());
  });
  return all;
}

void PatternTable::Clear() {
  Node dropped;  // destroyed after unlocking
  std::vector<Targets::Owner> targets;
  {
    const std::lock_guard lock(mutex_);
    // Who remembers an entry keeps it, but not what it leads to.
    VisitEntries(root_, [&](PatternEntry& entry) { entry.Replace(targets.emplace_back()); });
    std::swap(root_, dropped);
    count_.store(0, std::memory_order_release);
    epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  Forget();
}

void PatternTable::Forget() {
  for (Shard& shard : shards_) {
    ByText<PatternMatch> dropped;
    const std::lock_guard lock(shard.mutex);
    dropped.swap(shard.matches);
  }
}

}  // namespace detail
}  // namespace virtufin::inline v0
