// One worker under management: its state machine, its calls, the swap of its code.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "virtufin/core/executor.hpp"
#include "virtufin/engine/engine.hpp"
#include "virtufin/event/message.hpp"
#include "virtufin/pubsub/pubsub.hpp"
#include "virtufin/workmanager/work_manager.hpp"
#include "workmanager/call_clock.hpp"
#include "workmanager/lifecycle_events.hpp"
#include "workmanager/repeatable.hpp"
#include "workmanager/worker_config.hpp"
#include "workmanager/worker_host.hpp"

namespace virtufin::inline v0::detail {

/// What the workers of one manager share.
struct WorkerSetting {
  std::string instance_id;  // of the manager
  WorkManager::Dependencies dependencies;
  std::chrono::milliseconds call_timeout;
  std::shared_ptr<LifecycleEvents> events;
  CallClock clock;
};

/// All functions are [any]; those that complete later take a Done, run exactly once and never under
/// the lock. An abandoned call's thread may still hold the last reference: it then touches nothing
/// but this object.
///
/// A pool is one worker of several instances. They share its state and its code: a swap takes place
/// while none of them has an event, for which those that are done hold their next one.
class ManagedWorker : public std::enable_shared_from_this<ManagedWorker> {
 public:
  using Done = WorkManager::Done;
  using Timeout = std::chrono::milliseconds;

  /// Keeps what was loaded, by its digest, before it takes effect; the code goes when that fails.
  using Commit = std::function<Status(const std::string& sha256)>;
  using Voices = std::vector<std::shared_ptr<RepeatableVoice>>;

  /// `engine` and what `setting` names are borrowed until the worker is deleted. `voices`: one of
  /// each instance.
  ManagedWorker(WorkerInfo info, CodeSource source, WorkerConfig config, Engine& engine,
                std::shared_ptr<const WorkerSetting> setting, const Voices& voices);

  /// Once, before anything else. Without success it is failed: Start tries again.
  Status LoadFirst(const Commit& commit);
  Status Start();
  void Stop(Timeout timeout, Done done);
  /// `forget` runs after the worker became deleted, before `done`.
  void Delete(Timeout timeout, std::function<void()> forget, Done done);
  /// The same for one that goes on elsewhere or later: it is not told to be deleted.
  void Unload(Timeout timeout, std::function<void()> forget, Done done);
  /// `commit` runs when the code is loaded, before the swap; `done` says whether that took place.
  void LoadCode(CodeSource source, Commit commit, Timeout timeout, Done done);
  WorkerInfo Info() const;
  WorkerMetrics Metrics() const;
  /// Tells that it was created: once, when it is in the table and its record is written.
  void TellCreated() const { Tell(Lifecycle::kCreated); }
  void TellBeat() const;  // when it runs

 private:
  enum class State : std::uint8_t { kStopped, kLoading, kRunning, kDraining, kFailed, kDeleted };
  /// Takes the outcomes of one load: those of an abandoned load then belong to no call.
  class Outcomes final : public CallSink {
   public:
    Outcomes(std::weak_ptr<ManagedWorker> owner, std::size_t instance)
        : owner_(std::move(owner)), instance_(instance) {}
    void OnOutcome(CallOutcome outcome) noexcept override;

   private:
    const std::weak_ptr<ManagedWorker> owner_;
    const std::size_t instance_;
  };
  struct Load {
    std::shared_ptr<LoadedWorker> worker;
    std::shared_ptr<Outcomes> outcomes;
    std::uint32_t number = 0;  // of all loads of this worker, from 1
  };
  struct Loads {
    std::vector<Load> each;  // by instance
    std::string sha256;      // of the code
  };
  /// One of the pool; most workers have one. It has one event at a time.
  struct Instance {
    WorkerIdentity identity;
    std::shared_ptr<RepeatableVoice> voice;
    Load load = {};
    Subscription subscription = {};
    bool subscribed = false;
    std::shared_ptr<WorkerTimers> timers = {};  // since the first load
    // The call in flight.
    bool busy = false;
    bool inside = false;                // LoadedWorker::Process has not returned yet
    std::optional<Message> input = {};  // until the outcome is in
    std::uint32_t attempt = 1;
    std::uint64_t began = 0;                   // by the CallClock
    std::shared_ptr<ManagedWorker> self = {};  // while busy
    Deferred outcome = {};                     // of an event that is not done with in its handler
    Delivery verdict = Delivery::kSuccess;     // of the last call
    std::string failure = {};                  // the last call: why it failed
    bool damaged = false;                      // the last call may have damaged it
    bool overdue = false;                      // the call in flight
    std::optional<Message> held = {};          // waits for the swap, its outcome is deferred
    // The watch for overdue calls.
    std::uint64_t calls = 0;
    std::uint64_t watched_call = 0;  // by number
    int watched_ticks = 0;           // since the first that saw this call
  };
  struct Swap {
    Loads loads;
    CodeSource source;
    Done done;
    Executor::Timer timer;
  };
  struct Waiter {
    Done done;
    std::function<void()> forget;  // set by Delete
  };
  struct Settlement {
    Deferred deferred;
    Delivery delivery = Delivery::kSuccess;
    std::string reason;
    void Do();
  };
  /// What is left to do once the lock is released.
  struct Afterwards {
    std::shared_ptr<ManagedWorker> self;
    Settlement settle;
    std::vector<Settlement> settle_more;
    std::vector<Load> unload;
    std::vector<std::function<void()>> run;
    void Do();
  };

  Delivery OnMessage(std::size_t number, const Message& message, const DeliveryInfo& info);
  Load Begin(Instance& instance, const Message& message);  // lock held
  void Call(Load load, const Message& message) const;
  void CallHeld(std::size_t number, std::uint64_t call);
  std::string Abandoned() const;
  Delivery AbandonedVerdict() const noexcept;
  void OnOutcome(const Outcomes* from, std::size_t number, CallOutcome outcome);
  void FinishCall(Instance& instance, Afterwards& after);  // lock held
  WorkerStatus Shown() const noexcept;                     // lock held
  bool Degraded() const noexcept;                          // lock held
  bool Any(bool Instance::*flag) const noexcept;           // lock held
  void Watch();                                            // lock held
  void OnWatchTick();
  Status Overdue() const;
  /// Publishes the reply. What becomes of the event, with why in `failure` when it is no success.
  Delivery Publish(std::size_t number, const Message& input, const CallOutcome& outcome,
                   std::string& failure, bool& published);
  void Log(LogLevel level, const std::string& text) const;
  void TellFailure(std::size_t number, const Message& input, bool degrades, std::string_view what,
                   const Status& status);
  Status Error(StatusCode code, const std::string& text) const;
  void Tell(Lifecycle change, const Status& why = {}) const;
  void TellDegraded(const Status& why);            // lock held
  void TellOnline();                               // lock held
  void AwaitQuiet(std::chrono::nanoseconds wait);  // lock held
  void OnQuiet();

  Result<Loads> LoadFrom(const CodeSource& source);
  void Install(Loads& loads);         // lock held; `loads` are the old ones afterwards
  void BeginHeld(Afterwards& after);  // lock held
  std::shared_ptr<WorkerHost> NewHost(std::size_t number, std::uint32_t load);
  std::optional<CurrentCall> CallOf(std::size_t number, std::uint32_t load) const;
  Status Inject(std::size_t number, const Message& message) const;
  void AttachTimers();  // lock held
  void DetachTimers();  // lock held
  /// The event of a timer that is not wanted any more.
  bool Outdated(const Instance& instance, const Message& message) const;  // lock held
  Status Subscribe(std::unique_lock<std::mutex>& lock);
  void Drain(std::unique_lock<std::mutex>& lock, Timeout timeout, Waiter waiter);
  void Unsubscribe(std::unique_lock<std::mutex>& lock);
  void OnUnsubscribed(std::uint64_t drain);
  Status LoadAgain(std::unique_lock<std::mutex>& lock);
  void End(Timeout timeout, bool unload, std::function<void()> forget, Done done);
  std::function<void()> StartAgain();
  void OnDrainTimeout(std::uint64_t drain, Timeout timeout);
  void Abandon(Instance& instance, Afterwards& after);        // lock held
  void FinishDrain(const Status& status, Afterwards& after);  // lock held
  void FinishDelete(const Status& status);
  void ArmDrainTimer(Timeout timeout);                       // lock held
  void RunDeferred(Afterwards& after);                       // lock held
  void FinishSwap(const Status& status, Afterwards& after);  // lock held
  void OfferSwap(Swap swap, Timeout timeout);
  void OnSwapTimeout(std::uint64_t swap, Timeout timeout);
  void FailLoad(const Status& status, Loads unload, Done done);

  const WorkerInfo info_;  // id, type, topics, config, tags, created_at
  const WorkerConfig config_;
  const bool stamps_clock_;  // clocktype is one of the extensions that the configuration stamps
  Engine& engine_;
  const std::shared_ptr<const WorkerSetting> setting_;
  const std::shared_ptr<const LifecycleSubject> subject_;
  Runtime runtime_;
  PubSub& bus_;

  mutable std::mutex mutex_;
  State state_ = State::kStopped;
  CodeSource source_;
  std::string error_;
  std::vector<Instance> instances_;  // as many for ever
  std::uint32_t loads_ = 0;          // so far, refused ones included
  WorkerCounters counters_;
  CallTally durations_;
  QueueMetrics ended_queues_;  // of subscriptions that ended

  // What is told.
  std::optional<MonotonicTime> failure_told_;  // at most one a second
  std::uint64_t failures_untold_ = 0;
  bool started_ = false;   // told, and not stopped since
  bool online_ = false;    // told, since it started
  bool degraded_ = false;  // told, and not online since
  std::optional<MonotonicTime> failed_at_;
  Executor::Timer quiet_timer_;

  bool watching_ = false;  // the timer of the watch is armed
  Executor::Timer watch_timer_;

  // Draining and swapping.
  std::uint64_t drain_ = 0;
  std::chrono::steady_clock::time_point drain_until_;
  bool draining_ = false;       // the drain of that number runs, its timer is armed
  std::size_t subscribed_ = 0;  // subscriptions whose end was not told
  bool restart_ = false;
  bool delete_ = false;
  bool unload_ = false;     // it is not told to be deleted
  bool cancelled_ = false;  // stopped while it loads
  Executor::Timer drain_timer_;
  std::vector<Waiter> waiters_;
  bool swapping_ = false;
  std::uint64_t swap_count_ = 0;
  std::optional<Swap> swap_;  // loaded, waits for the events in flight
  std::vector<std::function<void()>> deferred_;
};

}  // namespace virtufin::inline v0::detail
