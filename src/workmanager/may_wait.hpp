// Which threads the manager may let wait.
#pragma once

#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0::detail {

/// A thread of the application, or one of the executor, which says so (BlockingScope); callbacks
/// and net loops hold up others.
inline bool MayWait() noexcept {
  const ThreadKind kind = CurrentThreadKind();
  return kind == ThreadKind::kForeign || kind == ThreadKind::kExecutor;
}

}  // namespace virtufin::inline v0::detail
