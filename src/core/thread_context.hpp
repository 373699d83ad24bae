// What the executor knows about the calling thread.
#pragma once

#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

struct ThreadRecord;

struct ThreadContext {
  ThreadKind kind = ThreadKind::kForeign;
  const ExecutorState* executor = nullptr;  // whose task the thread runs
  ThreadRecord* record = nullptr;           // set on the executor's own threads
  StrandState* strand = nullptr;            // whose task the thread runs
};
// No destructor, or it would pin a library that touched it until the thread ends.
extern constinit thread_local ThreadContext this_thread;

}  // namespace virtufin::inline v0::detail
