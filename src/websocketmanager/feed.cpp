// One feed: its subscriptions by the words they were asked for with, and its end.
#include "websocketmanager/feed.hpp"

#include <algorithm>
#include <cstddef>

namespace virtufin::inline v0::detail {
namespace {

constexpr std::size_t kListed = 10;  // of what exists, in an error

std::string TextOf(const FeedRequest& request) {
  std::string text(FeedChannelName(request.channel));
  if (!request.instrument.empty()) text.append(" ").append(request.instrument);
  for (const auto& [name, value] : request.parameters) {
    text.append(" ").append(name).append("=").append(value);
  }
  return text;
}

bool Same(const FeedRequest& a, const FeedRequest& b) {
  return a.channel == b.channel && a.instrument == b.instrument &&
         std::is_permutation(a.parameters.begin(), a.parameters.end(), b.parameters.begin(),
                             b.parameters.end());
}

/// The first that any subscription is in; see FeedInfo::state.
SubscriptionState Worst(const std::vector<FeedSubscription>& all) {
  using enum SubscriptionState;
  if (all.empty()) return kPending;
  for (const SubscriptionState state :
       {kStopped, kDisconnected, kGap, kResync, kStale, kPending, kLive}) {
    const auto is = [state](const FeedSubscription& one) { return one.state == state; };
    if (std::any_of(all.begin(), all.end(), is)) return state;
  }
  return kRejected;
}

}  // namespace

bool Feed::Has(const WebSocketManager::Tags& tags) const {
  return std::all_of(tags.begin(), tags.end(), [this](const auto& tag) {
    const auto at = tags_.find(tag.first);
    return at != tags_.end() && at->second == tag.second;
  });
}

Status Feed::Ended() const {
  return Status(StatusCode::kUnavailable, "websocketmanager",
                "expected a running feed: " + id_ + " was stopped");
}

Status Feed::Subscribe(const std::vector<FeedRequest>& requests) {
  const std::shared_lock use(gate_);
  if (adapter_ == nullptr || ending_) return Ended();
  std::vector<Asked> made;
  Status failed;
  for (const FeedRequest& request : requests) {
    Result<FeedHandle> handle = adapter_->Subscribe(request);
    Result<SubscriptionStatus> status = handle.ok() ? adapter_->StatusOf(*handle) : handle.status();
    if (!status.ok()) {
      failed = status.status();
      break;
    }
    made.push_back({request, std::move(status->request), *handle});
  }
  if (!failed.ok()) {
    for (const Asked& one : made) static_cast<void>(adapter_->Unsubscribe(one.handle).ok());
    return failed;
  }
  const std::lock_guard lock(mutex_);
  for (Asked& one : made) {
    Key key(one.known.channel, one.known.instrument);
    asked_.emplace(std::move(key), std::move(one));
  }
  return {};
}

Feed::Table::iterator Feed::Find(const FeedRequest& request, const std::set<FeedHandle>& but) {
  auto [at, end] = asked_.equal_range({request.channel, request.instrument});
  for (; at != end; ++at) {
    const Asked& one = at->second;
    if ((Same(one.asked, request) || Same(one.known, request)) && !but.contains(one.handle)) {
      return at;
    }
  }
  return asked_.end();
}

/// With the lock held.
Status Feed::NotSubscribed(const FeedRequest& request) const {
  std::set<std::string> there;
  for (const auto& [_, one] : asked_) {
    if (one.known.channel == request.channel) there.insert(TextOf(one.known));
    if (there.size() > kListed) break;
  }
  std::string list;
  std::size_t count = 0;
  for (const std::string& text : there) {
    list.append(list.empty() ? "" : ", ").append(++count > kListed ? "..." : text);
  }
  return Status(StatusCode::kNotFound, "websocketmanager",
                "feed " + id_ + ": expected what is subscribed (" +
                    (list.empty() ? "nothing of this channel" : list) + "), found '" +
                    TextOf(request) + "'");
}

Status Feed::Unsubscribe(const std::vector<FeedRequest>& requests) {
  const std::shared_lock use(gate_);
  if (adapter_ == nullptr || ending_) return Ended();
  std::set<FeedHandle> handles;
  {
    const std::lock_guard lock(mutex_);
    std::vector<Table::iterator> found;
    for (const FeedRequest& request : requests) {
      const auto at = Find(request, handles);
      if (at == asked_.end()) return NotSubscribed(request);
      found.push_back(at);
      handles.insert(at->second.handle);
    }
    for (const auto at : found) asked_.erase(at);
  }
  for (const FeedHandle handle : handles) {
    static_cast<void>(adapter_->Unsubscribe(handle).ok());  // it was given out, and taken just now
  }
  return {};
}

Status Feed::Republish(const std::vector<FeedRequest>& requests) {
  const std::shared_lock use(gate_);
  if (adapter_ == nullptr || ending_) return Ended();
  std::set<FeedHandle> handles;
  {
    const std::lock_guard lock(mutex_);
    for (const FeedRequest& request : requests) {
      const auto at = Find(request, {});
      if (at == asked_.end()) return NotSubscribed(request);
      handles.insert(at->second.handle);
    }
  }
  Status first;
  for (const FeedHandle handle : handles) {
    Status status = adapter_->Republish(handle);
    if (first.ok()) first = std::move(status);
  }
  return first;
}

Result<TopOfBook> Feed::TopOf(std::string_view instrument) const {
  const std::shared_lock use(gate_);
  if (adapter_ == nullptr) return Ended();
  return adapter_->TopOf(instrument);
}

FeedInfo Feed::Info() const {
  FeedInfo info;
  info.id = id_;
  info.venue = venue_;
  info.tags = tags_;
  const std::shared_lock use(gate_);
  if (adapter_ == nullptr) {
    info.state = SubscriptionState::kStopped;
    return info;
  }
  info.counters = adapter_->counters();
  const std::lock_guard lock(mutex_);
  auto& all = info.subscriptions;
  const Key* key = nullptr;
  std::size_t first = 0;  // of this key, in `all`
  for (const auto& [of, asked] : asked_) {
    if (key == nullptr || *key != of) first = all.size();
    key = &of;
    const auto same = [&known = asked.known](const FeedSubscription& one) {
      return Same(one.request, known);
    };
    if (std::any_of(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(), same)) continue;
    Result<SubscriptionStatus> status = adapter_->StatusOf(asked.handle);
    if (!status.ok()) continue;
    all.push_back({std::move(status->request), status->state, std::move(status->reason),
                   status->since_unix_ns, status->references});
  }
  info.state = Worst(all);
  return info;
}

Status Feed::End(std::chrono::milliseconds deadline) {
  ending_ = true;
  if (Status status = adapter_->Stop(deadline); !status.ok()) {
    return Status(status.code(), "websocketmanager",
                  "feed " + id_ + " (" + venue_ + "): " + std::string(status.message()));
  }
  std::unique_ptr<ExchangeAdapter> gone;  // destroyed without the gate
  const std::unique_lock nobody(gate_);
  gone = std::move(adapter_);
  return {};
}

}  // namespace virtufin::inline v0::detail
