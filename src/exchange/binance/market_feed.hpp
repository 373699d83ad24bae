// BinanceMarketFeed: every channel of Binance but books and quotes; its frames and REST answers in,
// normalised events out.
//
// Pure, like BinanceFeed: no socket, no timer, no thread. Its owner says which streams are live on
// which socket, hands over decoded frames, answers and ticks, and carries out what it asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/binance/fetch.hpp"
#include "exchange/status_board.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/exchange/binance_feed.hpp"

namespace virtufin::inline v0::detail {

/// What is subscribed; equal requests are one. Fields that a channel does not name are ignored.
struct MarketRequest {
  FeedChannel channel = FeedChannel::kTrade;  // not kBook, not kQuote
  std::string symbol = {};    // empty: all (ticker, mark, funding, instrument, status)
  std::string interval = {};  // candle: "1m", or with a time zone "1d@+08:00"
  bool aggregate = true;      // trade: aggTrade, repaired by id; false: trade, holes only announced
  bool open = false;          // candle: the unfinished one, too, each time it changes
  bool mini = false;          // ticker: from miniTicker (no change_24h_pct); all symbols: always
  bool slow = false;          // mark, funding: every 3 s instead of every second

  friend bool operator==(const MarketRequest&, const MarketRequest&) = default;
};

/// As streams name a symbol. ASCII only: other letters stay as the venue writes them.
std::string LowerCase(std::string_view symbol);

/// "btcusdt@aggTrade", as SUBSCRIBE wants it; empty: the channel has none (instrument, status).
/// Several requests can share a stream: mark and funding, candles with and without open ones.
std::string MarketStreamName(const MarketRequest& request);

struct BinanceMarketFeedOptions {
  std::size_t max_symbols = 10'000;
  std::int64_t instruments_poll_ms = 300'000;  // exchangeInfo; 0: at Start only
  std::int64_t retry_ms = 500;                 // after a failed fetch; doubles
  std::int64_t max_retry_ms = 30'000;
  int repair_attempts = 5;               // failures in a row: what is missing is announced
  int repair_pages = 20;                 // of 1000 trades or candles: a longer hole is announced
  std::size_t max_held = 10'000;         // live trades of a symbol that wait for a repair
  std::int64_t close_grace_ms = 5'000;   // a candle's end by the venue's time, then it is asked for
  std::int64_t ticker_stale_ms = 3'000;  // without a frame: stale, Resubscribe; USD-M: twice that
                                         // for one symbol; 0: off
  std::int64_t candle_stale_ms = 6'000;
  std::int64_t mark_stale_ms = 9'000;  // also funding
};

/// What the feed asks of its owner. No function may call back into the feed.
class MarketFeedSink {
 public:
  virtual ~MarketFeedSink() = default;
  /// `message` may be copied and kept.
  virtual void Publish(const Message& message) = 0;
  /// A live stream is silent beyond its limit. Asked again ever less often while that lasts.
  virtual void Resubscribe(std::string_view stream, FeedTime now) = 0;
};

/// One symbol of exchangeInfo.
struct MarketInstrument {
  std::string_view symbol, venue_status;
  std::string_view state;  // trading, halted, closed, auction, unknown
};

struct MarketStatus {
  SubscriptionState state = SubscriptionState::kPending;
  std::string reason;
  std::int64_t since_unix_ns = 0;
};

struct MarketFeedCounters {
  std::uint64_t events = 0;        // given to Publish
  std::uint64_t duplicates = 0;    // frames with nothing new
  std::uint64_t unsubscribed = 0;  // messages nobody asked for
  std::uint64_t holes = 0;         // found in ids or candles
  std::uint64_t recovered = 0;     // trades and candles that came by REST
  std::uint64_t missing = 0;       // trades and candles announced as lost
  std::uint64_t restarts = 0;      // of the venue's ids
  std::uint64_t fetches = 0, fetches_failed = 0;
  std::uint64_t held_dropped = 0;  // repairs given up because too much waited for them
  std::uint64_t too_large = 0;     // events that exceeded kMaxEventBytes
};

/// [owner] for everything. Times never go back.
class BinanceMarketFeed {
 public:
  /// `identity` and `statuses` as FeedAccess gives them for the feed of the books; all references
  /// are borrowed until this is destroyed.
  BinanceMarketFeed(BinanceMarket market, const BinanceMarketFeedOptions& options,
                    const FeedIdentity& identity, StatusBoard& statuses, Clock& clock,
                    MarketFeedSink& sink, BinanceFetcher& fetcher);
  ~BinanceMarketFeed();

  /// Fetches exchangeInfo, and again every `instruments_poll_ms`.
  void Start(FeedTime now);
  /// Fetches it now unless that is under way: a symbol may be new.
  void RefreshInstruments(FeedTime now);

  /// No effect when subscribed already.
  /// Errors: INVALID_ARGUMENT for a channel, symbol or interval; RESOURCE_EXHAUSTED beyond
  /// max_symbols.
  Status Subscribe(const MarketRequest& request, FeedTime now);
  /// Cancels its fetches. What was published stays the start of what a new subscription publishes:
  /// sequences of topics go on. No effect when not subscribed.
  void Unsubscribe(const MarketRequest& request);
  /// kStopped when not subscribed.
  MarketStatus StatusOf(const MarketRequest& request) const;

  /// The stream is acknowledged on that socket. Data alone tell, too. Numbers rise with each
  /// socket; two at a time are fine.
  void OnStreamLive(std::string_view stream, std::uint32_t connection, FeedTime now);
  /// The stream ended on that socket, which goes on.
  void OnStreamEnded(std::string_view stream, std::uint32_t connection, FeedTime now,
                     std::string_view reason);
  void OnConnectionLost(std::uint32_t connection, FeedTime now, std::string_view reason);
  /// The socket brings no data; it brings them again. Streams that no other socket carries are
  /// stale meanwhile.
  void OnSilent(std::uint32_t connection, FeedTime now);
  void OnFlows(std::uint32_t connection, FeedTime now);
  /// For so long we read nothing from any socket: that was no silence.
  void OnHeld(std::int64_t ns);
  /// Of any kind but depth and bookTicker, which are ignored. `frame` is borrowed for the call.
  void OnFrame(std::uint32_t connection, FeedTime now, const BinanceFrame& frame);

  /// `body` is the body of an HTTP 200; ids that are not outstanding are ignored.
  void OnAnswer(std::uint64_t fetch, FeedTime now, std::string_view body);
  void OnFetchFailed(std::uint64_t fetch, FeedTime now, std::string_view reason);

  /// Does what is due. Call it when `now` has reached next_tick_ns(), or more often.
  void OnTick(FeedTime now);
  /// Monotonic; BinanceFeed::kNoTick: nothing is due.
  std::int64_t next_tick_ns() const noexcept;

  /// exchangeInfo has been read at least once.
  bool instruments_known() const noexcept;
  /// When it was read last, monotonic.
  std::int64_t instruments_read_ns() const noexcept;
  /// False: not listed, or not known yet. Views are borrowed until the next OnAnswer.
  bool FindInstrument(std::string_view symbol, MarketInstrument& out) const;
  /// False: the venue says that it is halted or closed, or does not list it.
  bool IsTraded(std::string_view symbol) const;
  /// Of REST requests, in a minute, as exchangeInfo says; 0: not known.
  std::int64_t request_weight_per_minute() const noexcept;
  const MarketFeedCounters& counters() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0::detail
