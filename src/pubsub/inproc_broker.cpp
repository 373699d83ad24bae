// InprocBroker: hands an event to the subscriptions of its topic.
#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/queued_subscription.hpp"
#include "pubsub/topic_table.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace virtufin::inline v0 {

namespace {

using detail::InlineSubscription;
using detail::Offered;
using detail::PendingPush;
using detail::PublishWait;
using detail::QueuedSubscription;

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

Status Stopped() { return {StatusCode::kUnavailable, "pubsub", "the broker is stopped"}; }

/// Why some subscriptions did not get an event.
class Refusals {
 public:
  void Add(const QueuedSubscription& subscription, Offered offered) {
    if (offered == Offered::kStopped) Add(Stopped());
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

/// Waits at all full queues at once, so that each gets the event as soon as it has room.
void AwaitRoom(const Message& message, const std::vector<QueuedSubscription*>& full,
               Refusals& refusals) {
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
  for (std::size_t i = 0; i < full.size(); ++i) refusals.Add(*full[i], pushes[i].outcome);
}

Status Invalid(std::string text) {
  return {StatusCode::kInvalidArgument, "pubsub", "Subscribe: " + std::move(text)};
}

Status Check(std::span<const std::string_view> topics, const SubscribeOptions& options,
             const MessageHandler& handler) {
  if (topics.empty()) return Invalid("expected at least one topic, found none");
  for (const std::string_view topic : topics) {
    if (topic.empty()) return Invalid("expected a topic, found an empty one");
  }
  if (!handler) return Invalid("expected a handler, found none");
  if (options.capacity == 0 || options.capacity > PubSub::kMaxQueueCapacity) {
    return Invalid("expected a capacity of 1 to " + std::to_string(PubSub::kMaxQueueCapacity) +
                   " events, found " + std::to_string(options.capacity));
  }
  if (options.block_timeout_ms < 0) {
    return Invalid("expected a block_timeout_ms of 0 or more, found " +
                   std::to_string(options.block_timeout_ms));
  }
  return {};
}

}  // namespace

struct InprocBroker::Impl {
  explicit Impl(const Runtime& runtime)
      : executor(runtime.executor), core(std::make_shared<detail::BrokerCore>(runtime.log)) {}

  template <class Kind>
  Subscription Register(const std::shared_ptr<Kind>& subscription,
                        const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) core->topics.Add(topic, subscription);
    return Subscription(subscription);
  }

  void StopPublishers() {
    core->stopped.store(true, std::memory_order_seq_cst);
    for (const auto& subscription : core->topics.All()) subscription->StopWaiting();
  }
  Executor& executor;
  const std::shared_ptr<detail::BrokerCore> core;
};

InprocBroker::InprocBroker(const Runtime& runtime) : impl_(std::make_unique<Impl>(runtime)) {}

InprocBroker::~InprocBroker() {
  impl_->StopPublishers();
  const auto all = impl_->core->topics.All();
  impl_->core->topics.Clear();  // at once: one by one a topic of many would be copied as often
  for (const auto& subscription : all) subscription->Close({});
  impl_->core->log.Detach();
}

Status InprocBroker::Stop(std::chrono::milliseconds deadline) {
  impl_->StopPublishers();
  for (const auto& subscription : impl_->core->topics.AllInline()) subscription->Close({});
  const bool waits = CurrentThreadKind() == ThreadKind::kForeign;
  const auto end =
      std::chrono::steady_clock::now() +
      std::clamp<std::chrono::milliseconds>(waits ? deadline : std::chrono::milliseconds(0),
                                            std::chrono::milliseconds(0), detail::kLongestTimeout);
  std::string running;
  for (const auto& subscription : impl_->core->ending.All()) {
    if (subscription->AwaitIdleUntil(end)) continue;
    running += (running.empty() ? "'" : ", '") + subscription->name() + "'";
  }
  if (running.empty()) return {};
  return {StatusCode::kDeadlineExceeded, "pubsub",
          "expected all inline handlers to return within " + std::to_string(deadline.count()) +
              " ms, still running: " + running};
}

Status InprocBroker::Publish(const Message& message) {
  const detail::BrokerCore& core = *impl_->core;
  if (core.stopped.load(std::memory_order_acquire)) return Stopped();
  const detail::Targets::Ref targets = core.topics.Find(message.topic());
  if (!targets) return {};

  Refusals refusals;
  std::vector<QueuedSubscription*> full;
  for (const auto& subscription : targets->queued()) {
    const Offered offered = subscription->Offer(message);
    if (offered == Offered::kTaken) continue;
    if (offered == Offered::kFull) {
      full.push_back(subscription.get());
    } else {
      refusals.Add(*subscription, offered);
    }
  }
  if (!targets->inlined().empty()) {
    // Stop closes those it sees; whoever found a later one sees that the broker is stopped.
    if (core.stopped.load(std::memory_order_acquire)) return Stopped();
    if (inline_depth < kMaxInlineDepth) {
      const InlineScope scope;
      for (const auto& subscription : targets->inlined()) subscription->Deliver(message);
    } else {
      for (const auto& subscription : targets->inlined()) {
        if (subscription->Refuse()) refusals.Add(*subscription);
      }
    }
  }
  if (!full.empty()) AwaitRoom(message, full, refusals);
  return refusals.Take();
}

Result<Subscription> InprocBroker::Subscribe(std::span<const std::string_view> topics,
                                             const SubscribeOptions& options,
                                             MessageHandler handler) {
  if (Status status = Check(topics, options, handler); !status.ok()) return status;
  if (impl_->core->stopped.load(std::memory_order_acquire)) return Stopped();
  const std::set<std::string_view> once(topics.begin(), topics.end());
  std::vector<std::string> names(once.begin(), once.end());
  std::string name = options.name.empty() ? std::string(topics.front()) : options.name;
  if (options.dispatch == Dispatch::kInline) {
    return impl_->Register(std::make_shared<InlineSubscription>(impl_->core, std::move(name), names,
                                                                std::move(handler)),
                           names);
  }
  return impl_->Register(
      std::make_shared<QueuedSubscription>(impl_->core, impl_->executor, std::move(name), names,
                                           std::move(handler), options),
      names);
}

}  // namespace virtufin::inline v0
