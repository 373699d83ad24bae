// What a WorkManager says about its workers: lists, counters, and the history of their code.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "virtufin/core/time.hpp"
#include "virtufin/workmanager/code_source.hpp"

namespace virtufin::inline v0 {

enum class WorkerStatus : std::uint8_t { kUnspecified = 0, kStopped = 1, kRunning = 2 };

/// Each call that has ended succeeded or failed: those add up to the calls but for what is running.
struct WorkerCounters {
  std::uint64_t calls = 0;      // of the worker, retries included
  std::uint64_t succeeded = 0;  // calls that succeeded, and their replies were published
  std::uint64_t replies = 0;    // replies published
  std::uint64_t failed = 0;     // calls that failed or were abandoned, and replies not published
  std::uint64_t overdue = 0;    // calls that took longer than call_timeout_ms; failed when returned
  std::uint64_t discarded = 0;  // outcomes of overdue and of abandoned calls
  std::uint64_t dropped = 0;    // events that waited when the worker was stopped; also logged
};

struct WorkerInfo {
  std::string id;         // a UUID
  std::string mime_type;  // canonical
  std::string language;
  std::vector<std::string> topics;
  Timestamp created_at;
  WorkerStatus status = WorkerStatus::kUnspecified;
  std::map<std::string, std::string> config;
  std::map<std::string, std::string> tags;
  bool degraded = false;  // a call is overdue, or the last one may have damaged the worker
  std::string error;      // why it cannot run, or what is overdue; empty otherwise
  WorkerCounters counters;
};

/// A worker matches when it has the tag `key` with exactly this value.
struct TagFilter {
  std::string key;
  std::string value;
};

/// One code that a worker has had.
struct HistoryEntry {
  CodeSource code_source;  // without secrets: a basic or bearer credential has its kind only
  Timestamp created_at;    // when it was loaded the first time
  std::string sha256;      // of the code, as it was then
};

}  // namespace virtufin::inline v0
