// The handles that more than one noun looks into.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "virtufin/event/cloud_event.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/virtufin.h"

namespace virtufin::inline v0::c {
class CallbackLog;
}

struct virtufin_options {
  virtufin::PlatformOptions options;
  std::map<std::string, std::string, std::less<>> texts;  // of the keys that were set
};

struct virtufin_platform {
  std::shared_ptr<virtufin::c::CallbackLog> log;
  std::unique_ptr<virtufin::Platform> platform;
  bool started = false;
};

struct virtufin_event {
  explicit virtufin_event(virtufin::CloudEvent e) : event(std::move(e)) {}
  const virtufin::CloudEvent event;
  // Texts of attributes that the event keeps as something else, made when asked for.
  mutable std::mutex mutex;
  mutable std::map<std::string, std::string, std::less<>> texts;
};

namespace virtufin::inline v0::c {

/// Hands an event to the caller.
inline Status GiveEvent(Result<CloudEvent> made, virtufin_event_t** out) {
  if (!made.ok()) return made.status();
  *out = new virtufin_event(*std::move(made));
  return {};
}

}  // namespace virtufin::inline v0::c
