// Requests to Binance, by priority and weight.
#include "exchange/binance/rest_queue.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "exchange/binance/session.hpp"
#include "exchange/binance/venue_answers.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr int kPatience = 100;                // requests that exchangeInfo lets go before it
constexpr std::int64_t kLeastHoldMs = 1'000;  // whatever a host says
constexpr std::int64_t kMaxUsed = 1'000'000'000;
constexpr std::int64_t kMaxHoldMs = 7 * 86'400'000;  // longer than any ban: a time we misread

/// Without jitter: these are the least times to wait.
BackoffOptions Exactly(std::int64_t first_ms, std::int64_t max_ms) { return {first_ms, max_ms, 0}; }

std::string_view PathOf(BinanceFetchKind kind) noexcept {
  switch (kind) {
    case BinanceFetchKind::kDepth:
    case BinanceFetchKind::kTop:
      return "depth";
    case BinanceFetchKind::kAggTrades:
      return "aggTrades";
    case BinanceFetchKind::kCandles:
      return "klines";
    case BinanceFetchKind::kInstruments:
      return "exchangeInfo";
  }
  return "";
}

}  // namespace

RestQueue::RestQueue(const BinanceSessionOptions& options, VenueLink& link,
                     std::shared_ptr<RateLimiter> limiter)
    : options_(options),
      link_(&link),
      limiter_(std::move(limiter)),
      limited_(Exactly(5'000, 120'000), 0),
      banned_(Exactly(120'000, 3 * 86'400'000), 0),
      forbidden_(Exactly(options.forbidden_retry_ms, 10 * options.forbidden_retry_ms), 0) {}

std::size_t RestQueue::PriorityOf(BinanceFetchKind kind) noexcept {
  if (kind == BinanceFetchKind::kDepth) return 0;
  if (kind == BinanceFetchKind::kTop) return 3;
  return kind == BinanceFetchKind::kInstruments ? 2 : 1;
}

std::int64_t RestQueue::WeightOf(const BinanceFetch& fetch) const noexcept {
  const bool spot = options_.feed.market == BinanceMarket::kSpot;
  const int limit = fetch.limit;
  switch (fetch.kind) {
    case BinanceFetchKind::kDepth:
    case BinanceFetchKind::kTop:
      if (spot) return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
      if (limit == 0) return 10;  // 500 levels
      return limit <= 50 ? 2 : limit <= 100 ? 5 : limit <= 500 ? 10 : 20;
    case BinanceFetchKind::kAggTrades:
      return spot ? 4 : 20;
    case BinanceFetchKind::kCandles:
      if (spot) return 2;
      if (limit == 0) return 5;  // 500 candles
      return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
    case BinanceFetchKind::kInstruments:
      return spot ? 20 : 1;
  }
  return 1;
}

std::string RestQueue::UrlOf(const BinanceFetch& fetch) const {
  std::string url = options_.rest_url;
  url += options_.feed.market == BinanceMarket::kSpot ? "/api/v3/" : "/fapi/v1/";
  url += PathOf(fetch.kind);
  char separator = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    url += separator;
    separator = '&';
    url.append(name) += '=';
    AppendTopicSegment(url, value);  // encodes what a query must encode, too
  };
  if (fetch.kind == BinanceFetchKind::kInstruments) return url;
  add("symbol", fetch.symbol);
  if (fetch.kind == BinanceFetchKind::kAggTrades) add("fromId", std::to_string(fetch.from_id));
  if (fetch.kind == BinanceFetchKind::kCandles) {
    const auto at = fetch.interval.find('@');
    add("interval", std::string_view(fetch.interval).substr(0, at));
    add("startTime", std::to_string(fetch.start_ms));
    if (at != std::string::npos) add("timeZone", std::string_view(fetch.interval).substr(at + 1));
  }
  if (fetch.limit != 0) add("limit", std::to_string(fetch.limit));
  return url;
}

void RestQueue::Add(Asker asker, const BinanceFetch& fetch) {
  waiting_[PriorityOf(fetch.kind)].push_back({asker, fetch});
}

void RestQueue::Cancel(Asker asker, std::uint64_t id) {
  const auto same = [&](const Job& job) { return job.asker == asker && job.fetch.id == id; };
  for (auto& queue : waiting_) std::erase_if(queue, same);
  std::erase_if(in_flight_, [&](const auto& entry) { return same(entry.second); });
}

void RestQueue::Clear() {
  for (auto& queue : waiting_) queue.clear();
  in_flight_.clear();
}

std::size_t RestQueue::waiting() const noexcept {
  std::size_t sum = in_flight_.size();
  for (const auto& queue : waiting_) sum += queue.size();
  return sum;
}

/// It tells the limits and the symbols: the first one does not wait, the others not for ever.
bool RestQueue::InstrumentsFirst() const noexcept {
  const auto& queue = waiting_[PriorityOf(BinanceFetchKind::kInstruments)];
  return !queue.empty() && (!instruments_read_ || before_instruments_ >= kPatience);
}

const RestQueue::Job* RestQueue::Next() const noexcept {
  if (InstrumentsFirst()) return &waiting_[PriorityOf(BinanceFetchKind::kInstruments)].front();
  for (const auto& queue : waiting_) {
    if (!queue.empty()) return &queue.front();
  }
  return nullptr;
}

void RestQueue::PutBack(Job job) {
  auto& queue = waiting_[PriorityOf(job.fetch.kind)];
  queue.push_front(std::move(job));
}

void RestQueue::Pump(FeedTime now) {
  if (banned_until_ != 0 && banned_until_ <= now.unix_ns) banned_until_ = 0;
  while (on_the_way_ < options_.requests_in_flight) {
    const Job* const next = Next();
    if (next == nullptr || !limiter_->TryTake(WeightOf(next->fetch), now)) return;
    auto& queue = waiting_[PriorityOf(next->fetch.kind)];
    const auto [sent, _] = in_flight_.emplace(++last_request_, std::move(queue.front()));
    queue.pop_front();
    const bool instruments = sent->second.fetch.kind == BinanceFetchKind::kInstruments;
    before_instruments_ = instruments ? 0 : before_instruments_ + 1;
    ++on_the_way_;
    ++counts_.requests;
    link_->Get(sent->first, UrlOf(sent->second.fetch), options_.request_timeout_ms);
  }
}

std::int64_t RestQueue::NextNs(FeedTime now) const {
  const Job* const next = Next();
  std::int64_t at = BinanceFeed::kNoTick;
  if (next != nullptr && on_the_way_ < options_.requests_in_flight) {
    at = limiter_->NextNs(WeightOf(next->fetch), now);
  }
  if (banned_until_ != 0) {  // its end is news
    at = std::min(at, now.monotonic_ns + std::max<std::int64_t>(0, banned_until_ - now.unix_ns));
  }
  return at;
}

/// Until when; monotonic.
std::int64_t RestQueue::Hold(FeedTime now, std::int64_t ms) {
  const std::int64_t ns = std::clamp(ms, kLeastHoldMs, kMaxHoldMs) * kMs;
  limiter_->PauseUntil(now.unix_ns + ns, now);
  return now.monotonic_ns + ns;
}

void RestQueue::SetBannedUntil(std::int64_t unix_ns, FeedTime now) {
  const std::int64_t until = std::min(unix_ns, now.unix_ns + kMaxHoldMs * kMs);
  if (until <= now.unix_ns || until <= banned_until_) return;
  banned_until_ = until;
  limiter_->PauseUntil(until, now);
}

/// The host wants no requests for a while. False: it said something else.
bool RestQueue::Refused(int status, FeedTime now, const VenueAnswer& answer) {
  std::optional<std::int64_t> after_ms;
  if (const auto seconds = NumberHeader(answer.headers, kRetryAfter)) {
    after_ms = std::min(*seconds, kMaxHoldMs / 1000) * 1000;
  }
  // Requests that were under way together are refused together: that is one refusal.
  switch (status) {
    case 429:
      ++counts_.limited;
      if (after_ms || limited_until_ <= now.monotonic_ns) {
        limited_until_ = Hold(now, after_ms ? *after_ms : limited_.NextMs());
      }
      return true;
    case 418: {
      ++counts_.banned;
      const auto error = ReadVenueError(answer.body);
      if (const auto named = error ? BannedUntilUnixMs(error->message) : std::nullopt;
          named && !after_ms) {
        after_ms = std::clamp(*named - now.unix_ns / kMs, std::int64_t{0}, kMaxHoldMs);
      }
      if (after_ms || banned_until_ <= now.unix_ns) {
        const std::int64_t ms = after_ms ? std::max(*after_ms, kLeastHoldMs) : banned_.NextMs();
        SetBannedUntil(now.unix_ns / kMs * kMs + ms * kMs, now);
      }
      return true;
    }
    case 403:
    case 451:
      ++counts_.forbidden;
      if (forbidden_until_ <= now.monotonic_ns) forbidden_until_ = Hold(now, forbidden_.NextMs());
      return true;
    default:
      return false;
  }
}

bool RestQueue::OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer,
                         Ended& ended) {
  if (request == 0 || request > last_request_ || on_the_way_ == 0) return false;
  --on_the_way_;
  if (const auto used = NumberHeader(answer.headers, kUsedWeight)) {
    limiter_->OnUsed(std::min(*used, kMaxUsed), now);
  }
  const bool refused = Refused(answer.status, now, answer);
  const auto found = in_flight_.find(request);
  if (found == in_flight_.end()) return false;  // cancelled
  Job job = std::move(found->second);
  in_flight_.erase(found);
  if (refused) {
    PutBack(std::move(job));
    return false;
  }
  ended.asker = job.asker;
  ended.fetch = std::move(job.fetch);
  ended.ok = answer.status == 200;
  if (ended.ok) {
    limited_.Reset();
    banned_.Reset();
    forbidden_.Reset();
    instruments_read_ |= ended.fetch.kind == BinanceFetchKind::kInstruments;
    return true;
  }
  ++counts_.failed;
  if (answer.status == 0) {
    ended.reason = "no answer: " + std::string(answer.error);
    return true;
  }
  ended.reason = "HTTP " + std::to_string(answer.status);
  if (const auto error = ReadVenueError(answer.body)) {
    ended.venue_code = error->code;
    ended.reason += ": " + error->message;
  }
  return true;
}

}  // namespace virtufin::inline v0::detail
