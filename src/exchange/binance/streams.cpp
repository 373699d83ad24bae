// Requests become streams.
#include "exchange/binance/streams.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kMaxLevels = 20'000;
constexpr std::string_view kDepth = "@depth";

/// The speed that the venue chooses when a depth stream names none.
int UsualSpeedMs(BinanceMarket market) noexcept {
  return market == BinanceMarket::kSpot ? 1000 : 250;
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, "exchange", std::move(message));
}

/// The venue acknowledges any other text, and sends nothing.
bool IsCandleInterval(BinanceMarket market, std::string_view text) noexcept {
  constexpr std::array<std::string_view, 16> kIntervals = {"1s", "1m", "3m", "5m", "15m", "30m",
                                                           "1h", "2h", "4h", "6h", "8h",  "12h",
                                                           "1d", "3d", "1w", "1M"};
  const auto at = text.find('@');
  if (at != std::string_view::npos) {  // with a time zone: "@+08:00"
    const auto zone = text.substr(at + 1);
    const auto digit = [&](std::size_t i) { return zone[i] >= '0' && zone[i] <= '9'; };
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || !digit(1) ||
        !digit(2) || !digit(4) || !digit(5)) {
      return false;
    }
    text = text.substr(0, at);
  }
  if (text == kIntervals[0]) return market == BinanceMarket::kSpot;
  return std::find(kIntervals.begin(), kIntervals.end(), text) != kIntervals.end();
}

/// Takes a request's parameters one after the other; what nobody took is an error.
class Parameters {
 public:
  explicit Parameters(const FeedRequest& request) : all_(request.parameters) {}

  std::optional<std::string> Take(std::string_view name) {
    const auto at = std::find_if(all_.begin(), all_.end(),
                                 [name](const auto& one) { return one.first == name; });
    if (at == all_.end()) return std::nullopt;
    std::string value = std::move(at->second);
    all_.erase(at);
    return value;
  }
  bool TakeBool(std::string_view name, bool otherwise) {
    const auto text = Take(name);
    if (!text) return otherwise;
    if (*text != "true" && *text != "false") {
      Fail(std::string(name) + ": expected true or false, found '" + *text + "'");
    }
    return *text == "true";
  }
  std::int64_t TakeNumber(std::string_view name, std::int64_t least, std::int64_t most,
                          std::int64_t otherwise) {
    const auto text = Take(name);
    if (!text) return otherwise;
    std::int64_t number = 0;
    const auto end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < least || number > most) {
      Fail(std::string(name) + ": expected a number from " + std::to_string(least) + " to " +
           std::to_string(most) + ", found '" + *text + "'");
    }
    return number;
  }
  void Fail(std::string why) {
    if (error_.empty()) error_ = "parameter " + std::move(why);
  }
  Status Finish(FeedChannel channel) {
    if (error_.empty() && !all_.empty()) {
      Fail("'" + all_[0].first + "': unknown for " + std::string(FeedChannelName(channel)) +
           ", or given twice");
    }
    return error_.empty() ? Status() : Invalid(error_);
  }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
  std::string error_;
};

void PlanBook(BinanceMarket market, int speed_ms, Parameters& parameters, StreamPlan& plan) {
  auto& canonical = plan.request.parameters;
  plan.depth = true;
  plan.stream = LowerCase(plan.request.instrument).append(kDepth);
  if (speed_ms != UsualSpeedMs(market)) plan.stream += "@" + std::to_string(speed_ms) + "ms";
  plan.depth_interval_ms = parameters.TakeNumber("interval_ms", 1, BinanceFeedOptions::kMaxMs, 0);
  const std::int64_t levels = parameters.TakeNumber("levels", 1, kMaxLevels, 0);
  if (plan.depth_interval_ms == 0) {
    if (levels != 0) parameters.Fail("levels: expected together with interval_ms");
    return;
  }
  if (levels != 0) plan.depth_levels = static_cast<std::size_t>(levels);
  canonical = {{"interval_ms", std::to_string(plan.depth_interval_ms)},
               {"levels", std::to_string(plan.depth_levels)}};
}

void PlanMarket(BinanceMarket where, Parameters& parameters, StreamPlan& plan) {
  MarketRequest& market = plan.market;
  auto& canonical = plan.request.parameters;
  market.channel = plan.request.channel;
  market.symbol = plan.request.instrument;
  switch (market.channel) {
    case FeedChannel::kTrade:
      market.aggregate = parameters.TakeBool("aggregate", true);
      if (!market.aggregate) canonical = {{"aggregate", "false"}};
      plan.route = market.aggregate ? BinanceRoute::kMarket : BinanceRoute::kPublic;
      break;
    case FeedChannel::kCandle:
      market.interval = parameters.Take("interval").value_or("1m");
      if (!IsCandleInterval(where, market.interval)) {
        parameters.Fail("interval: expected one of the venue's, such as 1m or 1d@+08:00, found '" +
                        market.interval + "'");
      }
      market.open = parameters.TakeBool("open", false);
      canonical = {{"interval", market.interval}};
      if (market.open) canonical.emplace_back("open", "true");
      break;
    case FeedChannel::kTicker:
      market.mini = parameters.TakeBool("mini", market.symbol.empty()) || market.symbol.empty();
      if (market.mini) canonical = {{"mini", "true"}};
      break;
    case FeedChannel::kMark:
    case FeedChannel::kFunding:
      if (const auto speed = parameters.Take("speed_ms")) {
        market.slow = *speed == "3000";
        if (!market.slow && *speed != "1000") {
          parameters.Fail("speed_ms: expected 1000 or 3000, found '" + *speed + "'");
        }
      }
      if (market.slow) canonical = {{"speed_ms", "3000"}};
      break;
    default:
      break;
  }
  plan.stream = MarketStreamName(market);
}

}  // namespace

bool IsDepthSpeed(BinanceMarket market, int speed_ms) noexcept {
  return market == BinanceMarket::kSpot ? speed_ms == 100 || speed_ms == 1000
                                        : speed_ms == 100 || speed_ms == 250 || speed_ms == 500;
}

std::optional<int> DepthSpeedOf(BinanceMarket market, std::string_view stream) noexcept {
  const auto at = stream.find(kDepth);
  if (at == stream.npos) return std::nullopt;
  std::string_view speed = stream.substr(at + kDepth.size());
  if (speed.empty()) return UsualSpeedMs(market);
  if (!speed.starts_with('@') || !speed.ends_with("ms")) return std::nullopt;
  speed = speed.substr(1, speed.size() - 3);
  int ms = 0;
  const auto read = std::from_chars(speed.data(), speed.data() + speed.size(), ms);
  if (read.ec != std::errc() || read.ptr != speed.data() + speed.size()) return std::nullopt;
  return IsDepthSpeed(market, ms) ? std::optional(ms) : std::nullopt;
}

/// Whatever might bring it is planned; what does is kept.
std::vector<FeedRequest> RequestsOf(BinanceMarket market, int depth_speed_ms,
                                    std::string_view stream) {
  constexpr std::string_view kCandle = "@kline_";
  const std::size_t at = std::min(stream.find('@'), stream.size());
  const bool all = stream.starts_with('!');
  const std::string symbol = all ? std::string() : UpperCase(stream.substr(0, at));
  std::vector<FeedRequest> requests = {{FeedChannel::kBook, symbol},
                                       {FeedChannel::kQuote, symbol},
                                       {FeedChannel::kTrade, symbol},
                                       {FeedChannel::kTrade, symbol, {{"aggregate", "false"}}},
                                       {FeedChannel::kTicker, symbol}};
  if (!all) requests.push_back({FeedChannel::kTicker, symbol, {{"mini", "true"}}});
  for (const FeedChannel channel : {FeedChannel::kMark, FeedChannel::kFunding}) {
    for (const char* const speed : {"1000", "3000"}) {
      requests.push_back({channel, symbol, {{"speed_ms", speed}}});
    }
  }
  if (stream.substr(at).starts_with(kCandle)) {
    const std::string interval(stream.substr(at + kCandle.size()));
    requests.push_back({FeedChannel::kCandle, symbol, {{"interval", interval}, {"open", "true"}}});
  }
  std::erase_if(requests, [&](const FeedRequest& request) {
    const auto plan = PlanStream(market, depth_speed_ms, request);
    return !plan.ok() || plan->stream != stream;
  });
  return requests;
}

Result<StreamPlan> PlanStream(BinanceMarket market, int depth_speed_ms,
                              const FeedRequest& request) {
  const FeedChannel channel = request.channel;
  const bool futures_only = channel == FeedChannel::kMark || channel == FeedChannel::kFunding;
  if (market == BinanceMarket::kSpot && futures_only) {
    return Status(StatusCode::kUnimplemented, "exchange",
                  "channel: expected one of book, quote, ticker, trade, candle, instrument, status "
                  "at " +
                      std::string(BinanceVenueName(market)) + "; found '" +
                      std::string(FeedChannelName(channel)) + "'");
  }
  const bool needs_one = channel == FeedChannel::kBook || channel == FeedChannel::kQuote ||
                         channel == FeedChannel::kTrade || channel == FeedChannel::kCandle;
  if (needs_one && request.instrument.empty()) {
    return Invalid("instrument: channel " + std::string(FeedChannelName(channel)) +
                   " expects one, found none");
  }
  // They would end the name of a stream, or the string that holds it.
  if (request.instrument.find_first_of("@/!\"\\") != std::string::npos ||
      std::any_of(request.instrument.begin(), request.instrument.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; })) {
    return Invalid("instrument: expected a symbol, found '" + request.instrument + "'");
  }
  // Two spellings would be two subscriptions of one stream.
  if (std::any_of(request.instrument.begin(), request.instrument.end(),
                  [](char c) { return c >= 'a' && c <= 'z'; })) {
    return Invalid("instrument: expected the venue's upper case, found '" + request.instrument +
                   "'");
  }
  StreamPlan plan;
  plan.request.channel = channel;
  plan.request.instrument = request.instrument;
  Parameters parameters(request);
  if (channel == FeedChannel::kBook) {
    PlanBook(market, depth_speed_ms, parameters, plan);
  } else if (channel == FeedChannel::kQuote) {
    plan.stream = LowerCase(request.instrument) + "@bookTicker";
  } else {
    plan.route = BinanceRoute::kMarket;
    PlanMarket(market, parameters, plan);
  }
  if (market == BinanceMarket::kSpot) plan.route = BinanceRoute::kPublic;
  if (Status status = parameters.Finish(channel); !status.ok()) return status;
  plan.key = std::string(FeedChannelName(channel)) + " " + request.instrument;
  for (const auto& [name, value] : plan.request.parameters) {
    plan.key.append(" ").append(name).append("=").append(value);
  }
  return plan;
}

}  // namespace virtufin::inline v0::detail
