// The bodies of Binance's REST answers as text.
#include "sim/rest_texts.hpp"

#include "sim/frames.hpp"
#include "sim/numbers.hpp"

namespace virtufin::inline v0::sim {
namespace {

using Symbol = MarketModel::Symbol;

std::string PriceText(const Symbol& symbol, std::int64_t ticks) {
  std::string out;
  MarketModel::AppendPrice(out, symbol, ticks);
  return out;
}

std::string QuantityText(const Symbol& symbol, std::int64_t lots) {
  std::string out;
  MarketModel::AppendQuantity(out, symbol, lots);
  return out;
}

/// "BTCUSDT_261225" ends at 08:00 UTC of that day; what has no date, never (the venue's
/// 2100-12-25).
std::int64_t DeliveryMs(std::string_view name) {
  constexpr std::int64_t kNever = 4'133'404'800'000;
  const auto at = name.rfind('_');
  if (at == name.npos || name.size() - at != 7) return kNever;
  int date = 0;
  for (const char c : name.substr(at + 1)) {
    if (c < '0' || c > '9') return kNever;
    date = date * 10 + (c - '0');
  }
  // Days since 1970 of a civil date.
  const int month = date / 100 % 100, day = date % 100;
  const int year = 2000 + date / 10'000 - (month <= 2 ? 1 : 0);
  const int era_year = year % 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = era_year * 365 + era_year / 4 - era_year / 100 + day_of_year;
  const std::int64_t days = year / 400 * 146'097LL + day_of_era - 719'468;
  return days * 86'400'000 + 8 * 3'600'000;
}

std::string SpotSymbolText(const Symbol& symbol, const std::string& status) {
  const SymbolOptions& options = symbol.options;
  const std::string lot = QuantityText(symbol, 1), tick = PriceText(symbol, 1);
  return R"({"symbol":")" + options.name + R"(","status":")" + status + R"(","baseAsset":")" +
         options.base + R"(","baseAssetPrecision":8,"quoteAsset":")" + options.quote +
         R"(","quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,)"
         R"("quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET",)"
         R"("STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT","TAKE_PROFIT_LIMIT"],)"
         R"("icebergAllowed":true,"ocoAllowed":true,"otoAllowed":true,)"
         R"("quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,)"
         R"("cancelReplaceAllowed":true,)"
         R"("isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":[)"
         R"({"filterType":"PRICE_FILTER","minPrice":")" +
         tick + R"(","maxPrice":")" + PriceText(symbol, symbol.first_price * 100) +
         R"(","tickSize":")" + tick + R"("},{"filterType":"LOT_SIZE","minQty":")" + lot +
         R"(","maxQty":")" + QuantityText(symbol, 1'000'000'000) + R"(","stepSize":")" + lot +
         R"("},{"filterType":"ICEBERG_PARTS","limit":10},)"
         R"({"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true,)"
         R"("maxNotional":"9000000.00000000","applyMaxToMarket":false,"avgPriceMins":5},)"
         R"({"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}],"permissions":[],)"
         R"("permissionSets":[["SPOT","MARGIN"]],"defaultSelfTradePreventionMode":"EXPIRE_MAKER",)"
         R"("allowedSelfTradePreventionModes":["EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH"]})";
}

std::string UsdmSymbolText(const Symbol& symbol, const std::string& status) {
  const SymbolOptions& options = symbol.options;
  const std::string lot = QuantityText(symbol, 1), tick = PriceText(symbol, 1);
  const std::string most = QuantityText(symbol, 10'000'000);
  return R"({"symbol":")" + options.name + R"(","pair":")" +
         options.name.substr(0, options.name.find('_')) + R"(","contractType":")" +
         options.contract_type + R"(","deliveryDate":)" + std::to_string(DeliveryMs(options.name)) +
         R"(,"onboardDate":1569398400000,"status":")" + status +
         R"(","maintMarginPercent":"2.5000","requiredMarginPercent":"5.0000","baseAsset":")" +
         options.base + R"(","quoteAsset":")" + options.quote + R"(","marginAsset":")" +
         options.quote + R"(","pricePrecision":)" + std::to_string(symbol.price_digits) +
         R"(,"quantityPrecision":)" + std::to_string(symbol.quantity_digits) +
         R"(,"baseAssetPrecision":8,"quotePrecision":8,"underlyingType":"COIN",)"
         R"("underlyingSubType":[],"triggerProtect":"0.0500","liquidationFee":"0.012500",)"
         R"("marketTakeBound":"0.05","maxMoveOrderLimit":10000,"filters":[)"
         R"({"filterType":"PRICE_FILTER","minPrice":")" +
         tick + R"(","maxPrice":")" + PriceText(symbol, symbol.first_price * 100) +
         R"(","tickSize":")" + tick + R"("},{"filterType":"LOT_SIZE","minQty":")" + lot +
         R"(","maxQty":")" + most + R"(","stepSize":")" + lot +
         R"("},{"filterType":"MARKET_LOT_SIZE","minQty":")" + lot + R"(","maxQty":")" + most +
         R"(","stepSize":")" + lot +
         R"("},{"filterType":"MAX_NUM_ORDERS","limit":200},)"
         R"({"filterType":"MIN_NOTIONAL","notional":"5"},{"filterType":"PERCENT_PRICE",)"
         R"("multiplierUp":"1.0500","multiplierDown":"0.9500","multiplierDecimal":"4"}],)"
         R"("orderTypes":["LIMIT","MARKET","STOP","STOP_MARKET","TAKE_PROFIT",)"
         R"("TAKE_PROFIT_MARKET","TRAILING_STOP_MARKET"],"timeInForce":["GTC","IOC","FOK","GTX"]})";
}

}  // namespace

std::string ExchangeInfoText(const MarketModel& market, const VenueOptions& options,
                             const std::vector<std::string>& statuses,
                             const std::vector<std::size_t>& symbols, std::int64_t now_ms) {
  const bool usdm = market.market() == VenueMarket::kUsdm;
  std::string body = R"({"timezone":"UTC","serverTime":)" + std::to_string(now_ms);
  if (usdm) body += R"(,"futuresType":"U_MARGINED")";
  body +=
      R"(,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE",)"
      R"("intervalNum":1,"limit":)" +
      std::to_string(options.weight_limit) +
      (usdm ? R"(},{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":1200},)"
              R"({"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":300}],)"
            : R"(},{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},)"
              R"({"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000},)"
              R"({"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,)"
              R"("limit":61000}],)") +
      R"("exchangeFilters":[],)";
  if (usdm)
    body += R"("assets":[{"asset":"USDT","marginAvailable":true,"autoAssetExchange":"-10000"}],)";
  body += R"("symbols":[)";
  for (const std::size_t index : symbols) {
    if (body.back() != '[') body += ',';
    const Symbol& symbol = market.at(index);
    body +=
        usdm ? UsdmSymbolText(symbol, statuses[index]) : SpotSymbolText(symbol, statuses[index]);
  }
  return body + "]}";
}

std::string DepthText(MarketModel& market, std::size_t index, std::uint64_t number,
                      std::size_t levels, std::int64_t now_ms) {
  const Symbol& symbol = market.at(index);
  std::string body = R"({"lastUpdateId":)" + std::to_string(market.SomeIdAt(index, number));
  if (market.market() == VenueMarket::kUsdm) {
    body += R"(,"E":)" + std::to_string(now_ms) + R"(,"T":)" +
            std::to_string(symbol.update(number).time_ms);
  }
  MarketModel::Levels bids, asks;
  const bool newest = number + 1 == symbol.end_update();
  if (!newest) market.LevelsAfter(index, number, bids, asks);
  body += R"(,"bids":)";
  AppendLevels(body, symbol, newest ? symbol.bids : bids, LevelOrder::kFalling, levels);
  body += R"(,"asks":)";
  AppendLevels(body, symbol, newest ? symbol.asks : asks, LevelOrder::kRising, levels);
  return body + "}";
}

void AppendAggregate(std::string& out, const Symbol& symbol, const VenueAggregate& trade,
                     bool spot) {
  out += R"({"a":)";
  AppendInt(out, trade.id);
  out += R"(,"p":")";
  MarketModel::AppendPrice(out, symbol, trade.price);
  out += R"(","q":")";
  MarketModel::AppendQuantity(out, symbol, trade.quantity);
  out += R"(","f":)";
  AppendInt(out, trade.first);
  out += R"(,"l":)";
  AppendInt(out, trade.last);
  out += R"(,"T":)";
  AppendInt(out, trade.time_ms);
  out += trade.buyer_is_maker ? R"(,"m":true)" : R"(,"m":false)";
  out += spot ? R"(,"M":true})" : "}";
}

void AppendKline(std::string& out, const Symbol& symbol, const VenueCandle& candle) {
  const auto quoted = [&](auto&& append) {
    out += ",\"";
    append();
    out += '"';
  };
  out += '[';
  AppendInt(out, candle.open_ms);
  for (const std::int64_t price : {candle.open, candle.high, candle.low, candle.close}) {
    quoted([&] { MarketModel::AppendPrice(out, symbol, price); });
  }
  quoted([&] { MarketModel::AppendQuantity(out, symbol, candle.volume); });
  out += ',';
  AppendInt(out, candle.close_ms);
  quoted([&] { AppendQuote(out, symbol, candle.quote); });
  out += ',';
  AppendInt(out, candle.count);
  quoted([&] { MarketModel::AppendQuantity(out, symbol, candle.taker_volume); });
  quoted([&] { AppendQuote(out, symbol, candle.taker_quote); });
  out += ",\"0\"]";
}

}  // namespace virtufin::inline v0::sim
