// What the executor knows about the calling thread.
#pragma once

#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

struct ThreadRecord;

struct ThreadContext {
  ThreadKind kind = ThreadKind::kForeign;
  ThreadRecord* record = nullptr;  // of the executor that owns the thread
  StrandState* strand = nullptr;   // whose task the thread runs
};
// No destructor, or it would pin a library that touched it until the thread ends.
extern constinit thread_local ThreadContext this_thread;

}  // namespace virtufin::inline v0::detail
