// Decides by ids alone which trade is published when.
#include "exchange/binance/trade_track.hpp"

#include <algorithm>
#include <utility>

#include "exchange/market_payloads.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr int kPageSize = 1000;
/// So many old ids in a row, counting up, with times after the newest trade's: ids started anew.
constexpr std::size_t kRestartRun = 3;

}  // namespace

TradeTrack::Kept::Kept(FeedTime when, const BinanceTrade& source)
    : now(when),
      trade(source),
      price(source.price),
      quantity(source.quantity),
      condition(source.condition) {}

BinanceTrade TradeTrack::Kept::View() const {
  BinanceTrade view = trade;
  view.price = price;
  view.quantity = quantity;
  view.condition = condition;
  return view;
}

TradeTrack::TradeTrack(MarketCore& core, std::string_view symbol, bool aggregate,
                       MarketTopic& topic, LastTrade& last)
    : MarketTrack(core, FeedChannel::kTrade, symbol, 0),
      aggregate_(aggregate),
      topic_(topic),
      last_(last) {}

void TradeTrack::OnTrade(std::uint32_t connection, FeedTime now, const BinanceTrade& trade) {
  NoteData(connection, now);
  if (last_id_ >= 0 && trade.id <= last_id_) return NoteOld(now, trade);
  restarted_.clear();
  if (repairing_) return Hold(now, trade);
  if (last_id_ < 0) return PublishFirst(now, trade);
  if (held_.empty() && trade.id == last_id_ + 1) return Publish(now, trade, false);
  Hold(now, trade);
  PublishHeld();
  if (held_.empty()) {
    ForgetHole();
  } else {
    MeetHole(connection, now);
  }
}

/// One that was on its way when the subscription before this one ended is not told again.
void TradeTrack::PublishFirst(FeedTime now, const BinanceTrade& trade) {
  if (trade.id <= last_.id && trade.unix_ns <= last_.unix_ns) {
    ++core_.counts.duplicates;
    return;
  }
  Publish(now, trade, false);
}

/// What is missing before the trades that are held does not come by itself.
void TradeTrack::FaceHole(FeedTime now) {
  if (held_.empty()) return;
  ++core_.counts.holes;
  if (aggregate_ && !beyond_) {
    SetState(SubscriptionState::kGap, now, "trades are missing", last_id_ + 1,
             held_.begin()->first);
    return StartRepair(now, "fetches missing trades");
  }
  while (!held_.empty()) {
    AnnounceMissing(
        now, held_.begin()->first,
        aggregate_ ? "trades are missing" : "trades are missing, the venue has no repair");
    Finish(now, "goes on after missing trades");
    PublishHeld();
  }
}

void TradeTrack::Publish(FeedTime now, const BinanceTrade& trade, bool recovered) {
  WriteTrade(core_.payload, trade, aggregate_, recovered);
  core_.Publish(topic_.channel, topic_.sequence,
                core_.Moment(now, {trade.unix_ns, TimeSource::kEngine}));
  last_id_ = last_.id = trade.id;
  last_ns_ = last_.unix_ns = trade.unix_ns;
  beyond_ = false;
  if (recovered) ++core_.counts.recovered;
}

/// A duplicate, or the venue counts anew: then it was made after the last one.
void TradeTrack::NoteOld(FeedTime now, const BinanceTrade& trade) {
  const bool later = trade.unix_ns / kNanosPerMilli > last_ns_ / kNanosPerMilli;
  if (!later) {
    ++core_.counts.duplicates;
    return;
  }
  if (!restarted_.empty() && trade.id <= restarted_.back().trade.id) {
    ++core_.counts.duplicates;  // of another socket
    return;
  }
  if (!restarted_.empty() && trade.id != restarted_.back().trade.id + 1) restarted_.clear();
  restarted_.emplace_back(now, trade);
  if (restarted_.size() >= kRestartRun) Restart(now);
}

void TradeTrack::Restart(FeedTime now) {
  ++core_.counts.restarts;
  std::vector<Kept> first;
  first.swap(restarted_);
  if (repairing_) GiveUp(now, "the venue's ids started anew");
  SetState(SubscriptionState::kGap, now, "the venue's ids started anew", last_id_ + 1,
           first.front().trade.id);
  SetState(SubscriptionState::kLive, now, "goes on with new ids");
  for (const Kept& kept : first) Publish(kept.now, kept.View(), false);
}

void TradeTrack::Hold(FeedTime now, const BinanceTrade& trade) {
  if (!held_.emplace(trade.id, Kept(now, trade)).second) {
    ++core_.counts.duplicates;
    return;
  }
  if (held_.size() < core_.options.max_held) return;
  ++core_.counts.held_dropped;
  GiveUp(now, "too many trades waited for the missing ones");
}

/// Fills that are not aggregated cannot be asked for: what was lost of them shows when the next one
/// comes, however late, and is announced then.
void TradeTrack::Resume(FeedTime now, bool first) {
  if (!aggregate_ || last_id_ < 0) {
    MarketTrack::Resume(now, first);
    return FaceHole(now);
  }
  StartRepair(now, "reconnected, fetches what was missed");
}

/// What is held stays: it is published once the hole before it is repaired or announced.
void TradeTrack::Lost() { repairing_ = false; }

void TradeTrack::StartRepair(FeedTime now, std::string_view reason) {
  repairing_ = true;
  pages_ = attempts_ = 0;
  const std::int64_t most = std::int64_t{kPageSize} * core_.options.repair_pages;
  if (!held_.empty() && held_.begin()->first - last_id_ - 1 > most) {
    AnnounceMissing(now, held_.begin()->first - most, "too many trades are missing to fetch all");
  }
  SetState(SubscriptionState::kResync, now, reason);
  Ask();
}

void TradeTrack::Ask() {
  retry_ns_ = BinanceFeed::kNoTick;
  BinanceFetch fetch;
  fetch.kind = BinanceFetchKind::kAggTrades;
  fetch.symbol = symbol_;
  fetch.from_id = last_id_ + 1;
  fetch.limit = kPageSize;
  fetch_ = core_.Fetch(std::move(fetch), *this);
}

void TradeTrack::OnTick(FeedTime now) {
  MarketTrack::OnTick(now);
  if (retry_ns_ == BinanceFeed::kNoTick) return;
  if (now.monotonic_ns >= retry_ns_) return Ask();
  core_.Due(retry_ns_);
}

void TradeTrack::OnAnswer(FeedTime now, std::string_view body) {
  fetch_ = 0;
  const auto page = core_.rest.Trades(body);
  if (!page.ok()) return OnFetchFailed(now, page.status().message());
  const std::int64_t before = last_id_;
  TakePage(now, *page);
  ++pages_;
  AfterPage(now, page->size() >= kPageSize, last_id_ != before);
}

void TradeTrack::OnFetchFailed(FeedTime now, std::string_view reason) {
  fetch_ = 0;
  ++core_.counts.fetches_failed;
  Retry(now, reason);
}

void TradeTrack::TakePage(FeedTime now, std::span<const BinanceTrade> page) {
  for (const BinanceTrade& trade : page) {
    PublishHeld();
    while (trade.id > last_id_ + 1) {  // the venue itself does not have them
      const bool live_first = !held_.empty() && held_.begin()->first < trade.id;
      AnnounceMissing(now, live_first ? held_.begin()->first : trade.id,
                      "the venue does not have these trades");
      SetState(SubscriptionState::kResync, now, "fetches missing trades");
      PublishHeld();
    }
    if (trade.id == last_id_ + 1) Publish(now, trade, true);
  }
  PublishHeld();
}

/// Those that continue what was published.
void TradeTrack::PublishHeld() {
  while (!held_.empty() && held_.begin()->first <= last_id_ + 1) {
    const auto node = held_.extract(held_.begin());
    if (node.key() <= last_id_) {
      ++core_.counts.duplicates;
    } else {
      Publish(node.mapped().now, node.mapped().View(), false);
    }
  }
}

void TradeTrack::AfterPage(FeedTime now, bool full, bool progress) {
  if (progress) attempts_ = 0;
  if (full && progress) {
    if (pages_ < core_.options.repair_pages) return Ask();
    beyond_ = held_.empty();
    return GiveUp(now, "too many trades are missing to fetch all");
  }
  if (!full && held_.empty()) return Finish(now, "has all trades");
  Retry(now, "the venue's answer lags behind its stream");
}

void TradeTrack::Retry(FeedTime now, std::string_view reason) {
  if (++attempts_ >= core_.options.repair_attempts) return GiveUp(now, reason);
  retry_ns_ = now.monotonic_ns + core_.RetryDelayNs(attempts_);
  core_.Due(retry_ns_);
}

/// What could not be fetched is announced; everything that waited is published.
void TradeTrack::GiveUp(FeedTime now, std::string_view reason) {
  core_.Cancel(fetch_);
  while (!held_.empty()) {
    if (held_.begin()->first > last_id_ + 1) AnnounceMissing(now, held_.begin()->first, reason);
    PublishHeld();
  }
  Finish(now, "goes on after missing trades");
}

void TradeTrack::Finish(FeedTime now, std::string_view reason) {
  repairing_ = false;
  retry_ns_ = BinanceFeed::kNoTick;
  SetState(SubscriptionState::kLive, now, reason);
}

/// Ids from the last one to before `until` will not come.
void TradeTrack::AnnounceMissing(FeedTime now, std::int64_t until, std::string_view reason) {
  core_.counts.missing += static_cast<std::uint64_t>(until - last_id_ - 1);
  SetState(SubscriptionState::kGap, now, reason, last_id_ + 1, until);
  last_id_ = until - 1;
}

}  // namespace virtufin::inline v0::detail
