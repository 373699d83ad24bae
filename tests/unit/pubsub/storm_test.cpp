// Many publishers, many subscriptions, subscriptions that come and go: order and accounts hold.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

constexpr std::uint64_t kStride = 1'000'000;  // number = publisher * kStride + sequence

/// Checks the order of each publisher's events; sums up what it was told to have missed.
struct Watcher {
  MessageHandler Handler() {
    return [this](const Message& message, const DeliveryInfo& info) {
      std::lock_guard lock(mutex);
      const std::uint64_t number = NumberOf(message);
      std::uint64_t& last = last_of[number / kStride];
      if (number % kStride <= last) ++unordered;
      last = number % kStride;
      missed += info.missed;
      ++count;
      return Delivery::kSuccess;
    };
  }

  std::mutex mutex;
  std::map<std::uint64_t, std::uint64_t> last_of;
  std::uint64_t unordered = 0;
  std::uint64_t missed = 0;
  std::uint64_t count = 0;
  Subscription subscription;
};

struct Storm {
  static constexpr std::uint64_t kPublishers = 8;
  static constexpr std::uint64_t kEach = 1500;
  static constexpr std::uint64_t kAll = kPublishers * kEach;

  /// Half of the publishers are foreign threads, half are strands of the executor.
  void Run(const std::function<void()>& meanwhile) {
    std::vector<std::thread> foreign;
    std::atomic<std::uint64_t> strands_left{kPublishers / 2};
    Signal strands_done;
    for (std::uint64_t p = 0; p < kPublishers / 2; ++p) {
      foreign.emplace_back([this, p] {
        for (std::uint64_t i = 1; i <= kEach; ++i) Publish(p, i);
      });
    }
    for (std::uint64_t p = kPublishers / 2; p < kPublishers; ++p) {
      auto strand = bus.executor.NewStrand();
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        strand.Post([this, p, i, &strands_left, &strands_done] {
          Publish(p, i);
          if (i == kEach && --strands_left == 0) strands_done.Set();
        });
      }
    }
    meanwhile();
    for (auto& thread : foreign) thread.join();
    strands_done.Wait();
  }
  void Publish(std::uint64_t publisher, std::uint64_t sequence) {
    const Status status = bus.Publish("a", publisher * kStride + sequence);
    if (!status.ok()) ++refused;
  }

  Bus bus;
  std::atomic<std::uint64_t> refused{0};
};

bool Settled(const Watcher& watcher) {
  const SubscriptionCounters counters = watcher.subscription.counters();
  return counters.delivered + counters.missed_lagging + counters.dropped == Storm::kAll;
}

TEST_CASE("eight publishers: patient Block queues get everything in order per publisher") {
  Storm storm;
  std::array<Watcher, 3> watchers;
  // The allowance of the smallest has a place for each of the strands.
  const std::array<std::size_t, 3> capacities = {Storm::kPublishers / 2, 16, 8192};
  for (std::size_t i = 0; i < watchers.size(); ++i) {
    watchers[i].subscription =
        storm.bus.Subscribe("a", Queue(capacities[i]), watchers[i].Handler());
  }
  storm.Run([] {});
  for (Watcher& watcher : watchers) {
    while (!Settled(watcher)) std::this_thread::yield();
    watcher.subscription.Unsubscribe();
    CHECK(watcher.count == Storm::kAll);
    CHECK(watcher.unordered == 0);
    CHECK(watcher.missed == 0);
  }
  CHECK(storm.refused == 0);
}

// Pins PS-14.
TEST_CASE("eight publishers: impatient and dropping queues account for every event") {
  Storm storm;
  Watcher block;
  Watcher drop;
  Watcher newest;
  Watcher inlined;
  block.subscription = storm.bus.Subscribe("a", Queue(2, Overflow::kBlock, 1), block.Handler());
  drop.subscription = storm.bus.Subscribe("a", Queue(3, Overflow::kDropOldest), drop.Handler());
  newest.subscription = storm.bus.Subscribe("a", Queue(3, Overflow::kDropNewest), newest.Handler());
  inlined.subscription = storm.bus.Subscribe("a", Inline(), inlined.Handler());
  storm.Run([] {});
  while (!Settled(block)) std::this_thread::yield();
  while (!Settled(drop)) std::this_thread::yield();
  while (!Settled(newest)) std::this_thread::yield();
  CHECK(Settled(inlined));
  for (Watcher* watcher : {&block, &drop, &newest, &inlined}) {
    watcher->subscription.Unsubscribe();
    const SubscriptionCounters counters = watcher->subscription.counters();
    CHECK(watcher->count == counters.delivered);
    CHECK(watcher->unordered == 0);
  }
  CHECK(block.subscription.counters().missed_lagging == storm.refused);
  CHECK(drop.missed == drop.subscription.counters().dropped);  // the newest was delivered after it
  CHECK(newest.missed == newest.subscription.counters().dropped);  // full: another was to come
  CHECK(inlined.count == Storm::kAll);
}

/// Notes the last event of each subject.
struct LastOfSubject {
  MessageHandler Handler() {
    return [this](const Message& message, const DeliveryInfo& info) {
      std::lock_guard lock(mutex);
      const std::uint64_t number = NumberOf(message);
      std::uint64_t& newest = last[std::string(message.event().subject())];
      if (number <= newest) ++unordered;
      newest = number;
      missed += info.missed;
      return Delivery::kSuccess;
    };
  }

  std::mutex mutex;
  std::map<std::string, std::uint64_t> last;
  std::uint64_t unordered = 0;
  std::uint64_t missed = 0;
};

// Pins PS-13, PS-14.
TEST_CASE("conflating queues lose no subject's last event and account for all others") {
  constexpr std::uint64_t kPublishers = 4;
  constexpr std::uint64_t kSubjects = 5;  // of each publisher
  constexpr std::uint64_t kRounds = 2000;
  Bus bus;
  LastOfSubject roomy;
  LastOfSubject small;
  // One more place for the event that the drain is about to hand over.
  auto all =
      bus.Subscribe("a", Queue(kPublishers * kSubjects + 1, Overflow::kConflate), roomy.Handler());
  auto few = bus.Subscribe("a", Queue(3, Overflow::kConflate), small.Handler());
  std::vector<std::thread> publishers;
  for (std::uint64_t p = 0; p < kPublishers; ++p) {
    publishers.emplace_back([&, p] {
      for (std::uint64_t i = 1; i <= kRounds * kSubjects; ++i) {
        const std::string subject = std::to_string(p) + "." + std::to_string(i % kSubjects);
        (void)bus.broker->Publish(NumberedAbout("a", subject, i));
      }
    });
  }
  for (auto& publisher : publishers) publisher.join();
  for (const Subscription* subscription : {&all, &few}) {
    const auto sum = [&] {
      const SubscriptionCounters counters = subscription->counters();
      return counters.delivered + counters.dropped + counters.conflated;
    };
    while (sum() != kPublishers * kSubjects * kRounds) std::this_thread::yield();
  }
  all.Unsubscribe();
  few.Unsubscribe();
  CHECK(all.counters().dropped == 0);
  CHECK(roomy.missed == all.counters().conflated);
  CHECK(small.missed == few.counters().conflated + few.counters().dropped);
  CHECK(roomy.unordered + small.unordered == 0);
  CHECK(roomy.last.size() == kPublishers * kSubjects);
  for (const auto& [subject, number] : roomy.last) {
    CHECK(number > (kRounds - 1) * kSubjects);
  }
}

TEST_CASE("eight publishers while subscriptions come and go: the one that stays gets everything") {
  Storm storm;
  Watcher stays;
  stays.subscription = storm.bus.Subscribe("a", Queue(32), stays.Handler());
  std::atomic<int> dones{0};
  std::atomic<int> wanted{0};
  storm.Run([&] {
    for (int i = 0; i < 200; ++i) {
      Watcher queued;
      Watcher inlined;
      Watcher full;
      queued.subscription = storm.bus.Subscribe("a", Queue(4), queued.Handler());
      inlined.subscription = storm.bus.Subscribe("a", Inline(), inlined.Handler());
      full.subscription = storm.bus.Subscribe("a", Queue(1), full.Handler());
      Signal done;
      ++wanted;
      full.subscription.Unsubscribe([&] {
        ++dones;
        done.Set();
      });
      inlined.subscription.Unsubscribe();
      queued.subscription.Unsubscribe();
      done.Wait();
      CHECK(queued.unordered + inlined.unordered + full.unordered == 0);
    }
  });
  while (!Settled(stays)) std::this_thread::yield();
  stays.subscription.Unsubscribe();
  CHECK(stays.count == Storm::kAll);
  CHECK(stays.unordered == 0);
  CHECK(dones == wanted);
  CHECK(stays.missed == 0);
}

}  // namespace
}  // namespace virtufin::test
