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
#include "workmanager/worker_config.hpp"
#include "workmanager/worker_host.hpp"

namespace virtufin::inline v0::detail {

/// All functions are [any]; those that complete later take a Done, run exactly once and never under
/// the lock. An abandoned call's thread may still hold the last reference: it then touches nothing
/// but this object.
class ManagedWorker : public std::enable_shared_from_this<ManagedWorker> {
 public:
  using Done = WorkManager::Done;
  using Timeout = std::chrono::milliseconds;

  /// Keeps what was loaded, by its digest, before it takes effect; the code goes when that fails.
  using Commit = std::function<Status(const std::string& sha256)>;

  /// `engine` and what `dependencies` names are borrowed until the worker is deleted.
  ManagedWorker(WorkerInfo info, CodeSource source, WorkerConfig config, std::string instance_id,
                Engine& engine, const WorkManager::Dependencies& dependencies,
                Timeout call_timeout);

  Status LoadFirst(const Commit& commit);  // once, before anything else
  Status Start();
  void Stop(Timeout timeout, Done done);
  /// `forget` runs after the worker became deleted, before `done`.
  void Delete(Timeout timeout, std::function<void()> forget, Done done);
  /// `commit` runs when the code is loaded, before the swap; `done` says whether that took place.
  void LoadCode(CodeSource source, Commit commit, Timeout timeout, Done done);
  WorkerInfo Info() const;

 private:
  enum class State : std::uint8_t { kStopped, kLoading, kRunning, kDraining, kFailed, kDeleted };
  /// Takes the outcomes of one load: those of an abandoned load then belong to no call.
  class Outcomes final : public CallSink {
   public:
    explicit Outcomes(std::weak_ptr<ManagedWorker> owner) : owner_(std::move(owner)) {}
    void OnOutcome(CallOutcome outcome) noexcept override;

   private:
    const std::weak_ptr<ManagedWorker> owner_;
  };
  struct Load {
    std::shared_ptr<LoadedWorker> worker;
    std::shared_ptr<Outcomes> outcomes;
    std::string sha256;  // of the code
  };
  struct Swap {
    Load load;
    CodeSource source;
    Done done;
    Executor::Timer timer;
  };
  struct Waiter {
    Done done;
    std::function<void()> forget;  // set by Delete
  };
  /// What is left to do once the lock is released.
  struct Afterwards {
    std::shared_ptr<ManagedWorker> self;
    Deferred deferred;
    Delivery delivery = Delivery::kSuccess;
    std::string reason;
    Load unload;
    std::vector<std::function<void()>> run;
    void Do();
  };

  Delivery OnMessage(const Message& message, const DeliveryInfo& info);
  std::string Abandoned() const;
  Delivery AbandonedVerdict() const noexcept;
  void OnOutcome(const Outcomes* from, CallOutcome outcome);
  void FinishCall(Afterwards& after);  // lock held
  void Watch();                        // lock held
  void OnWatchTick();
  Status Overdue() const;
  /// Publishes the reply. What becomes of the event, with why in `failure` when it is no success.
  Delivery Publish(const Message& input, const CallOutcome& outcome, std::string& failure,
                   bool& published);
  void Log(LogLevel level, const std::string& text) const;
  void LogFailure(const Message& input, bool degrades, std::string_view what, const Status& status);
  Status Error(StatusCode code, const std::string& text) const;

  Result<Load> LoadFrom(const CodeSource& source);
  Status Subscribe();  // lock held
  void Drain(std::unique_lock<std::mutex>& lock, Timeout timeout, Waiter waiter);
  void OnUnsubscribed(std::uint64_t drain);
  void OnDrainTimeout(std::uint64_t drain, Timeout timeout);
  void FinishDrain(const Status& status, Afterwards& after);  // lock held
  void FinishDelete(const Status& status);
  void ArmDrainTimer(Timeout timeout);                       // lock held
  void Restart(Afterwards& after);                           // lock held
  void FinishSwap(const Status& status, Afterwards& after);  // lock held
  void OfferSwap(Swap swap, Timeout timeout);
  void OnSwapTimeout(std::uint64_t swap, Timeout timeout);
  void FailLoad(const Status& status, Load unload, Done done);

  const WorkerInfo info_;  // id, type, topics, config, tags, created_at
  const WorkerConfig config_;
  const WorkerIdentity identity_;
  Engine& engine_;
  Runtime runtime_;
  PubSub& bus_;
  CodeFetcher* const fetcher_;
  const Timeout call_timeout_;
  const std::shared_ptr<ManagedWorkerHost> host_;

  mutable std::mutex mutex_;
  State state_ = State::kStopped;
  CodeSource source_;
  std::string error_;
  Load load_;
  Subscription subscription_;
  WorkerCounters counters_;

  // The call in flight.
  bool busy_ = false;
  bool inside_ = false;                    // LoadedWorker::Process has not returned yet
  std::optional<Message> input_;           // until the outcome is in
  std::shared_ptr<ManagedWorker> self_;    // while busy
  Deferred outcome_;                       // while an asynchronous engine has the event
  Delivery verdict_ = Delivery::kSuccess;  // of the last call
  std::string failure_;                    // the last call: why it failed
  bool damaged_ = false;                   // the last call may have damaged the worker
  bool overdue_ = false;                   // the call in flight
  MonotonicTime failure_logged_;           // at most one line a second
  std::uint64_t failures_unlogged_ = 0;

  // The watch for overdue calls.
  bool watching_ = false;           // its timer is armed
  std::uint64_t watched_call_ = 0;  // by number
  int watched_ticks_ = 0;           // since the first that saw this call
  Executor::Timer watch_timer_;

  // Draining and swapping.
  std::uint64_t drain_ = 0;
  std::chrono::steady_clock::time_point drain_until_;
  bool drain_timer_armed_ = false;
  bool unsubscribed_ = false;
  bool restart_ = false;
  bool delete_ = false;
  Executor::Timer drain_timer_;
  std::vector<Waiter> waiters_;
  bool swapping_ = false;
  std::uint64_t swap_count_ = 0;
  std::optional<Swap> swap_;  // loaded, waits for the event in flight
  std::vector<std::function<void()>> deferred_;
};

}  // namespace virtufin::inline v0::detail
