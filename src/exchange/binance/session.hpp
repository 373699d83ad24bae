// BinanceSession: all of a live Binance adapter but its sockets, threads and timers.
//
// What it decides: which sockets there are, which streams they carry, what is asked by REST and
// when, and what its subscriptions are worth at any time. It acts through a VenueLink, learns what
// happened as VenueEvents, and publishes through its sink; nothing happens between two calls. The
// same machine runs over the network and, in tests, against a simulated link on a manual clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/binance/market_feed.hpp"
#include "exchange/rate_limiter.hpp"
#include "exchange/venue_link.hpp"
#include "virtufin/core/backoff.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// 0 or nothing in a field with "by market": what the venue's rules say for spot or USD-M.
struct BinanceSessionOptions {
  /// Market, world, limits. Not used: snapshot_timeout_ms and silent_after_ms, because every
  /// request is answered and the sockets are watched here.
  BinanceFeedOptions feed;
  BinanceMarketFeedOptions channels;  // of all channels but book and quote
  int depth_speed_ms = 100;           // of the depth stream; spot also 1000, USD-M 250 and 500

  std::string stream_url;               // without path; empty: the venue's own, by market
  std::string rest_url;                 // the same
  std::string public_path = "/public";  // USD-M: before /stream, by route; may be empty
  std::string market_path = "/market";
  std::uint64_t seed = 1;  // of the jitter

  std::size_t max_subscriptions = 100'000;  // different requests
  std::size_t streams_per_connection = 0;   // by market: 1024, 200
  std::size_t streams_per_message = 100;    // SUBSCRIBE, UNSUBSCRIBE
  std::size_t bytes_per_message = 4096;     // the venue drops long ones silently
  std::int64_t messages_per_second = 0;     // by market: 4, 8; pings and pongs count; in 1.25 s
  std::int64_t connections_per_5_minutes = 300;
  std::int64_t connect_timeout_ms = 15'000;
  std::int64_t ack_timeout_ms = 5'000;    // then asked again, then a new connection
  std::int64_t ping_ms = 20'000;          // our own ping; 0: none
  std::int64_t life_timeout_ms = 60'000;  // nothing at all from the venue: a new connection; 0: off
  std::int64_t stable_ms = 60'000;        // a socket open for so long resets its delay
  BackoffOptions reconnect;               // 1 to 30 s

  std::size_t requests_in_flight = 4;
  std::int64_t request_timeout_ms = 10'000;
  std::int64_t weight_per_minute = 0;        // by market: 6000, 2400; until exchangeInfo tells
  int weight_percent = 80;                   // of the venue's limit; the rest is for others
  int snapshot_levels = 1000;                // of each side in a depth snapshot
  std::int64_t forbidden_retry_ms = 60'000;  // after HTTP 403 and 451; doubles to ten times that
  bool check_symbols = true;                 // fetch exchangeInfo, refuse symbols it lacks
  std::int64_t symbols_fresh_ms = 60'000;    // older than that, it is fetched again first

  /// One for each host of `rest_url` in a process; unset: one of its own.
  std::shared_ptr<RateLimiter> request_limiter;
  /// One for each host of `stream_url` in a process; unset: one of its own.
  std::shared_ptr<RateLimiter> connection_limiter;
};

class BinanceSessionSink {
 public:
  virtual ~BinanceSessionSink() = default;
  /// `message` may be copied and kept. May not call back into the session.
  virtual void Publish(const Message& message) = 0;
};

struct BinanceSessionCounters {
  std::uint64_t connects = 0;   // sockets asked for
  std::uint64_t opens = 0;      // of those, opened
  std::uint64_t closes = 0;     // opened ones that ended, whoever ended them
  std::uint64_t half_open = 0;  // ended by us: no sign of life
  std::uint64_t shutdowns = 0;  // ended by us: the venue announced its end
  std::uint64_t acks = 0, acks_lost = 0, refusals = 0;
  std::uint64_t acks_unknown = 0;     // answers to nothing we asked
  std::uint64_t messages_sent = 0;    // control messages
  std::uint64_t requests = 0;         // REST, each attempt
  std::uint64_t requests_failed = 0;  // no answer, or not the one asked for
  std::uint64_t limited = 0;          // HTTP 429
  std::uint64_t banned = 0;           // HTTP 418
  std::uint64_t forbidden = 0;        // HTTP 403, 451
  std::uint64_t rejected = 0;         // subscriptions
  std::uint64_t stray = 0;            // frames of sockets that are not open (any more)
};

/// [owner] for everything. Times never go back.
class BinanceSession final : public VenueEvents {
 public:
  /// `clock` gives walltime; it, `link` and `sink` are borrowed until the session is destroyed.
  /// Errors: INVALID_ARGUMENT naming the option and what was expected.
  static Result<std::unique_ptr<BinanceSession>> Create(const BinanceSessionOptions& options,
                                                        Clock& clock, VenueLink& link,
                                                        BinanceSessionSink& sink);
  ~BinanceSession() override;

  /// Opens the sockets that subscriptions need, now and from now on.
  /// Errors: FAILED_PRECONDITION when started or stopped before.
  Status Start(FeedTime now);
  /// Closes all sockets, says `disconnected` of all books; every subscription is `stopped`. Events
  /// of the link that still come are ignored. No effect when stopped already.
  void Stop(FeedTime now);

  /// As ExchangeAdapter::Subscribe. Parameters:
  /// book    `interval_ms`: conflated, at most so often, with `levels` (20). Of several conflated
  ///         requests for one book the shortest interval and the most levels count. All share one
  ///         book and one stream.
  /// trade   `aggregate`: true (default) or false, which repairs nothing.
  /// candle  `interval`, as the venue writes it (1m); `open`: true, also the unfinished ones.
  /// ticker  `mini`: true or false (default; all symbols: always true).
  /// mark, funding  `speed_ms` 1000 (default) or 3000.
  Result<FeedHandle> Subscribe(const FeedRequest& request, FeedTime now);
  /// Errors: NOT_FOUND for a handle that was given back or never given out.
  Status Unsubscribe(FeedHandle handle, FeedTime now);
  /// Errors: as Unsubscribe.
  Result<SubscriptionStatus> StatusOf(FeedHandle handle) const;

  void OnOpen(std::uint32_t socket, FeedTime now) override;
  void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) override;
  void OnSignOfLife(std::uint32_t socket, FeedTime now) override;
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) override;
  void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) override;

  /// Does what is due. Call it when `now` has reached next_tick_ns(), or more often.
  void OnTick(FeedTime now);
  /// Monotonic; BinanceFeed::kNoTick: nothing is due. Changes with every call above.
  std::int64_t next_tick_ns() const noexcept;

  /// No request before then; 0: not banned. For whoever keeps it over a restart. Unix time.
  std::int64_t banned_until_unix_ns() const noexcept;
  /// Before Start, or whenever another process learnt of it; a time that has passed has no effect.
  void SetBannedUntil(std::int64_t unix_ns, FeedTime now);

  const BinanceFeed& books() const noexcept;
  const BinanceMarketFeed& channels() const noexcept;
  BinanceSessionCounters counters() const noexcept;

 private:
  struct Impl;
  explicit BinanceSession(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::detail
