// The log of a daemon: one line each to standard error, plain or as JSON.
#pragma once

#include <memory>

#include "daemons/common/options.hpp"
#include "virtufin/core/log.hpp"

namespace virtufin::daemon {

std::shared_ptr<LogSink> MakeLog(const Options& options);

}  // namespace virtufin::daemon
