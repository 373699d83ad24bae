// The nouns feed list and feed options: what there is, as it was at one moment.
#include <map>
#include <string>
#include <vector>

#include "guard.hpp"
#include "handles.hpp"
#include "pairs.hpp"
#include "virtufin/websocketmanager/websocket_manager.hpp"

using virtufin::AdapterCounters;
using virtufin::FeedInfo;
using virtufin::FeedOption;
using virtufin::FeedSubscription;
using virtufin::FeedVenue;
using virtufin::Status;
using virtufin::SubscriptionState;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::Str;
using virtufin::c::ToPairs;

namespace {

using Pairs = std::vector<virtufin_pair_t>;

static_assert(static_cast<int>(SubscriptionState::kPending) == VIRTUFIN_FEED_PENDING &&
              static_cast<int>(SubscriptionState::kLive) == VIRTUFIN_FEED_LIVE &&
              static_cast<int>(SubscriptionState::kResync) == VIRTUFIN_FEED_RESYNC &&
              static_cast<int>(SubscriptionState::kStopped) == VIRTUFIN_FEED_STOPPED);

/// One feed, and the arrays that refer to its texts.
struct Entry {
  explicit Entry(FeedInfo&& info) : feed(std::move(info)), tags(ToPairs(feed.tags)) {
    for (const FeedSubscription& one : feed.subscriptions) {
      parameters.push_back(ToPairs(one.request.parameters));
    }
  }
  const FeedInfo feed;
  const Pairs tags;
  std::vector<Pairs> parameters;  // by subscription
};

void Fill(const AdapterCounters& from, virtufin_feed_info_t& to) {
  to.frames = from.frames;
  to.events = from.events;
  to.unpublished = from.unpublished;
  to.reconnects = from.reconnects;
  to.gaps = from.gaps;
  to.resyncs = from.resyncs;
  to.missing = from.missing;
  to.dropped = from.dropped;
  to.connections = from.connections;
  to.banned_until_unix_ns = from.banned_until_unix_ns;
}

}  // namespace

struct virtufin_feed_list {
  std::vector<std::unique_ptr<const Entry>> entries;
};

struct virtufin_feed_options {
  FeedVenue venue;
};

virtufin_status_t virtufin_feed_list_create(const virtufin_platform_t* platform,
                                            const virtufin_pair_t* tags, size_t tag_count,
                                            virtufin_feed_list_t** list, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"list", list}});
    std::map<std::string, std::string> filters;
    if (status.ok()) status = virtufin::c::ReadPairs("tags", tags, tag_count, filters);
    if (!status.ok()) return status;
    return virtufin::c::GiveHandle(list, [&](virtufin_feed_list_t& handle) {
      for (FeedInfo& feed : (*platform->platform->feeds())->ListFeeds(filters)) {
        handle.entries.push_back(std::make_unique<const Entry>(std::move(feed)));
      }
      return Status();
    });
  });
}

size_t virtufin_feed_list_get_count(const virtufin_feed_list_t* list) {
  return list == nullptr ? 0 : list->entries.size();
}

virtufin_status_t virtufin_feed_list_get_info(const virtufin_feed_list_t* list, size_t index,
                                              virtufin_feed_info_t* info,
                                              virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"list", list}, {"info", info}});
    if (!status.ok()) return status;
    if (index >= list->entries.size()) return virtufin::c::BadIndex(index, list->entries.size());
    const Entry& entry = *list->entries[index];
    virtufin_feed_info_t known{};
    known.state = static_cast<std::int32_t>(entry.feed.state);
    known.id = Str(entry.feed.id);
    known.venue = Str(entry.feed.venue);
    known.tags = entry.tags.data();
    known.tag_count = entry.tags.size();
    known.subscription_count = entry.feed.subscriptions.size();
    Fill(entry.feed.counters, known);
    return virtufin::c::WriteStruct(known, info);
  });
}

virtufin_status_t virtufin_feed_list_get_subscription(const virtufin_feed_list_t* list, size_t feed,
                                                      size_t index,
                                                      virtufin_feed_subscription_t* subscription,
                                                      virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"list", list}, {"subscription", subscription}});
    if (!status.ok()) return status;
    if (feed >= list->entries.size()) return virtufin::c::BadIndex(feed, list->entries.size());
    const Entry& entry = *list->entries[feed];
    const auto& all = entry.feed.subscriptions;
    if (index >= all.size()) return virtufin::c::BadIndex(index, all.size());
    const FeedSubscription& one = all[index];
    const Pairs& parameters = entry.parameters[index];
    const virtufin_feed_subscription_t known = {sizeof(known),
                                                static_cast<std::int32_t>(one.state),
                                                Str(virtufin::FeedChannelName(one.request.channel)),
                                                Str(one.request.instrument),
                                                Str(one.reason),
                                                parameters.data(),
                                                parameters.size(),
                                                one.since_unix_ns,
                                                static_cast<std::uint64_t>(one.references)};
    return virtufin::c::WriteStruct(known, subscription);
  });
}

void virtufin_feed_list_free(virtufin_feed_list_t* list) { delete list; }

virtufin_status_t virtufin_feed_options_create(const virtufin_platform_t* platform,
                                               virtufin_str_t venue,
                                               virtufin_feed_options_t** options,
                                               virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"options", options}});
    if (!status.ok()) return status;
    return virtufin::c::GiveHandle(options, [&](virtufin_feed_options_t& handle) {
      auto found = (*platform->platform->feeds())->FindVenue(virtufin::c::View(venue));
      if (found.ok()) handle.venue = std::move(*found);
      return found.status();
    });
  });
}

size_t virtufin_feed_options_get_count(const virtufin_feed_options_t* options) {
  return options == nullptr ? 0 : options->venue.options.size();
}

virtufin_status_t virtufin_feed_options_describe(const virtufin_feed_options_t* options,
                                                 size_t index, virtufin_option_info_t* info,
                                                 virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"options", options}, {"info", info}});
    if (!status.ok()) return status;
    const std::vector<FeedOption>& all = options->venue.options;
    if (index >= all.size()) return virtufin::c::BadIndex(index, all.size());
    const FeedOption& one = all[index];
    const virtufin_option_info_t known = {sizeof(known),          0,
                                          Str(one.key),           Str(one.description),
                                          Str(one.default_value), Str(one.values)};
    return virtufin::c::WriteStruct(known, info);
  });
}

void virtufin_feed_options_free(virtufin_feed_options_t* options) { delete options; }
