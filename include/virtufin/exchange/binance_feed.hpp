// BinanceFeed: Binance's frames in, normalised CloudEvents out; the adapter without its sockets.
//
// Most applications want binance_adapter.hpp, which runs this over the network.
// A pure object: it opens nothing, starts nothing and has no timer. Its owner hands it frames,
// snapshot answers and ticks, and carries out what it asks for.
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/core/uuid.hpp"
#include "virtufin/event/market_payloads.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/exchange/binance.hpp"

namespace virtufin::inline v0 {

namespace detail {
struct FeedAccess;
}

/// When something reached us, on both sides of the clock.
struct FeedTime {
  std::int64_t unix_ns = 0;       // goes into events
  std::int64_t monotonic_ns = 0;  // deadlines count on it
};

struct BinanceFeedOptions {
  BinanceMarket market = BinanceMarket::kSpot;
  std::string world = "act";     // or "hyp.<name>"
  std::string universe = "ALL";  // extension marketuniverse
  std::string run_id = {};       // extension runid, a UUID; empty: absent
  bool historical = false;       // clocktype historical: no walltime on events
  Uuid run_seed = {};            // name space of ids when historical: equal input, equal events;
                                 // all zeros: a random one
  std::size_t max_depth = 0;     // levels of each side in a snapshot event; a book rebuilt from a
                                 // cut one lacks what lies deeper; 0: all
  std::size_t max_symbols = 10'000;
  std::size_t max_stored_levels = OrderBook::kDefaultMaxStoredLevels;  // of each side
  // Times are at most kMaxMs.
  std::int64_t snapshot_timeout_ms = 10'000;  // an answer that takes longer is asked for again; 0:
                                              // the owner ends every request by itself
  std::int64_t retry_ms = 500;                // before the second request; doubles
  std::int64_t max_retry_ms = 30'000;
  std::int64_t stable_ms = 60'000;        // live for so long: the next gap is asked for at once
  std::int64_t silent_after_ms = 60'000;  // no frame on any socket: books are stale; 0: off
  static constexpr std::int64_t kMaxMs = 86'400'000;
};

/// What is made of one symbol.
struct BinanceFeedParts {
  bool book = true;                    // orderbook.snapshot and orderbook.update
  bool quote = true;                   // quote.update
  std::int64_t depth_interval_ms = 0;  // orderbook.depth, at most so often, when changed; 0: none
  std::size_t depth_levels = 20;       // of each side in it

  bool NeedsBook() const noexcept { return book || depth_interval_ms > 0; }
};

/// What a feed asks of its owner. No function may call back into the feed.
class BinanceFeedSink {
 public:
  virtual ~BinanceFeedSink() = default;
  /// `message` may be copied and kept.
  virtual void Publish(const Message& message) = 0;
  /// Asks for `GET .../depth` of the symbol; the answer comes as OnSnapshot or OnSnapshotFailed,
  /// with the same number. Numbers rise from 1.
  virtual void FetchSnapshot(std::string_view symbol, std::uint64_t request) = 0;
  /// Nobody waits for that answer any more; it may come nevertheless.
  virtual void CancelSnapshot(std::string_view symbol, std::uint64_t request) = 0;
};

struct BinanceFeedCounters {
  BookCounters books;                  // all symbols together
  std::uint64_t synchronised = 0;      // books that became live
  std::uint64_t events = 0;            // given to Publish
  std::uint64_t quotes_stale = 0;      // bookTickers with nothing new
  std::uint64_t unsubscribed = 0;      // frames and answers of symbols nobody asked for
  std::uint64_t stray = 0;             // frames of a socket that is not open: counted, not used
  std::uint64_t snapshots_asked = 0;   // requests
  std::uint64_t snapshots_failed = 0;  // no answer, no snapshot, or unusable
  std::uint64_t snapshots_late = 0;    // answers that nobody needed any more
  std::uint64_t too_large = 0;         // events that exceeded kMaxEventBytes: a gap
};

/// What the last feed.status of a book said.
struct BookStatus {
  FeedState state = FeedState::kDisconnected;
  std::string_view reason;
  std::int64_t since_unix_ns = 0;
};

/// [owner] for everything.
class BinanceFeed {
 public:
  /// `clock` gives walltime; it and `sink` are borrowed until the feed is destroyed.
  /// Errors: INVALID_ARGUMENT naming the option and what was expected.
  static Result<std::unique_ptr<BinanceFeed>> Create(const BinanceFeedOptions& options,
                                                     Clock& clock, BinanceFeedSink& sink);
  ~BinanceFeed();

  /// `name` as the venue writes the symbol ("BTCUSDT"). Subscribed already: what is made of it
  /// changes to `parts`; a book that was not published before begins with a snapshot.
  /// Errors: INVALID_ARGUMENT for an empty symbol, one that is no UTF-8, or parts that are none;
  /// RESOURCE_EXHAUSTED beyond max_symbols.
  Status Subscribe(std::string_view name, FeedTime now, const BinanceFeedParts& parts = {});
  /// The book says that it is disconnected, with `reason`. No effect when not subscribed.
  void Unsubscribe(std::string_view name, FeedTime now, std::string_view reason);

  /// Publishes a live book once more, its conflated form or the whole one. No effect on one that is
  /// not live: it is published when it is.
  void Republish(std::string_view name, FeedTime now, bool conflated);

  /// A socket is open: its frames count. Numbers rise with each socket.
  void OnOpen(std::uint32_t connection, FeedTime now);
  /// The depth stream of a symbol runs on an open socket: the venue confirmed it. Its first frame
  /// says the same. With the first such socket the book is synchronised; two at a time are fine.
  void OnLive(std::uint32_t connection, std::string_view name, FeedTime now);
  /// It runs there no more, while the socket stays open.
  void OnLost(std::uint32_t connection, std::string_view name, FeedTime now,
              std::string_view reason);
  void OnClose(std::uint32_t connection, FeedTime now, std::string_view reason);
  /// `text` is borrowed for the call. The frame stays readable until the next call.
  const BinanceFrame& OnFrame(std::uint32_t connection, FeedTime now, std::string_view text);

  /// `request` as FetchSnapshot gave it; 0: nobody asked, the answer is as good as one asked for
  /// now. A late answer is welcome, also one that was asked for again since, but none from before
  /// the symbol's depth stream was lost.
  /// Errors: as BinanceDecoder::DecodeSnapshot; NOT_FOUND for a symbol nobody subscribed. The feed
  /// has taken note and asks again by itself.
  Status OnSnapshot(std::string_view name, std::uint64_t request, FeedTime now,
                    std::string_view body);
  void OnSnapshotFailed(std::string_view name, std::uint64_t request, FeedTime now);

  /// Does what is due. Call it when `now` has reached next_tick_ns(), or more often.
  void OnTick(FeedTime now);
  static constexpr std::int64_t kNoTick = std::numeric_limits<std::int64_t>::max();
  /// Monotonic; kNoTick: nothing is due.
  std::int64_t next_tick_ns() const noexcept;

  std::vector<std::string> symbols() const;  // in the order of subscription
  /// Null for a symbol nobody subscribed; borrowed until it is unsubscribed.
  const BookSynchroniser* FindBook(std::string_view name) const noexcept;
  /// Of the book; kDisconnected for a symbol nobody subscribed.
  FeedState state(std::string_view name) const noexcept;
  /// The same with the rest of its last feed.status; borrowed until the feed is used.
  BookStatus status(std::string_view name) const noexcept;
  BinanceFeedCounters counters() const noexcept;
  const BinanceCounters& frame_counters() const noexcept;

 private:
  friend struct detail::FeedAccess;
  struct Impl;
  explicit BinanceFeed(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
