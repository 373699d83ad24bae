// The harness's host: scripted answers, records of what was asked, timers that wait for Advance.
#include "worker_harness/harness_host.hpp"

#include <algorithm>

#include "virtufin/event/historical.hpp"
#include "virtufin/state/memory.hpp"

namespace virtufin::inline v0::detail {
namespace {

Status Error(StatusCode code, std::string text) {
  return {code, "worker_harness", std::move(text)};
}

}  // namespace

// ---- records -----------------------------------------------------------------------------------

HarnessRecords::HarnessRecords(const WorkerHarnessOptions& options)
    : options_(options), clock_(options.start), state_(MakeMemoryStore(clock_)) {
  const auto service = options_.config.find("stateservice");
  if (service != options_.config.end()) state_service_ = service->second;
}

void HarnessRecords::Answer(std::string_view service, std::string_view method,
                            Result<std::string> answer) {
  const std::lock_guard lock(mutex_);
  answers_[{std::string(service), std::string(method)}].line.push_back(std::move(answer));
}

Result<std::string> HarnessRecords::Call(std::string_view service, std::string_view method,
                                         std::string_view json) {
  const std::lock_guard lock(mutex_);
  calls_.push_back({std::string(service), std::string(method), std::string(json)});
  const auto found = answers_.find({std::string(service), std::string(method)});
  if (found == answers_.end()) {
    return Error(StatusCode::kUnavailable, "expected an answer to " + std::string(service) + "." +
                                               std::string(method) + ", found none scripted");
  }
  Answers& answers = found->second;
  if (answers.given && answers.line.size() > 1) answers.line.pop_front();
  answers.given = true;
  return answers.line.front();
}

void HarnessRecords::AddLog(LogLevel level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  log_.push_back({level, std::string(text)});
}

void HarnessRecords::AddPublished(std::string topic, const CloudEvent& event, bool is_reply) {
  const std::lock_guard lock(mutex_);
  published_.push_back({std::move(topic), event, is_reply});
}

std::vector<WorkerHarness::Published> HarnessRecords::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}
std::vector<WorkerHarness::LogLine> HarnessRecords::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}
std::vector<WorkerHarness::GatewayCall> HarnessRecords::gateway_calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

// ---- the host ----------------------------------------------------------------------------------

HarnessHost::HarnessHost(std::shared_ptr<HarnessRecords> records, std::uint32_t load)
    : records_(std::move(records)), load_(load) {}

void HarnessHost::SetCall(std::optional<CloudEvent> event) {
  const std::lock_guard lock(mutex_);
  event_ = std::move(event);
  if (!event_) arrived_ = 0;
}

std::optional<CloudEvent> HarnessHost::TakeDue(MonotonicTime until) {
  const std::lock_guard lock(mutex_);
  if (timers_.empty() || timers_.begin()->first.first > until) return std::nullopt;
  auto node = timers_.extract(timers_.begin());
  const auto [due, id] = node.key();
  Timer& timer = node.mapped();
  records_->clock().Advance(due - records_->clock().Monotonic());
  auto event = MakeTimerEvent(
      {id, {timer.name, timer.delay, timer.period}, timer.started, ++timer.count, 0});
  if (timer.period == std::chrono::nanoseconds(0)) {
    arrived_ = id;
  } else {
    node.key().first = due + timer.period;
    timers_.insert(std::move(node));
  }
  return *std::move(event);
}

void HarnessHost::End() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  timers_.clear();
}

std::size_t HarnessHost::timers() const {
  const std::lock_guard lock(mutex_);
  return timers_.size();
}

void HarnessHost::Log(LogLevel level, std::string_view text) noexcept {
  try {
    records_->AddLog(level, text);
  } catch (...) {  // memory is exhausted, and a test is about to see that
  }
}

Result<std::string> HarnessHost::GatewayCall(std::string_view service, std::string_view method,
                                             std::string_view json) {
  return records_->Call(service, method, json);
}

Status HarnessHost::Publish(std::string_view topic, const CloudEvent& event) {
  if (Status status = CheckWorkerTopic(topic); !status.ok()) return status;
  records_->AddPublished(std::string(topic), event, false);
  return {};
}

Result<HostRecord> HarnessHost::GetState(std::string_view key) {
  Result<StateItem> item = records_->state().Get(records_->state_service(), key);
  if (!item.ok()) return item.status();
  return HostRecord{std::move(item->value), std::move(item->etag)};
}

Result<std::string> HarnessHost::SetState(std::string_view key, std::string_view value,
                                          std::optional<std::string_view> etag) {
  SetOptions options;
  if (etag) {
    options.etag = *etag;
    options.create_only = etag->empty();
  }
  return records_->state().Set(records_->state_service(), key, value, options);
}

Result<bool> HarnessHost::DeleteState(std::string_view key, std::string_view etag) {
  return records_->state().Delete(records_->state_service(), key, etag);
}

Result<HostTime> HarnessHost::Now() {
  const std::lock_guard lock(mutex_);
  if (event_ && IsHistorical(*event_)) {
    if (const auto time = HistoricalTime(*event_)) return HostTime{*time, true};
  }
  return HostTime{records_->clock().Now(), false};
}

Result<std::optional<std::chrono::nanoseconds>> HarnessHost::TimeLeft() {
  const std::lock_guard lock(mutex_);
  if (!event_) return std::optional<std::chrono::nanoseconds>();
  return records_->options().time_left;
}

Result<std::uint64_t> HarnessHost::StartTimer(const HostTimer& timer) {
  if (Status status = CheckWorkerTimer(timer); !status.ok()) return status;
  const Result<HostTime> now = Now();
  if (!now.ok()) return now.status();
  const std::lock_guard lock(mutex_);
  if (ended_) {
    return Error(StatusCode::kFailedPrecondition, "timer: this worker has been shut down");
  }
  if (timers_.size() >= kMaxTimers) {
    return Error(StatusCode::kResourceExhausted,
                 "timer: the worker has " + std::to_string(kMaxTimers) + " already");
  }
  const std::uint64_t id = load_ << 32 | ++last_timer_;
  timers_.insert({{records_->clock().Monotonic() + timer.delay, id},
                  {std::string(timer.name), timer.delay, timer.period, *now}});
  return id;
}

Status HarnessHost::CancelTimer(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (arrived_ != 0 && arrived_ == id) {
    arrived_ = 0;
    return {};
  }
  if (std::erase_if(timers_, [id](const auto& entry) { return entry.first.second == id; }) != 0) {
    return {};
  }
  return Error(StatusCode::kNotFound, "timer: there is none of number " + std::to_string(id));
}

}  // namespace virtufin::inline v0::detail
