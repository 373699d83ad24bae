// Groups: handing each event to one member, and what members leave to the others.
#include "pubsub/group.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace virtufin::inline v0 {
namespace detail {

// ---- the dispatcher ----------------------------------------------------------------------------

void GroupDispatcher::Dispatch(const Message& message, std::uint64_t missed) {
  std::unique_lock lock(mutex_);
  waiting_.push_back({{message, 0}, missed});
  const Executor::ParkToken resumed = Pump(lock);
  if (idle_.empty() || !waiting_.empty()) parked_ = Executor::ParkCurrentStrand();
  lock.unlock();
}

void GroupDispatcher::Join(std::shared_ptr<GroupMember> member) {
  std::unique_lock lock(mutex_);
  members_.push_back(member);
  idle_.push_back(std::move(member));
  const Executor::ParkToken resumed = Pump(lock);
  lock.unlock();
}

bool GroupDispatcher::Leave(const GroupMember& member) {
  const auto same = [&](const auto& each) { return each.get() == &member; };
  std::vector<std::shared_ptr<GroupMember>> dropped;  // destroyed after unlocking
  const std::lock_guard lock(mutex_);
  const auto place = std::find_if(members_.begin(), members_.end(), same);
  if (place == members_.end()) return false;
  dropped.push_back(std::move(*place));
  members_.erase(place);
  std::erase_if(idle_, same);
  return members_.empty();
}

bool GroupDispatcher::OnHandled(GroupMember& member) {
  const auto same = [&](const auto& each) { return each.get() == &member; };
  std::unique_lock lock(mutex_);
  const auto place = std::find_if(members_.begin(), members_.end(), same);
  if (place == members_.end()) return false;
  if (std::find_if(idle_.begin(), idle_.end(), same) == idle_.end()) idle_.push_back(*place);
  const Executor::ParkToken resumed = Pump(lock);
  const bool stranded = members_.empty() && !waiting_.empty();
  lock.unlock();
  return stranded;
}

void GroupDispatcher::Return(std::vector<Attempt> attempts) {
  std::unique_lock lock(mutex_);
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    waiting_.push_front({std::move(*attempt), 0});
  }
  const Executor::ParkToken resumed = Pump(lock);
  lock.unlock();
}

std::vector<Attempt> GroupDispatcher::TakeReturned() {
  std::vector<Attempt> taken;
  Executor::ParkToken resumed;
  const std::lock_guard lock(mutex_);
  for (Waiting& each : waiting_) taken.push_back(std::move(each.attempt));
  waiting_.clear();
  std::swap(resumed, parked_);
  return taken;
}

std::vector<std::shared_ptr<GroupMember>> GroupDispatcher::Members() const {
  const std::lock_guard lock(mutex_);
  return members_;
}

std::size_t GroupDispatcher::Held() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() + giving_;
}

bool GroupDispatcher::OnStrandOfMember() const noexcept {
  const std::lock_guard lock(mutex_);
  return std::any_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->OnOwnStrand(); });
}

// A member is out of idle_ before the lock is let go: nobody else gives it something meanwhile.
Executor::ParkToken GroupDispatcher::Pump(std::unique_lock<std::mutex>& lock) {
  while (!idle_.empty() && !waiting_.empty()) {
    const std::shared_ptr<GroupMember> member = std::move(idle_.front());
    idle_.pop_front();
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    ++giving_;
    lock.unlock();
    next.attempt.blocks = true;
    next.attempt.timer = {};
    const bool given = member->Give(next.attempt, next.missed);
    lock.lock();
    --giving_;
    if (!given) waiting_.push_front(std::move(next));
  }
  return idle_.empty() ? Executor::ParkToken() : std::exchange(parked_, {});
}

// ---- the table ---------------------------------------------------------------------------------

std::shared_ptr<GroupMember> GroupTable::Join(const std::shared_ptr<BrokerCore>& core,
                                              Executor& executor, std::string name,
                                              TopicNames names, MessageHandler handler,
                                              const SubscribeOptions& options) {
  const std::lock_guard lock(mutex_);
  auto& queues = groups_[options.group];
  std::shared_ptr<GroupQueue> queue;
  for (const auto& each : queues) {
    if (each->Takes(names, options)) queue = each;
  }
  const bool is_new = queue == nullptr;
  if (is_new) {
    queue = std::make_shared<GroupQueue>(core, executor, std::move(names), options,
                                         std::make_shared<GroupDispatcher>());
    queues.push_back(queue);
  }
  auto member = std::make_shared<GroupMember>(core, executor, std::move(name), std::move(handler),
                                              options, queue);
  queue->Enter(*member);
  queue->dispatcher().Join(member);
  if (is_new) core->Register(queue);
  return member;
}

void GroupTable::Leave(GroupMember& member, const std::shared_ptr<GroupQueue>& queue) {
  {
    const std::lock_guard lock(mutex_);
    const bool was_last = queue->dispatcher().Leave(member);
    queue->Exit(member);
    if (!was_last) return;
    const auto group = groups_.find(queue->group());
    std::erase(group->second, queue);
    if (group->second.empty()) groups_.erase(group);
  }
  queue->Close({});
}

std::size_t GroupTable::Redistribute(const std::string& group, std::vector<Attempt> attempts) {
  std::size_t unwanted = 0;
  std::map<std::shared_ptr<GroupQueue>, std::vector<Attempt>> heirs;  // each in order
  {
    const std::lock_guard lock(mutex_);
    const auto queues = groups_.find(group);
    for (Attempt& attempt : attempts) {
      std::shared_ptr<GroupQueue> heir;
      if (queues != groups_.end()) {
        for (const auto& queue : queues->second) {
          if (queue->names().Fit(attempt.message.topic())) heir = queue;
        }
      }
      if (heir == nullptr) {
        ++unwanted;
      } else {
        heirs[heir].push_back(std::move(attempt));
      }
    }
  }
  for (auto& [heir, left] : heirs) heir->Return(std::move(left));
  return unwanted;
}

// ---- the queue ---------------------------------------------------------------------------------

namespace {

/// Failure is the members' affair.
SubscribeOptions OfQueue(SubscribeOptions options) {
  options.retry.dead_letter = false;
  return options;
}

/// What finds no room is the queue's affair: a member drops and replaces nothing.
SubscribeOptions OfMember(SubscribeOptions options) {
  options.overflow = Overflow::kBlock;
  return options;
}

}  // namespace

GroupQueue::GroupQueue(std::shared_ptr<BrokerCore> core, Executor& executor, TopicNames names,
                       const SubscribeOptions& options, std::shared_ptr<GroupDispatcher> dispatcher)
    : QueuedSubscription(
          std::move(core), executor, "group " + options.group, std::move(names),
          [dispatcher](const Message& message, const DeliveryInfo& info) {
            dispatcher->Dispatch(message, info.missed);
            return Delivery::kSuccess;
          },
          OfQueue(options), true, options.group),
      options_(options),
      dispatcher_(std::move(dispatcher)) {}

bool GroupQueue::Takes(const TopicNames& names, const SubscribeOptions& options) const noexcept {
  return this->names().exact == names.exact && this->names().patterns == names.patterns &&
         options_.overflow == options.overflow && options_.capacity == options.capacity &&
         options_.block_timeout_ms == options.block_timeout_ms;
}

SubscriptionCounters GroupQueue::counters() const {
  SubscriptionCounters counters = QueuedSubscription::counters();
  counters.queued += dispatcher_->Held();
  return counters;
}

GroupQueue::Losses GroupQueue::LossesNow() const {
  const SubscriptionCounters now = QueuedSubscription::counters();
  return {now.dropped, now.conflated, now.missed_lagging};
}

void GroupQueue::Credit(GroupMember& member) {
  const Losses now = LossesNow();
  member.told_.dropped += now.dropped - credited_.dropped;
  member.told_.conflated += now.conflated - credited_.conflated;
  member.told_.missed += now.missed - credited_.missed;
  credited_ = now;
}

void GroupQueue::Enter(GroupMember& member) {
  const std::lock_guard lock(telling_);
  if (!tellers_.empty()) Credit(*tellers_.back());
  tellers_.push_back(&member);
}

void GroupQueue::Exit(GroupMember& member) {
  const std::lock_guard lock(telling_);
  if (tellers_.size() < 2) return;
  if (tellers_.back() == &member) Credit(member);
  std::erase(tellers_, &member);
}

SubscriptionCounters GroupQueue::ToldBy(const GroupMember& member) const {
  const std::lock_guard lock(telling_);
  SubscriptionCounters told = counters();
  if (!tellers_.empty() && tellers_.back() == &member) {
    told.dropped -= credited_.dropped;
    told.conflated -= credited_.conflated;
    told.missed_lagging -= credited_.missed;
  } else {
    told.dropped = told.conflated = told.missed_lagging = 0;
    told.queued = 0;
  }
  told.dropped += member.told_.dropped;
  told.conflated += member.told_.conflated;
  told.missed_lagging += member.told_.missed;
  return told;
}

void GroupQueue::StopWaiting() {
  QueuedSubscription::StopWaiting();
  for (const auto& member : dispatcher_->Members()) member->StopWaiting();
}

bool GroupQueue::OnOwnStrand() const noexcept {
  return QueuedSubscription::OnOwnStrand() || dispatcher_->OnStrandOfMember();
}

void GroupQueue::OnClosed() {
  QueuedSubscription::OnClosed();
  for (const auto& member : dispatcher_->Members()) member->Close({});
}

void GroupQueue::Return(std::vector<Attempt> attempts) {
  dispatcher_->Return(std::move(attempts));
  if (closed()) Salvage({});
}

void GroupQueue::Salvage(std::vector<Attempt> attempts) {
  std::vector<Attempt> all = dispatcher_->TakeReturned();
  std::move(attempts.begin(), attempts.end(), std::back_inserter(all));
  Lose(core().groups.Redistribute(group(), std::move(all)), "its last member left");
}

// ---- a member ----------------------------------------------------------------------------------

GroupMember::GroupMember(std::shared_ptr<BrokerCore> core, Executor& executor, std::string name,
                         MessageHandler handler, const SubscribeOptions& options,
                         std::shared_ptr<GroupQueue> queue)
    : QueuedSubscription(std::move(core), executor, std::move(name), {}, std::move(handler),
                         OfMember(options), true),
      queue_(std::move(queue)) {}

SubscriptionCounters GroupMember::counters() const {
  // The queue first: what leaves it meanwhile shows here.
  const SubscriptionCounters told = queue_->ToldBy(*this);
  SubscriptionCounters own = QueuedSubscription::counters();
  own.dropped += told.dropped;
  own.conflated = told.conflated;
  own.missed_lagging = told.missed_lagging;
  own.queued += told.queued;
  if (closed()) return own;
  own.running = own.running || told.running;
  own.lagging = told.lagging;
  own.parked = told.parked;
  return own;
}

void GroupMember::OnHandled() {
  if (queue_->dispatcher().OnHandled(*this)) queue_->Return({});
}

void GroupMember::OnClosed() {
  QueuedSubscription::OnClosed();
  core().groups.Leave(*this, queue_);
}

void GroupMember::Salvage(std::vector<Attempt> attempts) { queue_->Return(std::move(attempts)); }

}  // namespace detail
}  // namespace virtufin::inline v0
