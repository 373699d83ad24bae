// ExchangeAdapter: one venue's market data as events on the bus. Port: each venue has a driver with
// a factory of its own (binance_adapter.hpp).
// Specification: docs/openspec/specs/exchanges/spec.md
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/event/level.hpp"

namespace virtufin::inline v0 {

/// What a venue is asked for. Its events go to the topic of world, "exchange", venue, tail and
/// instrument, for example "act.exchange.binance.trade.tape.BTCUSDT": the tail stands at the
/// channel, the instrument is TopicSegment() of it (event/topic.hpp). Topics are exact: a misspelt
/// one gets nothing and is no error. Types and data of the events: docs/events.md.
///
/// A book's two topics belong into one bus subscription, made before the request: order holds only
/// within one, and a snapshot is published when the book becomes live, not for who comes later. Its
/// events are numbered together by the extension `sequence`: after a hole, or with
/// DeliveryInfo::missed, a copy is wrong until the next snapshot (ExchangeAdapter::Republish).
enum class FeedChannel : std::uint8_t {
  kBook,        // orderbook.snapshot, orderbook.update; conflated by parameter: orderbook.depth
  kQuote,       // quote.update
  kTicker,      // ticker.update
  kTrade,       // trade.tape
  kCandle,      // ohlcv.candle.1m and so on
  kMark,        // mark.price
  kFunding,     // funding.rate
  kInstrument,  // instrument.info, one topic for all: no instrument in it
  kStatus,      // instrument.status: trading, halted ...; the feed's own state is feed.status
};
inline constexpr std::size_t kFeedChannels = 9;

/// "book" and so on; static storage.
std::string_view FeedChannelName(FeedChannel channel) noexcept;
/// Errors: INVALID_ARGUMENT listing the names.
Result<FeedChannel> ParseFeedChannel(std::string_view name);

/// What to subscribe. `instrument` as the venue writes it ("BTCUSDT"); empty: all, where the
/// channel has that. A venue says which `parameters` it takes (`interval` of candles and so on).
struct FeedRequest {
  FeedChannel channel = FeedChannel::kBook;
  std::string instrument = {};
  std::vector<std::pair<std::string, std::string>> parameters = {};
};

/// Changes of books, trades, connections and the venue as a whole are also published, without being
/// asked for: tail "feed.status", with the instrument behind it when it concerns one.
enum class SubscriptionState : std::uint8_t {
  kPending,  // asked for, not confirmed
  kLive,
  kStale,   // no proof of life; what is known may be old
  kGap,     // something is missing
  kResync,  // on its way back from a gap
  kDisconnected,
  kRejected,  // by the venue, for good; `reason` is the venue's
  kStopped,
};

/// "pending" and so on; static storage.
std::string_view SubscriptionStateName(SubscriptionState state) noexcept;

struct SubscriptionStatus {
  FeedRequest request;
  SubscriptionState state = SubscriptionState::kPending;
  std::string reason;
  std::int64_t since_unix_ns = 0;
  int references = 0;  // handles on the same request
};

/// The best price of each side and what is there for it; an empty side is all zeros.
struct TopOfBook {
  Level bid, ask;
  std::int64_t update_id = 0;        // the venue's, of its book
  std::int64_t event_unix_ns = 0;    // when the venue says that it was so; else receive_unix_ns
  std::int64_t receive_unix_ns = 0;  // when the change was read from its socket
  FeedChannel channel = FeedChannel::kBook;  // what told it: kBook or kQuote
};

/// What an operator watches; a venue leaves at 0 what it does not have. The first part counts since
/// the start, the second is how things stand.
struct AdapterCounters {
  std::uint64_t frames = 0;            // messages of the venue
  std::uint64_t events = 0;            // given to the bus
  std::uint64_t unpublished = 0;       // of those, refused by it, or somebody did not get them
  std::uint64_t opens = 0;             // connections
  std::uint64_t reconnects = 0;        // of those, after a loss
  std::uint64_t gaps = 0;              // something was missing: in books, trades or candles
  std::uint64_t resyncs = 0;           // a book became live
  std::uint64_t recovered = 0;         // trades and candles that came by a repair
  std::uint64_t missing = 0;           // trades and candles announced as lost
  std::uint64_t duplicates = 0;        // messages, or elements of them, with nothing new
  std::uint64_t dropped = 0;           // not used: unreadable, of no subscription, beyond a bound
  std::uint64_t requests = 0;          // each attempt
  std::uint64_t requests_failed = 0;   // without a usable answer
  std::uint64_t requests_refused = 0;  // too many, banned, forbidden: asked again later

  std::size_t connections = 0;            // open
  std::int64_t weight_used = 0;           // of requests, in the last minute
  std::int64_t weight_limit = 0;          // what may be used of it
  std::int64_t banned_until_unix_ns = 0;  // 0: not banned
  std::size_t requests_waiting = 0;       // for the limiter or for an answer
  std::size_t streams_waiting = 0;        // to be asked for, or for an answer to that
  std::size_t books_waiting = 0;          // for a snapshot
};

/// Names a Subscribe; never 0, never used again.
using FeedHandle = std::uint64_t;

class ExchangeAdapter {
 public:
  virtual ~ExchangeAdapter() = default;

  /// The venue's name in topics: "binance". Borrowed until the adapter is destroyed. [any]
  /// [callback]
  virtual std::string_view venue() const noexcept = 0;

  /// Connects, and keeps connecting. Returns at once. [any]
  /// Errors: FAILED_PRECONDITION when started or stopped before; RESOURCE_EXHAUSTED without a
  /// thread: it can only be destroyed then.
  virtual Status Start() = 0;
  /// Closes everything. Afterwards nothing is published. [owner]
  /// Errors: FAILED_PRECONDITION on executor, net-loop and callback threads; DEADLINE_EXCEEDED
  /// naming what did not end.
  virtual Status Stop(std::chrono::milliseconds deadline) = 0;

  /// Makes the venue send; events reach who subscribed their topics on the bus. The handle is a
  /// number: dropping it ends nothing. Equal requests share one subscription, counted. Before Start
  /// it waits for it. What the venue refuses shows in StatusOf, not here. [any] [callback]
  /// Errors: INVALID_ARGUMENT for an instrument or a parameter; UNIMPLEMENTED for a channel that
  /// the venue lacks; RESOURCE_EXHAUSTED beyond the limits of the options; UNAVAILABLE when
  /// stopped.
  virtual Result<FeedHandle> Subscribe(const FeedRequest& request) = 0;
  /// The last handle ends the subscription. [any] [callback]
  /// Errors: NOT_FOUND for a handle that was given back or never given out.
  virtual Status Unsubscribe(FeedHandle handle) = 0;
  /// Publishes the book of a kBook subscription as it is now, with the next number of its sequence:
  /// for who subscribed its topics late, or missed events. A book that is not live follows when it
  /// is. Returns at once. [any] [callback]
  /// Errors: NOT_FOUND as Unsubscribe; UNIMPLEMENTED for other channels: their next event says all;
  /// UNAVAILABLE when stopped.
  virtual Status Republish(FeedHandle handle) = 0;
  /// Waits for no handler. [any] [callback]
  /// Errors: NOT_FOUND as Unsubscribe.
  virtual Result<SubscriptionStatus> StatusOf(FeedHandle handle) const = 0;
  /// Of an instrument whose book or quotes are subscribed. The synchronised book's and the newest
  /// quote's, whichever has the higher update id; a handler of an event finds what the event says,
  /// or something newer. Copies 100 bytes, allocates nothing, waits for no handler. [any]
  /// [callback]
  /// Errors: NOT_FOUND when neither is subscribed; UNIMPLEMENTED when the venue has neither;
  /// UNAVAILABLE with their state while there is no live book and no quote yet;
  /// FAILED_PRECONDITION with the venue's reason when it rejected all that is subscribed of it.
  virtual Result<TopOfBook> TopOf(std::string_view instrument) const = 0;
  /// As of a second ago at most, or of when a handler began that has not returned; all of the same
  /// moment. Waits for no handler. [any] [callback]
  virtual AdapterCounters counters() const = 0;
};

}  // namespace virtufin::inline v0
