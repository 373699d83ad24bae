// The JSON payloads of books, quotes and states.
#include "exchange/payloads.hpp"

#include "exchange/event_channel.hpp"
#include "exchange/payload_writer.hpp"

namespace virtufin::inline v0::detail {

void WriteUpdate(PayloadBuffer& out, const BinanceFrame& diff,
                 std::optional<std::int64_t> prev_id) {
  const bool as_written = !diff.bids_json.empty();
  const std::size_t levels = as_written ? diff.bids_json.size() + diff.asks_json.size()
                                        : (diff.bids.size() + diff.asks.size()) * kLevelBytes;
  PayloadWriter to(out.Start(levels + kNameBytes));
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
  PayloadWriter to(out.Start((bids.size() + asks.size()) * kLevelBytes + kNameBytes));
  to.Name("{\"bids\":").Array(bids).Name(",\"asks\":").Array(asks);
  to.Name(",\"last_update_id\":").Number(last_id);
  to.Name(",\"snapshot_at\":\"").Time(ToTimestamp(unix_ns)).Name("\",\"state\":\"live\"");
  if (max_depth != 0) to.Name(",\"depth\":").Number(static_cast<std::int64_t>(max_depth));
  out.Finish(to.Name("}").at());
}

void WriteQuote(PayloadBuffer& out, const BinanceFrame& ticker) {
  PayloadWriter to(out.Start(ticker.bid.size() + ticker.bid_qty.size() + ticker.ask.size() +
                             ticker.ask_qty.size() + kNameBytes));
  to.Name("{");
  if (!ticker.bid.empty()) to.Name("\"bid\":\"").Text(ticker.bid).Name("\",");
  if (!ticker.bid_qty.empty()) to.Name("\"bid_qty\":\"").Text(ticker.bid_qty).Name("\",");
  if (!ticker.ask.empty()) to.Name("\"ask\":\"").Text(ticker.ask).Name("\",");
  if (!ticker.ask_qty.empty()) to.Name("\"ask_qty\":\"").Text(ticker.ask_qty).Name("\",");
  out.Finish(to.Name("\"update_id\":").Number(ticker.last_id).Name("}").at());
}

void WriteStatus(PayloadBuffer& out, const StatusFields& status) {
  PayloadWriter to(out.Start(2 * status.reason.size() + kNameBytes));
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
