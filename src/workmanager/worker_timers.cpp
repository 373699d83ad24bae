// Timers of a worker: armed, due, queued, claimed.
#include "workmanager/worker_timers.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "virtufin/engine/host_support.hpp"

namespace virtufin::inline v0::detail {
namespace {

using std::chrono::nanoseconds;

// Events of one timer that may wait in the queue; more come ever more rarely.
constexpr std::size_t kMaxQueued = 16;
// When a queue that had no room is tried again, of real time but in a replay.
constexpr std::chrono::milliseconds kAgain{10};

constexpr std::uint32_t LoadOf(std::uint64_t id) noexcept {
  return static_cast<std::uint32_t>(id >> 32);
}

}  // namespace

WorkerTimers::WorkerTimers(std::string_view worker_id, std::string name, const Runtime& runtime,
                           Deliver deliver)
    : topic_(std::string(kPrefix) + std::string(worker_id)),
      name_(std::move(name)),
      runtime_(runtime),
      deliver_(std::move(deliver)) {}

void WorkerTimers::Open(std::uint32_t load) {
  const std::lock_guard lock(mutex_);
  loads_.try_emplace(load);
}

void WorkerTimers::Close(std::uint32_t load) {
  std::map<std::uint64_t, Entry> ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  loads_.erase(load);
  for (auto at = entries_.lower_bound(std::uint64_t{load} << 32);
       at != entries_.end() && LoadOf(at->first) == load;) {
    ended.insert(entries_.extract(at++));
  }
}

Result<std::uint64_t> WorkerTimers::Start(std::uint32_t load, const HostTimer& timer,
                                          const HostTime& base) {
  if (Status status = CheckWorkerTimer(timer); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  const auto open = loads_.find(load);
  if (open == loads_.end()) {
    return Status(StatusCode::kFailedPrecondition, "workmanager",
                  "timer: this worker has been shut down");
  }
  if (open->second.timers >= kMaxTimers) {
    return Status(StatusCode::kResourceExhausted, "workmanager",
                  "timer: the worker has " + std::to_string(kMaxTimers) + " already");
  }
  const std::uint64_t id = std::uint64_t{load} << 32 | ++open->second.last;
  Entry& entry = entries_[id];
  entry.name = timer.name;
  entry.base = base;
  entry.delay = timer.delay;
  entry.period = timer.period;
  entry.due = runtime_.clock.Monotonic() + timer.delay;
  ++open->second.timers;
  Arm(id, entry);
  return id;
}

Status WorkerTimers::Cancel(std::uint32_t load, std::uint64_t id) {
  Entry ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(id);
  if (at == entries_.end() || LoadOf(id) != load) {
    return {StatusCode::kNotFound, "workmanager",
            "timer: there is none of number " + std::to_string(id)};
  }
  ended = std::move(at->second);
  entries_.erase(at);
  if (!ended.arrived) --loads_[load].timers;
  return {};
}

void WorkerTimers::Attach(std::uint32_t load) {
  {
    const std::lock_guard lock(mutex_);
    attached_ = load;
    for (auto at = entries_.lower_bound(std::uint64_t{load} << 32);
         at != entries_.end() && LoadOf(at->first) == load;) {
      if (at->second.arrived) {  // its retry went with the queue
        at = entries_.erase(at);
        continue;
      }
      Entry& entry = (at++)->second;
      entry.waits = entry.waits || !entry.queued.empty();  // what was queued went with its queue
      entry.queued.clear();
      entry.sent = entry.claimed;
    }
  }
  if (load == 0) return;
  runtime_.executor.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Flush();
  });
}

bool WorkerTimers::Claim(const Message& message, std::uint32_t load, std::uint32_t attempt) {
  const auto id = message.event().ExtensionNumber("timerid");
  const auto count = message.event().ExtensionNumber("timercount");
  if (message.topic() != topic_ || !id || !count || LoadOf(*id) != load) return false;
  Executor::Timer ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(*id);
  if (at == entries_.end()) return false;  // cancelled
  if (attempt > 1) return true;
  Entry& entry = at->second;
  if (entry.period == nanoseconds(0)) {
    if (std::exchange(entry.arrived, true)) return false;
    std::swap(ended, entry.timer);
    entry.queued.clear();
    --loads_[load].timers;
    return true;
  }
  entry.claimed = *count;
  while (!entry.queued.empty() && entry.queued.front() <= *count) entry.queued.pop_front();
  return true;
}

void WorkerTimers::Finish(const Message& message) {
  const auto id = message.event().ExtensionNumber("timerid");
  if (message.topic() != topic_ || !id) return;
  Entry ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(*id);
  if (at == entries_.end() || !at->second.arrived) return;
  ended = std::move(at->second);
  entries_.erase(at);
}

// ---- the mutex is held -------------------------------------------------------------------------

void WorkerTimers::Arm(std::uint64_t id, Entry& entry) {
  const nanoseconds delay = entry.due - runtime_.clock.Monotonic();
  entry.timer =
      runtime_.executor.After(std::max(delay, nanoseconds(0)), [weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) self->OnDue(id);
      });
}

bool WorkerTimers::MayQueue(const Entry& entry) const noexcept {
  if (entry.queued.size() < kMaxQueued) return true;
  const std::size_t doublings = std::min<std::size_t>(entry.queued.size() - kMaxQueued + 1, 40);
  return entry.count - entry.queued.back() >= std::uint64_t{1} << doublings;
}

Result<Message> WorkerTimers::MessageOf(std::uint64_t id, const Entry& entry) const {
  const auto event = MakeTimerEvent({id,
                                     {entry.name, entry.delay, entry.period},
                                     entry.base,
                                     entry.count,
                                     entry.count - entry.sent - 1,
                                     name_ + "/" + std::to_string(LoadOf(id))});
  if (!event.ok()) return event.status();
  return Message(topic_, *event);
}

// ---- the mutex is not held ---------------------------------------------------------------------

void WorkerTimers::OnDue(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(id);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    entry.waits = true;
    entry.count += 1;
    if (entry.period != nanoseconds(0)) {
      const nanoseconds late = runtime_.clock.Monotonic() - entry.due;
      const auto more = static_cast<std::uint64_t>(std::max(late / entry.period, std::int64_t{0}));
      entry.count += more;
      entry.due += (1 + static_cast<std::int64_t>(more)) * entry.period;
    }
  }
  Send(id);
  // Not before: two events of one timer keep their order.
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(id);
  if (at != entries_.end() && at->second.period != nanoseconds(0)) Arm(id, at->second);
}

void WorkerTimers::Send(std::uint64_t id) {
  std::optional<Message> message;
  std::uint64_t sent_before = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(id);
    if (at == entries_.end() || LoadOf(id) != attached_) return;
    Entry& entry = at->second;
    if (!entry.waits || !MayQueue(entry)) return;
    auto made = MessageOf(id, entry);
    if (!made.ok()) {
      runtime_.log.Write(LogLevel::kError, "workmanager", made.status().ToString());
      return;
    }
    message = *std::move(made);
    entry.waits = false;
    sent_before = std::exchange(entry.sent, entry.count);
    entry.queued.push_back(entry.count);
  }
  const Status status = deliver_(*message);
  if (status.ok()) return;
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(id);
  if (at == entries_.end() || at->second.queued.empty()) return;  // attached anew meanwhile
  Entry& entry = at->second;
  entry.waits = true;
  entry.sent = sent_before;
  entry.queued.pop_back();
  if (entry.period == nanoseconds(0) && status.code() == StatusCode::kResourceExhausted) {
    auto again = [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->Send(id);
    };
    Executor& executor = runtime_.executor;
    entry.timer = executor.repeatable() ? executor.After(kAgain, std::move(again))
                                        : executor.AfterReal(kAgain, std::move(again));
  }
}

void WorkerTimers::Flush() {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.lower_bound(std::uint64_t{attached_} << 32);
         at != entries_.end() && LoadOf(at->first) == attached_; ++at) {
      if (at->second.waits) ids.push_back(at->first);
    }
  }
  for (const std::uint64_t id : ids) Send(id);
}

}  // namespace virtufin::inline v0::detail
