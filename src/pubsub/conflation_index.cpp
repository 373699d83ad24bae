// ConflationIndex: a small hash table that grows and never shrinks.
#include "pubsub/conflation_index.hpp"

#include <algorithm>
#include <utility>

namespace virtufin::inline v0 {
namespace detail {

void ConflationIndex::Put(std::size_t hash, std::uint64_t number) noexcept {
  std::size_t at = Home(hash);
  while (slots_[at].taken) at = Next(at);
  slots_[at] = {hash, number, true};
}

void ConflationIndex::Reserve() {
  if ((used_ + 1) * 2 <= slots_.size()) return;
  std::vector<Slot> bigger(std::max<std::size_t>(8, slots_.size() * 2));
  slots_.swap(bigger);
  for (const Slot& slot : bigger) {
    if (slot.taken) Put(slot.hash, slot.number);
  }
}

void ConflationIndex::Add(std::size_t hash, std::uint64_t number) noexcept {
  Put(hash, number);
  ++used_;
}

void ConflationIndex::Remove(std::size_t hash, std::uint64_t number) noexcept {
  std::size_t at = Home(hash);
  while (slots_[at].number != number || !slots_[at].taken) at = Next(at);
  slots_[at].taken = false;
  --used_;
  // Those behind may have wanted this slot: put each again where it is found.
  for (at = Next(at); slots_[at].taken; at = Next(at)) {
    const Slot moved = std::exchange(slots_[at], Slot());
    Put(moved.hash, moved.number);
  }
}

void ConflationIndex::Clear() noexcept {
  std::fill(slots_.begin(), slots_.end(), Slot());
  used_ = 0;
}

}  // namespace detail
}  // namespace virtufin::inline v0
