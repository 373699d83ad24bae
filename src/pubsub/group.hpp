// Groups: members that compete for events.
//
// Members that ask for the same share one queue. Its handler gives each event to the member that is
// idle longest and parks the queue while none is, so a member holds one event at most, and one that
// is stuck holds up nobody else. Members of one group that ask for different topics have queues of
// their own; an event that several of these want goes to the one with the least to do.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pubsub/group_table.hpp"
#include "pubsub/queued_subscription.hpp"

namespace virtufin::inline v0 {
namespace detail {

class GroupMember;

/// Who is idle, and what waits for one who is. Everything is [any].
class GroupDispatcher {
 public:
  /// On the queue's strand.
  void Dispatch(const Message& message, std::uint64_t missed);
  void Join(std::shared_ptr<GroupMember> member);
  /// True when no member is left.
  bool Leave(const GroupMember& member);
  /// True when something waits and no member is left.
  bool OnHandled(GroupMember& member);
  /// Ahead of what the queue holds.
  void Return(std::vector<Attempt> attempts);
  std::vector<Attempt> TakeReturned();
  std::vector<std::shared_ptr<GroupMember>> Members() const;
  /// Events that wait for a member, or are on their way to one.
  std::size_t Held() const;
  bool OnStrandOfMember() const noexcept;

 private:
  struct Waiting {
    Attempt attempt;
    std::uint64_t missed = 0;
  };
  /// Gives what waits to who is idle. What it answers lets the queue go on: to be let go without
  /// the lock.
  Executor::ParkToken Pump(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<GroupMember>> members_;
  std::deque<std::shared_ptr<GroupMember>> idle_;  // the one in front is idle longest
  std::deque<Waiting> waiting_;
  std::size_t giving_ = 0;      // taken out of waiting_, not yet given
  Executor::ParkToken parked_;  // of the queue's strand, while it must not go on
};

class GroupQueue final : public QueuedSubscription {
 public:
  /// What a queue lost, ever.
  struct Losses {
    std::uint64_t dropped = 0;
    std::uint64_t conflated = 0;
    std::uint64_t missed = 0;
  };

  GroupQueue(std::shared_ptr<BrokerCore> core, Executor& executor, TopicNames names,
             const SubscribeOptions& options, std::shared_ptr<GroupDispatcher> dispatcher);

  GroupDispatcher& dispatcher() const noexcept { return *dispatcher_; }
  SubscriptionCounters counters() const override;
  bool Takes(const TopicNames& names, const SubscribeOptions& options) const noexcept;
  /// The newest member tells of the queue, so sums over members have it once: what it holds, and
  /// what it lost since the one before told. The last one goes on when it has left.
  void Enter(GroupMember& member);
  void Exit(GroupMember& member);
  /// The counters of the queue, with sizes and losses as far as `member` tells of them.
  SubscriptionCounters ToldBy(const GroupMember& member) const;
  void StopWaiting() override;
  /// What a member left: to another member, or to another queue of the group.
  void Return(std::vector<Attempt> attempts);

 private:
  bool OnOwnStrand() const noexcept override;
  void OnClosed() override;
  void Salvage(std::vector<Attempt> attempts) override;

  Losses LossesNow() const;
  void Credit(GroupMember& member);  // telling_ held

  const SubscribeOptions options_;
  const std::shared_ptr<GroupDispatcher> dispatcher_;
  mutable std::mutex telling_;         // taken before all others of a queue
  std::vector<GroupMember*> tellers_;  // in the order they came; the last one tells
  Losses credited_;                    // to members that told before
};

class GroupMember final : public QueuedSubscription {
 public:
  GroupMember(std::shared_ptr<BrokerCore> core, Executor& executor, std::string name,
              MessageHandler handler, const SubscribeOptions& options,
              std::shared_ptr<GroupQueue> queue);

  using QueuedSubscription::Give;
  using QueuedSubscription::OnOwnStrand;
  SubscriptionCounters counters() const override;

 private:
  void OnHandled() override;
  void OnClosed() override;
  void Salvage(std::vector<Attempt> attempts) override;

  friend class GroupQueue;

  const std::shared_ptr<GroupQueue> queue_;
  GroupQueue::Losses told_;  // by this one, for good; telling_ of the queue held
};

}  // namespace detail
}  // namespace virtufin::inline v0
