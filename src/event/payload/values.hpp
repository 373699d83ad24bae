// How each type of member stands in JSON: Value<V> reads it, writes it and says what it expects.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "event/payload/enum_names.hpp"
#include "event/payload/reader.hpp"
#include "event/payload/writer.hpp"
#include "virtufin/core/decimal.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/level.hpp"

namespace virtufin::inline v0::detail {

/// Enumerations; everything else is specialised below. Read: false leaves the reader anywhere.
/// Bytes: at least as many as Write will write.
template <class V>
struct Value {
  static constexpr std::string_view kExpected = EnumChoice<V>::kText;
  static constexpr std::size_t kBytes = [] {
    std::size_t longest = 0;
    for (const std::string_view name : kEnumNames<V>) longest = std::max(longest, name.size());
    return longest + 2;
  }();
  static std::size_t Bytes(V) noexcept { return kBytes; }
  static bool Read(PayloadReader& from, V& out) {
    std::string_view text;
    if (!from.ReadText(text)) return false;
    for (std::size_t i = 0; i < kEnumNames<V>.size(); ++i) {
      if (text != kEnumNames<V>[i]) continue;
      out = static_cast<V>(i);
      return true;
    }
    return false;
  }
  static void Write(PayloadText& to, V value) noexcept {
    to.Char('"');
    to.Plain(EnumName(value));
    to.Char('"');
  }
};

template <>
struct Value<Decimal> {
  static constexpr std::string_view kExpected = kDecimalExpected;
  static std::size_t Bytes(const Decimal&) noexcept { return Decimal::kMaxTextBytes + 2; }
  static bool Read(PayloadReader& from, Decimal& out) {
    std::string_view text;
    return from.ReadText(text) && Decimal::TryParse(text, out);
  }
  static void Write(PayloadText& to, const Decimal& value) noexcept { to.Quoted(value); }
};

template <>
struct Value<Timestamp> {
  static constexpr std::string_view kExpected = "an RFC 3339 time in a string";
  static std::size_t Bytes(const Timestamp&) noexcept { return Timestamp::kMaxTextBytes + 2; }
  static bool Read(PayloadReader& from, Timestamp& out) {
    std::string_view text;
    return from.ReadText(text) && Timestamp::TryParse(text, out);
  }
  static void Write(PayloadText& to, const Timestamp& value) noexcept { to.Quoted(value); }
};

template <>
struct Value<std::string> {
  static constexpr std::string_view kExpected = "a string";
  static std::size_t Bytes(const std::string& text) noexcept {
    return PayloadText::StringBytes(text);
  }
  static bool Read(PayloadReader& from, std::string& out) {
    std::string_view text;
    if (!from.ReadText(text)) return false;
    out.assign(text);
    return true;
  }
  static void Write(PayloadText& to, const std::string& text) noexcept { to.String(text); }
};

template <>
struct Value<std::int64_t> {
  static constexpr std::string_view kExpected = "an integer";
  static std::size_t Bytes(std::int64_t) noexcept { return PayloadText::kIntegerBytes; }
  static bool Read(PayloadReader& from, std::int64_t& out) { return from.ReadInteger(out); }
  static void Write(PayloadText& to, std::int64_t value) noexcept { to.Number(value); }
};

template <>
struct Value<bool> {
  static constexpr std::string_view kExpected = "true or false";
  static std::size_t Bytes(bool) noexcept { return 5; }
  static bool Read(PayloadReader& from, bool& out) {
    out = from.TakeBytes<4>("true");
    return out || from.TakeBytes<5>("false");
  }
  static void Write(PayloadText& to, bool value) noexcept { to.Plain(value ? "true" : "false"); }
};

/// More items of one array or object are refused. Text takes 3 bytes for an item and memory up to
/// 128 behind it: hostile data of any size cost its size and 8 MiB for each member.
inline constexpr std::size_t kMaxItems = 65'536;
inline constexpr std::string_view kItemsExpected = "at most 65536 items";

/// Calls item(i) at each item of an array; false when there is none, or an item says false.
template <class Item>
bool ReadArray(PayloadReader& from, Item item) {
  if (!from.Take('[')) return false;
  from.SkipSpace();
  if (from.Take(']')) return true;
  for (std::size_t i = 0;; ++i) {
    if (i == kMaxItems) {
      return from.WrongItem(PayloadReader::ItemIndex(i), kItemsExpected, from.at());
    }
    if (!item(i)) return false;
    from.SkipSpace();
    if (from.Take(']')) return true;
    if (!from.Take(',')) return from.Broken("expected ',' or ']'");
    from.SkipSpace();
  }
}

template <>
struct Value<std::vector<Level>> {
  static constexpr std::string_view kExpected = "an array of [\"price\",\"quantity\"]";
  static std::size_t Bytes(const std::vector<Level>& levels) noexcept {
    return levels.size() * (2 * Decimal::kMaxTextBytes + 8) + 2;
  }
  static bool Read(PayloadReader& from, std::vector<Level>& out) {
    out.clear();
    return ReadArray(from, [&](std::size_t i) {
      const char* const start = from.at();
      Level& level = out.emplace_back();
      return ReadLevel(from, level, i) ||
             from.WrongItem(PayloadReader::ItemIndex(i), kLevel, start);
    });
  }
  static void Write(PayloadText& to, const std::vector<Level>& levels) noexcept {
    to.Char('[');
    for (const Level& level : levels) {
      to.Bytes<2>("[\"");
      to.Format(level.price);
      to.Bytes<3>("\",\"");
      to.Format(level.quantity);
      to.Bytes<3>("\"],");
    }
    to.CloseList(!levels.empty(), ']');
  }

 private:
  static constexpr std::string_view kLevel = "[\"price\",\"quantity\"]";

  static bool ReadLevel(PayloadReader& from, Level& out, std::size_t i) {
    std::size_t parts = 0;
    const bool read = ReadArray(from, [&](std::size_t part) {
      if (part > 1) return false;
      const char* const start = from.at();
      ++parts;
      return Value<Decimal>::Read(from, part == 0 ? out.price : out.quantity) ||
             from.WrongItem(PayloadReader::ItemIndex(i) + PayloadReader::ItemIndex(part),
                            kDecimalExpected, start);
    });
    return read && parts == 2;
  }
};

template <>
struct Value<std::vector<std::string>> {
  static constexpr std::string_view kExpected = "an array of strings";
  static std::size_t Bytes(const std::vector<std::string>& texts) noexcept {
    std::size_t bytes = 2;
    for (const std::string& text : texts) bytes += PayloadText::StringBytes(text) + 1;
    return bytes;
  }
  static bool Read(PayloadReader& from, std::vector<std::string>& out) {
    out.clear();
    return ReadArray(from, [&](std::size_t i) {
      const char* const start = from.at();
      return Value<std::string>::Read(from, out.emplace_back()) ||
             from.WrongItem(PayloadReader::ItemIndex(i), Value<std::string>::kExpected, start);
    });
  }
  static void Write(PayloadText& to, const std::vector<std::string>& texts) noexcept {
    to.Char('[');
    for (const std::string& text : texts) {
      to.String(text);
      to.Char(',');
    }
    to.CloseList(!texts.empty(), ']');
  }
};

template <>
struct Value<DecimalsByName> {
  static constexpr std::string_view kExpected = "an object of decimals in strings";
  static std::size_t Bytes(const DecimalsByName& values) noexcept {
    std::size_t bytes = 2;
    for (const auto& [name, value] : values) {
      bytes += PayloadText::StringBytes(name) + Value<Decimal>::Bytes(value) + 2;
    }
    return bytes;
  }
  static bool Read(PayloadReader& from, DecimalsByName& out);
  static void Write(PayloadText& to, const DecimalsByName& values) noexcept {
    to.Char('{');
    for (const auto& [name, value] : values) {
      to.String(name);
      to.Char(':');
      to.Quoted(value);
      to.Char(',');
    }
    to.CloseList(!values.empty(), '}');
  }
};

}  // namespace virtufin::inline v0::detail
