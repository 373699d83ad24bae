// Failing handlers, deferred outcomes and groups under load: no event is lost or uncounted.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <random>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

constexpr std::uint64_t kPublishers = 2;
constexpr std::uint64_t kEach = 300;

/// Succeeds, fails in each way, and defers, at random; deferred outcomes come from a thread.
class Moody {
 public:
  Moody() : settler_([this] { Settle(); }) {}
  ~Moody() {
    stop_ = true;
    settler_.join();
  }
  Delivery Take(const Message& message, const DeliveryInfo& info) {
    std::uint32_t mood = 0;
    {
      std::lock_guard lock(mutex_);
      mood = random_() % 8;
      if (mood >= 6) {
        deferred_.push_back({NumberOf(message), info.Defer()});
        return Delivery::kSuccess;
      }
    }
    if (mood == 0) throw std::runtime_error("no");
    if (mood == 1) return Delivery::kRetry;
    if (mood == 2) return Delivery::kReject;
    ++done[NumberOf(message)];
    return Delivery::kSuccess;
  }
  std::vector<std::atomic<int>> done = std::vector<std::atomic<int>>(kPublishers * kEach);

 private:
  struct Open {
    std::uint64_t number;
    Deferred deferred;
  };
  void Settle() {
    while (!stop_.load()) {
      std::vector<Open> open;
      bool good = false;
      {
        std::lock_guard lock(mutex_);
        open.swap(deferred_);
        good = random_() % 2 == 0;
      }
      for (Open& each : open) {
        if (good) ++done[each.number];
        each.deferred.Settle(good ? Delivery::kSuccess : Delivery::kRetry);
      }
      std::this_thread::yield();
    }
  }

  std::mutex mutex_;
  std::mt19937 random_{11};
  std::vector<Open> deferred_;
  std::atomic<bool> stop_{false};
  std::thread settler_;
};

void PublishAll(Bus& bus) {
  std::vector<std::thread> publishers;
  for (std::uint64_t p = 0; p < kPublishers; ++p) {
    publishers.emplace_back([&bus, p] {
      for (std::uint64_t i = 0; i < kEach; ++i) CHECK(bus.Publish("a", p * kEach + i).ok());
    });
  }
  for (auto& publisher : publishers) publisher.join();
}

/// Each event was handled once or is a dead letter, never both.
void CheckAll(const Moody& moody, const Letters& dead) {
  std::vector<int> ends(kPublishers * kEach, 0);
  for (std::size_t i = 0; i < ends.size(); ++i) ends[i] = moody.done[i].load();
  for (const Message& letter : dead.Await(0)) ++ends[NumberOf(letter)];
  int wrong = 0;
  for (const int count : ends) wrong += count != 1;
  CHECK(wrong == 0);
}

SubscribeOptions Impatient(bool ordered, std::size_t capacity) {
  SubscribeOptions options = Queue(capacity);
  options.ordered = ordered;
  options.retry.first_delay_ms = 0;
  return options;
}

// At rest nothing is queued, waits or is in hand: what was handled and buried adds up.
std::uint64_t Ended(const Moody& moody, const Letters& dead) {
  std::uint64_t ended = dead.size();
  for (const auto& count : moody.done) ended += static_cast<std::uint64_t>(count.load());
  return ended;
}

TEST_CASE("whatever handlers answer, each event is handled once or becomes a dead letter") {
  for (const bool ordered : {true, false}) {
    CAPTURE(ordered);
    Bus bus;
    Moody moody;
    Letters dead;
    auto letters = bus.Subscribe("a-dead", Queue(4096), dead.Handler());
    auto subscription = bus.Subscribe("a", Impatient(ordered, 8),
                                      [&](const Message& message, const DeliveryInfo& info) {
                                        return moody.Take(message, info);
                                      });
    PublishAll(bus);
    while (Ended(moody, dead) < kPublishers * kEach) std::this_thread::yield();
    subscription.Unsubscribe();
    CheckAll(moody, dead);
    const SubscriptionCounters counters = subscription.counters();
    CHECK(counters.dropped == 0);
    CHECK(counters.dead_lettered == dead.size());
    CHECK(counters.delivered == kPublishers * kEach + counters.retried);
  }
}

/// Publishes to a group of one steady member, while `churn` runs again and again on a thread of its
/// own, until all is handled.
template <class Churn>
void StormGroup(const SubscribeOptions& options, Churn churn) {
  Bus bus;
  Moody moody;
  Letters dead;
  auto letters = bus.Subscribe("a-dead", Queue(4096), dead.Handler());
  const MessageHandler handler = [&](const Message& message, const DeliveryInfo& info) {
    return moody.Take(message, info);
  };
  auto steady = bus.Subscribe("a", options, handler);
  std::atomic<bool> stop{false};
  std::thread churning([&] {
    while (!stop.load()) churn(bus, handler);
  });
  PublishAll(bus);
  while (Ended(moody, dead) < kPublishers * kEach) std::this_thread::yield();
  stop = true;
  churning.join();
  CheckAll(moody, dead);
}

TEST_CASE("the same in a group whose members come and go") {
  for (const bool ordered : {true, false}) {
    CAPTURE(ordered);
    SubscribeOptions options = Impatient(ordered, 64);
    options.group = "g";
    StormGroup(options, [&](Bus& bus, const MessageHandler& handler) {
      auto one = bus.Subscribe("a", options, handler);
      auto two = bus.Subscribe("a", options, handler);
      std::this_thread::yield();
      one.Unsubscribe([] {});
    });
  }
}

TEST_CASE("the same over two queues of a group of which one comes and goes, with little room") {
  SubscribeOptions options = Impatient(true, 2);
  options.group = "g";
  StormGroup(options, [&](Bus& bus, const MessageHandler& handler) {
    auto one = bus.broker->Subscribe({"a", "b"}, options, handler);
    std::this_thread::yield();
  });
}

}  // namespace
}  // namespace virtufin::test
