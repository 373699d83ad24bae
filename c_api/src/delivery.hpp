// How an event reaches the handler of a C application.
#pragma once

#include <memory>

#include "guard.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/virtufin.h"

namespace virtufin::inline v0::c {

/// Shows the message to `function`; a MessageHandler.
class Handler {
 public:
  Handler(std::shared_ptr<UserData> user_data, virtufin_event_fn function)
      : user_data_(std::move(user_data)), function_(function) {}
  Delivery operator()(const Message& message, const DeliveryInfo& info) const;

 private:
  std::shared_ptr<UserData> user_data_;
  virtufin_event_fn function_;
};

}  // namespace virtufin::inline v0::c
