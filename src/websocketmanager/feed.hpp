// Feed: one adapter with its subscriptions, usable by any thread until it has ended.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/exchange/adapter.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

namespace virtufin::inline v0::detail {

class Feed {
 public:
  Feed(std::string id, std::string venue, WebSocketManager::Tags tags,
       std::unique_ptr<ExchangeAdapter> adapter)
      : id_(std::move(id)),
        venue_(std::move(venue)),
        tags_(std::move(tags)),
        adapter_(std::move(adapter)) {}

  const std::string& id() const noexcept { return id_; }
  const std::string& venue() const noexcept { return venue_; }
  bool Has(const WebSocketManager::Tags& tags) const;

  // [any] [callback], as the functions of WebSocketManager.
  Status Subscribe(const std::vector<FeedRequest>& requests);
  Status Unsubscribe(const std::vector<FeedRequest>& requests);
  Status Republish(const std::vector<FeedRequest>& requests);
  Result<TopOfBook> TopOf(std::string_view instrument) const;
  FeedInfo Info() const;

  /// Stops the adapter and destroys it; may be tried again when it failed. On a foreign thread, one
  /// at a time. Errors: DEADLINE_EXCEEDED naming the feed; the adapter is still there.
  Status End(std::chrono::milliseconds deadline);

 private:
  /// As it was asked for, and as the venue spells it.
  struct Asked {
    FeedRequest asked, known;
    FeedHandle handle = 0;
  };
  using Key = std::pair<FeedChannel, std::string>;  // channel, instrument
  using Table = std::multimap<Key, Asked>;

  Table::iterator Find(const FeedRequest& request, const std::set<FeedHandle>& but);
  Status NotSubscribed(const FeedRequest& request) const;
  Status Ended() const;

  const std::string id_, venue_;
  const WebSocketManager::Tags tags_;
  mutable std::shared_mutex gate_;            // shared: the adapter stays while it is used
  std::unique_ptr<ExchangeAdapter> adapter_;  // null: ended
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;  // of what follows; taken inside gate_
  Table asked_;
};

}  // namespace virtufin::inline v0::detail
