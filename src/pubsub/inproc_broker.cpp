// InprocBroker: checks and registers subscriptions, and stops them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pubsub/fan_out.hpp"
#include "pubsub/group.hpp"
#include "pubsub/inline_subscription.hpp"
#include "pubsub/queued_subscription.hpp"
#include "virtufin/pubsub/inproc.hpp"

namespace virtufin::inline v0 {

namespace {

using detail::BrokerStopped;
using detail::InlineSubscription;
using detail::QueuedSubscription;
using detail::TopicNames;

Status Invalid(std::string text) {
  return {StatusCode::kInvalidArgument, "pubsub", "Subscribe: " + std::move(text)};
}

Status CheckShard(const SubscribeOptions& options) {
  if (options.shard >= options.shards) {
    return Invalid("expected a shard below shards, found " + std::to_string(options.shard) +
                   " of " + std::to_string(options.shards));
  }
  if (options.shards > 1 && (options.dispatch == Dispatch::kInline || !options.group.empty())) {
    return Invalid("expected shards of kQueued without a group, found " +
                   (options.group.empty() ? "kInline" : "group '" + options.group + "'"));
  }
  return {};
}

Status Check(std::span<const std::string_view> topics, const SubscribeOptions& options,
             const MessageHandler& handler) {
  if (topics.empty()) return Invalid("expected at least one topic, found none");
  for (const std::string_view topic : topics) {
    if (topic.empty()) return Invalid("expected a topic, found an empty one");
    if (!options.patterns) continue;
    if (Status status = detail::CheckPattern(topic); !status.ok()) return status;
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
  if (options.retry.first_delay_ms < 0 || options.retry.attempt_timeout_ms < 0) {
    return Invalid("expected a retry policy with times of 0 or more, found " +
                   std::to_string(options.retry.first_delay_ms) + " and " +
                   std::to_string(options.retry.attempt_timeout_ms) + " ms");
  }
  if (!options.group.empty() && options.dispatch == Dispatch::kInline) {
    return Invalid("expected kQueued for a member of a group, found kInline in '" + options.group +
                   "'");
  }
  return CheckShard(options);
}

TopicNames Names(std::span<const std::string_view> topics, const SubscribeOptions& options) {
  TopicNames names;
  for (const std::string_view topic : std::set<std::string_view>(topics.begin(), topics.end())) {
    const bool pattern = options.patterns && detail::HasWildcard(topic);
    (pattern ? names.patterns : names.exact).emplace_back(topic);
  }
  return names;
}

// Longer than a handler takes; who waits for the calling thread is not waited for for ever.
constexpr std::chrono::minutes kPatience{1};

// No handler runs while subscriptions get the event one after the other, nor when this returns:
// what follows does not depend on how fast the calling thread is.
Status PublishAsTask(Executor& executor, const std::shared_ptr<detail::BrokerCore>& core,
                     const Message& message) {
  struct Pending {
    std::atomic<bool> taken = false;
    std::mutex mutex;  // held while it is published
    Status status;
  };
  auto pending = std::make_shared<Pending>();
  executor.Post([pending, core, message] {
    const std::lock_guard lock(pending->mutex);
    if (!pending->taken.exchange(true)) pending->status = detail::FanOut(*core, message);
  });
  const Status idle = executor.WaitIdle(kPatience);
  if (idle.code() == StatusCode::kDeadlineExceeded) {
    core->log.Write(LogLevel::kWarn, "publish on '" + std::string(message.topic()) + "' goes on: " +
                                         idle.ToString() + "; this order is not repeatable");
  }
  // The executor was not started yet, is stopped, or waits for this thread.
  if (!pending->taken.exchange(true)) return detail::FanOut(*core, message);
  const std::lock_guard lock(pending->mutex);
  return pending->status;
}

}  // namespace

struct InprocBroker::Impl {
  explicit Impl(const Runtime& runtime)
      : executor(runtime.executor),
        repeatable(executor.repeatable()),
        core(std::make_shared<detail::BrokerCore>(runtime.log)) {}

  template <class Kind>
  Subscription Register(const std::shared_ptr<Kind>& subscription) {
    core->Register(subscription);
    return Subscription(subscription);
  }

  /// Each subscription at least once.
  std::vector<std::shared_ptr<detail::InprocSubscription>> All() const {
    auto all = core->topics.All();
    const auto more = core->patterns.All();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void StopPublishers() {
    core->stopped.store(true, std::memory_order_seq_cst);
    for (const auto& subscription : All()) subscription->StopWaiting();
  }

  Executor& executor;
  const bool repeatable;
  const std::shared_ptr<detail::BrokerCore> core;
};

InprocBroker::InprocBroker(const Runtime& runtime) : impl_(std::make_unique<Impl>(runtime)) {}

InprocBroker::~InprocBroker() {
  impl_->StopPublishers();
  const auto all = impl_->All();
  impl_->core->topics.Clear();  // at once: one by one a topic of many would be copied as often
  impl_->core->patterns.Clear();
  for (const auto& subscription : all) subscription->Close({});
  impl_->core->log.Detach();
}

Status InprocBroker::Stop(std::chrono::milliseconds deadline) {
  impl_->StopPublishers();
  for (const auto& subscription : impl_->core->topics.AllInline()) subscription->Close({});
  for (const auto& subscription : impl_->core->patterns.AllInline()) subscription->Close({});
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
  const bool must_settle = impl_->repeatable && CurrentThreadKind() == ThreadKind::kForeign;
  return must_settle ? PublishAsTask(impl_->executor, impl_->core, message)
                     : detail::FanOut(*impl_->core, message);
}

Result<Subscription> InprocBroker::Subscribe(std::span<const std::string_view> topics,
                                             const SubscribeOptions& options,
                                             MessageHandler handler) {
  if (Status status = Check(topics, options, handler); !status.ok()) return status;
  if (impl_->core->stopped.load(std::memory_order_acquire)) return BrokerStopped();
  TopicNames names = Names(topics, options);
  std::string name = options.name.empty() ? std::string(topics.front()) : options.name;
  if (options.dispatch == Dispatch::kInline) {
    return impl_->Register(
        std::make_shared<InlineSubscription>(impl_->core, std::move(name), std::move(names),
                                             std::move(handler), options.retry.dead_letter));
  }
  if (!options.group.empty()) {
    return Subscription(impl_->core->groups.Join(impl_->core, impl_->executor, std::move(name),
                                                 std::move(names), std::move(handler), options));
  }
  return impl_->Register(std::make_shared<QueuedSubscription>(impl_->core, impl_->executor,
                                                              std::move(name), std::move(names),
                                                              std::move(handler), options));
}

}  // namespace virtufin::inline v0
