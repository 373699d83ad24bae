// The fields of a message that are named by one letter, before it is known what the message is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace virtufin::inline v0::detail {

/// Whatever was not seen since Reset keeps an old value: ask with Text, Number and Truth only.
class Letters {
 public:
  enum class Shape : std::uint8_t { kText, kInteger, kBoolean, kOther };
  struct Value {
    std::string_view text;
    std::int64_t number = 0;  // kBoolean: 0 or 1
    Shape shape = Shape::kOther;
  };

  static constexpr bool IsLetter(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }
  static constexpr std::uint64_t Bit(char c) noexcept { return std::uint64_t{1} << (c - 'A'); }
  static constexpr std::uint64_t Mask(std::string_view letters) noexcept {
    std::uint64_t mask = 0;
    for (const char c : letters) mask |= Bit(c);
    return mask;
  }

  void Reset() noexcept { seen_ = 0; }
  std::uint64_t seen() const noexcept { return seen_; }
  bool Saw(char c) const noexcept { return (seen_ & Bit(c)) != 0; }
  /// Precondition for all: IsLetter(c).
  Value& Enter(char c) noexcept {
    seen_ |= Bit(c);
    Value& value = values_[static_cast<std::size_t>(c - 'A')];
    value.shape = Shape::kOther;
    return value;
  }

  bool Text(char c, std::string_view& out) const noexcept {
    const Value& value = At(c);
    if (!Saw(c) || value.shape != Shape::kText) return false;
    out = value.text;
    return true;
  }
  bool Number(char c, std::int64_t& out) const noexcept {
    const Value& value = At(c);
    if (!Saw(c) || value.shape != Shape::kInteger) return false;
    out = value.number;
    return true;
  }
  bool Truth(char c, bool& out) const noexcept {
    const Value& value = At(c);
    if (!Saw(c) || value.shape != Shape::kBoolean) return false;
    out = value.number != 0;
    return true;
  }

 private:
  const Value& At(char c) const noexcept { return values_[static_cast<std::size_t>(c - 'A')]; }

  std::uint64_t seen_ = 0;
  std::array<Value, 'z' - 'A' + 1> values_;
};

}  // namespace virtufin::inline v0::detail
