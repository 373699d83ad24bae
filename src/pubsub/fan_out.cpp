// FanOut: hands an event to all who listen, waits where it must, says who missed it.
#include "pubsub/fan_out.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/queued_subscription.hpp"
#include "pubsub/topic_hash.hpp"
#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace virtufin::inline v0 {
namespace detail {

namespace {

// Inline handlers this thread is inside of, of whatever broker.
constinit thread_local int inline_depth = 0;

/// The calling thread runs inline handlers while it lives.
class InlineScope {
 public:
  InlineScope() noexcept : mark_(ThreadKind::kCallback) { ++inline_depth; }
  ~InlineScope() { --inline_depth; }
  InlineScope(const InlineScope&) = delete;
  InlineScope& operator=(const InlineScope&) = delete;

 private:
  ThreadMark mark_;
};

/// Why some subscriptions did not get an event.
class Refusals {
 public:
  void Add(const QueuedSubscription& subscription, Offered offered) {
    if (offered == Offered::kStopped) Add(BrokerStopped());
    if (offered == Offered::kMissed) Add(subscription.lag_status());
  }
  void Add(const InlineSubscription& subscription) {
    Add(Status(StatusCode::kResourceExhausted, "pubsub",
               "inline subscription '" + subscription.name() +
                   "': expected a recursion of at most " +
                   std::to_string(InprocBroker::kMaxInlineDepth) +
                   " handlers, found one more; all others got the event"));
  }
  Status Take() { return std::move(status_); }

 private:
  void Add(const Status& status) {
    status_ = status_.ok()
                  ? status
                  : Status(status_.code(), "pubsub",
                           std::string(status_.message()) + "; " + std::string(status.message()));
  }

  Status status_;
};

/// Waits at all full queues at once, so that each gets the event as soon as it has room. Those that
/// ended meanwhile.
std::vector<QueuedSubscription*> AwaitRoom(const Message& message,
                                           const std::vector<QueuedSubscription*>& full,
                                           Refusals& refusals, std::size_t& takers) {
  using std::chrono::steady_clock;
  const auto start = steady_clock::now();
  PublishWait wait;
  wait.open = full.size();
  std::vector<PendingPush> pushes(full.size());
  for (std::size_t i = 0; i < full.size(); ++i) {
    pushes[i].message = &message;
    pushes[i].wait = &wait;
    full[i]->Await(pushes[i]);
  }
  std::unique_lock lock(wait.mutex);
  while (wait.open > 0) {
    auto deadline = steady_clock::time_point::max();
    for (std::size_t i = 0; i < full.size(); ++i) {
      if (pushes[i].outcome != Offered::kFull) continue;
      const auto own = start + full[i]->block_timeout();
      if (own <= steady_clock::now()) {
        lock.unlock();
        full[i]->GiveUp(pushes[i]);
        lock.lock();
      } else {
        deadline = std::min(deadline, own);
      }
    }
    if (wait.open > 0 && deadline != steady_clock::time_point::max()) {
      wait.changed.wait_until(lock, deadline);
    }
  }
  std::vector<QueuedSubscription*> ended;
  for (std::size_t i = 0; i < full.size(); ++i) {
    refusals.Add(*full[i], pushes[i].outcome);
    if (pushes[i].outcome == Offered::kEnded) ended.push_back(full[i]);
    if (pushes[i].outcome == Offered::kTaken) ++takers;
  }
  return ended;
}

/// One event at the subscriptions of one list after the other. A list outlives this.
class Publication {
 public:
  Publication(const BrokerCore& core, const Message& message) noexcept
      : core_(core), message_(message) {}

  void Offer(QueuedSubscription& subscription) {
    if (subscription.sharded()) {
      if (subscription.Wants(SubjectHash())) OfferTo(subscription);
    } else if (!subscription.group().empty()) {
      rivals_.push_back(&subscription);
    } else {
      OfferTo(subscription);
    }
  }
  /// After all Offers: one queue of each group gets the event.
  void OfferToGroups() {
    if (!rivals_.empty()) OfferToEachGroup();
  }
  /// For each subscription of `inlined` that `wanted` wants.
  template <class Wanted>
  void Call(std::span<const Targets::Inlined> inlined, Wanted wanted) {
    if (inlined.empty() || stopped_) return;
    // Stop closes those it sees; whoever found a later one sees that the broker is stopped.
    stopped_ = core_.stopped.load(std::memory_order_acquire);
    if (stopped_) return;
    if (inline_depth < InprocBroker::kMaxInlineDepth) {
      const InlineScope scope;
      for (const auto& subscription : inlined) {
        if (wanted(*subscription) && subscription->Deliver(message_)) ++takers_;
      }
    } else {
      for (const auto& subscription : inlined) {
        if (wanted(*subscription) && subscription->Refuse()) refusals_.Add(*subscription);
      }
    }
  }
  Status Finish(std::size_t* takers) {
    const Status status = AwaitAll();
    if (takers != nullptr) *takers = takers_;
    return status;
  }

 private:
  Status AwaitAll() {
    if (stopped_) return BrokerStopped();
    while (!full_.empty()) {
      const auto ended = AwaitRoom(message_, std::exchange(full_, {}), refusals_, takers_);
      for (const QueuedSubscription* each : ended) {
        if (!each->group().empty()) OfferToOneOf(*each);
      }
    }
    return refusals_.Take();
  }
  /// Made once, however many shards there are.
  std::uint32_t SubjectHash() {
    if (!subject_hash_) {
      // Another seed than the topic tables have: what falls together there need not here.
      constexpr std::uint64_t kSeed = 0x2545f4914f6cdd1d;
      subject_hash_ = static_cast<std::uint32_t>(TopicHash(message_.event().subject(), kSeed));
    }
    return *subject_hash_;
  }
  /// False when it has ended.
  bool OfferTo(QueuedSubscription& subscription) {
    const Offered offered = subscription.Offer(message_);
    if (offered == Offered::kFull) {
      full_.push_back(&subscription);
    } else if (offered == Offered::kTaken) {
      ++takers_;
    } else {
      refusals_.Add(subscription, offered);
    }
    return offered != Offered::kEnded;
  }
  void OfferToEachGroup() {
    for (QueuedSubscription* rival : rivals_) {
      const auto same = [&](const auto* each) { return each->group() == rival->group(); };
      if (*std::find_if(rivals_.begin(), rivals_.end(), same) == rival) OfferToOneOf(*rival);
    }
  }
  /// One of the queues of its group, the one with the least to do first; all may have ended.
  void OfferToOneOf(const QueuedSubscription& rival) {
    struct Candidate {
      std::pair<bool, std::size_t> load;  // as it was once: a sort wants values that stand still
      QueuedSubscription* queue;
    };
    std::vector<Candidate> candidates;
    for (QueuedSubscription* each : rivals_) {
      if (each->group() != rival.group()) continue;
      const SubscriptionCounters counters = each->counters();
      candidates.push_back({{counters.lagging, counters.queued}, each});
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.load < b.load; });
    for (const Candidate& candidate : candidates) {
      if (OfferTo(*candidate.queue)) return;
    }
  }

  const BrokerCore& core_;
  const Message& message_;
  std::vector<QueuedSubscription*> rivals_;
  Refusals refusals_;
  std::vector<QueuedSubscription*> full_;
  std::optional<std::uint32_t> subject_hash_;
  std::size_t takers_ = 0;
  bool stopped_ = false;
};

/// Each subscription of the topic and of the patterns that it matches, once.
Status FanOutToPatterns(const BrokerCore& core, const Message& message, const Targets::Ref& targets,
                        std::size_t* takers) {
  const PatternMatch match = core.patterns.Find(message.topic());
  std::vector<Targets::Ref> lists(match->size());
  const auto others = [&](std::size_t list) {
    return [&names = *match, topic = message.topic(), list](const InprocSubscription& each) {
      return !each.names().Overlap() || !each.names().HasEarlier(topic, names, list);
    };
  };
  Publication publication(core, message);
  if (targets) {
    for (const auto& subscription : targets->queued()) publication.Offer(*subscription);
  }
  for (std::size_t list = 0; list < lists.size(); ++list) {
    lists[list] = (*match)[list]->targets();
    if (!lists[list]) continue;
    for (const auto& subscription : lists[list]->queued()) {
      if (others(list)(*subscription)) publication.Offer(*subscription);
    }
  }
  publication.OfferToGroups();
  if (targets) publication.Call(targets->inlined(), [](const auto&) { return true; });
  for (std::size_t list = 0; list < lists.size(); ++list) {
    if (lists[list]) publication.Call(lists[list]->inlined(), others(list));
  }
  return publication.Finish(takers);
}

}  // namespace

Status BrokerStopped() { return {StatusCode::kUnavailable, "pubsub", "the broker is stopped"}; }

Status FanOut(const BrokerCore& core, const Message& message, std::size_t* takers) {
  if (core.stopped.load(std::memory_order_acquire)) return BrokerStopped();
  const Targets::Ref targets = core.topics.Find(message.topic());
  // Nobody can have subscribed it by its name.
  if (!targets && message.topic().empty()) {
    return {StatusCode::kInvalidArgument, "pubsub", "publish: expected a topic, found none"};
  }
  if (!core.patterns.empty()) return FanOutToPatterns(core, message, targets, takers);
  if (!targets) return {};
  Publication publication(core, message);
  for (const auto& subscription : targets->queued()) publication.Offer(*subscription);
  publication.OfferToGroups();
  publication.Call(targets->inlined(), [](const auto&) { return true; });
  return publication.Finish(takers);
}

}  // namespace detail
}  // namespace virtufin::inline v0
