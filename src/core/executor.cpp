// The executor's face: options, start, posts and counters.
#include "virtufin/core/executor.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/executor_state.hpp"

namespace virtufin::inline v0 {
namespace {

Status CheckOption(const char* name, std::int64_t value, std::int64_t least) {
  if (value >= least) return {};
  return {StatusCode::kInvalidArgument, "core",
          std::string("executor option ") + name + ": expected at least " + std::to_string(least) +
              ", found " + std::to_string(value)};
}

Status CheckOptions(const ExecutorOptions& options) {
  Status status = CheckOption("threads", options.threads, 0);
  if (status.ok()) {
    status = CheckOption("max_blocking_threads", options.max_blocking_threads, 0);
  }
  if (status.ok()) status = CheckOption("blocking_after_ms", options.blocking_after_ms, 1);
  if (status.ok()) status = CheckOption("spin_us", options.spin_us, 0);
  return status;
}

}  // namespace

Executor::Executor(const ExecutorOptions& options, Clock& clock, LogSink& log)
    : state_(std::make_shared<detail::ExecutorState>(options, clock, log)) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  state_->thread_count = options.threads > 0 ? options.threads : std::max(1, cores);
  if (options.repeatable) state_->thread_count = 1;
  state_->clock_drives_timers = clock.DrivesTimers(state_);
}

Executor::~Executor() {
  if (CurrentThreadKind() == ThreadKind::kForeign) {
    const Status status = Stop(std::chrono::seconds(30));
    if (!status.ok()) state_->LogError(status.ToString());
  } else {
    state_->StopWithoutWaiting();
  }
  state_->ForgetLog();
}

Status Executor::Start() {
  if (Status status = CheckOptions(state_->options); !status.ok()) return status;
  if (state_->phase.load() != detail::Phase::kCreated) {
    return {StatusCode::kFailedPrecondition, "core",
            "expected an executor that was never started, found one started or stopped before"};
  }
  return state_->StartThreads();
}

Status Executor::Stop(std::chrono::milliseconds deadline) {
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    return {StatusCode::kFailedPrecondition, "core",
            "expected Stop on a foreign thread, found an executor, net-loop or callback thread"};
  }
  return state_->Stop(deadline);
}

void Executor::Post(Task task) {
  if (task && state_->Accepts()) state_->Enqueue({std::move(task), nullptr});
}

ExecutorCounters Executor::counters() const {
  const std::lock_guard lock(state_->mutex);
  ExecutorCounters counters;
  counters.threads = state_->alive;
  counters.blocking = state_->blocking;
  counters.tasks = state_->timers_run;
  for (const auto& record : state_->records) {
    counters.tasks += record->sequence.load(std::memory_order_relaxed) / 2;
  }
  counters.abandoned = state_->abandoned;
  return counters;
}

bool Executor::repeatable() const noexcept { return state_->options.repeatable; }

Status Executor::WaitIdle(std::chrono::milliseconds deadline) {
  if (CurrentThreadKind() != ThreadKind::kForeign) {
    return {
        StatusCode::kFailedPrecondition, "core",
        "expected WaitIdle on a foreign thread, found an executor, net-loop or callback thread"};
  }
  return state_->WaitIdle(deadline);
}

}  // namespace virtufin::inline v0
