// One text with all members of every payload, as our writer has it.
#pragma once

#include <array>
#include <string_view>

#include "virtufin/event/payload.hpp"

namespace virtufin::test {

struct PayloadSample {
  PayloadKind kind;
  std::string_view json;
};

inline constexpr std::array<PayloadSample, kPayloadKinds> kPayloadSamples = {{
    {PayloadKind::kOrderBookSnapshot,
     R"({"bids":[["0.10","5"],["0.09","70.5"]],"asks":[["0.11","1"]],"last_update_id":42,)"
     R"("snapshot_at":"2026-03-04T05:06:07.089Z","state":"live","depth":20})"},
    {PayloadKind::kOrderBookUpdate,
     R"({"bids_delta":[["0.10","0"]],"asks_delta":[],"first_update_id":43,"last_update_id":45,)"
     R"("prev_update_id":42})"},
    {PayloadKind::kOrderBookDepth,
     R"({"bids":[],"asks":[["0.11","1"]],"last_update_id":42,)"
     R"("snapshot_at":"2026-03-04T05:06:07.089Z","state":"resync","depth":1})"},
    {PayloadKind::kQuoteUpdate,
     R"({"bid":"1.10","bid_qty":"5","ask":"1.20","ask_qty":"0.5","update_id":7,"delayed":true,)"
     R"("indicative":true})"},
    {PayloadKind::kTradeExecuted,
     R"({"trade_id":99,"price":"0.001","qty":"100.000","side":"sell",)"
     R"("trade_time":"2026-03-04T05:06:07.089123456Z","aggregate":true,"first_trade_id":98,)"
     R"("last_trade_id":99,"conditions":"late \"block\"","recovered":true})"},
    {PayloadKind::kTickerUpdate,
     R"({"last_price":"10","volume_24h":"1000","change_24h_pct":"-1.5","last_qty":"2","open":"11",)"
     R"("high":"12","low":"9","quote_volume_24h":"10000","window":"24h","trades":321})"},
    {PayloadKind::kFundingRate,
     R"({"funding_rate":"-0.00010000","next_funding_time":"2026-03-04T08:00:00.000Z"})"},
    {PayloadKind::kMarkPrice, R"({"mark_price":"65000.1","index_price":"65001.25"})"},
    {PayloadKind::kCandle,
     R"({"open":"1","high":"2","low":"0.5","close":"1.5","volume":"77",)"
     R"("candle_close_time":"2026-03-04T05:06:59.999Z",)"
     R"("candle_open_time":"2026-03-04T05:06:00.000Z",)"
     R"("interval":"1m","trades":12,"quote_volume":"100","taker_buy_volume":"40","closed":true})"},
    {PayloadKind::kInstrumentInfo,
     R"({"symbol":"BTCUSDT_260327","status":"trading","base_asset":"BTC","quote_asset":"USDT",)"
     R"("kind":"future","lot_size":"0.001","tick_size":"0.10","settle_asset":"USDT",)"
     R"("multiplier":"1","expiry":"2026-03-27T08:00:00Z","min_qty":"0.001","max_qty":"1000",)"
     R"("min_notional":"5","venue_symbol":"BTCUSDT_260327","venue_status":"TRADING"})"},
    {PayloadKind::kInstrumentStatus, R"({"state":"halted","reason":"BREAK"})"},
    {PayloadKind::kFeedStatus,
     R"({"state":"gap","scope":"instrument","channel":"book","session":3,)"
     R"("reason":"a diff is missing",)"
     R"("since":"2026-03-04T05:06:07.000000001Z","expected":44,"got":46})"},
    {PayloadKind::kOrderSubmitted,
     R"({"order_id":"o-1","side":"buy","type":"limit","qty":"1.5","price":"100","venue":"binance",)"
     R"("submitted_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kOrderAccepted,
     R"({"venue_order_id":"8812","accepted_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kOrderRejected, R"({"reject_reason":"limit reached","reject_source":"risk"})"},
    {PayloadKind::kOrderAmended,
     R"({"new_price":"101","new_qty":"2","amended_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kOrderCancelled,
     R"({"cancelled_at":"2026-03-04T05:06:07Z","cancelled_by":"system"})"},
    {PayloadKind::kOrderExpired, R"({"expired_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kOrderFilled,
     R"({"fill_id":"f-1","qty_filled":"0.5","price":"100","fee":"0.05","liquidity":"maker",)"
     R"("remaining_qty":"1.0","filled_at":"2026-03-04T05:06:07Z","realized_pnl":"-3"})"},
    {PayloadKind::kTradeCleared,
     R"({"trade_id":"t-1","order_id":"o-1","cleared_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kTradeSettled,
     R"({"settled_at":"2026-03-04T05:06:07Z","tx_hash":"0x1234567890abcdef"})"},
    {PayloadKind::kPositionOpened,
     R"({"side":"short","qty":"2","avg_price":"100.25","opened_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kPositionIncreased, R"({"new_qty":"3","new_avg_price":"100.5","delta_qty":"1"})"},
    {PayloadKind::kPositionDecreased, R"({"new_qty":"1","realized_pnl":"4","delta_qty":"-2"})"},
    {PayloadKind::kPositionFlipped,
     R"({"from_side":"long","to_side":"short","qty":"5","price":"99","order_id":"o-2",)"
     R"("realized_pnl":"-0.5"})"},
    {PayloadKind::kPositionClosed,
     R"({"realized_pnl":"12.75","closed_at":"2026-03-04T05:06:07Z"})"},
    {PayloadKind::kRiskExposureUpdate,
     R"({"greeks":{"delta":"0.55","vega":"-12.1"},"underlyings":["BTC","ETH"]})"},
    {PayloadKind::kRiskLimitBreach,
     R"({"limit_name":"gross","limit_value":"1000","actual_value":"1200","severity":"critical"})"},
    {PayloadKind::kRiskDrawdownAlert,
     R"({"drawdown_pct":"11.5","threshold_pct":"10","peak_value":"1000","current_value":"885"})"},
    {PayloadKind::kPnlRealizedUpdate,
     R"({"realized_pnl":"7","by_symbol":{"BTCUSDT":"9","ETHUSDT":"-2"},"period":"1d"})"},
    {PayloadKind::kPnlUnrealizedUpdate,
     R"({"unrealized_pnl":"3","by_symbol":{"BTCUSDT":"3"},"mark_prices":{"BTCUSDT":"65000"}})"},
}};

}  // namespace virtufin::test
