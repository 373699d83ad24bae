// Payloads against their floors: a trade and a change of a book, read and written.
#include <string>

#include "bench/floors.hpp"
#include "bench/ratio.hpp"
#include "virtufin/event/market_payloads.hpp"

namespace {

using namespace virtufin;

void ReadTrade(benchmark::State& state) {
  floors::PayloadJson floor;
  floors::Trade floor_trade;
  TradeExecuted trade;
  if (floor.ReadTrade(floors::TradePayload(), floor_trade) == 0 ||
      !ReadPayload(floors::TradePayload(), trade).ok()) {
    return state.SkipWithError("the trade does not read");
  }
  bench::ReportRatio(
      state, 0, [&] { return ReadPayload(floors::TradePayload(), trade).ok(); },
      [&] { return floor.ReadTrade(floors::TradePayload(), floor_trade); });
}
VIRTUFIN_RATIO(ReadTrade);

void WriteTrade(benchmark::State& state) {
  floors::PayloadJson floor;
  floors::Trade floor_trade;
  floor.ReadTrade(floors::TradePayload(), floor_trade);
  const auto trade = ReadPayload<TradeExecuted>(floors::TradePayload()).value();
  std::string json, floor_json(1024, ' ');
  AppendPayload(json, trade);
  floor_json.resize(floors::WriteTrade(floor_trade, floor_json.data()));
  if (json != floors::TradePayload() || json != floor_json) {
    return state.SkipWithError("the trade is not written as it was");
  }
  floor_json.resize(1024);
  bench::ReportRatio(
      state, 0,
      [&] {
        json.clear();
        AppendPayload(json, trade);
        return json.size();
      },
      [&] { return floors::WriteTrade(floor_trade, floor_json.data()); });
}
VIRTUFIN_RATIO(WriteTrade);

void ReadBookUpdate(benchmark::State& state) {
  floors::PayloadJson floor;
  OrderBookUpdate update;
  if (floor.ReadBookUpdate(floors::BookUpdatePayload()) == 0 ||
      !ReadPayload(floors::BookUpdatePayload(), update).ok()) {
    return state.SkipWithError("the change does not read");
  }
  bench::ReportRatio(
      state, 0, [&] { return ReadPayload(floors::BookUpdatePayload(), update).ok(); },
      [&] { return floor.ReadBookUpdate(floors::BookUpdatePayload()); });
}
VIRTUFIN_RATIO(ReadBookUpdate);

void WriteBookUpdate(benchmark::State& state) {
  floors::PayloadJson floor;
  floor.ReadBookUpdate(floors::BookUpdatePayload());
  const auto update = ReadPayload<OrderBookUpdate>(floors::BookUpdatePayload()).value();
  std::string json, floor_json(1024, ' ');
  const auto write_floor = [&] {
    return floors::WriteBookUpdate(floor.bids(), floor.asks(), update.first_update_id,
                                   update.last_update_id, floor_json.data());
  };
  AppendPayload(json, update);
  if (json != floors::BookUpdatePayload() || json != floor_json.substr(0, write_floor())) {
    return state.SkipWithError("the change is not written as it was");
  }
  bench::ReportRatio(
      state, 0,
      [&] {
        json.clear();
        AppendPayload(json, update);
        return json.size();
      },
      write_floor);
}
VIRTUFIN_RATIO(WriteBookUpdate);

}  // namespace
