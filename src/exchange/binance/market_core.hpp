// What all channels of a market feed share: events out, fetches, and the state of a stream.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/market_feed.hpp"
#include "exchange/binance/rest.hpp"
#include "exchange/binance/silent_sockets.hpp"
#include "exchange/event_cause.hpp"

namespace virtufin::inline v0::detail {

inline constexpr std::int64_t kNanosPerMilli = 1'000'000;
/// With two sockets what is missing may still come on the slower one, within this time.
inline constexpr std::int64_t kSlowSocketNs = 2'000'000'000;

/// One topic and its sequence, which goes on as long as the feed lives.
struct MarketTopic {
  MarketTopic(const FeedIdentity& identity, std::string_view topic_tail, std::string_view type_tail,
              std::string_view symbol)
      : channel(identity, topic_tail, type_tail, symbol) {}
  EventChannel channel;
  std::uint64_t sequence = 0;
};

/// Who asked for something by REST.
class FetchOwner {
 public:
  virtual ~FetchOwner() = default;
  virtual void OnAnswer(FeedTime now, std::string_view body) = 0;
  virtual void OnFetchFailed(FeedTime now, std::string_view reason) = 0;
};

class InstrumentWatch;

struct MarketCore {
  MarketCore(const BinanceMarketFeedOptions& o, const FeedIdentity& i, StatusBoard& b, Clock& c,
             MarketFeedSink& s, BinanceFetcher& f)
      : options(o), identity(i), statuses(b), clock(c), sink(s), fetcher(f) {}

  BinanceMarketFeedOptions options;
  const FeedIdentity& identity;
  StatusBoard& statuses;
  Clock& clock;
  MarketFeedSink& sink;
  BinanceFetcher& fetcher;
  BinanceRestReader rest;
  PayloadBuffer payload;
  EventCause cause{"market"};
  MarketFeedCounters counts;
  std::int64_t next_due_ns = BinanceFeed::kNoTick;
  std::int64_t venue_ahead_ns = 0;  // the venue's time of day less ours, by its messages
  std::int64_t unlikely_ahead_ns = 0;
  const InstrumentWatch* instruments = nullptr;  // of the feed
  SilentSockets silent_sockets;
  std::map<std::uint64_t, FetchOwner*> fetches;
  std::uint64_t last_fetch = 0;

  /// One message may be wrong: a jump counts once a second one agrees.
  void NoteVenueTime(std::int64_t ahead_ns) noexcept {
    constexpr std::int64_t kLikely = 5'000'000'000;
    const auto near = [ahead_ns](std::int64_t other) {
      return ahead_ns - other <= kLikely && other - ahead_ns <= kLikely;
    };
    if (near(venue_ahead_ns) || near(unlikely_ahead_ns)) venue_ahead_ns = ahead_ns;
    unlikely_ahead_ns = ahead_ns;
  }
  void Due(std::int64_t monotonic_ns) noexcept {
    if (monotonic_ns < next_due_ns) next_due_ns = monotonic_ns;
  }
  EventMoment Moment(FeedTime now, EventTime event) {
    return cause.Moment(now.unix_ns, event, clock, identity);
  }
  /// The payload, on a topic. `channel` is the topic's own, or another type's on the same topic.
  void Publish(EventChannel& channel, std::uint64_t& sequence, const EventMoment& moment,
               std::string_view subject = {});
  std::uint64_t Fetch(BinanceFetch fetch, FetchOwner& owner);
  /// Sets `id` to 0. No effect for 0.
  void Cancel(std::uint64_t& id);
  std::int64_t RetryDelayNs(int attempts) const noexcept;
  /// False: the venue says that it is halted or closed, or does not list it.
  bool IsTraded(std::string_view symbol) const;
};

/// One subscribed stream of a symbol, or of all: what it is worth, and on which sockets it is.
class MarketTrack : public FetchOwner {
 public:
  /// `symbol` empty: all. `stale_ms` 0: silence means nothing.
  MarketTrack(MarketCore& core, FeedChannel channel, std::string_view symbol,
              std::int64_t stale_ms);
  ~MarketTrack() override;
  MarketTrack(const MarketTrack&) = delete;
  MarketTrack& operator=(const MarketTrack&) = delete;

  void OnLive(std::uint32_t connection, FeedTime now);
  /// `renewed`: the stream alone ended, the socket goes on.
  void OnEnded(std::uint32_t connection, FeedTime now, std::string_view reason, bool renewed);
  /// Some sockets bring no data, or bring them again.
  void OnSocketsChanged(FeedTime now);
  /// For so long we read nothing: that was no silence.
  void OnHeld(std::int64_t ns);
  /// A message of the stream arrived.
  void NoteData(std::uint32_t connection, FeedTime now);
  virtual void OnTick(FeedTime now);
  void OnAnswer(FeedTime, std::string_view) override {}
  void OnFetchFailed(FeedTime, std::string_view) override {}

  FeedChannel channel() const noexcept { return channel_; }
  const MarketStatus& status() const noexcept { return status_; }
  const std::vector<std::uint32_t>& connections() const noexcept { return connections_; }

  std::vector<MarketRequest> requests;  // whose they are

  /// Tells it when it is another one; kGap always.
  void SetState(SubscriptionState state, FeedTime now, std::string_view reason,
                std::optional<std::int64_t> expected = {}, std::optional<std::int64_t> got = {});

 protected:
  /// Since when data have been expected, at least; `now`: they are not.
  virtual std::int64_t SilentSince(FeedTime) const noexcept { return 0; }
  /// Something proves that the stream is dead. Unless that was found before, it is stale and asked
  /// for again.
  void NoteSilent(FeedTime now);
  /// Monotonic; before the first ones, when the stream became live.
  std::int64_t last_data_ns() const noexcept { return last_data_ns_; }
  /// The stream is on a socket again, or for the first time.
  virtual void Resume(FeedTime now, bool first);
  /// It is on a socket again after we renewed it, and was silent before: no reason to call it live.
  virtual void Rejoin(FeedTime) {}
  /// It is on no socket any more.
  virtual void Lost() {}
  /// The socket brought something beyond a hole. With several sockets the slower one may fill it
  /// yet; FaceHole follows when that is not to be expected any more.
  void MeetHole(std::uint32_t connection, FeedTime now);
  void ForgetHole() noexcept { slow_until_ns_ = BinanceFeed::kNoTick; }
  /// It may have been filled meanwhile.
  virtual void FaceHole(FeedTime) {}

  MarketCore& core_;
  const std::string symbol_;
  std::uint64_t fetch_ = 0;                       // outstanding; 0: none
  std::int64_t retry_ns_ = BinanceFeed::kNoTick;  // monotonic

 private:
  void CheckSilence(FeedTime now);
  void Silence(FeedTime now);
  void FaceHoleNow(FeedTime now);
  bool IsMuted() const noexcept { return core_.silent_sockets.AreAll(connections_); }

  const FeedChannel channel_;
  const std::int64_t stale_ns_;
  std::int64_t silence_ns_ = 0;      // so much more of it is answered next
  std::int64_t quiet_since_ns_ = 0;  // the last data, or what was done about their absence
  std::int64_t last_data_ns_ = 0;    // monotonic; or when it became live
  bool silent_ = false;              // something was done, and nothing has come since
  bool muted_ = false;               // stale because its sockets are silent
  std::int64_t slow_until_ns_ = BinanceFeed::kNoTick;  // so long a hole may be filled
  std::uint32_t fast_ = 0;                             // the socket that was beyond it
  std::uint32_t last_connection_ = 0;
  bool was_live_ = false;
  MarketStatus status_;
  std::vector<std::uint32_t> connections_;
};

}  // namespace virtufin::inline v0::detail
