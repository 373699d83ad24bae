// Full queues and foreign publishers: who waits, for how long, and what it costs the others.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

/// A queue whose handler stands in a turnstile, with one event in the handler and the rest waiting.
struct FullQueue {
  FullQueue(Bus& bus, std::string_view topic, std::size_t capacity, std::int64_t block_timeout_ms,
            std::string name = "full") {
    SubscribeOptions options = Queue(capacity, Overflow::kBlock, block_timeout_ms);
    options.name = std::move(name);
    subscription = bus.Subscribe(topic, options, inbox.HandlerBehind(turnstile));
    REQUIRE(bus.Publish(topic, 1).ok());
    turnstile.AwaitArrivals(1);
    for (std::uint64_t i = 2; i <= capacity + 1; ++i) REQUIRE(bus.Publish(topic, i).ok());
  }
  ~FullQueue() {
    turnstile.Open();
    subscription.Unsubscribe();
  }

  Turnstile turnstile;
  Inbox inbox;
  Subscription subscription;
};

// Pins PS-9.
TEST_CASE("a foreign publisher waits for room and loses nothing") {
  Bus bus;
  FullQueue full(bus, "a", 4, 60'000);
  std::atomic<bool> published{false};
  std::thread publisher([&] {
    CHECK(bus.Publish("a", 6).ok());
    published = true;
  });
  full.turnstile.Give(1);
  publisher.join();
  CHECK(published);
  CHECK(full.subscription.counters().queued == 4);
  full.turnstile.Open();
  full.inbox.Await(6);
  CHECK(full.inbox.numbers() == Range(1, 6));
  CHECK(full.inbox.missed_in_all() == 0);
}

// Pins PS-9.
TEST_CASE("a full subscription does not delay the others of the same event") {
  Bus bus;
  FullQueue full(bus, "a", 2, 60'000);
  Inbox queued;
  Inbox inlined;
  auto after = bus.Subscribe("a", Queue(2), queued.Handler());
  auto inline_too = bus.Subscribe("a", Inline(), inlined.Handler());
  std::thread publisher([&] { CHECK(bus.Publish("a", 4).ok()); });
  queued.Await(1);  // for ever, if the publisher waited first
  inlined.Await(1);
  full.turnstile.Open();
  publisher.join();
  full.inbox.Await(4);
}

TEST_CASE("of two full subscriptions each gets the event when it has room") {
  Bus bus(3);
  Turnstile first_turnstile;
  Turnstile second_turnstile;
  Inbox first_inbox;
  Inbox second_inbox;
  auto slow = bus.Subscribe("both", Queue(1), first_inbox.HandlerBehind(first_turnstile));
  auto quick = bus.Subscribe("both", Queue(1), second_inbox.HandlerBehind(second_turnstile));
  REQUIRE(bus.Publish("both", 1).ok());
  first_turnstile.AwaitArrivals(1);
  second_turnstile.AwaitArrivals(1);
  REQUIRE(bus.Publish("both", 2).ok());
  std::thread publisher([&] { CHECK(bus.Publish("both", 3).ok()); });
  second_turnstile.Open();
  second_inbox.Await(3);  // the first one is still full
  CHECK(first_inbox.size() == 0);
  first_turnstile.Open();
  publisher.join();
  first_inbox.Await(3);
  CHECK(first_inbox.numbers() == Range(1, 3));
  CHECK(second_inbox.numbers() == Range(1, 3));
}

// Pins PS-10.
TEST_CASE("all publishers that wait are let go when the subscription lags, and all are counted") {
  constexpr std::uint64_t kPublishers = 6;
  Bus bus;
  FullQueue full(bus, "a", 2, 30);
  std::atomic<int> refused{0};
  std::vector<std::thread> publishers;
  for (std::uint64_t i = 0; i < kPublishers; ++i) {
    publishers.emplace_back([&, i] {
      const Status status = bus.Publish("a", 100 + i);
      if (status.code() == StatusCode::kResourceExhausted) ++refused;
    });
  }
  for (auto& publisher : publishers) publisher.join();
  CHECK(refused == kPublishers);
  CHECK(full.subscription.counters().missed_lagging == kPublishers);
  CHECK(full.subscription.counters().lagging);
  CHECK(bus.log.Has("subscription 'full' lags"));
  full.turnstile.Open();
  full.inbox.Await(3);
  CHECK(full.inbox.missed_in_all() == kPublishers);
  CHECK_FALSE(full.subscription.counters().lagging);
}

TEST_CASE("a timeout of zero never waits") {
  Bus bus;
  FullQueue full(bus, "a", 2, 0);
  CHECK(bus.Publish("a", 4).code() == StatusCode::kResourceExhausted);
}

TEST_CASE("a queue of one event recovers and tells on the very next delivery") {
  Bus bus;
  FullQueue full(bus, "a", 1, 1);
  CHECK(bus.Publish("a", 3).code() == StatusCode::kResourceExhausted);
  CHECK(bus.Publish("a", 4).code() == StatusCode::kResourceExhausted);
  full.turnstile.Open();
  full.inbox.Await(2);
  CHECK(full.inbox.numbers() == Range(1, 2));
  CHECK(full.inbox.missed() == std::vector<std::uint64_t>{0, 2});
  CHECK(bus.Publish("a", 5).ok());
  full.inbox.Await(3);
}

// Pins PS-10.
TEST_CASE("several lagging subscriptions are all named") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  SubscribeOptions options = Queue(1, Overflow::kBlock, 1);
  options.name = "one";
  auto one = bus.Subscribe("a", options, inbox.HandlerBehind(turnstile));
  options.name = "another";
  auto another = bus.Subscribe("a", options, inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(2);
  REQUIRE(bus.Publish("a", 2).ok());
  const Status status = bus.Publish("a", 3);
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(status.message().find("'one'") != std::string_view::npos);
  CHECK(status.message().find("'another'") != std::string_view::npos);
  turnstile.Open();
}

// Pins PS-7.
TEST_CASE("Stop lets a waiting publisher go with UNAVAILABLE and what is queued is handled") {
  Bus bus;
  FullQueue full(bus, "a", 2, 60'000);
  Signal other_got_it;
  auto witness = bus.Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
    other_got_it.Set();
    return Delivery::kSuccess;
  });
  StatusCode code = StatusCode::kOk;
  std::thread publisher([&] { code = bus.Publish("a", 4).code(); });
  other_got_it.Wait();  // the publisher waits now, or will find the broker stopped
  CHECK(bus.broker->Stop(std::chrono::seconds(30)).ok());
  publisher.join();
  CHECK(code == StatusCode::kUnavailable);
  full.turnstile.Open();
  full.inbox.Await(3);
  CHECK(full.inbox.numbers() == Range(1, 3));
}

TEST_CASE("Unsubscribe lets a waiting publisher go: the event has no such target any more") {
  Bus bus;
  FullQueue full(bus, "a", 2, 60'000);
  Signal other_got_it;
  auto witness = bus.Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
    other_got_it.Set();
    return Delivery::kSuccess;
  });
  StatusCode code = StatusCode::kUnknown;
  std::thread publisher([&] { code = bus.Publish("a", 4).code(); });
  other_got_it.Wait();
  Signal done;
  full.subscription.Unsubscribe([&] { done.Set(); });
  publisher.join();
  CHECK(code == StatusCode::kOk);
  full.turnstile.Open();
  done.Wait();
  CHECK(full.inbox.numbers() == Range(1, 1));
}

TEST_CASE("DropOldest revokes events that the drain has already taken from the queue") {
  Bus bus(1, /*max_blocking_threads=*/0);
  Turnstile turnstile;
  Inbox inbox;
  // The first drain takes 1 to 4 as one batch: the executor is busy until they are all there.
  Turnstile busy;
  bus.executor.Post([&] { busy.Pass(); });
  busy.AwaitArrivals(1);
  auto subscription =
      bus.Subscribe("a", Queue(4, Overflow::kDropOldest), inbox.HandlerBehind(turnstile));
  for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(bus.Publish("a", i).ok());
  busy.Open();
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 5; i <= 8; ++i) REQUIRE(bus.Publish("a", i).ok());
  CHECK(subscription.counters().queued == 4);
  CHECK(subscription.counters().dropped == 3);
  turnstile.Open();
  inbox.Await(5);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 5, 6, 7, 8});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 3, 0, 0, 0});
}

}  // namespace
}  // namespace virtufin::test
