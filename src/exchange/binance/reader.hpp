// Reads single values of Binance's JSON from simdjson On-Demand, strictly.
//
// On-Demand does not check what it skips, so nothing here skips: every value is consumed, and what
// nobody needs is walked (Walk).
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "virtufin/core/bytes.hpp"
#include "virtufin/exchange/order_book.hpp"

namespace virtufin::inline v0::detail {

namespace od = simdjson::ondemand;

/// A string's text between its quotes, escapes not resolved. False: no string.
inline bool RawText(od::value value, std::string_view& out) {
  const std::string_view token = value.raw_json_token();
  od::raw_json_string raw;
  if (value.get_raw_json_string().get(raw)) return false;
  const auto close = token.rfind('"');
  if (close == 0 || close == std::string_view::npos) return false;
  out = token.substr(1, close - 1);
  return true;
}

/// A string's text with escapes resolved, in the parser's buffer.
inline bool Text(od::value value, std::string_view& out) {
  const std::string_view token = value.raw_json_token();
  if (token.find('\\') == std::string_view::npos) return RawText(value, out);
  return value.get_string().get(out) == simdjson::SUCCESS;
}

/// Consumes a value and checks all of it. False: not JSON, or deeper than kMaxJsonDepth.
bool Walk(od::value value, int depth = 0);

/// A JSON array of levels.
struct LevelArray {
  std::vector<Level> levels;
  std::string_view json;  // empty when a level has more than price and quantity
  bool readable = true;   // every level parsed; else `levels` holds those before the first bad one
};

/// False: the array is not JSON.
bool ReadLevels(od::document& document, od::value value, LevelArray& out);

/// '-'? digits ('.' digits)?
bool IsPlainDecimal(std::string_view text) noexcept;

/// Milliseconds or, with 16 digits, microseconds to nanoseconds. False: no time of our era.
bool UnixNanos(std::int64_t number, std::int64_t& ns) noexcept;

}  // namespace virtufin::inline v0::detail
