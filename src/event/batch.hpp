// What the codecs of batches share: their limit, and errors that name an event by its index.
#pragma once

#include <cstddef>
#include <string>

#include "event/text.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0::detail {

inline Status TooManyEvents() {
  return {StatusCode::kResourceExhausted, "event",
          "expected at most " + std::to_string(kMaxBatchEvents) + " events in a batch, found more"};
}

inline Status InBatch(std::size_t index, const Status& status) {
  return {status.code(), "event",
          "event " + std::to_string(index) + " of the batch: " + std::string(status.message())};
}

inline Status NotJson(const char* subject, const JsonFault& fault) {
  return {StatusCode::kInvalidArgument, "event",
          std::string(subject) + " is not JSON: " + fault.what + " at byte " +
              std::to_string(fault.offset)};
}

}  // namespace virtufin::inline v0::detail
