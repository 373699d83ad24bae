// TopicTable: copy-on-write lists of subscriptions in sharded tables.
#include "pubsub/topic_table.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/queued_subscription.hpp"
#include "pubsub/topic_hash.hpp"
#include "virtufin/core/uuid.hpp"

namespace virtufin::inline v0 {
namespace detail {

// ---- Targets -----------------------------------------------------------------------------------

static_assert(sizeof(Targets) % alignof(Targets::Queued) == 0);

// Lines of its own: other cores write what lies beside it, and a short topic fits into two.
constexpr std::align_val_t kLine{64};

Targets::Owner Targets::Make(std::string_view topic, std::span<const Queued> queued,
                             std::span<const Inlined> inlined) {
  const std::size_t bytes =
      sizeof(Targets) + queued.size_bytes() + inlined.size_bytes() + topic.size();
  auto* made =
      new (::operator new(bytes, kLine)) Targets(topic.size(), queued.size(), inlined.size());
  std::uninitialized_copy(queued.begin(), queued.end(), const_cast<Queued*>(made->queued().data()));
  std::uninitialized_copy(inlined.begin(), inlined.end(),
                          const_cast<Inlined*>(made->inlined().data()));
  std::copy(topic.begin(), topic.end(), const_cast<char*>(made->topic().data()));
  return Owner(made);
}

void Targets::Destroy(const Targets* targets) noexcept {
  std::destroy_n(const_cast<Queued*>(targets->queued().data()), targets->queued_count_);
  std::destroy_n(const_cast<Inlined*>(targets->inlined().data()), targets->inlined_count_);
  ::operator delete(const_cast<Targets*>(targets), kLine);
}

// ---- one shard; its mutex is held --------------------------------------------------------------

std::size_t TopicTable::Shard::Seek(std::size_t hash, std::string_view topic) const noexcept {
  const std::size_t mask = slots.size() - 1;
  for (std::size_t at = (hash >> kShardBits) & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots[at];
    if (!slot.targets || (slot.hash == hash && slot.targets->topic() == topic)) return at;
  }
}

void TopicTable::Shard::Insert(std::size_t hash, Targets::Owner targets) {
  if ((used + 1) * 2 > slots.size()) {
    std::vector<Slot> bigger(std::max<std::size_t>(4, slots.size() * 2));
    slots.swap(bigger);
    for (Slot& slot : bigger) {
      if (slot.targets) slots[Seek(slot.hash, slot.targets->topic())] = std::move(slot);
    }
  }
  Slot& slot = slots[Seek(hash, targets->topic())];
  slot.hash = hash;
  slot.targets = std::move(targets);
  ++used;
}

Targets::Owner TopicTable::Shard::Erase(std::size_t at) noexcept {
  Targets::Owner erased = std::move(slots[at].targets);
  if (--used == 0) {
    slots = std::vector<Slot>();
    return erased;
  }
  // Those behind may have wanted this slot: put each again where it is found.
  const std::size_t mask = slots.size() - 1;
  for (std::size_t next = (at + 1) & mask; slots[next].targets; next = (next + 1) & mask) {
    Slot moved = std::move(slots[next]);
    const std::size_t to = Seek(moved.hash, moved.targets->topic());
    slots[to] = std::move(moved);
  }
  return erased;
}

// ---- the table ---------------------------------------------------------------------------------

std::uint64_t TopicTable::RandomSeed() noexcept {
  const Uuid random = Uuid::V4();
  std::uint64_t seed = 0;
  std::memcpy(&seed, random.bytes.data(), sizeof(seed));
  return seed;
}

/// The lists of one topic, to change; a changed copy takes their place in the end.
class TopicTable::Edit {
 public:
  Edit(TopicTable& table, std::string_view topic)
      : topic_(topic),
        hash_(TopicHash(topic, table.seed_)),
        shard_(table.shards_[hash_ & (kShards - 1)]),
        lock_(shard_.mutex) {
    if (shard_.slots.empty()) return;
    at_ = shard_.Seek(hash_, topic);
    const Targets::Owner& found = shard_.slots[at_].targets;
    known_ = static_cast<bool>(found);
    if (!known_) return;
    queued.assign(found->queued().begin(), found->queued().end());
    inlined.assign(found->inlined().begin(), found->inlined().end());
  }
  void Commit() {
    if (queued.empty() && inlined.empty()) {
      if (known_) old_ = shard_.Erase(at_);
      return;
    }
    auto changed = Targets::Make(topic_, queued, inlined);
    if (known_) {
      old_ = std::exchange(shard_.slots[at_].targets, std::move(changed));
    } else {
      shard_.Insert(hash_, std::move(changed));
    }
  }

  // Destroyed, like the old list, after unlocking.
  std::vector<Targets::Queued> queued;
  std::vector<Targets::Inlined> inlined;

 private:
  const std::string_view topic_;
  const std::size_t hash_;
  Shard& shard_;
  std::size_t at_ = 0;
  Targets::Owner old_;
  bool known_ = false;
  const std::lock_guard<std::mutex> lock_;
};

Targets::Ref TopicTable::Find(std::string_view topic) const {
  const std::size_t hash = TopicHash(topic, seed_);
  const Shard& shard = shards_[hash & (kShards - 1)];
  std::lock_guard lock(shard.mutex);
  if (shard.used == 0) return {};
  return shard.slots[shard.Seek(hash, topic)].targets.Lend();
}

void TopicTable::Add(std::string_view topic, const Targets::Queued& subscription) {
  Edit edit(*this, topic);
  edit.queued.push_back(subscription);
  edit.Commit();
}

void TopicTable::Add(std::string_view topic, const Targets::Inlined& subscription) {
  Edit edit(*this, topic);
  edit.inlined.push_back(subscription);
  edit.Commit();
}

void TopicTable::Remove(std::string_view topic, const InprocSubscription& subscription) {
  const auto same = [&](const auto& other) { return other.get() == &subscription; };
  Edit edit(*this, topic);
  std::erase_if(edit.queued, same);
  std::erase_if(edit.inlined, same);
  edit.Commit();
}

std::size_t TopicTable::size() const {
  std::size_t topics = 0;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    topics += shard.used;
  }
  return topics;
}

std::vector<std::shared_ptr<InprocSubscription>> TopicTable::All() const {
  std::vector<std::shared_ptr<InprocSubscription>> all;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      if (!slot.targets) continue;
      all.insert(all.end(), slot.targets->queued().begin(), slot.targets->queued().end());
      all.insert(all.end(), slot.targets->inlined().begin(), slot.targets->inlined().end());
    }
  }
  return all;
}

std::vector<std::shared_ptr<InlineSubscription>> TopicTable::AllInline() const {
  std::vector<std::shared_ptr<InlineSubscription>> all;
  for (const Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      if (!slot.targets) continue;
      all.insert(all.end(), slot.targets->inlined().begin(), slot.targets->inlined().end());
    }
  }
  return all;
}

void TopicTable::Clear() {
  for (Shard& shard : shards_) {
    std::vector<Slot> dropped;  // destroyed after unlocking
    std::lock_guard lock(shard.mutex);
    dropped.swap(shard.slots);
    shard.used = 0;
  }
}

}  // namespace detail
}  // namespace virtufin::inline v0
