// The floors of JSON and decimals. Frozen.
#include "bench/floors.hpp"

#include <simdjson.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace floors {

bool ParseFixed(std::string_view text, Fixed& out) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p != end && *p == '-';
  p += negative;
  std::int64_t value = 0;
  const char* const whole = p;
  for (; p != end; ++p) {
    const auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  std::ptrdiff_t digits = p - whole;
  std::int32_t scale = 0;
  if (p != end && *p == '.') {
    const char* const fraction = ++p;
    for (; p != end; ++p) {
      const auto digit = static_cast<unsigned char>(*p - '0');
      if (digit > 9) break;
      value = value * 10 + digit;
    }
    scale = static_cast<std::int32_t>(p - fraction);
    digits += scale;
  }
  out = {negative ? -value : value, scale};
  return p == end && digits > 0 && digits <= 18;
}

namespace od = simdjson::ondemand;

struct Json::Impl {
  od::parser parser;
  std::vector<std::pair<Fixed, Fixed>> levels;

  od::document Open(std::string_view padded) {
    od::document document;
    if (parser.iterate(padded.data(), padded.size(), padded.size() + simdjson::SIMDJSON_PADDING)
            .get(document) != simdjson::SUCCESS) {
      std::abort();
    }
    return document;
  }
};

Json::Json() : impl_(std::make_unique<Impl>()) { impl_->levels.reserve(64); }
Json::~Json() = default;

namespace {

std::uint64_t Sum(std::string_view text) {
  return text.size() + static_cast<std::uint8_t>(text.empty() ? 0 : text[0]);
}

bool Decimal(std::string_view text, std::uint64_t& sum) {
  Fixed fixed{};
  if (!ParseFixed(text, fixed)) return false;
  sum += static_cast<std::uint64_t>(fixed.coefficient) + static_cast<std::uint64_t>(fixed.scale);
  return true;
}

template <bool kFields, bool kDecimals>
std::uint64_t BookTicker(od::document document) {
  std::uint64_t sum = 0;
  std::string_view stream, symbol;
  std::uint64_t update_id = 0;
  od::object root, data;
  if (document.get_object().get(root) || root["stream"].get_string().get(stream) ||
      root["data"].get_object().get(data) || data["u"].get_uint64().get(update_id) ||
      data["s"].get_string().get(symbol)) {
    return 0;
  }
  sum = Sum(stream) + Sum(symbol) + update_id;
  if constexpr (kFields) {
    for (const char* key : {"b", "B", "a", "A"}) {
      od::value value;
      std::string_view text;
      if (data.find_field(std::string_view(key, 1)).get(value) || value.get_string().get(text)) {
        return 0;
      }
      if constexpr (kDecimals) {
        if (!Decimal(text, sum)) return 0;
      } else {
        sum += Sum(text);
      }
    }
  }
  return sum;
}

template <bool kDecimals>
bool ReadLevels(od::array side, std::vector<std::pair<Fixed, Fixed>>& levels, std::uint64_t& sum) {
  for (auto level_or : side) {
    od::array level;
    if (level_or.get_array().get(level)) return false;
    std::string_view texts[2];
    std::size_t count = 0;
    for (auto text_or : level) {
      od::value value;
      if (count == 2 || text_or.get(value) || value.get_string().get(texts[count])) return false;
      ++count;
    }
    if (count != 2) return false;
    if constexpr (kDecimals) {
      std::pair<Fixed, Fixed> parsed;
      if (!ParseFixed(texts[0], parsed.first) || !ParseFixed(texts[1], parsed.second)) return false;
      levels.push_back(parsed);
    } else {
      sum += Sum(texts[0]) + Sum(texts[1]);
    }
  }
  return true;
}

enum class Depth { kFields, kStrings, kDecimals };

template <Depth kDepth>
std::uint64_t ReadDepth(od::document document, bool usd_m,
                        std::vector<std::pair<Fixed, Fixed>>& levels) {
  std::string_view stream, symbol;
  od::object root, data;
  std::uint64_t event_time = 0, first = 0, last = 0, previous = 0;
  if (document.get_object().get(root) || root["stream"].get_string().get(stream) ||
      root["data"].get_object().get(data) || data.find_field("E").get_uint64().get(event_time) ||
      data.find_field("s").get_string().get(symbol) ||
      data.find_field("U").get_uint64().get(first) || data.find_field("u").get_uint64().get(last) ||
      (usd_m && data.find_field("pu").get_uint64().get(previous))) {
    return 0;
  }
  std::uint64_t sum = Sum(stream) + Sum(symbol) + event_time + first + last + previous;
  levels.clear();
  for (const char* key : {"b", "a"}) {
    od::array side;
    if (data.find_field(std::string_view(key, 1)).get_array().get(side)) return 0;
    if constexpr (kDepth == Depth::kFields) {
      std::string_view raw;
      if (side.raw_json().get(raw)) return 0;
      sum += Sum(raw);
    } else {
      if (!ReadLevels<kDepth == Depth::kDecimals>(side, levels, sum)) return 0;
    }
  }
  return sum + levels.size();
}

std::uint64_t Walk(od::value value, bool& ok) {
  od::json_type type;
  if (value.type().get(type)) return ok = false;
  std::uint64_t sum = 1;
  switch (type) {
    case od::json_type::object: {
      od::object object;
      if (value.get_object().get(object)) return ok = false;
      for (auto field_or : object) {
        od::field field;
        if (std::move(field_or).get(field)) return ok = false;
        sum += Walk(field.value(), ok);
      }
      return sum;
    }
    case od::json_type::array: {
      od::array array;
      if (value.get_array().get(array)) return ok = false;
      for (auto item_or : array) {
        od::value item;
        if (item_or.get(item)) return ok = false;
        sum += Walk(item, ok);
      }
      return sum;
    }
    case od::json_type::string: {
      od::raw_json_string raw;
      if (value.get_raw_json_string().get(raw)) ok = false;
      return sum;
    }
    case od::json_type::number: {
      od::number number;
      if (value.get_number().get(number)) ok = false;
      return sum;
    }
    case od::json_type::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth)) ok = false;
      return sum;
    }
    default: {
      bool null = false;
      if (value.is_null().get(null) || !null) ok = false;
      return sum;
    }
  }
}

}  // namespace

std::uint64_t Json::BookTickerFields(std::string_view padded) {
  return BookTicker<false, false>(impl_->Open(padded));
}
std::uint64_t Json::BookTickerStrings(std::string_view padded) {
  return BookTicker<true, false>(impl_->Open(padded));
}
std::uint64_t Json::BookTickerDecimals(std::string_view padded) {
  return BookTicker<true, true>(impl_->Open(padded));
}
std::uint64_t Json::DepthFields(std::string_view padded, bool usd_m) {
  return ReadDepth<Depth::kFields>(impl_->Open(padded), usd_m, impl_->levels);
}
std::uint64_t Json::DepthStrings(std::string_view padded, bool usd_m) {
  return ReadDepth<Depth::kStrings>(impl_->Open(padded), usd_m, impl_->levels);
}
std::uint64_t Json::DepthDecimals(std::string_view padded, bool usd_m) {
  return ReadDepth<Depth::kDecimals>(impl_->Open(padded), usd_m, impl_->levels);
}

std::uint64_t Json::EventAttributes(std::string_view padded) {
  od::document document = impl_->Open(padded);
  od::object root;
  if (document.get_object().get(root)) return 0;
  std::uint64_t sum = 0;
  bool ok = true;
  for (auto field_or : root) {
    od::field field;
    std::string_view key;
    if (std::move(field_or).get(field) || field.unescaped_key().get(key)) return 0;
    if (key == "data") {
      sum += Walk(field.value(), ok);
    } else {
      std::string_view text;
      if (field.value().get_string().get(text)) return 0;
      sum += Sum(key) + Sum(text);
    }
  }
  const char* rest = nullptr;
  const bool at_end = document.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
  return ok && at_end ? sum : 0;
}

std::size_t DocumentParse(std::string_view text) { return nlohmann::json::parse(text).size(); }

std::size_t DocumentParseAndDump(std::string_view text) {
  return nlohmann::json::parse(text).dump().size();
}

}  // namespace floors
