// Checks what Create is given and splits a worker's config into what is stamped and what steers.
#pragma once

#include <cstdint>
#include <optional>

#include "virtufin/event/message.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::inline v0::detail {

struct WorkerConfig {
  SubscribeOptions subscribe;
  std::uint32_t instances = 1;  // of the pool
  bool retry_after_timeout = false;
  std::optional<ExtensionOverlay> overlay;  // absent: nothing to stamp
};

/// Errors: INVALID_ARGUMENT naming the topic, key or tag and what was expected.
Result<WorkerConfig> CheckRequest(const CreateWorkerRequest& request);

}  // namespace virtufin::inline v0::detail
