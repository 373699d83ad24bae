// What a worker of the application has answered so far.
#pragma once

#include <optional>
#include <utility>

#include "guard.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/cloud_event.hpp"
#include "virtufin/virtufin.h"

struct virtufin_reply {
  virtufin::Clock* clock;
  std::optional<virtufin::CloudEvent> event = {};
  virtufin::Status failure = {};

  void Answer(virtufin::CloudEvent answer) {
    event = std::move(answer);
    failure = virtufin::Status();
  }
  void Fail(virtufin::Status status) {
    event.reset();
    failure = std::move(status);
  }
  void Decline() { Fail(virtufin::Status()); }
};
