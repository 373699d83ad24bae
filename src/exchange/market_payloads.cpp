// Writes what market messages become on the bus.
#include "exchange/market_payloads.hpp"

#include "exchange/event_channel.hpp"
#include "exchange/payload_writer.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kRoom = 512;  // more than all names, numbers and times of one payload

/// `,"name":"text"`, or nothing when there is no text.
template <std::size_t N>
void Optional(PayloadWriter& to, const char (&name)[N], std::string_view text) noexcept {
  if (!text.empty()) to.Name(name).Text(text).Name("\"");
}

}  // namespace

void WriteTrade(PayloadBuffer& out, const BinanceTrade& trade, bool aggregate, bool recovered) {
  PayloadWriter to(out.Start(trade.price.size() + trade.quantity.size() +
                             PayloadWriter::JsonBytes(trade.condition) + kRoom));
  to.Name("{\"trade_id\":").Number(trade.id);
  to.Name(",\"price\":\"").Text(trade.price).Name("\",\"qty\":\"").Text(trade.quantity);
  if (trade.buyer_is_maker) {
    to.Name("\",\"side\":\"sell\"");
  } else {
    to.Name("\",\"side\":\"buy\"");
  }
  to.Name(",\"trade_time\":\"").Time(ToTimestamp(trade.unix_ns));
  if (aggregate) {
    to.Name("\",\"aggregate\":true");
  } else {
    to.Name("\",\"aggregate\":false");
  }
  if (trade.first_id >= 0) to.Name(",\"first_trade_id\":").Number(trade.first_id);
  if (trade.last_id >= 0) to.Name(",\"last_trade_id\":").Number(trade.last_id);
  if (!trade.condition.empty()) {
    to.Name(",\"conditions\":\"").Json(trade.condition).Name("\"");
  }
  if (recovered) to.Name(",\"recovered\":true");
  out.Finish(to.Name("}").at());
}

void WriteCandle(PayloadBuffer& out, const BinanceCandle& candle) {
  PayloadWriter to(out.Start(candle.open.size() + candle.high.size() + candle.low.size() +
                             candle.close.size() + candle.volume.size() +
                             candle.quote_volume.size() + candle.taker_volume.size() +
                             PayloadWriter::JsonBytes(candle.interval) + kRoom));
  to.Name("{\"open\":\"").Text(candle.open).Name("\",\"high\":\"").Text(candle.high);
  to.Name("\",\"low\":\"").Text(candle.low).Name("\",\"close\":\"").Text(candle.close);
  to.Name("\",\"volume\":\"").Text(candle.volume);
  to.Name("\",\"candle_close_time\":\"").Time(ToTimestamp(candle.close_ns));
  to.Name("\",\"candle_open_time\":\"").Time(ToTimestamp(candle.open_ns));
  to.Name("\",\"interval\":\"").Json(candle.interval);
  to.Name("\",\"trades\":").Number(candle.trades);
  Optional(to, ",\"quote_volume\":\"", candle.quote_volume);
  Optional(to, ",\"taker_buy_volume\":\"", candle.taker_volume);
  if (candle.closed) {
    to.Name(",\"closed\":true}");
  } else {
    to.Name(",\"closed\":false}");
  }
  out.Finish(to.at());
}

void WriteTicker(PayloadBuffer& out, const BinanceTicker& ticker) {
  PayloadWriter to(out.Start(ticker.last.size() + ticker.volume.size() +
                             ticker.change_percent.size() + ticker.last_quantity.size() +
                             ticker.open.size() + ticker.high.size() + ticker.low.size() +
                             ticker.quote_volume.size() + kRoom));
  to.Name("{\"last_price\":\"").Text(ticker.last);
  to.Name("\",\"volume_24h\":\"").Text(ticker.volume).Name("\"");
  Optional(to, ",\"change_24h_pct\":\"", ticker.change_percent);
  Optional(to, ",\"last_qty\":\"", ticker.last_quantity);
  Optional(to, ",\"open\":\"", ticker.open);
  Optional(to, ",\"high\":\"", ticker.high);
  Optional(to, ",\"low\":\"", ticker.low);
  Optional(to, ",\"quote_volume_24h\":\"", ticker.quote_volume);
  to.Name(",\"window\":\"24h\"");
  if (ticker.trades >= 0) to.Name(",\"trades\":").Number(ticker.trades);
  out.Finish(to.Name("}").at());
}

void WriteMark(PayloadBuffer& out, const BinanceMark& mark) {
  PayloadWriter to(out.Start(mark.mark.size() + mark.index.size() + kRoom));
  to.Name("{\"mark_price\":\"").Text(mark.mark).Name("\"");
  Optional(to, ",\"index_price\":\"", mark.index);
  out.Finish(to.Name("}").at());
}

void WriteFunding(PayloadBuffer& out, std::string_view rate, std::int64_t next_unix_ns) {
  PayloadWriter to(out.Start(rate.size() + kRoom));
  to.Name("{\"funding_rate\":\"").Text(rate).Name("\"");
  if (next_unix_ns != 0) {
    to.Name(",\"next_funding_time\":\"").Time(ToTimestamp(next_unix_ns)).Name("\"");
  }
  out.Finish(to.Name("}").at());
}

void WriteInstrument(PayloadBuffer& out, const InstrumentFields& i) {
  std::size_t room = kRoom;
  for (const auto text :
       {i.symbol, i.base_asset, i.quote_asset, i.lot_size, i.tick_size, i.settle_asset, i.min_qty,
        i.max_qty, i.min_notional, i.venue_symbol, i.venue_status}) {
    room += PayloadWriter::JsonBytes(text);
  }
  PayloadWriter to(out.Start(room));
  to.Name("{\"symbol\":\"").Json(i.symbol).Name("\",\"status\":\"").Text(i.status);
  to.Name("\",\"base_asset\":\"").Json(i.base_asset);
  to.Name("\",\"quote_asset\":\"").Json(i.quote_asset);
  to.Name("\",\"kind\":\"").Text(i.kind).Name("\"");
  Optional(to, ",\"lot_size\":\"", i.lot_size);
  Optional(to, ",\"tick_size\":\"", i.tick_size);
  if (!i.settle_asset.empty()) to.Name(",\"settle_asset\":\"").Json(i.settle_asset).Name("\"");
  if (i.expiry_unix_ns != 0) {
    to.Name(",\"expiry\":\"").Time(ToTimestamp(i.expiry_unix_ns)).Name("\"");
  }
  Optional(to, ",\"min_qty\":\"", i.min_qty);
  Optional(to, ",\"max_qty\":\"", i.max_qty);
  Optional(to, ",\"min_notional\":\"", i.min_notional);
  to.Name(",\"venue_symbol\":\"").Json(i.venue_symbol);
  out.Finish(to.Name("\",\"venue_status\":\"").Json(i.venue_status).Name("\"}").at());
}

void WriteInstrumentStatus(PayloadBuffer& out, std::string_view state, std::string_view reason) {
  PayloadWriter to(out.Start(PayloadWriter::JsonBytes(reason) + kRoom));
  to.Name("{\"state\":\"").Text(state).Name("\",\"reason\":\"").Json(reason);
  out.Finish(to.Name("\"}").at());
}

}  // namespace virtufin::inline v0::detail
