// Feeds come, and end: here, aside, or all together.
#include "websocketmanager/feed_table.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace virtufin::inline v0::detail {
namespace {

/// An adapter keeps its deadline; this part of ours is for the threads to say so.
constexpr std::chrono::milliseconds kGrace{500};

Status Closed() {
  return Status(StatusCode::kUnavailable, "websocketmanager",
                "no feed can be started: the manager was shut down");
}

}  // namespace

Status FeedTable::Unknown(std::string_view id) const {
  return Status(StatusCode::kNotFound, "websocketmanager",
                "expected the id of a feed, found '" + std::string(id) + "'");
}

Status FeedTable::Reserve() {
  Join();
  const std::lock_guard lock(mutex_);
  if (closed_) return Closed();
  if (feeds_.size() + ending_.size() + abandoned_.size() + reserved_ >= most_) {
    return Status(StatusCode::kResourceExhausted, "websocketmanager",
                  "expected at most " + std::to_string(most_) + " feeds (max_feeds)");
  }
  ++reserved_;
  return {};
}

void FeedTable::GiveBack() {
  const std::lock_guard lock(mutex_);
  --reserved_;
}

Status FeedTable::Add(std::shared_ptr<Feed> feed) {
  const std::lock_guard lock(mutex_);
  if (closed_) return Closed();
  const std::string& id = feed->id();
  feeds_.emplace(id, std::move(feed));
  return {};
}

Result<std::shared_ptr<Feed>> FeedTable::Find(std::string_view id) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = feeds_.find(id); at != feeds_.end()) return at->second;
  }
  return Unknown(id);
}

std::vector<std::shared_ptr<Feed>> FeedTable::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Feed>> all;
  for (const auto& [_, feed] : feeds_) all.push_back(feed);
  return all;
}

/// Whoever runs it holds the table.
Status FeedTable::RunEnd(const std::shared_ptr<Feed>& feed, Milliseconds deadline,
                         const std::function<void(Status)>& failed) {
  Status status = feed->End(deadline);
  if (!status.ok() && failed) failed(status);
  const std::lock_guard lock(mutex_);
  if (auto node = ending_.extract(feed->id()); !node.empty() && node.mapped().thread.joinable()) {
    finished_.push_back(std::move(node.mapped().thread));
  }
  if (!status.ok()) abandoned_[feed->id()] = feed;
  changed_.notify_all();
  return status;
}

Status FeedTable::EndHere(std::string_view id, Milliseconds deadline) {
  Join();
  std::shared_ptr<Feed> feed;
  {
    const std::lock_guard lock(mutex_);
    const auto at = feeds_.find(id);
    if (at == feeds_.end()) return Unknown(id);
    feed = at->second;
    ending_[feed->id()].feed = feed;
    feeds_.erase(at);
  }
  return RunEnd(feed, deadline, nullptr);
}

void FeedTable::StartThread(const std::shared_ptr<Feed>& feed, Milliseconds deadline,
                            std::function<void(Status)> failed) {
  ending_[feed->id()].thread =
      std::thread([self = shared_from_this(), feed, deadline, failed = std::move(failed)] {
        static_cast<void>(self->RunEnd(feed, deadline, failed).ok());
      });
}

Status FeedTable::EndAside(std::string_view id, Milliseconds deadline,
                           std::function<void(Status)> failed) {
  const std::lock_guard lock(mutex_);
  const auto at = feeds_.find(id);
  if (at == feeds_.end()) return Unknown(id);
  const std::shared_ptr<Feed> feed = at->second;
  try {
    ending_[feed->id()].feed = feed;
    StartThread(feed, deadline, std::move(failed));
  } catch (const std::exception& e) {
    ending_.erase(feed->id());
    return Status(StatusCode::kResourceExhausted, "websocketmanager",
                  "no thread to end feed " + feed->id() + ": " + e.what());
  }
  feeds_.erase(at);
  return {};
}

Status FeedTable::EndAll(Milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  const Milliseconds share = deadline - std::min(kGrace, deadline / 2);
  std::vector<std::shared_ptr<Feed>> here;  // those that got no thread
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    std::vector<std::shared_ptr<Feed>> all;
    all.reserve(feeds_.size() + abandoned_.size());  // what throws, does so before any is taken
    here.reserve(all.capacity());
    for (auto& [_, feed] : feeds_) all.push_back(std::move(feed));
    for (auto& [_, feed] : abandoned_) all.push_back(std::move(feed));
    feeds_.clear();
    abandoned_.clear();
    for (const std::shared_ptr<Feed>& feed : all) {
      try {
        ending_[feed->id()].feed = feed;
        StartThread(feed, share, nullptr);
      } catch (const std::exception&) {
        here.push_back(feed);
      }
    }
  }
  for (const std::shared_ptr<Feed>& feed : here) {
    static_cast<void>(RunEnd(feed, share, nullptr).ok());
  }
  std::string left;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return ending_.empty(); });
    const auto name = [&left](const Feed& feed) {
      left.append(left.empty() ? "" : ", ").append(feed.id() + " (" + feed.venue() + ")");
    };
    for (auto& [_, one] : ending_) {
      name(*one.feed);
      if (one.thread.joinable()) one.thread.detach();
    }
    for (const auto& [_, feed] : abandoned_) name(*feed);
  }
  Join();
  if (left.empty()) return {};
  return Status(StatusCode::kDeadlineExceeded, "websocketmanager",
                "expected feeds to end, these did not and were abandoned: " + left);
}

/// They are at their last instructions.
void FeedTable::Join() {
  std::vector<std::thread> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (std::thread& thread : finished) thread.join();
}

}  // namespace virtufin::inline v0::detail
