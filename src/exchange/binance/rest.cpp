// Lists of trades and candles, and exchangeInfo, read strictly with simdjson On-Demand.
#include "exchange/binance/rest.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "exchange/binance/market_messages.hpp"
#include "exchange/binance/scan.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Refused(StatusCode code, std::string message) {
  return Status(code, "exchange", std::move(message));
}

/// Consumes a value; `out` stays as it was when it is no text.
bool TextOr(od::value value, std::string_view& out) {
  od::json_type type;
  if (value.type().get(type)) return false;
  return type == od::json_type::string ? Text(value, out) : Walk(value);
}

/// The same for texts that must be plain decimals.
bool DecimalOr(od::value value, std::string_view& out) {
  std::string_view text;
  if (!TextOr(value, text)) return false;
  if (IsPlainDecimal(text)) out = text;
  return true;
}

bool IntegerOr(od::value value, std::int64_t& out) {
  std::int64_t number = 0;
  if (value.get_int64().get(number)) return Walk(value);
  out = number;
  return true;
}

template <class Take>
bool EachField(od::object object, Take take) {
  for (auto field_or : object) {
    od::field field;
    std::string_view key;
    if (std::move(field_or).get(field) || field.unescaped_key().get(key)) return false;
    if (!take(key, field.value())) return false;
  }
  return true;
}

/// Calls `take` with each object of an array; other values, and all of what is no array, are
/// walked.
template <class Take>
bool EachObject(od::value value, Take take) {
  od::json_type type;
  if (value.type().get(type)) return false;
  if (type != od::json_type::array) return Walk(value);
  od::array array;
  if (value.get_array().get(array)) return false;
  for (auto item_or : array) {
    od::value item;
    od::object object;
    if (std::move(item_or).get(item) || item.type().get(type)) return false;
    if (type != od::json_type::object) {
      if (!Walk(item)) return false;
    } else if (item.get_object().get(object) || !take(object)) {
      return false;
    }
  }
  return true;
}

bool ReadFilter(od::object object, BinanceInstrument& out) {
  std::string_view kind, tick, step, min_qty, max_qty, min_notional;
  const bool json = EachField(object, [&](std::string_view key, od::value value) {
    if (key == "filterType") return TextOr(value, kind);
    if (key == "tickSize") return DecimalOr(value, tick);
    if (key == "stepSize") return DecimalOr(value, step);
    if (key == "minQty") return DecimalOr(value, min_qty);
    if (key == "maxQty") return DecimalOr(value, max_qty);
    if (key == "minNotional" || key == "notional") return DecimalOr(value, min_notional);
    return Walk(value);
  });
  if (kind == "PRICE_FILTER") {
    out.tick_size = tick;
  } else if (kind == "LOT_SIZE") {
    out.step_size = step;
    out.min_qty = min_qty;
    out.max_qty = max_qty;
  } else if (kind == "NOTIONAL" || kind == "MIN_NOTIONAL") {
    out.min_notional = min_notional;
  }
  return json;
}

bool ReadInstrument(od::object object, BinanceInstrument& out) {
  std::int64_t delivery = 0;
  const bool json = EachField(object, [&](std::string_view key, od::value value) {
    if (key == "symbol") return TextOr(value, out.symbol);
    if (key == "status") return TextOr(value, out.status);
    if (key == "baseAsset") return TextOr(value, out.base_asset);
    if (key == "quoteAsset") return TextOr(value, out.quote_asset);
    if (key == "marginAsset") return TextOr(value, out.margin_asset);
    if (key == "contractType") return TextOr(value, out.contract_type);
    if (key == "deliveryDate") return IntegerOr(value, delivery);
    if (key == "filters") {
      return EachObject(value, [&](od::object filter) { return ReadFilter(filter, out); });
    }
    return Walk(value);
  });
  if (!UnixNanos(delivery, out.delivery_ns)) out.delivery_ns = 0;
  return json;
}

bool ReadLimit(od::object object, BinanceRateLimit& out) {
  return EachField(object, [&](std::string_view key, od::value value) {
    if (key == "rateLimitType") return TextOr(value, out.type);
    if (key == "interval") return TextOr(value, out.interval);
    if (key == "intervalNum") return IntegerOr(value, out.intervals);
    if (key == "limit") return IntegerOr(value, out.limit);
    return Walk(value);
  });
}

/// `[openTime,"o","h","l","c","v",closeTime,"q",n,"V","Q",ignored]`; false: not JSON. `good`: all
/// there.
bool ReadCandleRow(od::value value, BinanceCandle& out, bool& good) {
  good = false;
  od::json_type type;
  if (value.type().get(type)) return false;
  if (type != od::json_type::array) return Walk(value);
  od::array array;
  if (value.get_array().get(array)) return false;
  std::string_view* const texts[] = {nullptr,
                                     &out.open,
                                     &out.high,
                                     &out.low,
                                     &out.close,
                                     &out.volume,
                                     nullptr,
                                     &out.quote_volume,
                                     nullptr,
                                     &out.taker_volume,
                                     &out.taker_quote_volume};
  std::int64_t open = -1, close = -1, trades = -1;
  std::size_t at = 0, decimals = 0;
  for (auto item_or : array) {
    od::value item;
    if (std::move(item_or).get(item)) return false;
    const std::size_t column = at++;
    bool json = true;
    if (column == 0 || column == 6 || column == 8) {
      json = IntegerOr(item, column == 0 ? open : column == 6 ? close : trades);
    } else if (column < std::size(texts)) {
      json = DecimalOr(item, *texts[column]);
      decimals += texts[column]->empty() ? 0 : 1;
    } else {
      json = Walk(item);
    }
    if (!json) return false;
  }
  out.trades = trades;
  good = at >= std::size(texts) && decimals == 8 && trades >= 0 && open >= 0 &&
         UnixNanos(open, out.open_ns) && UnixNanos(close, out.close_ns) &&
         out.close_ns > out.open_ns && out.close_ns - out.open_ns <= kMaxCandleNs;
  return true;
}

}  // namespace

struct BinanceRestReader::Impl {
  od::parser parser;
  od::document document;
  std::vector<char> buffer;
  std::vector<BinanceTrade> trades;
  std::vector<BinanceCandle> candles;
  std::vector<BinanceInstrument> instruments;
  std::vector<BinanceRateLimit> limits;

  Status Open(std::string_view what, std::string_view body);
  Status NotJson(std::string_view what) const {
    return Refused(StatusCode::kInvalidArgument, std::string(what) + ": not JSON, or cut");
  }
  bool AtEnd() { return document.current_location().error() == simdjson::OUT_OF_BOUNDS; }
  Status Complaint(std::string_view what);
  template <class Take>
  Status List(std::string_view what, std::string_view body, Take take);
};

BinanceRestReader::BinanceRestReader() : impl_(std::make_unique<Impl>()) {}
BinanceRestReader::~BinanceRestReader() = default;

Status BinanceRestReader::Impl::Open(std::string_view what, std::string_view body) {
  if (body.size() > kMaxBinanceBodyBytes) {
    return Refused(StatusCode::kResourceExhausted, std::string(what) + ": larger than 64 MiB");
  }
  if (buffer.size() < body.size() + kBufferPadding) {
    buffer.clear();
    buffer.resize(body.size() + body.size() / 4 + kBufferPadding);
  }
  if (!body.empty()) std::memcpy(buffer.data(), body.data(), body.size());
  std::memset(buffer.data() + body.size(), 0, kBufferPadding);
  const auto failure = parser.iterate(buffer.data(), body.size(), buffer.size()).get(document);
  if (!failure) return {};
  return Refused(StatusCode::kInvalidArgument,
                 std::string(what) + ": " + simdjson::error_message(failure));
}

/// An object where a list was expected: the venue's own error, or something else.
Status BinanceRestReader::Impl::Complaint(std::string_view what) {
  std::int64_t code = 0;
  std::string_view message;
  bool has_code = false;
  od::object object;
  if (document.get_object().get(object)) return NotJson(what);
  const bool json = EachField(object, [&](std::string_view key, od::value value) {
    if (key == "code") {
      has_code = true;
      return IntegerOr(value, code);
    }
    return key == "msg" ? TextOr(value, message) : Walk(value);
  });
  if (!json || !AtEnd()) return NotJson(what);
  if (has_code) {
    return Refused(StatusCode::kUnavailable,
                   "the venue answered: " + std::string(message.substr(0, 200)) + " (code " +
                       std::to_string(code) + ")");
  }
  return Refused(StatusCode::kInvalidArgument,
                 std::string(what) + ": expected an array, found an object");
}

/// `take` reads one element: false: not JSON; `good`: complete.
template <class Take>
Status BinanceRestReader::Impl::List(std::string_view what, std::string_view body, Take take) {
  if (Status opened = Open(what, body); !opened.ok()) return opened;
  od::json_type type;
  if (document.type().get(type)) return NotJson(what);
  if (type == od::json_type::object) return Complaint(what);
  od::array array;
  if (type != od::json_type::array || document.get_array().get(array)) {
    return Refused(StatusCode::kInvalidArgument, std::string(what) + ": expected an array");
  }
  std::size_t count = 0, bad = 0;
  for (auto item_or : array) {
    od::value item;
    if (std::move(item_or).get(item)) return NotJson(what);
    if (++count > kMaxBinanceListed) {
      return Refused(
          StatusCode::kResourceExhausted,
          std::string(what) + ": more than " + std::to_string(kMaxBinanceListed) + " elements");
    }
    bool good = false;
    if (!take(item, good)) return NotJson(what);
    if (!good && bad == 0) bad = count;
  }
  if (!AtEnd()) return NotJson(what);
  if (bad == 0) return {};
  return Refused(StatusCode::kInvalidArgument, std::string(what) + ": element " +
                                                   std::to_string(bad) +
                                                   " lacks a field, or one has the wrong type");
}

Result<std::span<const BinanceTrade>> BinanceRestReader::Trades(std::string_view body) {
  Impl& impl = *impl_;
  impl.trades.clear();
  Letters letters;
  const Status read = impl.List("trades", body, [&](od::value item, bool& good) {
    od::json_type type;
    if (item.type().get(type)) return false;
    if (type != od::json_type::object) return Walk(item);
    letters.Reset();
    bool twice = false;
    od::object object;
    if (item.get_object().get(object) || !ReadLettersOf(object, letters, twice)) return false;
    BinanceTrade& trade = impl.trades.emplace_back();
    good = !twice && ReadTrade(letters, true, trade) == nullptr;
    return true;
  });
  if (!read.ok()) return read;
  return std::span<const BinanceTrade>(impl.trades);
}

Result<std::span<const BinanceCandle>> BinanceRestReader::Candles(std::string_view body,
                                                                  std::string_view interval) {
  Impl& impl = *impl_;
  impl.candles.clear();
  const Status read = impl.List("candles", body, [&](od::value item, bool& good) {
    BinanceCandle& candle = impl.candles.emplace_back();
    candle.interval = interval;
    return ReadCandleRow(item, candle, good);
  });
  if (!read.ok()) return read;
  return std::span<const BinanceCandle>(impl.candles);
}

Result<BinanceExchangeInfo> BinanceRestReader::Instruments(std::string_view body) {
  constexpr std::string_view kWhat = "exchangeInfo";
  Impl& impl = *impl_;
  impl.instruments.clear();
  impl.limits.clear();
  if (Status opened = impl.Open(kWhat, body); !opened.ok()) return opened;
  BinanceExchangeInfo info;
  bool has_symbols = false, has_code = false;
  std::int64_t code = 0;
  std::string_view message;
  od::json_type type;
  od::object object;
  if (impl.document.type().get(type)) return impl.NotJson(kWhat);
  if (type != od::json_type::object || impl.document.get_object().get(object)) {
    return Refused(StatusCode::kInvalidArgument, "exchangeInfo: expected an object");
  }
  const bool json = EachField(object, [&](std::string_view key, od::value value) {
    if (key == "symbols" && !has_symbols) {
      has_symbols = true;
      return EachObject(value, [&](od::object symbol) {
        BinanceInstrument instrument;
        if (!ReadInstrument(symbol, instrument)) return false;
        if (instrument.symbol.empty() || instrument.status.empty() ||
            impl.instruments.size() >= kMaxBinanceInstruments) {
          ++info.skipped;
        } else {
          impl.instruments.push_back(instrument);
        }
        return true;
      });
    }
    if (key == "rateLimits") {
      return EachObject(
          value, [&](od::object limit) { return ReadLimit(limit, impl.limits.emplace_back()); });
    }
    if (key == "msg") return TextOr(value, message);
    if (key != "code") return Walk(value);
    has_code = true;
    return IntegerOr(value, code);
  });
  if (!json || !impl.AtEnd()) return impl.NotJson(kWhat);
  if (!has_symbols && has_code) {
    return Refused(StatusCode::kUnavailable,
                   "the venue answered: " + std::string(message.substr(0, 200)) + " (code " +
                       std::to_string(code) + ")");
  }
  if (!has_symbols) {
    return Refused(StatusCode::kInvalidArgument, "exchangeInfo: expected symbols, found none");
  }
  info.instruments = impl.instruments;
  info.limits = impl.limits;
  return info;
}

}  // namespace virtufin::inline v0::detail
