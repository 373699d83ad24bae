// Timers of a worker: armed, due, queued, claimed.
#include "workmanager/worker_timers.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "virtufin/core/utf8.hpp"
#include "virtufin/event/event_builder.hpp"

namespace virtufin::inline v0::detail {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kLongest = std::chrono::hours(24 * 365 * 100);
// Events of one timer that may wait in the queue; more come ever more rarely.
constexpr std::size_t kMaxQueued = 16;
// When a queue that had no room is tried again, of real time.
constexpr std::chrono::milliseconds kAgain{10};

constexpr std::uint32_t LoadOf(std::uint64_t id) noexcept {
  return static_cast<std::uint32_t>(id >> 32);
}

Status Invalid(std::string text) {
  return {StatusCode::kInvalidArgument, "workmanager", "timer: " + std::move(text)};
}

Status CheckTime(nanoseconds time, nanoseconds least, const char* what) {
  if (time >= least && time <= kLongest) return {};
  return Invalid(std::string("expected a ") + what + " from " + std::to_string(least.count()) +
                 " ns to a hundred years, found " + std::to_string(time.count()) + " ns");
}

Status Check(const HostTimer& timer) {
  if (Status status = CheckTime(timer.delay, nanoseconds(0), "delay"); !status.ok()) return status;
  if (timer.period != nanoseconds(0)) {
    if (Status status = CheckTime(timer.period, kMinTimerPeriod, "period"); !status.ok()) {
      return status;
    }
  }
  if (timer.name.size() > kMaxTimerNameBytes) {
    return Invalid("expected a name of at most " + std::to_string(kMaxTimerNameBytes) +
                   " bytes, found " + std::to_string(timer.name.size()));
  }
  const bool has_control = std::any_of(timer.name.begin(), timer.name.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (has_control || !IsUtf8(timer.name)) {
    return Invalid("expected a name of UTF-8 without control characters, found another");
  }
  return {};
}

// As the string of a JSON text; it has no control characters.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// `passed` after `base`; nothing after the year 9999.
std::optional<Timestamp> After(const Timestamp& base, nanoseconds passed) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = base.unix_seconds() + passed.count() / kSecond;
  std::int64_t ns = base.nanoseconds() + passed.count() % kSecond;
  if (ns >= kSecond) {
    ++seconds;
    ns -= kSecond;
  }
  const auto time = Timestamp::FromUnix(seconds, static_cast<std::int32_t>(ns));
  return time.ok() ? std::optional(*time) : std::nullopt;
}

}  // namespace

WorkerTimers::WorkerTimers(std::string_view worker_id, const Runtime& runtime, Deliver deliver)
    : topic_(std::string(kPrefix) + std::string(worker_id)),
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
  if (Status status = Check(timer); !status.ok()) return status;
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
  --loads_[load].timers;
  return {};
}

void WorkerTimers::Attach(std::uint32_t load) {
  {
    const std::lock_guard lock(mutex_);
    attached_ = load;
    for (auto at = entries_.lower_bound(std::uint64_t{load} << 32);
         at != entries_.end() && LoadOf(at->first) == load; ++at) {
      Entry& entry = at->second;
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
  if (attempt > 1) return true;
  Entry ended;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(*id);
  if (at == entries_.end()) return false;
  Entry& entry = at->second;
  if (entry.period == nanoseconds(0)) {
    ended = std::move(entry);
    entries_.erase(at);
    --loads_[load].timers;
    return true;
  }
  entry.claimed = *count;
  while (!entry.queued.empty() && entry.queued.front() <= *count) entry.queued.pop_front();
  return true;
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
  const std::uint64_t missed = entry.count - entry.sent - 1;
  const auto periods = static_cast<std::int64_t>(entry.count - 1);
  const std::optional<Timestamp> due = After(entry.base.now, entry.delay + periods * entry.period);
  CloudEvent::Builder builder;
  builder.Source("urn:com.virtufin:workmanager").Type(kWorkerTimerType).Subject(entry.name);
  builder.TextExtension("timerid", id).TextExtension("timercount", entry.count);
  builder.TextExtension("timermissed", missed);
  if (due) builder.Time(*due);
  if (entry.base.historical) {
    builder.Extension("clocktype", "historical");
    if (due) builder.TextExtension("eventtime", *due);
    const std::string when = due ? due->ToString() : std::string();
    const std::string_view names[] = {kWorkerTimerType, entry.name, when};
    builder.Id(Uuid::V5(Uuid(), names, (id << 32) + entry.count));  // the same in every replay
  }
  builder.JsonData("{\"name\":" + Quoted(entry.name) + ",\"id\":\"" + std::to_string(id) +
                       "\",\"count\":" + std::to_string(entry.count) +
                       ",\"missed\":" + std::to_string(missed) + "}",
                   Validate::kTrusted);
  auto event = builder.Build();
  if (!event.ok()) return event.status();
  return Message(topic_, *std::move(event));
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
    entry.timer = runtime_.executor.AfterReal(kAgain, [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->Send(id);
    });
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
