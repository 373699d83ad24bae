// The levels of a book in sorted flat storage.
#include "virtufin/exchange/order_book.hpp"

#include <array>

namespace virtufin::inline v0 {
namespace {

constexpr std::array<std::int64_t, 19> kPowers = [] {
  std::array<std::int64_t, 19> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

constexpr std::size_t kTop = 128;  // changes beyond this many levels from the best are rare

}  // namespace

namespace detail {

void BookSideStore::Clear() noexcept {
  keys_.clear();
  slots_.clear();
  free_.clear();
  pool_.clear();
  key_scale_ = 0;
  wide_ = false;
}

bool BookSideStore::KeyOf(const Decimal& price, std::int64_t& key) const noexcept {
  const int up = key_scale_ - price.scale();
  if (up < 0) return false;
  return !__builtin_mul_overflow(price.coefficient(), kPowers[static_cast<std::size_t>(up)] * sign_,
                                 &key);
}

void BookSideStore::Rescale(const Decimal& price) {
  if (price.scale() > key_scale_) {
    const auto up = kPowers[static_cast<std::size_t>(price.scale() - key_scale_)];
    key_scale_ = price.scale();
    for (auto& key : keys_) wide_ |= __builtin_mul_overflow(key, up, &key);
  }
  std::int64_t key = 0;
  wide_ |= !KeyOf(price, key);
}

BookSideStore::Place BookSideStore::FindKey(std::int64_t key) const noexcept {
  std::size_t length = keys_.size();
  if (length == 0) return {0, false};
  const std::int64_t* base = keys_.data();
  if (length > kTop && base[length - kTop] <= key) {
    base += length - kTop;
    length = kTop;
  }
  while (length > 1) {
    const std::size_t half = length / 2;
    base += base[half - 1] < key ? half : 0;
    length -= half;
  }
  const auto at = static_cast<std::size_t>(base - keys_.data()) + (*base < key ? 1 : 0);
  return {at, at < keys_.size() && keys_[at] == key};
}

BookSideStore::Place BookSideStore::FindWide(const Decimal& price) const noexcept {
  std::size_t low = 0;
  std::size_t high = slots_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const Decimal& there = pool_[slots_[middle]].price;
    const bool before = sign_ > 0 ? there < price : there > price;
    if (before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return {low, low < slots_.size() && pool_[slots_[low]].price == price};
}

BookSideStore::Place BookSideStore::Find(const Decimal& price, std::int64_t key) const noexcept {
  return wide_ ? FindWide(price) : FindKey(key);
}

bool BookSideStore::Contains(const Decimal& price) const noexcept {
  std::int64_t key = 0;
  if (!wide_ && !KeyOf(price, key)) return false;  // no stored price has that many digits
  return Find(price, key).found;
}

void BookSideStore::Insert(std::size_t at, std::int64_t key, const Level& level) {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(pool_.size());
    pool_.push_back(level);
    free_.reserve(pool_.capacity());  // so that Erase never allocates
  } else {
    slot = free_.back();
    free_.pop_back();
    pool_[slot] = level;
  }
  const auto offset = static_cast<std::ptrdiff_t>(at);
  keys_.insert(keys_.begin() + offset, key);
  slots_.insert(slots_.begin() + offset, slot);
}

void BookSideStore::Erase(std::size_t at) noexcept {
  const auto offset = static_cast<std::ptrdiff_t>(at);
  free_.push_back(slots_[at]);
  keys_.erase(keys_.begin() + offset);
  slots_.erase(slots_.begin() + offset);
}

void BookSideStore::Apply(const Level& level) {
  std::int64_t key = 0;
  if (!wide_ && !KeyOf(level.price, key)) {
    if (level.quantity.IsZero() && !Contains(level.price)) return;
    Rescale(level.price);
    if (!wide_) KeyOf(level.price, key);
  }
  const Place place = Find(level.price, key);
  if (level.quantity.IsZero()) {
    if (place.found) Erase(place.at);
  } else if (place.found) {
    pool_[slots_[place.at]] = level;
  } else {
    Insert(place.at, key, level);
  }
}

}  // namespace detail

void OrderBook::Clear() noexcept {
  bids_.Clear();
  asks_.Clear();
}

bool OrderBook::Assign(std::span<const Level> bids, std::span<const Level> asks) {
  Clear();
  if (!Fits(bids_, bids) || !Fits(asks_, asks)) return false;
  Load(bids_, bids, 1);
  Load(asks_, asks, -1);
  return true;
}

void OrderBook::Load(detail::BookSideStore& side, std::span<const Level> levels, int sign) {
  bool best_first = true;
  for (std::size_t i = 1; i < levels.size() && best_first; ++i) {
    best_first =
        sign > 0 ? levels[i].price < levels[i - 1].price : levels[i].price > levels[i - 1].price;
  }
  if (best_first) {  // the usual form; from its end every level goes to the end of the storage
    for (std::size_t i = levels.size(); i-- > 0;) side.Apply(levels[i]);
  } else {
    for (const Level& level : levels) side.Apply(level);
  }
}

bool OrderBook::Fits(const detail::BookSideStore& side, std::span<const Level> levels) const {
  if (side.size() + levels.size() <= max_levels_) return true;
  // Near the limit: count what the levels do to the size, each price by its last mention.
  detail::BookSideStore last_mention(1);
  Decimal one;
  Decimal::TryParse("1", one);
  std::size_t size = side.size();
  for (std::size_t i = levels.size(); i-- > 0;) {
    const Level& level = levels[i];
    if (last_mention.Contains(level.price)) continue;
    last_mention.Apply({level.price, one});
    const bool stored = side.Contains(level.price);
    if (level.quantity.IsZero()) {
      size -= stored ? 1 : 0;
    } else {
      size += stored ? 0 : 1;
    }
  }
  return size <= max_levels_;
}

bool OrderBook::Apply(std::span<const Level> bids, std::span<const Level> asks) {
  if (!Fits(bids_, bids) || !Fits(asks_, asks)) return false;
  for (const Level& level : bids) bids_.Apply(level);
  for (const Level& level : asks) asks_.Apply(level);
  return true;
}

bool OrderBook::Crossed() const noexcept {
  return bids_.size() != 0 && asks_.size() != 0 &&
         bids_.FromBest(0).price >= asks_.FromBest(0).price;
}

}  // namespace virtufin::inline v0
