// Follows the openings of candles: each one's close is published before the next one's.
#include "exchange/binance/candle_track.hpp"

#include <algorithm>
#include <utility>

#include "exchange/market_payloads.hpp"
#include "virtufin/event/topic.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kPageSize = 1000;
constexpr std::size_t kMaxHeld = 1000;
constexpr std::int64_t kMinute = 60'000'000'000;

std::string TopicTail(std::string_view interval) {
  return "ohlcv.candle." + TopicSegment(interval);
}

std::int64_t Millis(std::int64_t ns) noexcept { return ns / kNanosPerMilli; }

/// The venue says the last instant within a candle; the next one opens at the next millisecond.
std::int64_t OpeningAfter(std::int64_t close_ns) noexcept {
  return (Millis(close_ns) + 1) * kNanosPerMilli;
}

}  // namespace

CandleTopic::CandleTopic(const FeedIdentity& identity, std::string_view name,
                         std::string_view symbol)
    : interval(name),
      closed(identity, TopicTail(name), "candle.closed", symbol),
      open(identity, TopicTail(name), "candle.updated", symbol) {}

CandleTrack::Kept::Kept(FeedTime when, const BinanceFrame& frame)
    : now(when), time(frame.time), candle(frame.candle), texts{std::string(candle.open),
                                                               std::string(candle.high),
                                                               std::string(candle.low),
                                                               std::string(candle.close),
                                                               std::string(candle.volume),
                                                               std::string(candle.quote_volume),
                                                               std::string(candle.taker_volume)} {}

BinanceCandle CandleTrack::Kept::View(std::string_view interval) const {
  BinanceCandle view = candle;
  view.interval = interval;
  view.taker_quote_volume = {};
  view.open = texts[0];
  view.high = texts[1];
  view.low = texts[2];
  view.close = texts[3];
  view.volume = texts[4];
  view.quote_volume = texts[5];
  view.taker_volume = texts[6];
  return view;
}

CandleTrack::CandleTrack(MarketCore& core, std::string_view symbol, CandleTopic& topic)
    : MarketTrack(core, FeedChannel::kCandle, symbol, core.options.candle_stale_ms),
      topic_(topic) {}

/// The venue tells a candle when the symbol trades and when it closes: without trades it rests.
std::int64_t CandleTrack::SilentSince(FeedTime now) const noexcept {
  return untold_ns_ <= last_data_ns() ? now.monotonic_ns : untold_ns_ - kSettleNs;
}

void CandleTrack::OnCandle(std::uint32_t connection, FeedTime now, const BinanceFrame& frame) {
  NoteData(connection, now);
  const BinanceCandle& candle = frame.candle;
  length_ns_ = OpeningAfter(candle.close_ns) - candle.open_ns;
  if (frame.time.source == TimeSource::kVenue) {
    if (candle.open_ns > frame.time.unix_ns) {  // no candle opens in the venue's future
      ++core_.counts.duplicates;
      return;
    }
    if (frame.time.unix_ns + length_ns_ < expected_ns_) {  // the venue's clock went back
      ++core_.counts.restarts;
      core_.Cancel(fetch_);
      held_.clear();
      expected_ns_ = open_sent_ns_ = newest_ns_ = -1;
      if (repairing_) Finish(now, "the venue's time went back");
    }
  }
  if (candle.open_ns >= newest_ns_) {
    newest_ns_ = candle.open_ns;
    const bool sent = frame.time.source == TimeSource::kVenue;
    const std::int64_t left = sent ? candle.close_ns - frame.time.unix_ns : length_ns_;
    newest_end_ns_ = now.monotonic_ns + std::clamp<std::int64_t>(left, 0, length_ns_);
  }
  if (expected_ns_ < 0) Expect(candle.open_ns, candle.close_ns);
  if (candle.open_ns < expected_ns_) {
    ++core_.counts.duplicates;
    return;
  }
  if (candle.open_ns == expected_ns_) {
    expected_close_ns_ = candle.close_ns;
    if (!candle.closed) {
      WatchClose(now);
      return PublishOpen(now, frame.time, candle);
    }
    Publish(now, frame.time, candle);
    PublishHeld();
    return;
  }
  if (candle.closed && held_.size() < kMaxHeld) {
    held_.emplace(candle.open_ns, Kept(now, frame));
  }
  if (!repairing_) MeetHole(connection, now);
}

/// Closes before the newest candle that do not come by themselves, if there are any.
void CandleTrack::FaceHole(FeedTime now) {
  if (repairing_ || newest_ns_ <= expected_ns_) return;
  ++core_.counts.holes;
  SetState(SubscriptionState::kGap, now, topic_.interval + ": a candle's close is missing",
           Millis(expected_ns_), Millis(newest_ns_));
  SetState(SubscriptionState::kResync, now, topic_.interval + ": fetches missing candles");
  StartRepair();
}

void CandleTrack::Publish(FeedTime now, EventTime time, const BinanceCandle& candle) {
  BinanceCandle closed = candle;
  closed.closed = true;
  WriteCandle(core_.payload, closed);
  core_.Publish(topic_.closed, topic_.sequence, core_.Moment(now, time));
  ExpectNext(candle);
  WatchClose(now);
}

void CandleTrack::PublishOpen(FeedTime now, EventTime time, const BinanceCandle& candle) {
  if (!wants_open || repairing_) return;
  if (time.unix_ns <= open_sent_ns_) {  // another socket was first
    ++core_.counts.duplicates;
    return;
  }
  open_sent_ns_ = time.unix_ns;
  WriteCandle(core_.payload, candle);
  core_.Publish(topic_.open, topic_.sequence, core_.Moment(now, time));
}

void CandleTrack::Expect(std::int64_t open_ns, std::int64_t close_ns) {
  expected_ns_ = open_ns;
  expected_close_ns_ = close_ns;
}

/// The next one's length is taken to be the same; a month may be longer, and is then asked for once
/// too often.
void CandleTrack::ExpectNext(const BinanceCandle& closed) {
  const std::int64_t next = OpeningAfter(closed.close_ns);
  Expect(next, next + (next - closed.open_ns) - kNanosPerMilli);
}

/// By the venue's time of day, as far as its messages tell.
bool CandleTrack::ClosedByNow(FeedTime now, std::int64_t close_ns) const noexcept {
  return now.unix_ns + core_.venue_ahead_ns >
         close_ns + core_.options.close_grace_ms * kNanosPerMilli;
}

/// Nothing followed yet. A candle that the stream itself named last ended only when the stream's
/// own word for that is old enough, too.
bool CandleTrack::Ended(FeedTime now, const BinanceCandle& candle) const noexcept {
  if (!ClosedByNow(now, candle.close_ns)) return false;
  const std::int64_t grace = core_.options.close_grace_ms * kNanosPerMilli;
  return candle.open_ns != newest_ns_ || now.monotonic_ns >= newest_end_ns_ + grace;
}

void CandleTrack::WatchClose(FeedTime now) {
  const std::int64_t left = expected_close_ns_ - (now.unix_ns + core_.venue_ahead_ns) +
                            (core_.options.close_grace_ms + 1) * kNanosPerMilli;
  retry_ns_ = now.monotonic_ns + std::max<std::int64_t>(left, kNanosPerMilli);
  core_.Due(retry_ns_);
}

void CandleTrack::Resume(FeedTime now, bool first) {
  if (expected_ns_ < 0) return MarketTrack::Resume(now, first);
  if (ClosedByNow(now, expected_close_ns_) || newest_ns_ > expected_ns_) {
    SetState(SubscriptionState::kResync, now, "reconnected, fetches missing candles");
    return StartRepair();
  }
  MarketTrack::Resume(now, first);
  WatchClose(now);
}

void CandleTrack::Rejoin(FeedTime now) {
  if (expected_ns_ >= 0) WatchClose(now);
}

void CandleTrack::Lost() { repairing_ = false; }

void CandleTrack::StartRepair() {
  repairing_ = true;
  overdue_ = false;
  pages_ = attempts_ = 0;
  Ask();
}

void CandleTrack::Ask() {
  retry_ns_ = BinanceFeed::kNoTick;
  BinanceFetch fetch;
  fetch.kind = BinanceFetchKind::kCandles;
  fetch.symbol = symbol_;
  fetch.interval = topic_.interval;
  fetch.start_ms = Millis(expected_ns_);
  fetch.limit = static_cast<int>(kPageSize);
  if (length_ns_ > 0) {  // the venue's price of an answer rises with its limit
    const std::int64_t until = std::max(newest_ns_, expected_close_ns_);
    const std::int64_t guess = (until - expected_ns_) / length_ns_ + 90;
    fetch.limit = static_cast<int>(std::clamp<std::int64_t>(guess, 90, kPageSize));
  }
  fetch_ = core_.Fetch(std::move(fetch), *this);
}

void CandleTrack::OnTick(FeedTime now) {
  MarketTrack::OnTick(now);
  if (retry_ns_ == BinanceFeed::kNoTick || fetch_ != 0 || connections().empty()) return;
  if (now.monotonic_ns < retry_ns_) return core_.Due(retry_ns_);
  if (repairing_) return Ask();
  if (!ClosedByNow(now, expected_close_ns_)) return WatchClose(now);
  StartRepair();  // no word of its close; the stream counts as live until the answer tells
  overdue_ = true;
}

void CandleTrack::OnAnswer(FeedTime now, std::string_view body) {
  fetch_ = 0;
  const auto page = core_.rest.Candles(body, topic_.interval);
  if (!page.ok()) return OnFetchFailed(now, page.status().message());
  const std::int64_t before = expected_ns_;
  TakePage(now, *page);
  ++pages_;
  const bool progress = expected_ns_ != before;
  if (progress) attempts_ = 0;
  const bool missing = !held_.empty() || newest_ns_ > expected_ns_;
  if (!missing && !ClosedByNow(now, expected_close_ns_)) {
    return Finish(now, "has all candles");
  }
  if (progress && pages_ < core_.options.repair_pages) return Ask();
  Retry(now, "the venue does not have the candles yet");
}

void CandleTrack::OnFetchFailed(FeedTime now, std::string_view reason) {
  fetch_ = 0;
  ++core_.counts.fetches_failed;
  Retry(now, reason);
}

/// Closed is what another candle follows, in the answer or on the stream, and what ended a while
/// ago.
void CandleTrack::TakePage(FeedTime now, std::span<const BinanceCandle> page) {
  for (std::size_t i = 0; i < page.size(); ++i) {
    const BinanceCandle& candle = page[i];
    PublishHeld();
    if (candle.open_ns < expected_ns_) continue;
    const bool closed = i + 1 < page.size() || newest_ns_ > candle.open_ns || Ended(now, candle);
    if (!closed) break;
    while (candle.open_ns > expected_ns_) {  // the venue itself does not have them
      const bool live_first = !held_.empty() && held_.begin()->first < candle.open_ns;
      AnnounceMissing(now, live_first ? held_.begin()->first : candle.open_ns,
                      "the venue does not have these candles");
      SetState(SubscriptionState::kResync, now, topic_.interval + ": fetches missing candles");
      PublishHeld();
    }
    if (candle.open_ns < expected_ns_) continue;
    ++core_.counts.recovered;
    Publish(now, {candle.close_ns, TimeSource::kEngine}, candle);
    // It traded, and the stream does not say so.
    if (overdue_ && candle.trades > 0) NoteSilent(now);
  }
  PublishHeld();
}

void CandleTrack::PublishHeld() {
  while (!held_.empty() && held_.begin()->first <= expected_ns_) {
    const auto node = held_.extract(held_.begin());
    if (node.key() < expected_ns_) {
      ++core_.counts.duplicates;
    } else {
      Publish(node.mapped().now, node.mapped().time, node.mapped().View(topic_.interval));
    }
  }
}

void CandleTrack::Retry(FeedTime now, std::string_view reason) {
  if (++attempts_ >= core_.options.repair_attempts) return GiveUp(now, reason);
  retry_ns_ = now.monotonic_ns + core_.RetryDelayNs(attempts_);
  core_.Due(retry_ns_);
}

/// Candles from the expected one to before `until_ns` will not come.
void CandleTrack::AnnounceMissing(FeedTime now, std::int64_t until_ns, std::string_view reason) {
  const std::int64_t length = std::max(length_ns_, kNanosPerMilli);
  core_.counts.missing +=
      static_cast<std::uint64_t>((until_ns - expected_ns_ + length - 1) / length);
  SetState(SubscriptionState::kGap, now, topic_.interval + ": " + std::string(reason),
           Millis(expected_ns_), Millis(until_ns));
  Expect(until_ns, until_ns + length - kNanosPerMilli);
}

/// What could not be fetched is announced; what waited for it is published.
void CandleTrack::GiveUp(FeedTime now, std::string_view reason) {
  while (!held_.empty() || newest_ns_ > expected_ns_) {
    const std::int64_t next = held_.empty() ? newest_ns_ : held_.begin()->first;
    if (next > expected_ns_) AnnounceMissing(now, next, reason);
    PublishHeld();
  }
  // Nothing newer came, either: there may be no such candle. The next message tells.
  if (ClosedByNow(now, expected_close_ns_)) {
    expected_close_ns_ = now.unix_ns + core_.venue_ahead_ns + std::max(length_ns_, kMinute);
  }
  Finish(now, "goes on with the next candle");
}

void CandleTrack::Finish(FeedTime now, std::string_view reason) {
  repairing_ = overdue_ = false;
  WatchClose(now);
  // An answer says nothing of a stream that is silent.
  if (status().state == SubscriptionState::kStale) return;
  SetState(SubscriptionState::kLive, now, topic_.interval + ": " + std::string(reason));
}

}  // namespace virtufin::inline v0::detail
