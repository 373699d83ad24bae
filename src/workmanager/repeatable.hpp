// What a worker says under a replay: ids and times that are the same in every replay.
//
// A worker that knows nothing of replays draws its ids by chance and asks the machine for the time.
// Under a historical clock both are made out of what caused the event, here, for every worker; ids
// that a worker made out of names itself (UUID version 5, as the SDK does) stay.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/result.hpp"
#include "virtufin/core/time.hpp"
#include "virtufin/event/cloud_event.hpp"

namespace virtufin::inline v0::detail {

/// Names of the workers of one manager that are the same in every run in which the same workers are
/// created in the same order; their ids are not. [any]
class RepeatableNames {
 public:
  std::string Next(std::string_view mime_type, const std::vector<std::string>& topics,
                   const std::map<std::string, std::string>& config);

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> made_;
};

/// One instance of a worker. It lives as long as that is listed: numbers go on when its code is
/// swapped. [any]
class RepeatableVoice {
 public:
  /// `run`: what the ids of events that nothing caused are made of; empty when the clock of the
  /// manager is no replay's.
  RepeatableVoice(std::string run, std::string name);

  const std::string& name() const noexcept { return name_; }
  bool replays() const noexcept { return !run_.empty(); }

  /// A call begins; `historical`: of an event that is, or that may be by what is stamped on it.
  /// `attempt`: 1 for the first call with this event, which alone leaves it out of the ids.
  void Begin(bool historical, std::uint32_t attempt = 1);
  /// False: events are published as they are.
  bool Speaks() const noexcept { return replays() || historical_.load(std::memory_order_relaxed); }
  /// `event`, a reply or not, as it is to be published on `topic`: unchanged unless `cause`, the
  /// event that the worker handles, is historical, or the manager's clock is. `cause` may be null;
  /// `now` is the time of the manager's clock.
  Result<CloudEvent> Published(const CloudEvent* cause, std::string_view topic,
                               const CloudEvent& event, const Timestamp& now);

 private:
  const std::string run_;
  const std::string name_;
  std::atomic<bool> historical_ = false;
  std::mutex mutex_;
  std::uint64_t published_ = 0;  // in this call
  std::uint32_t attempt_ = 1;    // the call is
  std::uint64_t uncaused_ = 0;   // so far
};

}  // namespace virtufin::inline v0::detail
