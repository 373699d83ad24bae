// Finds what is kept for a symbol, for every frame that names one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace virtufin::inline v0::detail {

/// Objects with a `name`, in the order they were added. An object stays at its address.
template <class T>
class SymbolTable {
 public:
  T* Find(std::string_view name) const noexcept {
    if (table_.empty()) return nullptr;
    const Key key(name);
    for (std::size_t at = key.Hash();; ++at) {
      const Slot& slot = table_[at & (table_.size() - 1)];
      if (slot.symbol == nullptr) return nullptr;
      if (slot.key == key && (key.IsWhole() || slot.symbol->name == name)) return slot.symbol;
    }
  }
  T& Add(std::unique_ptr<T> symbol) {
    all_.push_back(std::move(symbol));
    if (2 * all_.size() > table_.size()) {
      table_.assign(std::max<std::size_t>(16, 2 * table_.size()), {});
      for (const auto& one : all_) Enter(*one);
    } else {
      Enter(*all_.back());
    }
    return *all_.back();
  }
  /// The object is gone.
  void Remove(const T& symbol) {
    const std::size_t mask = table_.size() - 1;
    std::size_t hole = Key(symbol.name).Hash() & mask;
    while (table_[hole].symbol != &symbol) hole = (hole + 1) & mask;
    // What was put behind it because its place was taken moves up.
    for (std::size_t at = (hole + 1) & mask; table_[at].symbol != nullptr; at = (at + 1) & mask) {
      const std::size_t home = table_[at].key.Hash() & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;  // it is at home behind the hole
      table_[hole] = table_[at];
      hole = at;
    }
    table_[hole] = Slot();
    std::erase_if(all_, [&symbol](const auto& one) { return one.get() == &symbol; });
  }
  const std::vector<std::unique_ptr<T>>& all() const noexcept { return all_; }

 private:
  /// A name's first and last eight bytes and its length: up to 16 bytes that is the whole name.
  struct Key {
    Key() noexcept = default;
    explicit Key(std::string_view name) noexcept : size(name.size()) {
      if (size >= 8) {
        std::memcpy(&first, name.data(), 8);
        std::memcpy(&last, name.data() + size - 8, 8);
      } else if (size >= 4) {
        std::uint32_t half = 0;
        std::memcpy(&half, name.data(), 4);
        first = half;
        std::memcpy(&half, name.data() + size - 4, 4);
        last = half;
      } else {
        for (const char c : name) first = first << 8 | static_cast<unsigned char>(c);
      }
    }
    bool IsWhole() const noexcept { return size <= 16; }
    std::size_t Hash() const noexcept {
      const std::uint64_t mixed =
          (first ^ (last << 1 | last >> 63) ^ size) * std::uint64_t{0x9e3779b97f4a7c15};
      return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
    friend bool operator==(const Key&, const Key&) noexcept = default;

    std::uint64_t first = 0, last = 0, size = 0;
  };
  struct Slot {
    Key key;
    T* symbol = nullptr;
  };

  void Enter(T& symbol) noexcept {
    const Key key(symbol.name);
    std::size_t at = key.Hash();
    while (table_[at & (table_.size() - 1)].symbol != nullptr) ++at;
    table_[at & (table_.size() - 1)] = {key, &symbol};
  }

  std::vector<std::unique_ptr<T>> all_;
  std::vector<Slot> table_;  // open addressing, a power of two, at most half full
};

}  // namespace virtufin::inline v0::detail
