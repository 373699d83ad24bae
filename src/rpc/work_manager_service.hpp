// The methods of virtufin.WorkManager over a WorkManager. Nothing here shows gRPC.
#pragma once

#include "rpc/unary_call.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::inline v0::detail {

inline constexpr const char* kWorkManagerService = "virtufin.WorkManager";

/// Adds them. Each call runs on the executor, under its caller's name. `workers` and what `runtime`
/// names are borrowed until the executor has stopped.
void AddWorkManagerMethods(WorkManager& workers, const Runtime& runtime, UnaryMethods& methods);

}  // namespace virtufin::inline v0::detail
