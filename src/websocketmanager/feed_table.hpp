// FeedTable: which feeds there are, and which of them end; shared with the threads that end them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "websocketmanager/feed.hpp"

namespace virtufin::inline v0::detail {

class FeedTable : public std::enable_shared_from_this<FeedTable> {
 public:
  using Milliseconds = std::chrono::milliseconds;

  explicit FeedTable(std::size_t most) noexcept : most_(most) {}

  /// Keeps a place for a feed that is being made. Errors: RESOURCE_EXHAUSTED; UNAVAILABLE.
  Status Reserve();
  void GiveBack();
  /// In the place that was kept. Errors: UNAVAILABLE when closed meanwhile; the feed is not taken.
  Status Add(std::shared_ptr<Feed> feed);

  Result<std::shared_ptr<Feed>> Find(std::string_view id) const;  // Errors: NOT_FOUND
  std::vector<std::shared_ptr<Feed>> All() const;

  /// Ends a feed on the calling thread. Errors: NOT_FOUND; those of Feed::End.
  Status EndHere(std::string_view id, Milliseconds deadline);
  /// The same on a thread of its own; what fails goes to `failed`, there. Errors: NOT_FOUND;
  /// RESOURCE_EXHAUSTED without a thread: the feed goes on.
  Status EndAside(std::string_view id, Milliseconds deadline, std::function<void(Status)> failed);
  /// Takes no feed any more, ends all at the same time, also those that were abandoned before, and
  /// waits. Errors: DEADLINE_EXCEEDED naming those that did not end.
  Status EndAll(Milliseconds deadline);

 private:
  struct Ending {
    std::shared_ptr<Feed> feed;
    std::thread thread;  // none: the one that asked
  };

  Status Unknown(std::string_view id) const;
  void StartThread(const std::shared_ptr<Feed>& feed, Milliseconds deadline,
                   std::function<void(Status)> failed);  // with the lock held; throws
  Status RunEnd(const std::shared_ptr<Feed>& feed, Milliseconds deadline,
                const std::function<void(Status)>& failed);
  void Join();

  const std::size_t most_;
  // Plain: readers that overlap would keep a writer out of a shared one, and StopFeed with it.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Feed>, std::less<>> feeds_;
  std::map<std::string, Ending, std::less<>> ending_;
  std::map<std::string, std::shared_ptr<Feed>, std::less<>> abandoned_;
  std::vector<std::thread> finished_;
  std::size_t reserved_ = 0;
  bool closed_ = false;
};

}  // namespace virtufin::inline v0::detail
