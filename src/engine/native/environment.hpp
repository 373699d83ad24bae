// Tells a library that is being mapped who it is, through environment variables.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "virtufin/engine/engine.hpp"

namespace virtufin::inline v0::detail {

/// Sets VIRTUFIN_WORKER_ID and VIRTUFIN_WORKER_TOPIC while it lives, then what they were before.
/// One at a time in the process: the others wait.
class WorkerEnvironment {
 public:
  explicit WorkerEnvironment(const WorkerIdentity& identity);
  ~WorkerEnvironment();
  WorkerEnvironment(const WorkerEnvironment&) = delete;
  WorkerEnvironment& operator=(const WorkerEnvironment&) = delete;

 private:
  std::unique_lock<std::mutex> one_at_a_time_;
  std::optional<std::string> id_before_, topic_before_;
};

}  // namespace virtufin::inline v0::detail
