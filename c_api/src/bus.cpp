// The nouns bus and subscription.
#include <vector>

#include "delivery.hpp"
#include "guard.hpp"
#include "handles.hpp"

using virtufin::Dispatch;
using virtufin::Message;
using virtufin::Overflow;
using virtufin::Status;
using virtufin::SubscribeOptions;
using virtufin::c::Guard;
using virtufin::c::Require;
using virtufin::c::UserData;
using virtufin::c::View;

struct virtufin_subscription {
  virtufin::Subscription subscription;
};

namespace {

static_assert(static_cast<int>(Overflow::kDropOldest) == VIRTUFIN_OVERFLOW_DROP_OLDEST &&
              static_cast<int>(Overflow::kDropNewest) == VIRTUFIN_OVERFLOW_DROP_NEWEST &&
              static_cast<int>(Overflow::kConflate) == VIRTUFIN_OVERFLOW_CONFLATE);

Status CheckRange(const char* field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return virtufin::c::Invalid(std::string(field) + ": expected " + std::to_string(low) + " to " +
                              std::to_string(high) + ", found " + std::to_string(value));
}

Status Check(const virtufin_subscribe_options_t& given) {
  constexpr std::int64_t kMost = INT64_MAX;
  Status status = CheckRange("dispatch", given.dispatch, 0, 1);
  if (status.ok()) status = CheckRange("overflow", given.overflow, 0, 3);
  if (status.ok()) status = CheckRange("block_timeout_ms", given.block_timeout_ms, 0, kMost);
  if (status.ok()) status = CheckRange("patterns", given.patterns, 0, 1);
  if (status.ok()) status = CheckRange("unordered", given.unordered, 0, 1);
  if (status.ok()) status = CheckRange("retries", given.retries, -1, INT32_MAX);
  if (status.ok()) status = CheckRange("no_dead_letter", given.no_dead_letter, 0, 1);
  if (status.ok())
    status = CheckRange("first_retry_delay_ms", given.first_retry_delay_ms, 0, kMost);
  if (status.ok()) status = CheckRange("deferred_timeout_ms", given.deferred_timeout_ms, -1, kMost);
  return status;
}

/// 0 leaves the default; -1 is zero.
template <class Field, class Given>
void Override(Field& field, Given given) {
  if (given != 0) field = given < 0 ? Field(0) : static_cast<Field>(given);
}

void Apply(const virtufin_subscribe_options_t& given, SubscribeOptions& options) {
  options.dispatch =
      given.dispatch == VIRTUFIN_DISPATCH_INLINE ? Dispatch::kInline : Dispatch::kQueued;
  options.overflow = static_cast<Overflow>(given.overflow);
  if (given.capacity != 0) options.capacity = given.capacity;
  Override(options.block_timeout_ms, given.block_timeout_ms);
  options.name = View(given.name);
  options.group = View(given.group);
  options.patterns = given.patterns != 0;
  options.ordered = given.unordered == 0;
  Override(options.retry.retries, given.retries);
  Override(options.retry.first_delay_ms, given.first_retry_delay_ms);
  Override(options.retry.attempt_timeout_ms, given.deferred_timeout_ms);
  options.retry.dead_letter = given.no_dead_letter == 0;
}

Status Read(const virtufin_subscribe_options_t* given, SubscribeOptions& options) {
  if (given == nullptr) return {};
  virtufin_subscribe_options_t known{};
  Status status = virtufin::c::ReadStruct(given, known);
  if (status.ok()) status = Check(known);
  if (status.ok()) Apply(known, options);
  return status;
}

struct Topics {
  const virtufin_str_t* names;
  std::size_t count;
};

Status Subscribe(virtufin::PubSub& bus, const Topics& topics,
                 const virtufin_subscribe_options_t* given, virtufin::MessageHandler handler,
                 virtufin_subscription_t** subscription) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < topics.count; ++i) names.push_back(View(topics.names[i]));
  SubscribeOptions options;
  if (Status status = Read(given, options); !status.ok()) return status;
  return virtufin::c::GiveHandle(subscription, [&](virtufin_subscription& handle) {
    auto made = bus.Subscribe(names, options, std::move(handler));
    if (made.ok()) handle.subscription = *std::move(made);
    return made.status();
  });
}

virtufin_subscription_counters_t Known(const virtufin::SubscriptionCounters& counters) {
  virtufin_subscription_counters_t known{};
  known.struct_size = sizeof(known);
  known.lagging = counters.lagging ? 1 : 0;
  known.delivered = counters.delivered;
  known.dropped = counters.dropped;
  known.conflated = counters.conflated;
  known.missed_lagging = counters.missed_lagging;
  known.failed = counters.failed;
  known.retried = counters.retried;
  known.dead_lettered = counters.dead_lettered;
  known.queued = counters.queued;
  known.parked = counters.parked;
  return known;
}

}  // namespace

virtufin_status_t virtufin_bus_publish(virtufin_platform_t* platform, virtufin_str_t topic,
                                       const virtufin_event_t* event, virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"platform", platform}, {"event", event}});
    if (!status.ok()) return status;
    return platform->platform->bus().Publish(Message(View(topic), event->event));
  });
}

virtufin_status_t virtufin_bus_subscribe(virtufin_platform_t* platform, virtufin_str_t topic,
                                         const virtufin_subscribe_options_t* options,
                                         virtufin_event_fn handler, void* user_data,
                                         virtufin_finalizer_t finalizer,
                                         virtufin_subscription_t** subscription,
                                         virtufin_error_t** error) {
  return virtufin_bus_subscribe_many(platform, &topic, 1, options, handler, user_data, finalizer,
                                     subscription, error);
}

virtufin_status_t virtufin_bus_subscribe_many(virtufin_platform_t* platform,
                                              const virtufin_str_t* topics, size_t topic_count,
                                              const virtufin_subscribe_options_t* options,
                                              virtufin_event_fn handler, void* user_data,
                                              virtufin_finalizer_t finalizer,
                                              virtufin_subscription_t** subscription,
                                              virtufin_error_t** error) {
  return Guard(error, [&] {
    auto owned = UserData::Own(user_data, finalizer);
    Status status = Require({{"platform", platform},
                             {"topics", topics},
                             {"handler", handler},
                             {"subscription", subscription}});
    if (!status.ok()) return status;
    virtufin::c::Handler call(std::move(owned), handler);
    return Subscribe(platform->platform->bus(), Topics{topics, topic_count}, options,
                     std::move(call), subscription);
  });
}

virtufin_status_t virtufin_subscription_get_counters(const virtufin_subscription_t* subscription,
                                                     virtufin_subscription_counters_t* counters,
                                                     virtufin_error_t** error) {
  return Guard(error, [&] {
    Status status = Require({{"subscription", subscription}, {"counters", counters}});
    if (!status.ok()) return status;
    return virtufin::c::WriteStruct(Known(subscription->subscription.counters()), counters);
  });
}

void virtufin_subscription_free(virtufin_subscription_t* subscription) { delete subscription; }
