// The noun bus: publish, subscribe, and the subscription.
#include "guard.hpp"
#include "handles.hpp"

using virtufin::Delivery;
using virtufin::DeliveryInfo;
using virtufin::Dispatch;
using virtufin::Message;
using virtufin::Overflow;
using virtufin::Status;
using virtufin::StatusCode;
using virtufin::SubscribeOptions;
using virtufin::c::Guard;
using virtufin::c::Missing;
using virtufin::c::Str;
using virtufin::c::UserData;
using virtufin::c::View;

struct virtufin_subscription {
  virtufin::Subscription subscription;
};

namespace {

Status Read(const virtufin_subscribe_options_t* given, SubscribeOptions& options) {
  if (given == nullptr) return {};
  virtufin_subscribe_options_t fields{};
  if (Status status = virtufin::c::ReadStruct(given, given->struct_size, fields); !status.ok()) {
    return status;
  }
  given = &fields;
  if (given->dispatch < 0 || given->dispatch > 1 || given->overflow < 0 || given->overflow > 3 ||
      given->block_timeout_ms < 0) {
    return Status(StatusCode::kInvalidArgument, "c_api",
                  "subscribe options: expected VIRTUFIN_DISPATCH_..., VIRTUFIN_OVERFLOW_... and a "
                  "block_timeout_ms that is not negative");
  }
  options.dispatch = given->dispatch == 1 ? Dispatch::kInline : Dispatch::kQueued;
  static_assert(static_cast<int>(Overflow::kDropOldest) == VIRTUFIN_OVERFLOW_DROP_OLDEST &&
                static_cast<int>(Overflow::kDropNewest) == VIRTUFIN_OVERFLOW_DROP_NEWEST &&
                static_cast<int>(Overflow::kConflate) == VIRTUFIN_OVERFLOW_CONFLATE);
  options.overflow = static_cast<Overflow>(given->overflow);
  if (given->capacity != 0) options.capacity = given->capacity;
  if (given->block_timeout_ms != 0) options.block_timeout_ms = given->block_timeout_ms;
  return {};
}

Delivery ToDelivery(virtufin_delivery_t answer) {
  if (answer == VIRTUFIN_DELIVERY_RETRY) return Delivery::kRetry;
  return answer == VIRTUFIN_DELIVERY_DROP ? Delivery::kDrop : Delivery::kSuccess;
}

}  // namespace

virtufin_status_t virtufin_bus_publish(virtufin_platform_t* platform, virtufin_str_t topic,
                                       const virtufin_event_t* event, virtufin_error_t** error) {
  return Guard(error, [&] {
    if (platform == nullptr) return Missing("platform");
    if (event == nullptr) return Missing("event");
    return platform->platform->bus().Publish(Message(View(topic), event->event));
  });
}

virtufin_status_t virtufin_bus_subscribe(virtufin_platform_t* platform, virtufin_str_t topic,
                                         const virtufin_subscribe_options_t* options,
                                         virtufin_event_fn handler, void* user_data,
                                         virtufin_finalizer_t finalizer,
                                         virtufin_subscription_t** subscription,
                                         virtufin_error_t** error) {
  return Guard(error, [&] {
    auto owned = UserData::Own(user_data, finalizer);
    if (platform == nullptr) return Missing("platform");
    if (handler == nullptr) return Missing("handler");
    if (subscription == nullptr) return Missing("subscription");
    SubscribeOptions settings;
    if (Status status = Read(options, settings); !status.ok()) return status;
    auto handle = std::make_unique<virtufin_subscription>();
    auto subscribed = platform->platform->bus().Subscribe(
        View(topic), settings, [owned, handler](const Message& message, const DeliveryInfo& info) {
          const virtufin_event event(message.event());
          const virtufin_delivery_info_t known{sizeof(known), info.attempt, info.missed};
          return ToDelivery(handler(owned->get(), Str(message.topic()), &event, &known));
        });
    if (!subscribed.ok()) return subscribed.status();
    handle->subscription = std::move(*subscribed);
    *subscription = handle.release();
    return Status();
  });
}

void virtufin_subscription_free(virtufin_subscription_t* subscription) { delete subscription; }
