// The JSON payloads of market events.
#include "exchange/payloads.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "exchange/event_channel.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kNumberBytes = 20;
constexpr std::size_t kLevelBytes = 2 * Decimal::kMaxTextBytes + 8;
constexpr std::size_t kNameBytes = 256;  // more than all names and signs of one payload

constexpr std::array<char, 200> kPairs = [] {  // "00" to "99"
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// Writes without asking for room: every payload reserves the most it can need.
class Writer {
 public:
  explicit Writer(char* at) noexcept : at_(at) {}
  char* at() const noexcept { return at_; }

  template <std::size_t N>
  Writer& Name(const char (&text)[N]) noexcept {
    std::memcpy(at_, text, N - 1);
    at_ += N - 1;
    return *this;
  }
  Writer& Text(std::string_view text) noexcept {
    // Prices and quantities have 8 to 16 bytes as a rule: two words that may overlap.
    if (text.size() >= 8 && text.size() <= 16) {
      std::memcpy(at_, text.data(), 8);
      std::memcpy(at_ + text.size() - 8, text.data() + text.size() - 8, 8);
    } else if (!text.empty()) {
      std::memcpy(at_, text.data(), text.size());
    }
    at_ += text.size();
    return *this;
  }
  Writer& Number(std::int64_t number) noexcept {
    // Ids have nine to twelve digits: the last eight in pairs, without looking how many there are.
    constexpr std::int64_t kEight = 100'000'000;
    if (number < kEight) {
      at_ = std::to_chars(at_, at_ + kNumberBytes, number).ptr;
      return *this;
    }
    const std::int64_t high = number / kEight;
    auto low = static_cast<std::uint32_t>(number % kEight);
    if (high < 10) {
      *at_++ = static_cast<char>('0' + high);
    } else {
      at_ = std::to_chars(at_, at_ + kNumberBytes, high).ptr;
    }
    for (int pair = 3; pair >= 0; --pair, low /= 100) {
      std::memcpy(at_ + 2 * pair, kPairs.data() + 2 * (low % 100), 2);
    }
    at_ += 8;
    return *this;
  }
  Writer& Time(const Timestamp& time) noexcept {
    at_ += time.Format(at_);
    return *this;
  }
  template <class Levels>
  Writer& Array(const Levels& levels) noexcept {
    Name("[");
    bool first = true;
    for (const Level& level : levels) {
      if (!first) Name(",");
      first = false;
      Name("[\"");
      at_ += level.price.Format(at_);
      Name("\",\"");
      at_ += level.quantity.Format(at_);
      Name("\"]");
    }
    return Name("]");
  }
  /// Reasons may quote what a venue sent: whatever is not plain text is shown as '?'.
  Writer& Reason(std::string_view reason) noexcept {
    for (const char c : reason) {
      if (c == '"' || c == '\\') *at_++ = '\\';
      *at_++ = c >= ' ' && c < 0x7f ? c : '?';
    }
    return *this;
  }

 private:
  char* at_;
};

}  // namespace

void WriteUpdate(PayloadBuffer& out, const BinanceFrame& diff,
                 std::optional<std::int64_t> prev_id) {
  const bool as_written = !diff.bids_json.empty();
  const std::size_t levels = as_written ? diff.bids_json.size() + diff.asks_json.size()
                                        : (diff.bids.size() + diff.asks.size()) * kLevelBytes;
  Writer to(out.Start(levels + kNameBytes));
  to.Name("{\"bids_delta\":");
  if (as_written) {
    to.Text(diff.bids_json).Name(",\"asks_delta\":").Text(diff.asks_json);
  } else {
    to.Array(diff.bids).Name(",\"asks_delta\":").Array(diff.asks);
  }
  to.Name(",\"first_update_id\":").Number(diff.first_id);
  to.Name(",\"last_update_id\":").Number(diff.last_id);
  if (prev_id) to.Name(",\"prev_update_id\":").Number(*prev_id);
  out.Finish(to.Name("}").at());
}

void WriteSnapshot(PayloadBuffer& out, const OrderBook& book, std::int64_t last_id,
                   std::int64_t unix_ns, std::size_t max_depth) {
  const std::size_t depth = max_depth == 0 ? SIZE_MAX : max_depth;
  const BookSide bids = book.bids(depth);
  const BookSide asks = book.asks(depth);
  Writer to(out.Start((bids.size() + asks.size()) * kLevelBytes + kNameBytes));
  to.Name("{\"bids\":").Array(bids).Name(",\"asks\":").Array(asks);
  to.Name(",\"last_update_id\":").Number(last_id);
  to.Name(",\"snapshot_at\":\"").Time(ToTimestamp(unix_ns)).Name("\",\"state\":\"live\"");
  if (max_depth != 0) to.Name(",\"depth\":").Number(static_cast<std::int64_t>(max_depth));
  out.Finish(to.Name("}").at());
}

void WriteQuote(PayloadBuffer& out, const BinanceFrame& ticker) {
  Writer to(out.Start(ticker.bid.size() + ticker.bid_qty.size() + ticker.ask.size() +
                      ticker.ask_qty.size() + kNameBytes));
  to.Name("{");
  if (!ticker.bid.empty()) to.Name("\"bid\":\"").Text(ticker.bid).Name("\",");
  if (!ticker.bid_qty.empty()) to.Name("\"bid_qty\":\"").Text(ticker.bid_qty).Name("\",");
  if (!ticker.ask.empty()) to.Name("\"ask\":\"").Text(ticker.ask).Name("\",");
  if (!ticker.ask_qty.empty()) to.Name("\"ask_qty\":\"").Text(ticker.ask_qty).Name("\",");
  out.Finish(to.Name("\"update_id\":").Number(ticker.last_id).Name("}").at());
}

void WriteStatus(PayloadBuffer& out, const StatusFields& status) {
  Writer to(out.Start(2 * status.reason.size() + kNameBytes));
  to.Name("{\"state\":\"").Text(status.state);
  to.Name("\",\"scope\":\"").Text(status.scope);
  if (!status.channel.empty()) to.Name("\",\"channel\":\"").Text(status.channel);
  to.Name("\",\"session\":");
  to.Number(static_cast<std::int64_t>(status.session));
  to.Name(",\"reason\":\"").Reason(status.reason);
  to.Name("\",\"since\":\"").Time(Timestamp::FromUnixNanos(status.since_unix_ns)).Name("\"");
  if (status.expected) to.Name(",\"expected\":").Number(*status.expected);
  if (status.got) to.Name(",\"got\":").Number(*status.got);
  out.Finish(to.Name("}").at());
}

}  // namespace virtufin::inline v0::detail
