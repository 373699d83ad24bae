// The floor of a bus with many topics. Frozen.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/floors.hpp"

namespace floors {

struct TopicMap::Impl {
  struct Message {
    std::atomic<std::uint32_t> count{1};
    std::string topic;
  };
  using Function = std::function<void(const Message&)>;

  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<Function>> functions;
  std::vector<std::unique_ptr<Message>> messages;
  std::size_t next = 0;
  std::uint64_t calls = 0;
};

TopicMap::TopicMap(const std::vector<std::string>& topics) : impl_(std::make_unique<Impl>()) {
  for (const std::string& topic : topics) {
    Impl* const impl = impl_.get();
    impl->functions[topic] = std::make_shared<Impl::Function>(
        [impl](const Impl::Message& message) { impl->calls += message.count.load(); });
    auto message = std::make_unique<Impl::Message>();
    message->topic = topic;
    impl->messages.push_back(std::move(message));
  }
  std::shuffle(impl_->messages.begin(), impl_->messages.end(), std::mt19937(7));
}

TopicMap::~TopicMap() = default;

void TopicMap::PublishNext() {
  const Impl::Message& message = *impl_->messages[impl_->next];
  if (++impl_->next == impl_->messages.size()) impl_->next = 0;
  std::shared_ptr<Impl::Function> function;
  {
    const std::lock_guard lock(impl_->mutex);
    function = impl_->functions.find(message.topic)->second;
  }
  (*function)(message);
}

}  // namespace floors
