// The nouns delivery and deferred: what a handler is told and answers, at once or later.
#include "delivery.hpp"

#include "handles.hpp"

using virtufin::Deferred;
using virtufin::Delivery;
using virtufin::DeliveryInfo;
using virtufin::Status;
using virtufin::c::Guard;
using virtufin::c::View;

// What a handler's info refers to, on the stack of its caller.
struct virtufin_delivery_control {
  const DeliveryInfo& info;
};

struct virtufin_deferred {
  Deferred deferred;
};

namespace virtufin::inline v0::c {
namespace {

static_assert(static_cast<int>(Delivery::kRetry) == VIRTUFIN_DELIVERY_RETRY &&
              static_cast<int>(Delivery::kDrop) == VIRTUFIN_DELIVERY_DROP &&
              static_cast<int>(Delivery::kReject) == VIRTUFIN_DELIVERY_REJECT);

bool IsAnswer(virtufin_delivery_t answer) {
  return answer >= VIRTUFIN_DELIVERY_SUCCESS && answer <= VIRTUFIN_DELIVERY_REJECT;
}
/// An answer that is none must not cost the event.
Delivery ToDelivery(virtufin_delivery_t answer) {
  return IsAnswer(answer) ? static_cast<Delivery>(answer) : Delivery::kReject;
}
std::string NoAnswer(virtufin_delivery_t answer) {
  return "the handler answered " + std::to_string(answer) + ", expected VIRTUFIN_DELIVERY_...";
}

}  // namespace

Delivery Handler::operator()(const Message& message, const DeliveryInfo& info) const {
  const virtufin_event event(message.event());
  const virtufin_delivery_control control{info};
  const virtufin_delivery_info_t known{sizeof(known), info.attempt, info.missed, &control};
  const auto answer = function_(user_data_->get(), Str(message.topic()), &event, &known);
  if (!IsAnswer(answer)) info.Explain(NoAnswer(answer));
  return ToDelivery(answer);
}

}  // namespace virtufin::inline v0::c

void virtufin_delivery_explain(const virtufin_delivery_info_t* info, virtufin_str_t reason) {
  if (info == nullptr || info->control == nullptr) return;
  Guard(nullptr, [&] {
    info->control->info.Explain(View(reason));
    return Status();
  });
}

virtufin_deferred_t* virtufin_delivery_defer(const virtufin_delivery_info_t* info) {
  virtufin_deferred_t* given = nullptr;
  if (info == nullptr || info->control == nullptr) return given;
  Guard(nullptr, [&] {
    auto handle = std::make_unique<virtufin_deferred>();
    handle->deferred = info->control->info.Defer();
    if (handle->deferred) given = handle.release();
    return Status();
  });
  return given;
}

void virtufin_deferred_settle(virtufin_deferred_t* deferred, virtufin_delivery_t outcome,
                              virtufin_str_t reason) {
  if (deferred == nullptr) return;
  Guard(nullptr, [&] {
    const bool known = virtufin::c::IsAnswer(outcome);
    const std::string why = known ? std::string(View(reason)) : virtufin::c::NoAnswer(outcome);
    deferred->deferred.Settle(virtufin::c::ToDelivery(outcome), why);
    return Status();
  });
  delete deferred;
}

void virtufin_deferred_free(virtufin_deferred_t* deferred) { delete deferred; }
