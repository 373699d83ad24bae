// The methods of virtufin.WorkManager over a WorkManager. Nothing here shows gRPC.
#pragma once

#include "rpc/unary_call.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::inline v0::detail {

inline constexpr const char* kWorkManagerService = "virtufin.WorkManager";

/// Adds them. Each call runs on the executor, under its caller's name, at most `max_handlers`
/// at a time. `workers` and `executor` are borrowed until the executor has stopped.
void AddWorkManagerMethods(WorkManager& workers, Executor& executor, std::size_t max_handlers,
                           UnaryMethods& methods);

}  // namespace virtufin::inline v0::detail
