// Publishing, fetching, and the life of one market stream.
#include "exchange/binance/market_core.hpp"

#include <algorithm>
#include <utility>

#include "exchange/binance/instrument_watch.hpp"

namespace virtufin::inline v0::detail {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMaxSilence = 3600 * kSecond;

}  // namespace

void MarketCore::Publish(EventChannel& channel, std::uint64_t& sequence, const EventMoment& moment,
                         std::string_view subject) {
  const Result<Message> message = channel.Make(payload.text(), sequence + 1, moment, subject);
  if (!message.ok()) {
    ++counts.too_large;
    return;
  }
  ++sequence;
  ++counts.events;
  sink.Publish(*message);
}

std::uint64_t MarketCore::Fetch(BinanceFetch fetch, FetchOwner& owner) {
  fetch.id = ++last_fetch;
  ++counts.fetches;
  fetches.emplace(fetch.id, &owner);
  fetcher.Fetch(fetch);
  return fetch.id;
}

void MarketCore::Cancel(std::uint64_t& id) {
  if (id == 0) return;
  if (fetches.erase(id) != 0) fetcher.CancelFetch(id);
  id = 0;
}

std::int64_t MarketCore::RetryDelayNs(int attempts) const noexcept {
  const int doublings = std::clamp(attempts - 1, 0, 20);
  return std::min(options.retry_ms << doublings, options.max_retry_ms) * kNanosPerMilli;
}

bool MarketCore::IsTraded(std::string_view symbol) const {
  MarketInstrument found;
  if (symbol.empty() || instruments == nullptr || !instruments->known()) return true;
  return instruments->Find(symbol, found) && found.state != "halted" && found.state != "closed";
}

MarketTrack::MarketTrack(MarketCore& core, FeedChannel channel, std::string_view symbol,
                         std::int64_t stale_ms)
    : core_(core), symbol_(symbol), channel_(channel), stale_ns_(stale_ms * kNanosPerMilli) {}

MarketTrack::~MarketTrack() { core_.Cancel(fetch_); }

void MarketTrack::SetState(SubscriptionState state, FeedTime now, std::string_view reason,
                           std::optional<std::int64_t> expected, std::optional<std::int64_t> got) {
  muted_ = state == SubscriptionState::kLive && IsMuted();
  if (muted_) {
    state = SubscriptionState::kStale;
    reason = "no data on its socket";
  }
  if (state == status_.state && state != SubscriptionState::kGap) return;
  status_.state = state;
  status_.reason = reason;
  status_.since_unix_ns = now.unix_ns;
  StatusFields fields;
  fields.state = SubscriptionStateName(state);
  fields.reason = reason;
  fields.scope = symbol_.empty() ? "channel" : "instrument";
  fields.channel = FeedChannelName(channel_);
  fields.session = connections_.empty() ? last_connection_ : connections_.back();
  fields.since_unix_ns = now.unix_ns;
  fields.expected = expected;
  fields.got = got;
  ++core_.counts.events;
  core_.sink.Publish(core_.statuses.Make(symbol_, fields, core_.Moment(now, {})));
}

void MarketTrack::OnLive(std::uint32_t connection, FeedTime now) {
  if (std::find(connections_.begin(), connections_.end(), connection) != connections_.end()) return;
  connections_.push_back(connection);
  last_connection_ = connection;
  if (connections_.size() > 1) return;
  if (!silent_) silence_ns_ = stale_ns_;
  quiet_since_ns_ = last_data_ns_ = now.monotonic_ns;
  if (stale_ns_ > 0) core_.Due(now.monotonic_ns + silence_ns_);
  if (silent_) return Rejoin(now);
  Resume(now, !std::exchange(was_live_, true));
}

void MarketTrack::OnEnded(std::uint32_t connection, FeedTime now, std::string_view reason,
                          bool renewed) {
  if (std::erase(connections_, connection) == 0) return;
  if (!connections_.empty()) {
    const bool waits = slow_until_ns_ != BinanceFeed::kNoTick && connections_.size() == 1;
    if (waits && connection != fast_) FaceHoleNow(now);  // the slow one is gone
    return OnSocketsChanged(now);
  }
  last_connection_ = connection;
  core_.Cancel(fetch_);
  retry_ns_ = BinanceFeed::kNoTick;
  ForgetHole();
  Lost();
  if (renewed && silent_) return;  // stale until data arrive
  silent_ = false;
  SetState(SubscriptionState::kDisconnected, now, reason);
}

/// What it missed while its sockets were silent is told by ids.
void MarketTrack::OnSocketsChanged(FeedTime now) {
  if (status_.state == SubscriptionState::kLive && IsMuted()) {
    SetState(SubscriptionState::kLive, now, {});  // as far as it is
  } else if (muted_ && !silent_ && !IsMuted()) {
    quiet_since_ns_ = now.monotonic_ns;
    SetState(SubscriptionState::kLive, now, "data arrive again");
  }
}

void MarketTrack::OnHeld(std::int64_t ns) { quiet_since_ns_ += ns; }

void MarketTrack::NoteData(std::uint32_t connection, FeedTime now) {
  if (connections_.empty() ||
      (connections_.back() != connection &&
       std::find(connections_.begin(), connections_.end(), connection) == connections_.end())) {
    OnLive(connection, now);
  }
  quiet_since_ns_ = last_data_ns_ = now.monotonic_ns;
  silence_ns_ = stale_ns_;
  silent_ = false;
  if (status_.state == SubscriptionState::kStale) {
    SetState(SubscriptionState::kLive, now, "data arrive again");
  }
}

void MarketTrack::Resume(FeedTime now, bool first) {
  SetState(SubscriptionState::kLive, now, first ? "subscribed" : "reconnected");
}

void MarketTrack::MeetHole(std::uint32_t connection, FeedTime now) {
  if (slow_until_ns_ != BinanceFeed::kNoTick) return;
  if (connections_.size() == 1) return FaceHoleNow(now);
  fast_ = connection;
  slow_until_ns_ = now.monotonic_ns + kSlowSocketNs;
  core_.Due(slow_until_ns_);
}

void MarketTrack::FaceHoleNow(FeedTime now) {
  ForgetHole();
  FaceHole(now);
}

void MarketTrack::OnTick(FeedTime now) {
  if (stale_ns_ > 0 && !connections_.empty()) CheckSilence(now);
  if (now.monotonic_ns >= slow_until_ns_) FaceHoleNow(now);
  core_.Due(slow_until_ns_);
}

/// Looks once a second at most, whatever the streams' phases: there may be thousands.
void MarketTrack::CheckSilence(FeedTime now) {
  if (!core_.IsTraded(symbol_)) quiet_since_ns_ = now.monotonic_ns;  // nothing is to be expected
  std::int64_t since = quiet_since_ns_;
  if (!silent_) since = std::max(since, SilentSince(now));
  if (now.monotonic_ns - since >= silence_ns_) {
    Silence(now);
    since = now.monotonic_ns;
  }
  core_.Due(((since + silence_ns_) / kSecond + 1) * kSecond);
}

void MarketTrack::NoteSilent(FeedTime now) {
  if (stale_ns_ > 0 && !silent_ && !connections_.empty() && core_.IsTraded(symbol_)) Silence(now);
}

void MarketTrack::Silence(FeedTime now) {
  silence_ns_ = std::min(2 * silence_ns_, kMaxSilence);
  quiet_since_ns_ = now.monotonic_ns;
  silent_ = true;
  if (status_.state == SubscriptionState::kLive) {
    SetState(SubscriptionState::kStale, now, "no data of the stream");
  }
  std::string before;
  for (const MarketRequest& request : requests) {
    std::string stream = MarketStreamName(request);
    if (stream != before) core_.sink.Resubscribe(stream, now);
    before = std::move(stream);
  }
}

}  // namespace virtufin::inline v0::detail
