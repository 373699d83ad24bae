// The option keys of a Binance adapter: one table that Set and Keys share.
#include <charconv>
#include <variant>

#include "exchange/binance/option_values.hpp"
#include "virtufin/exchange/binance_adapter.hpp"

namespace virtufin::inline v0 {
namespace {

using Options = BinanceAdapterOptions;
using FeedOptions = BinanceFeedOptions;
using Member =
    std::variant<std::string Options::*, bool Options::*, int Options::*, std::int64_t Options::*,
                 std::size_t Options::*, std::string FeedOptions::*, std::int64_t FeedOptions::*,
                 std::size_t FeedOptions::*>;

template <class T>
T& Of(Options& options, T Options::*member) {
  return options.*member;
}
template <class T>
const T& Of(const Options& options, T Options::*member) {
  return options.*member;
}
template <class T>
const T& Of(const Options& options, T FeedOptions::*member) {
  return options.feed.*member;
}
template <class T>
T& Of(Options& options, T FeedOptions::*member) {
  return options.feed.*member;
}

constexpr std::int64_t kMany = 1'000'000'000;
constexpr std::int64_t kDayMs = FeedOptions::kMaxMs;

struct Entry {
  const char* key;
  const char* description;
  Member member;
  std::int64_t low = 0, high = 0;  // of numbers; the adapter may know more
};

const Entry kEntries[] = {
    {"stream_url", "ws(s)://host:port without path; empty: the venue's own", &Options::stream_url},
    {"rest_url", "http(s)://host:port; empty: the venue's own", &Options::rest_url},
    {"public_path", "USD-M: before /stream, of books, quotes and fills", &Options::public_path},
    {"market_path", "USD-M: before /stream, of everything else", &Options::market_path},
    {"ca_file", "PEM file: trust these instead of the system's certificates", &Options::ca_file},
    {"ca_pem", "the same as text; both add up", &Options::ca_pem},
    {"world", "first part of the topics: act, or hyp.<name>", &FeedOptions::world},
    {"universe", "extension marketuniverse of the events", &FeedOptions::universe},
    {"run_id", "extension runid of the events, a UUID; empty: none", &FeedOptions::run_id},
    {"depth_speed_ms", "of books: 100; spot also 1000, USD-M 250 and 500", &Options::depth_speed_ms,
     1, kDayMs},
    {"snapshot_levels", "of each side in a depth snapshot", &Options::snapshot_levels, 1, 5000},
    {"max_depth", "levels of each side in a snapshot event; 0: all", &FeedOptions::max_depth, 0,
     kMany},
    {"max_stored_levels", "of each side of a book; beyond that it has a gap",
     &FeedOptions::max_stored_levels, 1, kMany},
    {"max_symbols", "instruments at a time", &FeedOptions::max_symbols, 1, kMany},
    {"max_subscriptions", "different subscriptions at a time", &Options::max_subscriptions, 1,
     kMany},
    {"check_symbols", "refuse symbols that the venue does not list", &Options::check_symbols},
    {"streams_per_connection", "0: spot 1024, USD-M 200", &Options::streams_per_connection, 0,
     kMany},
    {"messages_per_second", "to the venue; 0: spot 4, USD-M 8", &Options::messages_per_second, 0,
     kMany},
    {"connections_per_5_minutes", "attempts count", &Options::connections_per_5_minutes, 1, kMany},
    {"weight_per_minute", "of requests; 0: spot 6000, USD-M 2400", &Options::weight_per_minute, 0,
     kMany},
    {"weight_percent", "how much of that may be used", &Options::weight_percent, 1, 100},
    {"requests_in_flight", "REST requests at a time", &Options::requests_in_flight, 1, 1000},
    {"max_message_bytes", "of a frame or an answer", &Options::max_message_bytes, 1, kMany},
    {"connect_timeout_ms", "of a connection", &Options::connect_timeout_ms, 1, kDayMs},
    {"request_timeout_ms", "of a REST request", &Options::request_timeout_ms, 1, kDayMs},
    {"ack_timeout_ms", "of a subscription; then it is asked for again", &Options::ack_timeout_ms, 1,
     kDayMs},
    {"ping_ms", "between our pings; 0: none", &Options::ping_ms, 0, kDayMs},
    {"life_timeout_ms", "nothing from the venue: a new connection; 0: off",
     &Options::life_timeout_ms, 0, kDayMs},
    {"canary_ms", "no data on a socket: stale; twice that: a new connection; 0: off",
     &Options::canary_ms, 0, kDayMs},
    {"canary_symbol", "USD-M: whose stream tells that data flow", &Options::canary_symbol},
    {"stale_cool_down_ms", "between two new connections because of silence",
     &Options::stale_cool_down_ms, 0, kDayMs},
    {"stale_reconnects_per_hour", "of one connection, because of silence",
     &Options::stale_reconnects_per_hour, 1, 1000},
    {"book_idle_ms", "a depth stream without a word: compared with the venue's book; 0: off",
     &Options::book_idle_ms, 0, kDayMs},
    {"renew_cool_down_ms", "between two times that a silent depth stream is asked for again",
     &Options::renew_cool_down_ms, 0, kDayMs},
    {"renews_per_hour", "of one silent depth stream", &Options::renews_per_hour, 1, 1000},
    {"rotate_after_ms", "a socket so old is replaced while it runs, up to 1/46 earlier; 0: off",
     &Options::rotate_after_ms, 0, kDayMs},
    {"reconnect_first_ms", "before the first reconnect; doubles", &Options::reconnect_first_ms, 1,
     kDayMs},
    {"reconnect_max_ms", "the longest of these delays", &Options::reconnect_max_ms, 1, kDayMs},
    {"stable_ms", "open for so long, a lost connection starts its delays anew", &Options::stable_ms,
     0, kDayMs},
    {"retry_ms", "before a snapshot is asked for again; doubles", &FeedOptions::retry_ms, 1,
     kDayMs},
    {"max_retry_ms", "the longest of these delays", &FeedOptions::max_retry_ms, 1, kDayMs},
    {"forbidden_retry_ms", "after HTTP 403 and 451; doubles to ten times that",
     &Options::forbidden_retry_ms, 1, kDayMs},
    {"record_path",
     "a new file for all that the adapter is told and does, %t in it is the time; empty: none",
     &Options::record_path},
    {"record_buffer_bytes", "of records that are not written yet", &Options::record_buffer_bytes,
     4096, kMany},
    {"record_max_bytes", "of that file; there the recording ends; 0: no limit",
     &Options::record_max_bytes, 0, kMany* kMany},
    {"instruments_poll_ms", "between requests for exchangeInfo; 0: at the start only",
     &Options::instruments_poll_ms, 0, kDayMs},
};

Status Invalid(const Entry& entry, const std::string& expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "exchange",
                std::string("option ") + entry.key + ": expected " + expected + ", found '" +
                    std::string(found) + "'");
}

Status Assign(const Entry&, std::string_view text, std::string& out) {
  out = text;
  return {};
}

Status Assign(const Entry& entry, std::string_view text, bool& out) {
  if (text != "true" && text != "false") return Invalid(entry, "true or false", text);
  out = text == "true";
  return {};
}

/// What a member may be set to; empty: any text.
std::string ValuesOf(const Entry&, const std::string&) { return {}; }
std::string ValuesOf(const Entry&, bool) { return "true or false"; }
template <class Number>
std::string ValuesOf(const Entry& entry, Number) {
  return std::to_string(entry.low) + " to " + std::to_string(entry.high);
}

template <class Number>
Status Assign(const Entry& entry, std::string_view text, Number& out) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || value < entry.low || value > entry.high) {
    return Invalid(entry, "a whole number from " + ValuesOf(entry, value), text);
  }
  out = static_cast<Number>(value);
  return {};
}

std::string TextOf(const std::string& value) { return value; }
std::string TextOf(bool value) { return value ? "true" : "false"; }
template <class Number>
std::string TextOf(Number value) {
  return std::to_string(value);
}

}  // namespace

Status BinanceAdapterOptions::Set(std::string_view key, std::string_view value) {
  std::string known;
  for (const Entry& entry : kEntries) {
    if (entry.key == key) {
      return std::visit([&](auto member) { return Assign(entry, value, Of(*this, member)); },
                        entry.member);
    }
    known.append(known.empty() ? "" : ", ").append(entry.key);
  }
  return Status(StatusCode::kNotFound, "exchange",
                "option: expected one of " + known + "; found '" + std::string(key) + "'");
}

std::vector<BinanceAdapterOptions::Key> BinanceAdapterOptions::Keys() {
  BinanceAdapterOptions defaults;
  std::vector<Key> keys;
  for (const Entry& entry : kEntries) {
    std::visit(
        [&](auto member) {
          const auto& value = Of(defaults, member);
          keys.push_back({entry.key, entry.description, TextOf(value), ValuesOf(entry, value)});
        },
        entry.member);
  }
  return keys;
}

std::vector<std::pair<std::string, std::string>> detail::OptionValues(
    const BinanceAdapterOptions& options) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const Entry& entry : kEntries) {
    std::visit([&](auto member) { values.emplace_back(entry.key, TextOf(Of(options, member))); },
               entry.member);
  }
  return values;
}

}  // namespace virtufin::inline v0
