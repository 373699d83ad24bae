// Compares each exchangeInfo with what was told before.
#include "exchange/binance/instrument_watch.hpp"

#include <algorithm>
#include <utility>

#include "exchange/market_payloads.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::string_view kNotListed = "no longer listed";

std::string_view KindOf(BinanceMarket market, const BinanceInstrument& instrument) noexcept {
  if (market == BinanceMarket::kSpot) return "spot";
  // Newer kinds of contract carry the word in their names ("TRADIFI_PERPETUAL"), too.
  const bool perpetual = instrument.contract_type.find("PERPETUAL") != std::string_view::npos;
  return perpetual ? "perpetual" : "future";
}

/// Of a limit in requests' weight: what it allows in a minute. 0: no such limit.
std::int64_t WeightPerMinute(const BinanceRateLimit& limit) noexcept {
  constexpr std::int64_t kMost = 1'000'000'000;
  if (limit.type != "REQUEST_WEIGHT" || limit.intervals <= 0 || limit.limit <= 0) return 0;
  const std::int64_t most = std::min(limit.limit, kMost);
  if (limit.interval == "MINUTE") return most / limit.intervals;
  if (limit.interval == "SECOND") return std::min(most * 60 / limit.intervals, kMost);
  return 0;
}

}  // namespace

std::string_view InstrumentState(BinanceMarket market, std::string_view status) noexcept {
  if (status == "TRADING") return "trading";
  if (market == BinanceMarket::kSpot) {
    if (status == "HALT" || status == "BREAK") return "halted";
    if (status == "AUCTION_MATCH") return "auction";
    if (status == "PRE_TRADING" || status == "POST_TRADING" || status == "END_OF_DAY") {
      return "closed";
    }
    return "unknown";
  }
  if (status == "PENDING_TRADING" || status == "DELIVERED" || status == "CLOSE") return "closed";
  if (status == "PRE_DELIVERING" || status == "DELIVERING" || status == "PRE_SETTLE" ||
      status == "SETTLING") {
    return "halted";
  }
  return "unknown";
}

InstrumentWatch::InstrumentWatch(MarketCore& core, BinanceMarket market)
    : core_(core),
      market_(market),
      infos_(core.identity, "instrument.info", "instrument.updated", "") {}

void InstrumentWatch::Refresh(FeedTime) {
  if (fetch_ != 0) return;
  next_ns_ = BinanceFeed::kNoTick;
  BinanceFetch fetch;
  fetch.kind = BinanceFetchKind::kInstruments;
  fetch_ = core_.Fetch(std::move(fetch), *this);
}

void InstrumentWatch::Want(FeedChannel channel, std::string_view symbol, FeedTime now) {
  const bool info = channel == FeedChannel::kInstrument;
  if (symbol.empty()) {
    (info ? all_info_ : all_status_) = true;
  } else {
    Record& record = RecordOf(symbol);
    (info ? record.wants_info : record.wants_status) = true;
  }
  for (const auto& record : records_.all()) {
    if (record->state.empty() || (!symbol.empty() && record->name != symbol)) continue;
    if (info && !record->info.empty()) PublishInfo(now, *record);
    if (!info) PublishState(now, *record);
  }
}

void InstrumentWatch::Drop(FeedChannel channel, std::string_view symbol) {
  const bool info = channel == FeedChannel::kInstrument;
  if (symbol.empty()) {
    (info ? all_info_ : all_status_) = false;
  } else if (Record* const record = records_.Find(symbol)) {
    (info ? record->wants_info : record->wants_status) = false;
  }
}

void InstrumentWatch::OnTick(FeedTime now) {
  if (next_ns_ == BinanceFeed::kNoTick) return;
  if (now.monotonic_ns >= next_ns_) return Refresh(now);
  core_.Due(next_ns_);
}

void InstrumentWatch::OnAnswer(FeedTime now, std::string_view body) {
  fetch_ = 0;
  const auto info = core_.rest.Instruments(body);
  if (!info.ok()) return OnFetchFailed(now, info.status().message());
  if (info->instruments.empty() && generation_ != 0) {
    return OnFetchFailed(now, "exchangeInfo lists no symbol any more");
  }
  attempts_ = 0;
  ++generation_;
  read_ns_ = now.monotonic_ns;
  request_weight_ = 0;
  for (const BinanceRateLimit& limit : info->limits) {
    const std::int64_t weight = WeightPerMinute(limit);
    if (weight > 0 && (request_weight_ == 0 || weight < request_weight_)) request_weight_ = weight;
  }
  for (const BinanceInstrument& instrument : info->instruments) Take(now, instrument);
  for (const auto& record : records_.all()) {
    if (record->generation != generation_ && !record->state.empty()) Delist(now, *record);
  }
  SetState(SubscriptionState::kLive, now, "exchangeInfo read");
  if (core_.options.instruments_poll_ms <= 0) return;
  next_ns_ = now.monotonic_ns + core_.options.instruments_poll_ms * kNanosPerMilli;
  core_.Due(next_ns_);
}

void InstrumentWatch::OnFetchFailed(FeedTime now, std::string_view reason) {
  fetch_ = 0;
  ++core_.counts.fetches_failed;
  SetState(SubscriptionState::kStale, now, reason);
  next_ns_ = now.monotonic_ns + core_.RetryDelayNs(++attempts_);
  core_.Due(next_ns_);
}

bool InstrumentWatch::Find(std::string_view symbol, MarketInstrument& out) const {
  const Record* const record = records_.Find(symbol);
  if (record == nullptr || record->generation == 0 || record->generation != generation_) {
    return false;
  }
  out = {record->name, record->venue_status, record->state};
  return true;
}

InstrumentWatch::Record& InstrumentWatch::RecordOf(std::string_view symbol) {
  Record* const record = records_.Find(symbol);
  return record != nullptr ? *record : records_.Add(std::make_unique<Record>(symbol));
}

void InstrumentWatch::Take(FeedTime now, const BinanceInstrument& instrument) {
  if (records_.all().size() >= 2 * kMaxBinanceInstruments &&
      records_.Find(instrument.symbol) == nullptr) {
    return;
  }
  Record& record = RecordOf(instrument.symbol);
  record.generation = generation_;
  const std::string_view state = InstrumentState(market_, instrument.status);
  InstrumentFields fields;
  fields.symbol = fields.venue_symbol = instrument.symbol;
  fields.status = state;
  fields.venue_status = instrument.status;
  fields.base_asset = instrument.base_asset;
  fields.quote_asset = instrument.quote_asset;
  fields.settle_asset = instrument.margin_asset;
  fields.lot_size = instrument.step_size;
  fields.tick_size = instrument.tick_size;
  fields.min_qty = instrument.min_qty;
  fields.max_qty = instrument.max_qty;
  fields.min_notional = instrument.min_notional;
  fields.kind = KindOf(market_, instrument);
  if (fields.kind == "future") fields.expiry_unix_ns = instrument.delivery_ns;
  WriteInstrument(core_.payload, fields);
  const bool changed = record.info != core_.payload.text();
  if (changed) {
    record.info = core_.payload.text();
    PublishInfo(now, record);
  }
  SetInstrumentState(now, record, state, instrument.status);
}

void InstrumentWatch::SetInstrumentState(FeedTime now, Record& record, std::string_view state,
                                         std::string_view venue_status) {
  if (record.state == state && record.venue_status == venue_status) return;
  record.state = state;
  record.venue_status = venue_status;
  PublishState(now, record);
}

/// Tells the last info once more, closed; a listing again is told as new.
void InstrumentWatch::Delist(FeedTime now, Record& record) {
  constexpr std::string_view kStatus = "\",\"status\":\"";  // behind the symbol, quotes escaped
  const std::size_t at = record.info.find(kStatus);
  if (at != std::string::npos) {
    const std::size_t begin = at + kStatus.size();
    record.info.replace(begin, record.info.find('"', begin) - begin, "closed");
    PublishInfo(now, record);
    record.info.clear();
  }
  SetInstrumentState(now, record, "closed", kNotListed);
}

void InstrumentWatch::PublishInfo(FeedTime now, Record& record) {
  if (!all_info_ && !record.wants_info) return;
  char* const at = core_.payload.Start(record.info.size());
  record.info.copy(at, record.info.size());
  core_.payload.Finish(at + record.info.size());
  core_.Publish(infos_.channel, infos_.sequence, core_.Moment(now, {}),
                core_.identity.subject_kind + "/" + record.name);
}

void InstrumentWatch::PublishState(FeedTime now, Record& record) {
  if (!all_status_ && !record.wants_status) return;
  if (record.statuses == nullptr) {
    record.statuses = std::make_unique<MarketTopic>(core_.identity, "instrument.status",
                                                    "status.changed", record.name);
  }
  WriteInstrumentStatus(core_.payload, record.state, record.venue_status);
  core_.Publish(record.statuses->channel, record.statuses->sequence, core_.Moment(now, {}));
}

void InstrumentWatch::SetState(SubscriptionState state, FeedTime now, std::string_view reason) {
  if (status_.state == state) return;
  status_ = {state, std::string(reason), now.unix_ns};
}

}  // namespace virtufin::inline v0::detail
