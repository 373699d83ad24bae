// What a WorkManager counts in Prometheus' text format.
#pragma once

#include <string>

#include "virtufin/workmanager/metrics.hpp"

namespace virtufin::daemon {

/// Version 0.0.4 of the format.
std::string MetricsText(const WorkManagerMetrics& metrics);

}  // namespace virtufin::daemon
