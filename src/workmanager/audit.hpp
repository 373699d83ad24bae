// The audit: one line for each call that changes something.
#pragma once

#include <string_view>

#include "virtufin/core/log.hpp"
#include "virtufin/workmanager/work_manager.hpp"

namespace virtufin::inline v0::detail {

struct AuditEntry {
  std::string_view action;  // "create", "load-code"
  std::string_view worker_id = {};
  std::string_view mime_type = {};
  std::string_view sha256 = {};  // of the code that the call is about
};

/// Component `audit`, level info, offered to the log whether that is enabled or not: who wants few
/// lines wants these all the same, and a sink that does not can tell them by the component.
/// What callers chose is quoted: no line end or quote gets through.
void Audit(LogSink& log, const CallContext& by, const AuditEntry& entry, const Status& outcome);

}  // namespace virtufin::inline v0::detail
