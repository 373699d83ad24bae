// Strict walking and levels for the Binance decoder.
#include "exchange/binance/reader.hpp"

namespace virtufin::inline v0::detail {
namespace {

bool WalkObject(od::object object, int depth) {
  for (auto field_or : object) {
    od::field field;
    std::string_view key;
    if (std::move(field_or).get(field) || field.unescaped_key().get(key)) return false;
    if (!Walk(field.value(), depth + 1)) return false;
  }
  return true;
}

bool WalkArray(od::array array, int depth) {
  for (auto item_or : array) {
    od::value item;
    if (std::move(item_or).get(item) || !Walk(item, depth + 1)) return false;
  }
  return true;
}

enum class LevelRead : std::uint8_t { kNotJson, kBad, kPlain, kMore };

/// One `["price","quantity"]`, further elements are walked.
LevelRead ReadLevel(od::value value, Level& level) {
  od::json_type type;
  if (value.type().get(type)) return LevelRead::kNotJson;
  if (type != od::json_type::array) return Walk(value) ? LevelRead::kBad : LevelRead::kNotJson;
  od::array items;
  if (value.get_array().get(items)) return LevelRead::kNotJson;
  std::size_t count = 0;
  bool good = true;
  for (auto item_or : items) {
    od::value item;
    if (std::move(item_or).get(item)) return LevelRead::kNotJson;
    if (count >= 2) {
      if (!Walk(item)) return LevelRead::kNotJson;
    } else if (std::string_view text;
               item.raw_json_token().find('\\') == std::string_view::npos && RawText(item, text)) {
      good &= Decimal::TryParse(text, count == 0 ? level.price : level.quantity);
    } else {
      if (!Walk(item)) return LevelRead::kNotJson;
      good = false;
    }
    ++count;
  }
  if (!good || count < 2 || level.quantity.coefficient() < 0) return LevelRead::kBad;
  return count == 2 ? LevelRead::kPlain : LevelRead::kMore;
}

}  // namespace

bool Walk(od::value value, int depth) {
  if (depth > kMaxJsonDepth) return false;
  od::json_type type;
  if (value.type().get(type)) return false;
  switch (type) {
    case od::json_type::object: {
      od::object object;
      return !value.get_object().get(object) && WalkObject(object, depth);
    }
    case od::json_type::array: {
      od::array array;
      return !value.get_array().get(array) && WalkArray(array, depth);
    }
    case od::json_type::string: {
      std::string_view text;
      return !value.get_string().get(text);
    }
    case od::json_type::number: {
      od::number number;
      return !value.get_number().get(number);
    }
    case od::json_type::boolean: {
      bool truth = false;
      return !value.get_bool().get(truth);
    }
    case od::json_type::null: {
      bool null = false;
      return !value.is_null().get(null) && null;
    }
  }
  return false;
}

bool ReadLevels(od::document& document, od::value value, LevelArray& out) {
  out.levels.clear();
  out.json = {};
  out.readable = true;
  const std::string_view open = value.raw_json_token();
  od::array array;
  if (value.get_array().get(array)) return false;
  bool plain = true;
  for (auto item_or : array) {
    od::value item;
    if (std::move(item_or).get(item)) return false;
    Level level;
    const LevelRead read = ReadLevel(item, level);
    if (read == LevelRead::kNotJson) return false;
    out.readable &= read != LevelRead::kBad;
    plain &= read == LevelRead::kPlain;
    if (out.readable) out.levels.push_back(level);
  }
  const char* after = nullptr;
  if (!plain || document.current_location().get(after)) return true;
  while (after[-1] != ']') --after;
  out.json = {open.data(), static_cast<std::size_t>(after - open.data())};
  return true;
}

bool IsPlainDecimal(std::string_view text) noexcept {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at != first;
  };
  if (!digits()) return false;
  if (at == text.size()) return true;
  return text[at++] == '.' && digits() && at == text.size();
}

bool UnixNanos(std::int64_t number, std::int64_t& ns) noexcept {
  constexpr std::int64_t kFirstMicros = 100'000'000'000'000;  // as milliseconds: year 5138
  constexpr std::int64_t kLastMillis = 9'000'000'000'000;     // year 2255; nanoseconds fit
  if (number < 0 || number > kLastMillis * 1000) return false;
  if (number > kLastMillis && number < kFirstMicros) return false;
  ns = number * (number < kFirstMicros ? 1'000'000 : 1'000);
  return true;
}

}  // namespace virtufin::inline v0::detail
