// What each market message must hold, and what it may.
#include "exchange/binance/market_messages.hpp"

#include <initializer_list>

#include "exchange/binance/reader.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr const char* kBadTime = "a time is neither milliseconds nor microseconds";

bool Id(const Letters& letters, char name, std::int64_t& out) noexcept {
  return letters.Number(name, out) && out >= 0 && out <= kMaxBinanceId;
}

bool DecimalText(const Letters& letters, char name, std::string_view& out) noexcept {
  return letters.Text(name, out) && IsPlainDecimal(out);
}

/// A decimal, an empty text, or no field at all.
bool OptionalDecimal(const Letters& letters, char name, std::string_view& out) noexcept {
  if (!letters.Saw(name)) return true;
  return letters.Text(name, out) && (out.empty() || IsPlainDecimal(out));
}

bool Time(const Letters& letters, char name, std::int64_t& ns) noexcept {
  std::int64_t number = 0;
  return letters.Number(name, number) && UnixNanos(number, ns);
}

struct Named {
  char name;
  std::string_view* out;
};

bool Decimals(const Letters& letters, std::initializer_list<Named> fields) noexcept {
  for (const Named& field : fields) {
    if (!DecimalText(letters, field.name, *field.out)) return false;
  }
  return true;
}

}  // namespace

const char* ReadSent(const Letters& letters, EventTime& out) {
  if (!letters.Saw('E')) return nullptr;
  out.source = TimeSource::kVenue;
  return Time(letters, 'E', out.unix_ns) ? nullptr : kBadTime;
}

const char* ReadTrade(const Letters& letters, bool aggregate, BinanceTrade& out) {
  bool good = Id(letters, aggregate ? 'a' : 't', out.id) &&
              Decimals(letters, {{'p', &out.price}, {'q', &out.quantity}}) &&
              letters.Truth('m', out.buyer_is_maker) && letters.Saw('T');
  if (aggregate) good = good && Id(letters, 'f', out.first_id) && Id(letters, 'l', out.last_id);
  if (!good) {
    return aggregate ? "an aggTrade needs s, a, p, q, f, l, T and m"
                     : "a trade needs s, t, p, q, T and m";
  }
  if (!aggregate) letters.Text('X', out.condition);
  return Time(letters, 'T', out.unix_ns) ? nullptr : kBadTime;
}

const char* ReadCandle(const Letters& candle, std::string_view stream, BinanceCandle& out) {
  const bool good = candle.Text('i', out.interval) && !out.interval.empty() && candle.Saw('t') &&
                    candle.Saw('T') &&
                    Decimals(candle, {{'o', &out.open},
                                      {'h', &out.high},
                                      {'l', &out.low},
                                      {'c', &out.close},
                                      {'v', &out.volume},
                                      {'q', &out.quote_volume},
                                      {'V', &out.taker_volume},
                                      {'Q', &out.taker_quote_volume}}) &&
                    Id(candle, 'n', out.trades) && candle.Truth('x', out.closed);
  if (!good) return "a kline needs t, T, i, o, h, l, c, v, q, V, Q, n and x";
  candle.Number('f', out.first_trade_id);
  candle.Number('L', out.last_trade_id);
  if (!Time(candle, 't', out.open_ns) || !Time(candle, 'T', out.close_ns)) return kBadTime;
  if (out.close_ns <= out.open_ns) return "a kline ends before it starts";
  if (out.close_ns - out.open_ns > kMaxCandleNs) return "a kline lasts more than 400 days";
  constexpr std::string_view kStream = "@kline_";
  if (const auto at = stream.find(kStream); at != std::string_view::npos) {
    const auto suffix = stream.substr(at + kStream.size());
    const auto size = out.interval.size();
    if (suffix.size() > size && suffix[size] == '@' && suffix.substr(0, size) == out.interval) {
      out.interval = suffix;
    }
  }
  return nullptr;
}

const char* ReadTicker(const Letters& letters, bool mini, BinanceTicker& out) {
  out.mini = mini;
  bool good = letters.Text('s', out.symbol) && !out.symbol.empty() && letters.Saw('E') &&
              Decimals(letters, {{'c', &out.last},
                                 {'o', &out.open},
                                 {'h', &out.high},
                                 {'l', &out.low},
                                 {'v', &out.volume},
                                 {'q', &out.quote_volume}});
  if (!mini) {
    good = good && Decimals(letters, {{'Q', &out.last_quantity}, {'P', &out.change_percent}}) &&
           Id(letters, 'n', out.trades);
  }
  if (!good) {
    return mini ? "a 24hrMiniTicker needs s, E, c, o, h, l, v and q"
                : "a 24hrTicker needs s, E, c, Q, P, o, h, l, v, q and n";
  }
  return ReadSent(letters, out.time);
}

const char* ReadMark(const Letters& letters, BinanceMark& out) {
  const bool good =
      letters.Text('s', out.symbol) && !out.symbol.empty() && letters.Saw('E') &&
      DecimalText(letters, 'p', out.mark) && OptionalDecimal(letters, 'i', out.index) &&
      OptionalDecimal(letters, 'P', out.settle) && OptionalDecimal(letters, 'r', out.funding_rate);
  if (!good) return "a markPriceUpdate needs s, E and p, and i, P and r that are decimals";
  if (letters.Saw('T') && !Time(letters, 'T', out.next_funding_ns)) return kBadTime;
  return ReadSent(letters, out.time);
}

std::uint64_t KnownLetters(BinanceKind kind) noexcept {
  switch (kind) {
    case BinanceKind::kDepth:
      return Letters::Mask("eETsUuba");
    case BinanceKind::kBookTicker:
      return Letters::Mask("eusbBaATE");
    case BinanceKind::kAggTrade:
      return Letters::Mask("eEsapqflTmM");
    case BinanceKind::kTrade:
      return Letters::Mask("eEstpqbaTmMX");
    case BinanceKind::kKline:
      return Letters::Mask("eEsk");
    case BinanceKind::kTicker:
      return Letters::Mask("eEspPwxcQbBaAohlvqOCFLn");
    case BinanceKind::kMiniTicker:
      return Letters::Mask("eEscohlvq");
    case BinanceKind::kMarkPrice:
      return Letters::Mask("eEspiPrT");
    case BinanceKind::kForceOrder:
      return Letters::Mask("eEo");
    case BinanceKind::kServerShutdown:
      return Letters::Mask("eE");
    default:
      return ~std::uint64_t{0};
  }
}

std::uint64_t KnownCandleLetters() noexcept { return Letters::Mask("tTsifLochlvnxqVQB"); }

bool IsKnownName(BinanceKind kind, std::string_view name) noexcept {
  if (name == "st") return true;
  if (name == "ps") return kind == BinanceKind::kDepth || kind == BinanceKind::kBookTicker;
  if (name == "nq") return kind == BinanceKind::kAggTrade;
  return name == "ap" && kind == BinanceKind::kMarkPrice;
}

}  // namespace virtufin::inline v0::detail
