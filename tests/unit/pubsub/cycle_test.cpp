// Cycles of full Block queues on few executor threads: they end, and every event is accounted for.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

struct Party {
  Subscription subscription;
  std::atomic<std::uint64_t> published{0};  // to its topic
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::uint64_t> told{0};
};

/// Each of `parties` sends `fan` events on to the next party's topic for every event of the flood.
void RunCycle(std::size_t parties, int threads, std::size_t capacity, std::uint64_t flood,
              std::uint64_t hops, std::int64_t block_timeout_ms) {
  Bus bus(threads, /*max_blocking_threads=*/0);  // no thread comes to help
  std::vector<Party> all(parties);
  const auto topic = [](std::size_t i) { return "party." + std::to_string(i); };
  const auto publish = [&](std::size_t to, std::uint64_t number) {
    ++all[to].published;
    const Status status = bus.Publish(topic(to), number);
    if (!status.ok()) {
      CHECK(status.code() == StatusCode::kResourceExhausted);
      ++all[to].refused;
    }
  };
  for (std::size_t i = 0; i < parties; ++i) {
    all[i].subscription =
        bus.Subscribe(topic(i), Queue(capacity, Overflow::kBlock, block_timeout_ms),
                      [&, i](const Message& message, const DeliveryInfo& info) {
                        all[i].told += info.missed;
                        // The number is how many hops are left.
                        const std::uint64_t left = NumberOf(message);
                        if (left > 0) publish((i + 1) % parties, left - 1);
                        ++all[i].handled;
                        return Delivery::kSuccess;
                      });
  }
  std::vector<std::thread> floods;
  for (std::size_t i = 0; i < parties; ++i) {
    floods.emplace_back([&, i] {
      for (std::uint64_t n = 0; n < flood; ++n) publish(i, hops);
    });
  }
  for (auto& each : floods) each.join();
  const auto settled = [&] {
    // All that is done first, all that was published after it: what is published while we look is
    // not taken for done.
    std::uint64_t done = 0, published = 0;
    for (Party& party : all) done += party.handled + party.subscription.counters().missed_lagging;
    for (Party& party : all) published += party.published;
    return done == published;
  };
  while (!settled()) std::this_thread::yield();
  for (Party& party : all) {
    party.subscription.Unsubscribe();
    const SubscriptionCounters counters = party.subscription.counters();
    CHECK(counters.delivered + counters.missed_lagging == party.published);
    CHECK(counters.delivered == party.handled);
    CHECK(counters.missed_lagging == party.refused);
    CHECK(party.told <= counters.missed_lagging);
    CHECK(counters.dropped == 0);
  }
}

// Pins PS-19.
TEST_CASE("a full Block cycle on two executor threads ends and every event is accounted for") {
  RunCycle(2, 2, 4, 400, 20, 10);
}

TEST_CASE("so does a cycle of queues of one event") { RunCycle(2, 2, 1, 200, 20, 2); }

// Pins PS-19.
TEST_CASE("so does a cycle of more parties than threads") { RunCycle(5, 2, 2, 100, 30, 5); }

TEST_CASE("so does a party that feeds itself") { RunCycle(1, 2, 4, 400, 20, 10); }

// Pins PS-19.
TEST_CASE("a cycle that fits its queues loses nothing") {
  Bus bus;
  std::array<Inbox, 2> inboxes;
  std::array<Subscription, 2> subscriptions;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  for (std::size_t i = 0; i < 2; ++i) {
    subscriptions[i] = bus.Subscribe(
        topics[i], Queue(64), [&, i](const Message& message, const DeliveryInfo& info) {
          if (NumberOf(message) < 2000) {
            CHECK(bus.Publish(topics[1 - i], NumberOf(message) + 1).ok());
          }
          return inboxes[i].Take(message, info);
        });
  }
  CHECK(bus.Publish("a", 1).ok());
  inboxes[0].Await(1000);
  inboxes[1].Await(1000);
  CHECK(inboxes[0].missed_in_all() + inboxes[1].missed_in_all() == 0);
}

}  // namespace
}  // namespace virtufin::test
