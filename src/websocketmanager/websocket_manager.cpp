// Venues and their feeds: words are checked here, the rest is the adapters' and the table's.
#include "virtufin/websocketmanager/websocket_manager.hpp"

#include <algorithm>
#include <mutex>

#include "virtufin/core/tags.hpp"
#include "virtufin/core/uuid.hpp"
#include "websocketmanager/feed.hpp"
#include "websocketmanager/feed_table.hpp"

namespace virtufin::inline v0 {

using detail::Feed;
using detail::FeedTable;

namespace {

constexpr std::int64_t kYearMs = std::int64_t{365} * 86'400'000;

Status Fail(StatusCode code, std::string message) {
  return Status(code, "websocketmanager", std::move(message));
}

template <class Range, class Name>
std::string ListOf(const Range& range, Name name) {
  std::string list;
  for (const auto& one : range) list.append(list.empty() ? "" : ", ").append(name(one));
  return list.empty() ? "none" : list;
}

Result<std::vector<FeedRequest>> RequestsOf(std::string_view channel,
                                            const std::vector<std::string>& instruments,
                                            const WebSocketManager::Parameters& parameters) {
  const Result<FeedChannel> parsed = ParseFeedChannel(channel);
  if (!parsed.ok()) return parsed.status();
  std::vector<FeedRequest> requests;
  if (instruments.empty()) requests.push_back({*parsed, "", parameters});
  for (const std::string& instrument : instruments) {
    if (instrument.empty()) {
      return Fail(StatusCode::kInvalidArgument,
                  "instrument: expected a name, found ''; name none to ask for all");
    }
    requests.push_back({*parsed, instrument, parameters});
  }
  return requests;
}

}  // namespace

struct WebSocketManager::Impl {
  Impl(const WebSocketManagerOptions& given, const Runtime& needed)
      : options(given),
        runtime(needed),
        stop_timeout(std::clamp<std::int64_t>(given.stop_timeout_ms, 0, kYearMs)),
        table(std::make_shared<FeedTable>(given.max_feeds)) {}

  Result<std::shared_ptr<const FeedVenue>> FindVenue(std::string_view name) const {
    const std::lock_guard lock(venues_mutex);
    if (const auto at = venues.find(name); at != venues.end()) return at->second;
    return Fail(StatusCode::kNotFound,
                "venue: expected one of " +
                    ListOf(venues, [](const auto& one) { return one.first; }) + "; found '" +
                    std::string(name) + "'");
  }
  Result<std::unique_ptr<ExchangeAdapter>> MakeAdapter(
      std::string_view venue, const std::map<std::string, std::string>& given) const;

  const WebSocketManagerOptions options;
  const Runtime runtime;
  const std::chrono::milliseconds stop_timeout;
  const std::shared_ptr<FeedTable> table;
  mutable std::mutex venues_mutex;
  std::map<std::string, std::shared_ptr<const FeedVenue>, std::less<>> venues;
};

Result<std::unique_ptr<ExchangeAdapter>> WebSocketManager::Impl::MakeAdapter(
    std::string_view name, const std::map<std::string, std::string>& given) const {
  const auto venue = FindVenue(name);
  if (!venue.ok()) return venue.status();
  const std::vector<FeedOption>& known = (*venue)->options;
  for (const auto& [key, _] : given) {
    const auto is = [&key = key](const FeedOption& option) { return option.key == key; };
    if (std::any_of(known.begin(), known.end(), is)) continue;
    return Fail(StatusCode::kNotFound,
                "option of venue " + std::string(name) + ": expected one of " +
                    ListOf(known, [](const FeedOption& option) { return option.key; }) +
                    "; found '" + key + "'");
  }
  auto adapter = (*venue)->make(given);
  if (adapter.ok() && *adapter == nullptr) {
    return Fail(StatusCode::kInternal, "venue " + std::string(name) + " made no adapter");
  }
  return adapter;
}

WebSocketManager::WebSocketManager(const WebSocketManagerOptions& options, const Runtime& runtime)
    : impl_(std::make_unique<Impl>(options, runtime)) {}

WebSocketManager::~WebSocketManager() {
  if (Status status = Shutdown(impl_->stop_timeout); !status.ok()) {
    impl_->runtime.log.Write(LogLevel::kError, "websocketmanager", status.ToString());
  }
}

Status WebSocketManager::RegisterVenue(FeedVenue venue) {
  if (venue.name.empty() || !venue.make) {
    return Fail(StatusCode::kInvalidArgument,
                "venue: expected a name and a function that makes it");
  }
  auto shared = std::make_shared<const FeedVenue>(std::move(venue));
  const std::lock_guard lock(impl_->venues_mutex);
  if (!impl_->venues.emplace(shared->name, shared).second) {
    return Fail(StatusCode::kAlreadyExists, "venue: '" + shared->name + "' is there already");
  }
  return {};
}

std::vector<FeedVenue> WebSocketManager::Venues() const {
  const std::lock_guard lock(impl_->venues_mutex);
  std::vector<FeedVenue> all;
  for (const auto& [_, venue] : impl_->venues) all.push_back(*venue);
  return all;
}

Result<FeedVenue> WebSocketManager::FindVenue(std::string_view name) const {
  const auto venue = impl_->FindVenue(name);
  if (!venue.ok()) return venue.status();
  return **venue;
}

Result<std::string> WebSocketManager::StartFeed(std::string_view venue,
                                                const std::map<std::string, std::string>& options,
                                                Tags tags) {
  if (Status status = CheckTags(tags, "websocketmanager"); !status.ok()) return status;
  FeedTable& table = *impl_->table;
  if (Status status = table.Reserve(); !status.ok()) return status;
  struct Place {
    FeedTable& table;
    ~Place() { table.GiveBack(); }
  } place{table};
  auto adapter = impl_->MakeAdapter(venue, options);
  if (!adapter.ok()) return adapter.status();
  if (Status status = (*adapter)->Start(); !status.ok()) return status;
  std::string id = Uuid::V4().ToString();
  auto feed = std::make_shared<Feed>(id, std::string(venue), std::move(tags), std::move(*adapter));
  if (Status status = table.Add(std::move(feed)); !status.ok()) return status;
  return id;
}

Status WebSocketManager::SubscribeFeed(std::string_view id, std::string_view channel,
                                       const std::vector<std::string>& instruments,
                                       const Parameters& parameters) {
  const auto feed = impl_->table->Find(id);
  if (!feed.ok()) return feed.status();
  const auto requests = RequestsOf(channel, instruments, parameters);
  return requests.ok() ? (*feed)->Subscribe(*requests) : requests.status();
}

Status WebSocketManager::UnsubscribeFeed(std::string_view id, std::string_view channel,
                                         const std::vector<std::string>& instruments,
                                         const Parameters& parameters) {
  const auto feed = impl_->table->Find(id);
  if (!feed.ok()) return feed.status();
  const auto requests = RequestsOf(channel, instruments, parameters);
  return requests.ok() ? (*feed)->Unsubscribe(*requests) : requests.status();
}

Status WebSocketManager::RepublishFeed(std::string_view id, std::string_view channel,
                                       const std::vector<std::string>& instruments,
                                       const Parameters& parameters) {
  const auto feed = impl_->table->Find(id);
  if (!feed.ok()) return feed.status();
  const auto requests = RequestsOf(channel, instruments, parameters);
  return requests.ok() ? (*feed)->Republish(*requests) : requests.status();
}

Status WebSocketManager::StopFeed(std::string_view id) {
  if (CurrentThreadKind() == ThreadKind::kForeign) {
    return impl_->table->EndHere(id, impl_->stop_timeout);
  }
  return impl_->table->EndAside(id, impl_->stop_timeout, [&log = impl_->runtime.log](Status why) {
    log.Write(LogLevel::kError, "websocketmanager", why.ToString());
  });
}

std::vector<FeedInfo> WebSocketManager::ListFeeds(const Tags& filters) const {
  std::vector<FeedInfo> list;
  for (const std::shared_ptr<Feed>& feed : impl_->table->All()) {
    if (feed->Has(filters)) list.push_back(feed->Info());
  }
  return list;
}

Result<TopOfBook> WebSocketManager::TopOf(std::string_view id, std::string_view instrument) const {
  const auto feed = impl_->table->Find(id);
  return feed.ok() ? (*feed)->TopOf(instrument) : feed.status();
}

Status WebSocketManager::Shutdown(std::chrono::milliseconds deadline) {
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    return Fail(StatusCode::kFailedPrecondition,
                "Shutdown: expected a thread of the application, found one of the library");
  }
  return impl_->table->EndAll(std::clamp<std::chrono::milliseconds>(
      deadline, std::chrono::milliseconds(0), std::chrono::milliseconds(kYearMs)));
}

}  // namespace virtufin::inline v0
