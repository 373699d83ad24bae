// Stream names and connection targets of Binance, read.
#include "sim/streams.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace virtufin::inline v0::sim {
namespace {

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// Upper case of ASCII letters; others have none at the venue.
std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

/// "+08:00" and so on, in milliseconds.
bool ParseZone(std::string_view text, std::int64_t& out) {
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  for (const std::size_t i : {1, 2, 4, 5}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  const int minutes =
      ((text[1] - '0') * 10 + text[2] - '0') * 60 + (text[4] - '0') * 10 + text[5] - '0';
  out = (text[0] == '-' ? -60'000LL : 60'000LL) * minutes;
  return true;
}

/// What follows "depth": levels and speed. False: no such stream.
bool ParseDepth(std::string_view rest, bool usdm, StreamSpec& out) {
  out.kind = StreamKind::kDepth;
  out.period_ms = usdm ? 250 : 1000;
  for (const int levels : {5, 10, 20}) {
    const std::string text = std::to_string(levels);
    const std::string_view after = rest.substr(std::min(text.size(), rest.size()));
    if (StartsWith(rest, text) && (after.empty() || after[0] == '@')) {
      out.kind = StreamKind::kPartialDepth;
      out.levels = levels;
      rest = after;
      break;
    }
  }
  if (rest.empty()) return true;
  if (rest == "@100ms") {
    out.period_ms = 100;
  } else if (rest == "@1000ms" && !usdm) {
    out.period_ms = 1000;
  } else if (rest == "@250ms" && usdm) {
    out.period_ms = 250;
  } else if (rest == "@500ms" && usdm) {
    out.period_ms = 500;
  } else {
    return false;
  }
  return true;
}

bool ParseKline(std::string_view rest, VenueMarket market, StreamSpec& out) {
  std::int64_t zone_ms = 0;
  const auto at = rest.find('@');
  if (at != rest.npos && !ParseZone(rest.substr(at + 1), zone_ms)) return false;
  out.kind = StreamKind::kKline;
  out.interval = rest.substr(0, at);
  const bool usdm = market == VenueMarket::kUsdm;
  out.period_ms = usdm ? 250 : out.interval == "1s" ? 1000 : 2000;
  return CandleInterval::Parse(out.interval, market, zone_ms, out.candle);
}

/// What follows the symbol.
bool ParseKind(std::string_view kind, VenueMarket market, StreamSpec& out) {
  const bool usdm = market == VenueMarket::kUsdm;
  if (StartsWith(kind, "depth")) return ParseDepth(kind.substr(5), usdm, out);
  if (StartsWith(kind, "kline_")) return ParseKline(kind.substr(6), market, out);
  if (kind == "bookTicker") {
    out.kind = StreamKind::kBookTicker;
  } else if (kind == "aggTrade") {
    out.kind = StreamKind::kAggTrade;
  } else if (kind == "trade") {
    out.kind = StreamKind::kTrade;
  } else if (kind == "ticker") {
    out.kind = StreamKind::kTicker;
    out.period_ms = usdm ? 2000 : 1000;
  } else if (kind == "miniTicker") {
    out.kind = StreamKind::kMiniTicker;
    out.period_ms = usdm ? 2000 : 1000;
  } else if (usdm && (kind == "markPrice" || kind == "markPrice@1s")) {
    out.kind = StreamKind::kMarkPrice;
    out.period_ms = kind == "markPrice" ? 3000 : 1000;
  } else {
    return false;
  }
  return true;
}

bool ParseAll(std::string_view name, bool usdm, StreamSpec& out) {
  if (name == "!miniTicker@arr") {
    out.kind = StreamKind::kAllMiniTickers;
    out.period_ms = 1000;
  } else if (usdm && (name == "!markPrice@arr" || name == "!markPrice@arr@1s")) {
    out.kind = StreamKind::kAllMarkPrices;
    out.period_ms = name == "!markPrice@arr" ? 3000 : 1000;
  } else {
    return false;
  }
  return true;
}

VenueRoute RouteOf(std::string_view kind) {
  for (const std::string_view each : {"bookTicker", "depth", "rpiDepth", "trade"}) {
    if (StartsWith(kind, each)) return VenueRoute::kPublic;
  }
  return VenueRoute::kMarket;
}

}  // namespace

bool ParseStream(std::string_view name, const MarketModel& market, StreamSpec& out) {
  out = {};
  const bool usdm = market.market() == VenueMarket::kUsdm;
  if (StartsWith(name, "!")) {
    if (name.size() < 2) return false;
    if (usdm) out.route = RouteOf(name.substr(1));
    if (!ParseAll(name, usdm, out)) out.kind = StreamKind::kNothing;
    return true;
  }
  const auto at = name.find('@');
  if (at == 0 || at == name.npos || at + 1 == name.size()) return false;
  const std::string_view symbol = name.substr(0, at), kind = name.substr(at + 1);
  if (usdm) out.route = RouteOf(kind);
  // Upper-case names are well-formed, but no symbol of the venue.
  const bool lower =
      std::none_of(symbol.begin(), symbol.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  const MarketModel::Symbol* const found = lower ? market.Find(Upper(symbol)) : nullptr;
  if (found == nullptr || !ParseKind(kind, market.market(), out)) {
    out.kind = StreamKind::kNothing;
    return true;
  }
  out.symbol = found->index;
  return true;
}

bool RouteCarries(VenueRoute connection, VenueRoute stream) noexcept {
  if (stream == VenueRoute::kAny || connection == VenueRoute::kAny) return true;
  return stream == (connection == VenueRoute::kUnrouted ? VenueRoute::kPublic : connection);
}

bool ParseTarget(std::string_view target, VenueMarket market, VenueTarget& out) {
  out = {};
  std::string_view query;
  if (const auto mark = target.find('?'); mark != target.npos) {
    query = target.substr(mark + 1);
    target = target.substr(0, mark);
  }
  if (market == VenueMarket::kUsdm) {
    out.route = VenueRoute::kUnrouted;
    if (StartsWith(target, "/public/")) {
      out.route = VenueRoute::kPublic;
      target.remove_prefix(7);
    } else if (StartsWith(target, "/market/")) {
      out.route = VenueRoute::kMarket;
      target.remove_prefix(7);
    }
  }
  std::string streams;
  if (target == "/stream") {
    out.combined = true;
  } else if (StartsWith(target, "/ws/")) {
    streams = net::PercentDecode(target.substr(4));
    if (streams.find_first_of("@!") == streams.npos) streams.clear();  // just a name
  } else if (target != "/ws") {
    return false;
  }
  for (const auto& [name, value] : ParseQuery(query)) {
    if (name == "streams" && out.combined) streams = value;
    if (name == "timeUnit" && market == VenueMarket::kSpot) {
      out.microseconds = value == "MICROSECOND" || value == "microsecond";
    }
  }
  for (std::size_t begin = 0; begin < streams.size();) {
    const auto end = std::min(streams.find('/', begin), streams.size());
    if (end > begin) out.streams.push_back(streams.substr(begin, end - begin));
    begin = end + 1;
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    const auto equals = std::min(part.find('='), part.size());
    out.emplace_back(net::PercentDecode(part.substr(0, equals)),
                     net::PercentDecode(part.substr(std::min(equals + 1, part.size()))));
  }
  return out;
}

}  // namespace virtufin::inline v0::sim
