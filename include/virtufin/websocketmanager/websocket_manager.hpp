// WebSocketManager: owns the feeds of a platform. A feed is one exchange adapter, by id: started
// with options as text, subscribed by channel and instrument, listed, stopped.
// Specification: docs/openspec/specs/websocketmanager/spec.md
// A plain class: no gRPC. Feeds live in memory: none comes back after a restart. What a feed says
// goes to the topics of its venue; two feeds of one venue publish to the same ones.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"

namespace virtufin::inline v0 {

struct WebSocketManagerOptions {
  std::size_t max_feeds = 100;            // at a time; each has threads and connections of its own
  std::int64_t stop_timeout_ms = 10'000;  // how long a handler of its events may hold up StopFeed
};

/// One option of a venue, as StartFeed takes it.
struct FeedOption {
  std::string key;
  std::string description;
  std::string default_value;  // as text; empty: none, or by venue
  std::string values = {};    // "1 to 5000", "true or false"; empty: any text
};

/// What a venue is called, what it can be told, and how its adapter is made.
struct FeedVenue {
  std::string name;  // as in topics: "binance"
  std::string description;
  std::vector<FeedOption> options;
  /// May run on any thread, several at once. Its errors are those of StartFeed.
  std::function<Result<std::unique_ptr<ExchangeAdapter>>(
      const std::map<std::string, std::string>& options)>
      make;
};

/// Equal requests of one feed are one of these.
struct FeedSubscription {
  FeedRequest request;  // parameters as the venue orders them, defaults left out
  SubscriptionState state = SubscriptionState::kPending;
  std::string reason;  // of the state
  std::int64_t since_unix_ns = 0;
  int references = 0;  // so many UnsubscribeFeed end it
};

struct FeedInfo {
  std::string id;  // a UUID
  std::string venue;
  /// kLive when all that is subscribed and was not rejected is; else the worst of these, the first
  /// of: stopped, disconnected, gap, resync, stale, pending. kRejected when all were rejected;
  /// kPending when nothing is subscribed.
  SubscriptionState state = SubscriptionState::kPending;
  std::vector<FeedSubscription> subscriptions;  // by channel, then instrument
  std::map<std::string, std::string> tags;
  AdapterCounters counters;
};

class WebSocketManager {
 public:
  using Tags = std::map<std::string, std::string>;
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  /// What `runtime` names is borrowed until the manager is destroyed.
  WebSocketManager(const WebSocketManagerOptions& options, const Runtime& runtime);
  /// Shutdown with stop_timeout_ms.
  ~WebSocketManager();
  WebSocketManager(const WebSocketManager&) = delete;
  WebSocketManager& operator=(const WebSocketManager&) = delete;

  /// Makes a venue known. Its adapters end before the manager does. [any]
  /// Errors: ALREADY_EXISTS for a name that is taken; INVALID_ARGUMENT without a name or `make`.
  Status RegisterVenue(FeedVenue venue);
  /// All venues with their options, by name. [any] [callback]
  std::vector<FeedVenue> Venues() const;
  /// One of them. [any] [callback] Errors: NOT_FOUND naming those that exist.
  Result<FeedVenue> FindVenue(std::string_view name) const;

  /// Makes and starts an adapter, which connects as soon as something is subscribed; answers the
  /// feed's id. `tags`: at most 50, with keys of 1 to 128 bytes and values of at most 1024. [any]
  /// Errors: NOT_FOUND for a venue or an option, naming those that exist; INVALID_ARGUMENT for the
  /// value of an option or a tag, saying what was expected; RESOURCE_EXHAUSTED beyond max_feeds,
  /// or without threads; UNAVAILABLE after Shutdown.
  Result<std::string> StartFeed(std::string_view venue,
                                const std::map<std::string, std::string>& options = {},
                                Tags tags = {});
  /// Asks for `channel` ("book", FeedChannelName) of each instrument; none: of all, where the
  /// channel has that. All of them or none. `parameters` are the venue's (binance_adapter.hpp).
  /// Subscribe the bus first: then you see the first snapshot. Equal requests count. What the venue
  /// refuses later, such as a symbol that it does not have, shows in ListFeeds. [any] [callback]
  /// Errors: NOT_FOUND for the feed; INVALID_ARGUMENT for the channel, naming those that exist, an
  /// instrument or a parameter; UNIMPLEMENTED for a channel that the venue lacks;
  /// RESOURCE_EXHAUSTED beyond the limits of the feed's options; UNAVAILABLE when it stops.
  Status SubscribeFeed(std::string_view id, std::string_view channel,
                       const std::vector<std::string>& instruments,
                       const Parameters& parameters = {});
  /// Takes back what SubscribeFeed asked for with the same words, once. All of them or none. [any]
  /// [callback]
  /// Errors: NOT_FOUND for the feed, or naming what is not subscribed; else as SubscribeFeed.
  Status UnsubscribeFeed(std::string_view id, std::string_view channel,
                         const std::vector<std::string>& instruments,
                         const Parameters& parameters = {});
  /// Publishes books once more, for who subscribed their topics late or missed events: see
  /// ExchangeAdapter::Republish. The words are those of SubscribeFeed. [any] [callback]
  /// Errors: NOT_FOUND for the feed, or naming what is not subscribed; UNIMPLEMENTED for other
  /// channels than "book"; else as SubscribeFeed.
  Status RepublishFeed(std::string_view id, std::string_view channel,
                       const std::vector<std::string>& instruments,
                       const Parameters& parameters = {});
  /// Ends the feed: its books say `disconnected`, and when this returns nothing of it is published
  /// any more. On executor and callback threads it returns at once, and the feed ends as soon as
  /// the handlers that hold it up return: a few more events may come. [any] [callback]
  /// Errors: NOT_FOUND; DEADLINE_EXCEEDED when a handler of its events did not return within
  /// stop_timeout_ms: the feed is abandoned.
  Status StopFeed(std::string_view id);
  /// The feeds that have all of these tags, by id. [any] [callback]
  std::vector<FeedInfo> ListFeeds(const Tags& filters = {}) const;
  /// The best bid and ask now: see ExchangeAdapter::TopOf. For every tick of a strategy: allocates
  /// nothing when it succeeds, waits for no handler. [any] [callback]
  /// Errors: NOT_FOUND for the feed, or an instrument of which neither book nor quotes are
  /// subscribed; UNAVAILABLE with their state while there is no live book and no quote: ask again;
  /// FAILED_PRECONDITION with the venue's reason when it rejected them for good.
  Result<TopOfBook> TopOf(std::string_view id, std::string_view instrument) const;

  /// Ends all feeds at the same time, and waits for those that end already; none can be started
  /// afterwards. Of `deadline`, half a second (at most half) is kept to tell what hangs. [owner]
  /// Errors: DEADLINE_EXCEEDED naming the feeds that were abandoned; FAILED_PRECONDITION on
  /// executor and callback threads.
  Status Shutdown(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace virtufin::inline v0
