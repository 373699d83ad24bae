// The floors of market payloads. Frozen.
#include <simdjson.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "bench/floors.hpp"

namespace floors {
namespace {

namespace od = simdjson::ondemand;

#define FLOOR_PADDING                                                  \
  "                                                                  " \
  "                                                                  "

constexpr char kTrade[] =
    R"({"trade_id":3001234567,"price":"65012.34000000","qty":"0.01250000","side":"sell",)"
    R"("trade_time":"2026-03-04T05:06:07.089Z","aggregate":true,"first_trade_id":5001234567,)"
    R"("last_trade_id":5001234569})" FLOOR_PADDING;
constexpr char kUpdate[] =
    R"({"bids_delta":[["0.02727","1271644"],["0.02728","633891"],["0.02729","5"]],)"
    R"("asks_delta":[["0.02732","74607"],["0.02736","943"],["0.02737","357242"],)"
    R"(["0.02739","54"],["0.02768","5"]],"first_update_id":600850005421,)"
    R"("last_update_id":600850006824})" FLOOR_PADDING;

int Two(const char* at) noexcept { return (at[0] - '0') * 10 + (at[1] - '0'); }

/// 2026-03-04T05:06:07.089Z and nothing else.
bool ParseTime(std::string_view text, std::int64_t& unix_ms) noexcept {
  if (text.size() != 24) return false;
  const char* const t = text.data();
  constexpr char kShape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
  for (int i = 0; i < 24; ++i) {
    if (kShape[i] == 'd' ? t[i] < '0' || t[i] > '9' : t[i] != kShape[i]) return false;
  }
  using namespace std::chrono;
  const sys_days day = year(Two(t) * 100 + Two(t + 2)) / month(static_cast<unsigned>(Two(t + 5))) /
                       std::chrono::day(static_cast<unsigned>(Two(t + 8)));
  const std::int64_t seconds = day.time_since_epoch().count() * std::int64_t{86'400} +
                               Two(t + 11) * 3600 + Two(t + 14) * 60 + Two(t + 17);
  unix_ms = seconds * 1000 + (t[20] - '0') * 100 + Two(t + 21);
  return true;
}

char* PutTwo(int value, char* out) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

char* PutTime(std::int64_t unix_ms, char* out) noexcept {
  using namespace std::chrono;
  const sys_days days{std::chrono::days(unix_ms / 86'400'000)};
  const year_month_day date(days);
  const auto ms = static_cast<int>(unix_ms % 86'400'000);
  const int year = static_cast<int>(date.year());
  out = PutTwo(year % 100, PutTwo(year / 100, out));
  *out++ = '-';
  out = PutTwo(static_cast<int>(static_cast<unsigned>(date.month())), out);
  *out++ = '-';
  out = PutTwo(static_cast<int>(static_cast<unsigned>(date.day())), out);
  *out++ = 'T';
  out = PutTwo(ms / 3'600'000, out);
  *out++ = ':';
  out = PutTwo(ms / 60'000 % 60, out);
  *out++ = ':';
  out = PutTwo(ms / 1000 % 60, out);
  *out++ = '.';
  *out++ = static_cast<char>('0' + ms / 100 % 10);
  out = PutTwo(ms % 100, out);
  *out++ = 'Z';
  return out;
}

template <std::size_t N>
char* Put(const char (&text)[N], char* out) noexcept {
  std::memcpy(out, text, N - 1);
  return out + N - 1;
}
char* PutNumber(std::int64_t value, char* out) noexcept {
  return std::to_chars(out, out + 20, value).ptr;
}
/// At least one digit before the point, `scale` after it; no negative ones.
char* PutFixed(Fixed value, char* out) noexcept {
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof(digits), value.coefficient).ptr;
  const auto count = static_cast<std::int32_t>(end - digits);
  if (value.scale == 0) {
    std::memcpy(out, digits, static_cast<std::size_t>(count));
    return out + count;
  }
  const std::int32_t whole = count - value.scale;
  if (whole > 0) {
    std::memcpy(out, digits, static_cast<std::size_t>(whole));
    out += whole;
    *out++ = '.';
    std::memcpy(out, digits + whole, static_cast<std::size_t>(value.scale));
    return out + value.scale;
  }
  *out++ = '0';
  *out++ = '.';
  for (std::int32_t i = whole; i < 0; ++i) *out++ = '0';
  std::memcpy(out, digits, static_cast<std::size_t>(count));
  return out + count;
}

char* PutLevels(std::span<const std::pair<Fixed, Fixed>> levels, char* out) noexcept {
  *out++ = '[';
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (i != 0) *out++ = ',';
    out = Put("[\"", out);
    out = PutFixed(levels[i].first, out);
    out = Put("\",\"", out);
    out = PutFixed(levels[i].second, out);
    out = Put("\"]", out);
  }
  *out++ = ']';
  return out;
}

}  // namespace

std::string_view TradePayload() { return {kTrade, sizeof(kTrade) - sizeof(FLOOR_PADDING)}; }
std::string_view BookUpdatePayload() { return {kUpdate, sizeof(kUpdate) - sizeof(FLOOR_PADDING)}; }

struct PayloadJson::Impl {
  od::parser parser;
  std::vector<std::pair<Fixed, Fixed>> bids, asks;

  bool Open(std::string_view padded, od::document& document, od::object& root) {
    return parser.iterate(padded.data(), padded.size(), padded.size() + simdjson::SIMDJSON_PADDING)
                   .get(document) == simdjson::SUCCESS &&
           document.get_object().get(root) == simdjson::SUCCESS;
  }
};

PayloadJson::PayloadJson() : impl_(std::make_unique<Impl>()) {}
PayloadJson::~PayloadJson() = default;

namespace {

bool Text(od::object& root, const char* key, std::string_view& out) {
  return root.find_field(std::string_view(key)).get_string().get(out) == simdjson::SUCCESS;
}
bool Number(od::object& root, const char* key, std::int64_t& out) {
  return root.find_field(std::string_view(key)).get_int64().get(out) == simdjson::SUCCESS;
}

bool ReadSide(od::object& root, const char* key, std::vector<std::pair<Fixed, Fixed>>& out) {
  out.clear();
  od::array side;
  if (root.find_field(std::string_view(key)).get_array().get(side)) return false;
  for (auto level_or : side) {
    od::array level;
    if (level_or.get_array().get(level)) return false;
    Fixed parts[2];
    std::size_t count = 0;
    for (auto text_or : level) {
      std::string_view text;
      if (count == 2 || text_or.get_string().get(text) || !ParseFixed(text, parts[count])) {
        return false;
      }
      ++count;
    }
    if (count != 2) return false;
    out.emplace_back(parts[0], parts[1]);
  }
  return true;
}

}  // namespace

std::uint64_t PayloadJson::ReadTrade(std::string_view padded, Trade& out) {
  od::document document;
  od::object root;
  std::string_view price, quantity, side, time;
  if (!impl_->Open(padded, document, root) || !Number(root, "trade_id", out.id) ||
      !Text(root, "price", price) || !ParseFixed(price, out.price) ||
      !Text(root, "qty", quantity) || !ParseFixed(quantity, out.quantity) ||
      !Text(root, "side", side) || !Text(root, "trade_time", time) ||
      !ParseTime(time, out.unix_ms) || root.find_field("aggregate").get_bool().get(out.aggregate) ||
      !Number(root, "first_trade_id", out.first_id) ||
      !Number(root, "last_trade_id", out.last_id)) {
    return 0;
  }
  out.sell = side == "sell";
  return static_cast<std::uint64_t>(out.id);
}

std::uint64_t PayloadJson::ReadBookUpdate(std::string_view padded) {
  od::document document;
  od::object root;
  std::int64_t first = 0, last = 0;
  if (!impl_->Open(padded, document, root) || !ReadSide(root, "bids_delta", impl_->bids) ||
      !ReadSide(root, "asks_delta", impl_->asks) || !Number(root, "first_update_id", first) ||
      !Number(root, "last_update_id", last)) {
    return 0;
  }
  return static_cast<std::uint64_t>(first + last);
}

const std::vector<std::pair<Fixed, Fixed>>& PayloadJson::bids() const noexcept {
  return impl_->bids;
}
const std::vector<std::pair<Fixed, Fixed>>& PayloadJson::asks() const noexcept {
  return impl_->asks;
}

std::size_t WriteTrade(const Trade& trade, char* out) noexcept {
  char* at = Put("{\"trade_id\":", out);
  at = PutNumber(trade.id, at);
  at = PutFixed(trade.price, Put(",\"price\":\"", at));
  at = PutFixed(trade.quantity, Put("\",\"qty\":\"", at));
  at = trade.sell ? Put("\",\"side\":\"sell", at) : Put("\",\"side\":\"buy", at);
  at = PutTime(trade.unix_ms, Put("\",\"trade_time\":\"", at));
  at = trade.aggregate ? Put("\",\"aggregate\":true", at) : Put("\",\"aggregate\":false", at);
  at = PutNumber(trade.first_id, Put(",\"first_trade_id\":", at));
  at = PutNumber(trade.last_id, Put(",\"last_trade_id\":", at));
  *at++ = '}';
  return static_cast<std::size_t>(at - out);
}

std::size_t WriteBookUpdate(std::span<const std::pair<Fixed, Fixed>> bids,
                            std::span<const std::pair<Fixed, Fixed>> asks, std::int64_t first_id,
                            std::int64_t last_id, char* out) noexcept {
  char* at = PutLevels(bids, Put("{\"bids_delta\":", out));
  at = PutLevels(asks, Put(",\"asks_delta\":", at));
  at = PutNumber(first_id, Put(",\"first_update_id\":", at));
  at = PutNumber(last_id, Put(",\"last_update_id\":", at));
  *at++ = '}';
  return static_cast<std::size_t>(at - out);
}

}  // namespace floors
