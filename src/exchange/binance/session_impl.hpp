// What a BinanceSession is made of.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/binance/book_watch.hpp"
#include "exchange/binance/connections.hpp"
#include "exchange/binance/rest_queue.hpp"
#include "exchange/binance/session.hpp"
#include "exchange/binance/streams.hpp"
#include "exchange/event_cause.hpp"

namespace virtufin::inline v0::detail {

/// Routes between the parts: the feeds ask and publish, the connections tell what runs where, the
/// queue brings answers. Parts call it back from inside their functions; it then only notes what is
/// to be done with the part that called, and Settle does it.
struct BinanceSession::Impl final : BinanceFeedSink,
                                    MarketFeedSink,
                                    BinanceFetcher,
                                    BookWatchOwner,
                                    ConnectionsOwner {
  struct Subscription {
    StreamPlan plan;
    VenueStream* stream = nullptr;  // null: REST only, or rejected
    int references = 0;
    bool rejected = false;
    std::string reason;              // of the rejection
    std::int64_t since_unix_ns = 0;  // subscribed, rejected
    std::shared_ptr<StatusCell> cell = std::make_shared<StatusCell>();
  };
  /// All that is subscribed of one instrument, or without one.
  struct Lane {
    std::vector<Subscription*> all;
    bool changed = false;  // listed in `changed_lanes`
  };

  Impl(const BinanceSessionOptions& o, Clock& clock, VenueLink& link, BinanceSessionSink& sink);
  Status Build();

  BinanceSessionOptions options;  // with all defaults by market filled in
  Clock& clock;
  VenueLink& link;
  BinanceSessionSink& sink;
  std::shared_ptr<RateLimiter> limiter;  // of requests
  std::unique_ptr<Connections> connections;
  std::unique_ptr<RestQueue> rest;
  std::unique_ptr<BinanceFeed> books;  // feeds end first: they take back what they asked for
  std::unique_ptr<BinanceMarketFeed> market;
  std::unique_ptr<BookWatch> watch;
  EventCause cause{"session"};

  bool started = false, stopped = false;
  bool market_started = false;
  std::int64_t stopped_unix_ns = 0;
  std::map<std::string, std::unique_ptr<Subscription>, std::less<>> subscriptions;  // by key
  std::map<FeedHandle, Subscription*> handles;
  std::map<std::string, std::vector<Subscription*>, std::less<>> books_of;  // by symbol
  std::map<std::string, Lane, std::less<>> lanes;                           // by instrument
  std::vector<Lane*> changed_lanes;  // whose cells are not up to date
  FeedHandle last_handle = 0;

  bool dirty = false;                // Settle has something to do
  std::vector<std::string> refused;  // streams, with `refused_reasons`
  std::vector<std::string> refused_reasons;
  std::int64_t next_ns = BinanceFeed::kNoTick;  // of connections and queue
  std::string venue_state, venue_reason;        // as published last
  std::uint32_t venue_socket = 0;               // the newest that was open
  bool socket_failed = false;                   // once at least
  std::int64_t refreshed_ns = INT64_MIN / 2;    // exchangeInfo was asked for because of a symbol
  std::uint64_t rejections = 0, stray = 0, events = 0;

  bool Running() const noexcept { return started && !stopped; }

  // Subscriptions (session_subscriptions.cpp).
  Status Join(Subscription& subscription, FeedTime now);
  void Leave(Subscription& subscription, FeedTime now, std::string_view reason);
  Status UpdateParts(std::string_view symbol, FeedTime now, std::string_view reason);
  void Reject(Subscription& subscription, FeedTime now, std::string reason);
  void RejectRefused(FeedTime now);
  void RejectBooks(std::string_view symbol, FeedTime now, std::string_view reason);
  void CheckSymbol(Subscription& subscription, FeedTime now, bool just_read);
  void StartMarket(FeedTime now);
  SubscriptionStatus StatusOf(const Subscription& subscription) const;
  void Enter(Subscription& subscription);
  void Remove(const Subscription& subscription);
  void NoteChange(std::string_view instrument);
  void NoteChanges();
  void NoteListings();
  void WriteCells();

  // Routing (session.cpp).
  void TellLive(const VenueStream& stream, std::uint32_t socket, FeedTime now);
  void OnControl(std::uint32_t socket, FeedTime now, std::string_view text);
  void OnEnded(const RestQueue::Ended& ended, FeedTime now, std::string_view body);
  void PublishStatus(std::string_view symbol, std::string_view scope, std::string_view channel,
                     std::string_view state, std::uint64_t session, std::string_view reason,
                     FeedTime now);
  void TellVenue(FeedTime now);
  void Settle(FeedTime now);

  void Publish(const Message& message) override {
    if (!changed_lanes.empty()) WriteCells();  // whoever gets the message may look
    ++events;
    sink.Publish(message);
  }
  void FetchSnapshot(std::string_view symbol, std::uint64_t request) override;
  void CancelSnapshot(std::string_view symbol, std::uint64_t request) override;
  void Resubscribe(std::string_view stream, FeedTime now) override;
  void Fetch(const BinanceFetch& fetch) override;
  void CancelFetch(std::uint64_t id) override;
  void OnSocketOpen(std::uint32_t socket, BinanceRoute route, FeedTime now) override;
  void OnSocketClosed(std::uint32_t socket, BinanceRoute route, bool was_open, FeedTime now,
                      std::string_view reason, std::int64_t retry_ms) override;
  void OnSocketSilent(std::uint32_t socket, BinanceRoute route, FeedTime now,
                      std::string_view reason) override;
  void OnSocketFlows(std::uint32_t socket, BinanceRoute route, FeedTime now) override;
  void FetchTop(const BinanceFetch& fetch) override;
  bool IsTraded(std::string_view symbol) override { return market->IsTraded(symbol); }
  bool IsHalted(std::string_view symbol) override {
    MarketInstrument listed;
    return market->FindInstrument(symbol, listed) && !market->IsTraded(symbol);
  }
  void OnBookLost(std::string_view symbol, FeedTime now, bool renew) override;
  void OnStreamLive(const VenueStream& stream, std::uint32_t socket, FeedTime now) override;
  void OnStreamEnded(const VenueStream& stream, std::uint32_t socket, FeedTime now,
                     std::string_view reason) override;
  void OnStreamRefused(const VenueStream& stream, FeedTime now, std::string_view reason) override;
  void OnStreamState(const VenueStream& stream) override { NoteChange(stream.symbol); }
};

}  // namespace virtufin::inline v0::detail
