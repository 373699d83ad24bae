// The REST interface of a simulated Binance: weights, limits, bans, faults, and who answers what.
#include "sim/rest.hpp"

#include <algorithm>
#include <charconv>

#include "sim/rest_texts.hpp"
#include "sim/streams.hpp"

namespace virtufin::inline v0::sim {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kLongestBanMs = 3 * 86'400'000LL;

void SetBody(RestAnswer& answer, std::string body) {
  answer.body = std::make_shared<const std::string>(std::move(body));
}

void Error(RestAnswer& answer, int status, int code, const std::string& message) {
  answer.status = status;
  SetBody(answer, "{\"code\":" + std::to_string(code) + ",\"msg\":\"" + message + "\"}");
}

std::int64_t CeilSeconds(std::int64_t ms) { return (std::max<std::int64_t>(ms, 1) + 999) / 1000; }

}  // namespace

RestDesk::RestDesk(const VenueOptions& options, MarketModel& market,
                   const std::vector<std::string>& statuses, VenueCounters& counters)
    : options_(options),
      market_(market),
      statuses_(statuses),
      counters_(counters),
      random_(options.seed ^ 0x4e57ULL),
      usdm_(options.market == VenueMarket::kUsdm) {}

const std::string* RestDesk::Call::Find(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [&](const auto& each) { return each.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

void RestDesk::Inject(const Fault& fault) {
  pending_[static_cast<std::size_t>(fault.kind)].push_back({fault.amount, fault.count});
}

bool RestDesk::Hit(FaultKind kind, std::int64_t& amount) {
  auto& queue = pending_[static_cast<std::size_t>(kind)];
  if (queue.empty()) return false;
  amount = queue.front().amount;
  if (--queue.front().left <= 0) queue.erase(queue.begin());
  ++counters_.faults[static_cast<std::size_t>(kind)];
  return true;
}

bool RestDesk::Banned(std::int64_t now_ms, RestAnswer& answer) {
  if (now_ms >= banned_until_ms_) return false;
  ++counters_.banned;
  Error(answer, 418, -1003,
        "Way too much request weight used; IP banned until " + std::to_string(banned_until_ms_) +
            ". Please use the websocket for live updates to avoid bans.");
  answer.headers.emplace_back("Retry-After",
                              std::to_string(CeilSeconds(banned_until_ms_ - now_ms)));
  return true;
}

void RestDesk::Ban(std::int64_t now_ms) {
  next_ban_ms_ = next_ban_ms_ == 0 ? options_.ban_ms : std::min(next_ban_ms_ * 2, kLongestBanMs);
  banned_until_ms_ = now_ms + next_ban_ms_;
}

void RestDesk::RefuseForNow(std::int64_t now_ms, RestAnswer& answer) {
  ++counters_.limited;
  Error(answer, 429, -1003,
        "Too much request weight used; current limit is " + std::to_string(options_.weight_limit) +
            " request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid "
            "polling the API.");
  const std::int64_t wait_ms =
      options_.retry_after_ms > 0 ? options_.retry_after_ms : kMinuteMs - now_ms % kMinuteMs;
  answer.headers.emplace_back("Retry-After", std::to_string(CeilSeconds(wait_ms)));
}

bool RestDesk::Charge(std::int64_t weight, std::int64_t now_ms, RestAnswer& answer) {
  if (now_ms / kMinuteMs != minute_) {
    minute_ = now_ms / kMinuteMs;
    used_ = refused_ = 0;
  }
  used_ += weight;
  answer.headers.emplace_back("X-MBX-USED-WEIGHT", std::to_string(used_));
  answer.headers.emplace_back("X-MBX-USED-WEIGHT-1M", std::to_string(used_));
  if (used_ <= options_.weight_limit) return true;
  if (++refused_ > options_.tolerated_429) {
    Ban(now_ms);
    (void)Banned(now_ms, answer);
  } else {
    RefuseForNow(now_ms, answer);
  }
  return false;
}

void RestDesk::FailAs(std::int64_t status, RestAnswer& answer) {
  const int code = static_cast<int>(status);
  switch (code) {
    case 400:
      return Error(answer, code, -1121, "Invalid symbol.");
    case 451:
      return Error(answer, code, 0,
                   "Service unavailable from a restricted location according to 'b. Eligibility' "
                   "in https://www.binance.com/en/terms. Please contact customer service if you "
                   "believe you received this message in error.");
    case 503:
      return Error(answer, code, -1008, "Request throttled by system-level protection.");
    case 500:
      return Error(answer, code, -1000, "An unknown error occurred while processing the request.");
    default:
      break;
  }
  answer.status = code;
  answer.headers[0].second = "text/html";
  SetBody(answer, "<html><head><title>" + std::to_string(code) + "</title></head><body><h1>" +
                      std::to_string(code) + "</h1></body></html>");
}

std::int64_t RestDesk::WeightOf(const Call& call) const {
  std::int64_t limit = usdm_ ? 500 : 100;
  if (const std::string* text = call.Find("limit")) {
    std::from_chars(text->data(), text->data() + text->size(), limit);
  }
  if (call.path == "depth") {
    if (usdm_) return limit <= 50 ? 2 : limit <= 100 ? 5 : limit <= 500 ? 10 : 20;
    return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
  }
  if (call.path == "exchangeInfo") return usdm_ ? 1 : 20;
  if (call.path == "aggTrades") return usdm_ ? 20 : 4;
  if (call.path == "klines") {
    if (!usdm_) return 2;
    return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
  }
  return 1;
}

RestAnswer RestDesk::Answer(std::string_view target, std::int64_t now_ms) {
  RestAnswer answer;
  ++counters_.requests;
  answer.headers.emplace_back("Content-Type", "application/json;charset=UTF-8");
  answer.delay_ms = options_.answer_delay_ms;
  answer.gzip = options_.gzip;

  Call call;
  call.now_ms = now_ms;
  const auto mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  const std::string_view prefix = usdm_ ? "/fapi/v1/" : "/api/v3/";
  if (path.substr(0, prefix.size()) == prefix) call.path = path.substr(prefix.size());
  call.query = ParseQuery(target.substr(std::min(mark + 1, target.size())));

  std::int64_t status = 0;
  if (Banned(now_ms, answer)) {
    // Nothing else: a ban is answered before anything is looked at.
  } else if (Hit(FaultKind::kHttp, status)) {
    if (status == 418) {
      Ban(now_ms);
      (void)Banned(now_ms, answer);
    } else if (status == 429) {
      RefuseForNow(now_ms, answer);
    } else {
      FailAs(status, answer);
    }
  } else if (Charge(WeightOf(call), now_ms, answer)) {
    Dispatch(call, answer);
  }
  Spoil(answer);
  return answer;
}

void RestDesk::Spoil(RestAnswer& answer) {
  std::int64_t amount = 0;
  if (Hit(FaultKind::kSlow, amount)) answer.delay_ms += amount;
  if (Hit(FaultKind::kTruncate, amount)) {
    answer.truncate_at =
        static_cast<std::size_t>(random_.Below(static_cast<std::int64_t>(answer.body->size())));
  }
  if (Hit(FaultKind::kNoAnswer, amount)) answer.no_answer = true;
}

void RestDesk::Dispatch(const Call& call, RestAnswer& answer) {
  if (call.path == "depth") return Depth(call, answer);
  if (call.path == "aggTrades") return AggTrades(call, answer);
  if (call.path == "klines") return Klines(call, answer);
  if (call.path == "exchangeInfo") return ExchangeInfo(call, answer);
  if (call.path == "ping") return SetBody(answer, "{}");
  if (call.path == "time") {
    return SetBody(answer, "{\"serverTime\":" + std::to_string(call.now_ms) + "}");
  }
  FailAs(404, answer);
}

const MarketModel::Symbol* RestDesk::SymbolOf(const Call& call, RestAnswer& answer) const {
  const std::string* const name = call.Find("symbol");
  if (name == nullptr || name->empty()) {
    Error(answer, 400, -1102,
          "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
    return nullptr;
  }
  const MarketModel::Symbol* const symbol = market_.Find(*name);
  if (symbol == nullptr) Error(answer, 400, -1121, "Invalid symbol.");
  return symbol;
}

bool RestDesk::Number(const Call& call, std::string_view name, std::int64_t& out,
                      RestAnswer& answer) {
  const std::string* const text = call.Find(name);
  if (text == nullptr) return true;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error == std::errc() && end == text->data() + text->size() && out >= 0) return true;
  Error(answer, 400, -1100,
        "Illegal characters found in parameter '" + std::string(name) +
            "'; legal range is '^[0-9]{1,20}$'.");
  return false;
}

void RestDesk::ExchangeInfo(const Call& call, RestAnswer& answer) {
  std::vector<std::size_t> symbols;
  std::string wanted;
  if (const std::string* one = call.Find("symbol"); one != nullptr && !usdm_) {
    wanted = "\"" + *one + "\"";
  } else if (const std::string* list = call.Find("symbols"); list != nullptr && !usdm_) {
    wanted = *list;  // ["A","B"]
    if (wanted.size() < 2 || wanted.front() != '[' || wanted.back() != ']') {
      return Error(answer, 400, -1100, "Illegal characters found in parameter 'symbols'.");
    }
  } else {
    for (std::size_t i = 0; i < market_.size(); ++i) symbols.push_back(i);
  }
  for (std::size_t begin = wanted.find('"'); begin != wanted.npos;) {
    const std::size_t end = wanted.find('"', begin + 1);
    if (end == wanted.npos) break;
    const auto* const symbol = market_.Find(wanted.substr(begin + 1, end - begin - 1));
    if (symbol == nullptr) return Error(answer, 400, -1121, "Invalid symbol.");
    symbols.push_back(symbol->index);
    begin = wanted.find('"', end + 1);
  }
  SetBody(answer, ExchangeInfoText(market_, options_, statuses_, symbols, call.now_ms));
}

void RestDesk::Depth(const Call& call, RestAnswer& answer) {
  const auto* const symbol = SymbolOf(call, answer);
  std::int64_t limit = usdm_ ? 500 : 100;
  if (symbol == nullptr || !Number(call, "limit", limit, answer)) return;
  constexpr std::int64_t kUsdmLimits[] = {5, 10, 20, 50, 100, 500, 1000};
  if (usdm_ &&
      std::find(std::begin(kUsdmLimits), std::end(kUsdmLimits), limit) == std::end(kUsdmLimits)) {
    return Error(answer, 400, -4021, "limit is not one of 5, 10, 20, 50, 100, 500, 1000");
  }
  if (limit == 0) return Error(answer, 400, -1130, "Data sent for parameter 'limit' is not valid.");

  std::int64_t lag = random_.Below(options_.snapshot_lag + 1);
  (void)Hit(FaultKind::kOld, lag);
  const std::uint64_t newest = symbol->end_update() - 1;
  const std::uint64_t oldest = std::max(symbol->epochs.back().begin, symbol->first_update);
  const std::uint64_t number = newest - std::min(static_cast<std::uint64_t>(lag), newest - oldest);
  answer.body = std::make_shared<const std::string>(
      DepthText(market_, symbol->index, number,
                std::min(static_cast<std::size_t>(limit), options_.snapshot_levels), call.now_ms));
}

void RestDesk::AggTrades(const Call& call, RestAnswer& answer) {
  const auto* const symbol = SymbolOf(call, answer);
  std::int64_t from = -1, start = -1, limit = 500, end = options_.start_unix_ms + (1LL << 50);
  if (symbol == nullptr || !Number(call, "fromId", from, answer) ||
      !Number(call, "startTime", start, answer) || !Number(call, "endTime", end, answer) ||
      !Number(call, "limit", limit, answer)) {
    return;
  }
  const auto& all = symbol->aggregates;
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(limit, 1, 1000));
  auto first = all.begin();
  if (from >= 0) {
    first = std::lower_bound(all.begin(), all.end(), from,
                             [](const VenueAggregate& a, std::int64_t id) { return a.id < id; });
  } else if (start >= 0) {
    first = std::lower_bound(
        all.begin(), all.end(), start,
        [](const VenueAggregate& a, std::int64_t time) { return a.time_ms < time; });
  } else if (all.size() > count) {
    first = all.end() - static_cast<std::ptrdiff_t>(count);
  }
  std::string body = "[";
  for (std::size_t n = 0; n < count && first != all.end() && first->time_ms <= end; ++n, ++first) {
    if (n > 0) body += ',';
    AppendAggregate(body, *symbol, *first, !usdm_);
  }
  SetBody(answer, body + "]");
}

void RestDesk::Klines(const Call& call, RestAnswer& answer) {
  const auto* const symbol = SymbolOf(call, answer);
  std::int64_t start = -1, end = call.now_ms, limit = 500;
  if (symbol == nullptr || !Number(call, "startTime", start, answer) ||
      !Number(call, "endTime", end, answer) || !Number(call, "limit", limit, answer)) {
    return;
  }
  CandleInterval interval;
  const std::string* const name = call.Find("interval");
  if (name == nullptr || !CandleInterval::Parse(*name, options_.market, 0, interval)) {
    return Error(answer, 400, -1120, "Invalid interval.");
  }
  limit = std::clamp<std::int64_t>(limit, 1, usdm_ ? 1500 : 1000);
  end = std::min(end, call.now_ms);
  const std::int64_t oldest = interval.OpenOf(options_.start_unix_ms);
  std::int64_t open = oldest;
  if (start >= 0) {
    open = std::max(oldest, interval.OpenOf(start));
    if (open < start) open = interval.CloseOf(open) + 1;
  } else {
    open = interval.OpenOf(end);
    for (std::int64_t n = 1; n < limit && open > oldest; ++n) open = interval.OpenOf(open - 1);
  }
  std::string body = "[";
  for (std::int64_t n = 0; n < limit && open <= end; ++n) {
    const VenueCandle candle = CandleOf(*symbol, interval, open);
    if (n > 0) body += ',';
    AppendKline(body, *symbol, candle);
    open = candle.close_ms + 1;
  }
  SetBody(answer, body + "]");
}

}  // namespace virtufin::inline v0::sim
