// InprocSubscription: running a handler behind a fence, and ending exactly once.
#include "pubsub/inproc_subscription.hpp"

#include <utility>

#include "pubsub/dead_letter.hpp"
#include "pubsub/fan_out.hpp"
#include "virtufin/core/executor.hpp"

namespace virtufin::inline v0 {
namespace detail {

void BrokerLog::Write(LogLevel level, std::string_view text) {
  std::lock_guard lock(mutex_);
  if (sink_ != nullptr && sink_->Enabled(level)) sink_->Write(level, "pubsub", text);
}

void BrokerLog::Detach() {
  std::lock_guard lock(mutex_);
  sink_ = nullptr;
}

void EndingSubscriptions::Add(std::weak_ptr<InprocSubscription> subscription) {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscriptions_, [](const auto& each) { return each.expired(); });
  subscriptions_.push_back(std::move(subscription));
}

std::vector<std::shared_ptr<InprocSubscription>> EndingSubscriptions::All() {
  std::vector<std::shared_ptr<InprocSubscription>> all;
  const std::lock_guard lock(mutex_);
  for (const auto& each : subscriptions_) {
    if (auto subscription = each.lock()) all.push_back(std::move(subscription));
  }
  return all;
}

InprocSubscription::InprocSubscription(std::shared_ptr<BrokerCore> core, std::string name,
                                       TopicNames names, MessageHandler handler, bool dead_letter)
    : core_(std::move(core)),
      name_(std::move(name)),
      names_(std::move(names)),
      dead_letter_(dead_letter),
      handler_(std::move(handler)) {}

void InprocSubscription::CountFailure(std::string_view how) noexcept {
  const std::uint64_t count = failed_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!WorthLogging(count)) return;
  try {
    core_->log.Write(LogLevel::kWarn, "handler of '" + name_ + "' failed: " + std::string(how) +
                                          " (failures: " + std::to_string(count) + ")");
  } catch (...) {  // out of memory for a log line: the failure is counted
  }
}

void InprocSubscription::Bury(const Message& message, std::string_view reason,
                              std::uint32_t attempts) noexcept {
  if (!dead_letter_) return Lose(1, "failed, and no dead letter is wanted");
  try {
    const auto letter = DeadLetter(message, reason, attempts);
    if (!letter) return LoseFailed(message, "it is a dead letter itself");
    std::size_t takers = 0;
    const Status status = FanOut(*core_, *letter, &takers);
    if (takers == 0) {
      return LoseFailed(message, status.ok() ? "nobody subscribed its dead letter"
                                             : "its dead letter: " + status.ToString());
    }
    dead_lettered_.fetch_add(1, std::memory_order_relaxed);
  } catch (...) {
    Lose(1, "failed, and memory is exhausted");
  }
}

void InprocSubscription::LoseFailed(const Message& message, const std::string& why) noexcept {
  const std::uint64_t count = lost_.fetch_add(1, std::memory_order_relaxed) + 1;
  try {
    core_->log.Write(LogLevel::kError,
                     "subscription '" + name_ + "' failed at event " +
                         std::string(message.event().id()) + " on " + std::string(message.topic()) +
                         " and dropped it: " + why + " (so far: " + std::to_string(count) + ")");
  } catch (...) {  // out of memory for a log line: it is counted
  }
}

void InprocSubscription::Lose(std::size_t events, std::string_view why) noexcept {
  if (events == 0) return;
  const std::uint64_t before = lost_.fetch_add(events, std::memory_order_relaxed);
  if (!WorthLogging(before + events) && events == 1) return;
  try {
    core_->log.Write(LogLevel::kError, "subscription '" + name_ + "' dropped " +
                                           std::to_string(events) +
                                           " event(s): " + std::string(why) +
                                           " (so far: " + std::to_string(before + events) + ")");
  } catch (...) {  // out of memory for a log line: they are counted
  }
}

void InprocSubscription::Close(std::function<void()> done) {
  if (done) {
    std::unique_lock lock(end_mutex_);
    if (idle_) {
      lock.unlock();
      return RunDone(done);
    }
    dones_.push_back(std::move(done));
  }
  const Gate::Closing closing = gate_.Close();
  if (!closing.first) return;
  OnClosed();
  for (const std::string& topic : names_.exact) core_->topics.Remove(topic, *this);
  for (const std::string& pattern : names_.patterns) core_->patterns.Remove(pattern, *this);
  if (closing.empty) BecomeIdle();
}

void InprocSubscription::AwaitIdle() {
  std::unique_lock lock(end_mutex_);
  ended_.wait(lock, [this] { return idle_; });
}

bool InprocSubscription::AwaitIdleUntil(std::chrono::steady_clock::time_point end) {
  std::unique_lock lock(end_mutex_);
  return ended_.wait_until(lock, end, [this] { return idle_; });
}

void InprocSubscription::BecomeIdle() noexcept {
  {
    std::lock_guard lock(end_mutex_);
    if (std::exchange(idling_, true)) return;  // a publisher that came too late was inside
  }
  // The user's code runs below: it must not wait for this subscription, which it may own.
  const ThreadMark mark(ThreadKind::kCallback);
  handler_ = nullptr;
  OnIdle();
  std::vector<std::function<void()>> dones;
  {
    std::lock_guard lock(end_mutex_);
    idle_ = true;
    dones.swap(dones_);
    ended_.notify_all();
  }
  for (const auto& done : dones) RunDone(done);
}

void InprocSubscription::RunDone(const std::function<void()>& done) noexcept {
  const ThreadMark mark(ThreadKind::kCallback);
  try {
    done();
  } catch (...) {
    try {
      core_->log.Write(LogLevel::kError, "the end of '" + name_ + "': its done function threw");
    } catch (...) {  // out of memory for a log line
    }
  }
}

}  // namespace detail
}  // namespace virtufin::inline v0
