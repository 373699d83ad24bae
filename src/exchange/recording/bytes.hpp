// Numbers and texts as little-endian bytes, and back within bounds.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace virtufin::inline v0::detail {

template <class Number>
void StoreLe(char* to, Number number) noexcept {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    to[i] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * i)));
  }
}

template <class Number>
Number LoadLe(const char* from) noexcept {
  std::make_unsigned_t<Number> bits = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    bits = static_cast<std::make_unsigned_t<Number>>(
        bits | static_cast<std::make_unsigned_t<Number>>(static_cast<unsigned char>(from[i]))
                   << (8 * i));
  }
  return static_cast<Number>(bits);
}

class ByteWriter {
 public:
  template <class Number>
  ByteWriter& Put(Number number) {
    char bytes[sizeof(Number)];
    StoreLe(bytes, number);
    out_.append(bytes, sizeof(Number));
    return *this;
  }
  /// After its length as four bytes.
  ByteWriter& Text(std::string_view text) {
    Put(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
    return *this;
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Past the end it reads zeros and empty texts, and is not ok() any more.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}
  template <class Number>
  Number Get() noexcept {
    if (rest_.size() < sizeof(Number)) return Fail<Number>();
    const Number number = LoadLe<Number>(rest_.data());
    rest_.remove_prefix(sizeof(Number));
    return number;
  }
  std::string_view Text() noexcept {
    const auto size = Get<std::uint32_t>();
    if (size > rest_.size()) return Fail<std::string_view>();
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  std::string_view rest() const noexcept { return rest_; }
  bool ok() const noexcept { return ok_; }
  bool AtEnd() const noexcept { return ok_ && rest_.empty(); }

 private:
  template <class T>
  T Fail() noexcept {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace virtufin::inline v0::detail
