// What a WorkManager counts, as numbers: give them to whatever exposes metrics.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/workmanager/worker_info.hpp"

namespace virtufin::inline v0 {

/// How long calls took, from the event given to the outcome there. A histogram: counts[i] are those
/// above the bound before and at most kUpperSeconds[i], the last those above all bounds.
struct CallDurations {
  static constexpr std::array<double, 23> kUpperSeconds = {
      1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3,
      1e-2, 2.5e-2, 5e-2, 0.1,  0.25,   0.5,  1,    2.5,    5,    10,   30};
  std::array<std::uint64_t, kUpperSeconds.size() + 1> counts = {};
  double seconds = 0;  // of all calls together

  std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t each : counts) sum += each;
    return sum;
  }
};

/// The queues of one worker, since it was created. Of a group the newest member tells of the queue
/// that they share: sums have it once.
struct QueueMetrics {
  std::size_t depth = 0;            // events that wait now
  std::uint64_t dropped = 0;        // for want of room, or failed without a dead letter
  std::uint64_t conflated = 0;      // newer ones took their place
  std::uint64_t missed = 0;         // not queued because the worker lagged
  std::uint64_t retried = 0;        // attempts after the first
  std::uint64_t dead_lettered = 0;  // events whose dead letter somebody took

  std::uint64_t lost() const noexcept { return dropped + conflated + missed; }
};

struct WorkerMetrics {
  std::string id;
  WorkerStatus status = WorkerStatus::kUnspecified;
  bool failed = false;    // until it is stopped or starts: no load, no topics, or a call abandoned
  bool degraded = false;  // as in WorkerInfo
  WorkerCounters counters;
  CallDurations durations;
  QueueMetrics queue;
  Overflow overflow = Overflow::kBlock;  // the policy of its queues
  std::uint32_t instances = 1;           // of its pool
};

/// `virtufin_workers{status}` of the specification are the first three.
struct WorkManagerMetrics {
  std::size_t running = 0;
  std::size_t stopped = 0;   // without those that failed
  std::size_t failed = 0;    // as in WorkerMetrics
  std::size_t degraded = 0;  // of those that run
  std::vector<WorkerMetrics> workers;
  std::size_t queue_depth = 0;  // of all of them
  /// Events that were dropped, conflated or missed, by the queue's policy (index: Overflow); those
  /// of deleted workers, too.
  std::array<std::uint64_t, 4> queue_dropped = {};
  std::uint64_t lifecycle_dropped = 0;  // lifecycle events for which there was no room
  std::uint64_t lifecycle_refused = 0;  // lifecycle events that the bus did not take
};

/// One thing that a WorkManager needs or has, and how it is.
struct HealthEntry {
  std::string name;
  bool healthy = true;
  std::string detail;  // in words
};

struct WorkManagerHealth {
  bool live = true;    // it answers
  bool ready = false;  // it can be given work: recovery is over and it is not shut down
  std::vector<HealthEntry> entries;
};

}  // namespace virtufin::inline v0
