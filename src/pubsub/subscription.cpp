// Subscription: the handle; what it does is its driver's.
#include <utility>

#include "virtufin/core/executor.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::inline v0 {

Subscription::Subscription() noexcept = default;
Subscription::Subscription(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Subscription::Subscription(Subscription&& other) noexcept
    : impl_(std::move(other.impl_)), ended_(std::exchange(other.ended_, false)) {}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  Subscription moved(std::move(other));
  std::swap(impl_, moved.impl_);
  std::swap(ended_, moved.ended_);
  return *this;
}

Subscription::~Subscription() {
  if (!ended_) Unsubscribe();
}

void Subscription::Unsubscribe() {
  // A copy: closing destroys the handler, and that may own this handle.
  const std::shared_ptr<Impl> impl = impl_;
  if (impl == nullptr) return;
  ended_ = true;
  impl->Close({});
  if (CurrentThreadKind() == ThreadKind::kForeign) impl->AwaitIdle();
}

void Subscription::Unsubscribe(std::function<void()> done) {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl == nullptr) {
    if (done) done();
    return;
  }
  ended_ = true;
  impl->Close(std::move(done));
}

Status Subscription::Inject(const Message& message) const {
  if (impl_ == nullptr) return {StatusCode::kUnavailable, "pubsub", "the subscription has ended"};
  return impl_->Inject(message);
}

SubscriptionCounters Subscription::counters() const {
  return impl_ == nullptr ? SubscriptionCounters{} : impl_->counters();
}

}  // namespace virtufin::inline v0
