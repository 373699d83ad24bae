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
#include "exchange/status_cell.hpp"
#include "exchange/top_cell.hpp"
#include "exchange/venue_link.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance_adapter.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// What an application may set, and what only tests do. Not used: what the sockets need, and
/// feed.snapshot_timeout_ms and feed.silent_after_ms, because every request is answered and the
/// sockets are watched here.
struct BinanceSessionOptions : BinanceAdapterOptions {
  BinanceMarketFeedOptions channels;       // max_symbols and instruments_poll_ms as above
  std::size_t streams_per_message = 100;   // SUBSCRIBE, UNSUBSCRIBE
  std::size_t bytes_per_message = 4096;    // the venue drops long ones silently
  std::int64_t idle_ms = 10'000;           // a socket without streams is closed after that
  std::int64_t symbols_fresh_ms = 60'000;  // older than that, exchangeInfo is fetched again first

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
  std::uint64_t connects = 0;          // sockets asked for
  std::uint64_t opens = 0;             // of those, opened
  std::uint64_t closes = 0;            // opened ones that ended, whoever ended them
  std::uint64_t half_open = 0;         // ended by us: no sign of life
  std::uint64_t silences = 0;          // sockets without data for canary_ms
  std::uint64_t muted = 0;             // of those, ended by us
  std::uint64_t shutdowns = 0;         // announced by the venue, answered with a rotation
  std::uint64_t rotations = 0;         // sockets replaced while they were open
  std::uint64_t rotations_failed = 0;  // given up: the old socket went on
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
  /// Publishes the book of a subscription once more. Errors: as Unsubscribe.
  Status Republish(FeedHandle handle, FeedTime now);
  /// Errors: as Unsubscribe.
  Result<SubscriptionStatus> StatusOf(FeedHandle handle) const;
  /// The same for other threads; shared by equal requests. It is up to date whenever something is
  /// published. Null for a handle that was given back or never given out.
  std::shared_ptr<const StatusCell> CellOf(FeedHandle handle) const;

  /// What is known of the handle's symbol, for other threads; null as CellOf, when the symbol was
  /// refused, and for channels that are neither book nor quote.
  std::shared_ptr<const SymbolTops> TopsOf(FeedHandle handle) const;

  void OnOpen(std::uint32_t socket, FeedTime now) override;
  void OnFrame(std::uint32_t socket, FeedTime now, std::string_view text) override;
  void OnSignOfLife(std::uint32_t socket, FeedTime now) override;
  void OnClosed(std::uint32_t socket, FeedTime now, std::string_view reason) override;
  void OnAnswer(std::uint64_t request, FeedTime now, const VenueAnswer& answer) override;

  /// The caller did not read from the sockets for so long, up to now, and did not tick meanwhile:
  /// nobody was silent.
  void OnHeld(std::int64_t held_ns, FeedTime now);

  /// Does what is due. Call it when `now` has reached next_tick_ns(), or more often.
  void OnTick(FeedTime now);
  /// Monotonic; BinanceFeed::kNoTick: nothing is due. Changes with every call above.
  std::int64_t next_tick_ns() const noexcept;

  /// No request before then; 0: not banned. For whoever keeps it over a restart. Unix time.
  std::int64_t banned_until_unix_ns() const noexcept;
  /// Before Start, or whenever another process learnt of it; a time that has passed has no effect.
  void SetBannedUntil(std::int64_t unix_ns, FeedTime now);

  const BinanceSessionOptions& options() const noexcept;  // nothing is by market any more
  const std::string& rest_url() const noexcept;           // the venue's own where none was given
  const BinanceFeed& books() const noexcept;
  const BinanceMarketFeed& channels() const noexcept;
  BinanceSessionCounters counters() const noexcept;
  /// Costs a look at every book.
  AdapterCounters Totals(FeedTime now) const;

 private:
  struct Impl;
  explicit BinanceSession(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::detail
