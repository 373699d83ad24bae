// Publishing from executor threads: never waits, uses the allowance, parks the strand.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

/// A strand whose tasks publish.
class Publisher {
 public:
  explicit Publisher(Bus& bus) : bus_(bus), strand_(bus.executor.NewStrand()) {}

  /// One task that publishes numbers first to last on `topic`; returns at once.
  void Post(std::string topic, std::uint64_t first, std::uint64_t last) {
    strand_.Post([this, topic = std::move(topic), first, last] {
      for (std::uint64_t i = first; i <= last; ++i) {
        const StatusCode code = bus_.Publish(topic, i).code();
        std::lock_guard lock(mutex_);
        codes_.push_back(code);
      }
    });
  }
  /// `signal` is set by the strand's next task.
  void PostSignal(Signal& signal) {
    strand_.Post([&signal] { signal.Set(); });
  }
  bool Parked() const { return strand_.Parked(); }
  std::size_t Count(StatusCode code) const {
    std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const StatusCode each : codes_) count += each == code ? 1 : 0;
    return count;
  }

 private:
  Bus& bus_;
  Executor::Strand strand_;
  mutable std::mutex mutex_;
  std::vector<StatusCode> codes_;
};

// Pins PS-17.
TEST_CASE("past capacity the publishing strand is parked until the queue is half empty") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);

  Publisher publisher(bus);
  Signal within_capacity;
  publisher.Post("a", 2, 5);
  publisher.PostSignal(within_capacity);
  within_capacity.Wait();  // filling the queue exactly parks nobody
  CHECK_FALSE(publisher.Parked());

  Signal resumed;
  publisher.Post("a", 6, 7);
  publisher.PostSignal(resumed);
  while (subscription.counters().queued < 6) std::this_thread::yield();
  CHECK(subscription.counters().parked == 1);  // one strand, though it published twice
  CHECK(publisher.Parked());
  CHECK_FALSE(resumed.IsSet());
  turnstile.Give(3);
  turnstile.AwaitArrivals(4);  // 3 of 4 wait: not yet
  CHECK(subscription.counters().queued == 3);
  CHECK(publisher.Parked());
  CHECK_FALSE(resumed.IsSet());
  turnstile.Give(1);
  turnstile.AwaitArrivals(5);
  resumed.Wait();
  CHECK(subscription.counters().queued == 2);
  CHECK(subscription.counters().parked == 0);
  turnstile.Open();
  inbox.Await(7);
  CHECK(inbox.numbers() == Range(1, 7));
  CHECK(publisher.Count(StatusCode::kOk) == 6);
}

// Pins PS-16.
TEST_CASE("past the allowance Publish answers RESOURCE_EXHAUSTED, counts, and unparks") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  Publisher publisher(bus);
  Signal resumed;
  publisher.Post("a", 2, 11);
  publisher.PostSignal(resumed);
  resumed.Wait();  // a lagging subscription parks nobody
  CHECK(publisher.Count(StatusCode::kOk) == 8);
  CHECK(publisher.Count(StatusCode::kResourceExhausted) == 2);
  const SubscriptionCounters counters = subscription.counters();
  CHECK(counters.lagging);
  CHECK(counters.queued == 8);
  CHECK(counters.missed_lagging == 2);
  CHECK(counters.parked == 0);
  turnstile.Open();
  inbox.Await(9);
  CHECK(inbox.numbers() == Range(1, 9));
  CHECK(inbox.missed_in_all() == 2);
}

// Pins PS-17.
TEST_CASE("a strand parked for block_timeout_ms runs again, and the subscription lags") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  auto subscription =
      bus.Subscribe("a", Queue(2, Overflow::kBlock, 20), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  Publisher publisher(bus);
  Signal resumed;
  publisher.Post("a", 2, 4);
  publisher.Post("a", 5, 5);
  publisher.PostSignal(resumed);
  resumed.Wait();  // though the handler still stands still
  CHECK(subscription.counters().lagging);
  CHECK(publisher.Count(StatusCode::kOk) == 3);
  CHECK(publisher.Count(StatusCode::kResourceExhausted) == 1);
  CHECK(subscription.counters().missed_lagging == 1);
  turnstile.Open();
  inbox.Await(4);
  CHECK(inbox.numbers() == Range(1, 4));
  CHECK(inbox.missed_in_all() == 1);
}

// Pins PS-17.
TEST_CASE("a strand stays parked until all its targets are half empty") {
  Bus bus(4);
  Turnstile first_turnstile;
  Turnstile second_turnstile;
  Inbox first_inbox;
  Inbox second_inbox;
  auto first = bus.Subscribe("a", Queue(1), first_inbox.HandlerBehind(first_turnstile));
  auto second = bus.Subscribe("a", Queue(1), second_inbox.HandlerBehind(second_turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  first_turnstile.AwaitArrivals(1);
  second_turnstile.AwaitArrivals(1);
  Publisher publisher(bus);
  Signal resumed;
  publisher.Post("a", 2, 3);
  publisher.PostSignal(resumed);
  while (second.counters().queued < 2) std::this_thread::yield();
  first_turnstile.Open();
  first_inbox.Await(3);
  CHECK(first.counters().parked == 0);
  CHECK(second.counters().parked == 1);
  CHECK(publisher.Parked());
  CHECK_FALSE(resumed.IsSet());
  second_turnstile.Open();
  resumed.Wait();
  second_inbox.Await(3);
}

// Pins PS-17.
TEST_CASE("a handler that fills its own queue is not parked for it") {
  Bus bus;
  Inbox inbox;
  std::atomic<std::uint64_t> next{2};
  auto subscription =
      bus.Subscribe("a", Queue(4), [&](const Message& message, const DeliveryInfo& info) {
        // One event becomes three until there are 7: two in the allowance at most.
        for (int i = 0; i < 3 && next <= 7; ++i) CHECK(bus.Publish("a", next++).ok());
        return inbox.Take(message, info);
      });
  REQUIRE(bus.Publish("a", 1).ok());
  inbox.Await(7);  // a parked strand would not get here within the minute of its timeout
  CHECK(inbox.numbers() == Range(1, 7));
}

TEST_CASE("a drain whose strand is parked stops after its event and goes on later") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox slow_inbox;
  Inbox quick_inbox;
  auto slow = bus.Subscribe("slow", Queue(2), slow_inbox.HandlerBehind(turnstile));
  auto quick =
      bus.Subscribe("quick", Queue(64), [&](const Message& message, const DeliveryInfo& info) {
        (void)bus.Publish("slow", NumberOf(message));
        return quick_inbox.Take(message, info);
      });
  REQUIRE(bus.Publish("slow", 0).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 1; i <= 20; ++i) REQUIRE(bus.Publish("quick", i).ok());
  quick_inbox.Await(3);  // two have room, the third is too many
  CHECK(slow.counters().parked == 1);
  CHECK(quick.counters().queued == 17);
  CHECK(quick_inbox.size() == 3);
  turnstile.Open();
  slow_inbox.Await(21);
  quick_inbox.Await(20);
  CHECK(slow_inbox.numbers() == Range(0, 20));
}

// Pins PS-18.
TEST_CASE("from the first parked strand on, foreign publishers wait until half empty too") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  Publisher publisher(bus);
  publisher.Post("a", 2, 6);
  while (subscription.counters().parked == 0) std::this_thread::yield();
  Inbox witness;
  auto inlined = bus.Subscribe("a", Inline(), witness.Handler());
  std::thread foreign([&] { CHECK(bus.Publish("a", 7).ok()); });
  witness.Await(1);
  turnstile.Give(2);
  turnstile.AwaitArrivals(3);
  CHECK(subscription.counters().queued == 3);  // room for one, and it was not taken
  turnstile.Open();
  foreign.join();
  inbox.Await(7);
  CHECK(inbox.numbers() == Range(1, 7));
  CHECK(subscription.counters().missed_lagging == 0);
}

// Pins PS-16.
TEST_CASE("a net loop is not parked and not blocked") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(2), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  {
    const ThreadMark mark(ThreadKind::kNetLoop);
    for (std::uint64_t i = 2; i <= 5; ++i) CHECK(bus.Publish("a", i).ok());
    CHECK(bus.Publish("a", 6).code() == StatusCode::kResourceExhausted);
  }
  CHECK(subscription.counters().parked == 0);
  turnstile.Open();
  inbox.Await(5);
}

// Pins PS-17.
TEST_CASE("a net loop in the name of a strand is parked instead of losing events") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  auto strand = bus.executor.NewStrand();
  Signal read_on;
  std::thread loop([&] {
    const ThreadMark mark(ThreadKind::kNetLoop);
    const Executor::StrandScope scope(strand);
    for (std::uint64_t i = 2; i <= 5; ++i) {
      CHECK(bus.Publish("a", i).ok());
      CHECK_FALSE(Executor::CurrentStrandParked());
    }
    CHECK(bus.Publish("a", 6).ok());  // the first of the allowance
    CHECK(Executor::CurrentStrandParked());
    strand.Post([&] { read_on.Set(); });
    for (std::uint64_t i = 7; i <= 9; ++i) CHECK(bus.Publish("a", i).ok());
  });
  loop.join();
  CHECK(strand.Parked());
  CHECK(subscription.counters().parked == 1);
  turnstile.Give(5);
  turnstile.AwaitArrivals(6);  // 3 of 4 wait: not yet
  CHECK(strand.Parked());
  CHECK_FALSE(read_on.IsSet());
  turnstile.Give(1);
  read_on.Wait();
  CHECK_FALSE(strand.Parked());
  turnstile.Open();
  inbox.Await(9);
  CHECK(inbox.numbers() == Range(1, 9));
  CHECK(inbox.missed_in_all() == 0);
}

// Pins PS-18.
TEST_CASE("a flooded subscription lets others run on the same thread") {
  Bus bus(1, /*max_blocking_threads=*/0);
  Turnstile busy;
  bus.executor.Post([&] { busy.Pass(); });
  busy.AwaitArrivals(1);
  Inbox flooded;
  Inbox other;
  std::size_t seen_by_other = 0;
  auto first = bus.Subscribe("flood", Queue(4000), flooded.Handler());
  auto second = bus.Subscribe("other", Queue(4), [&](const Message& m, const DeliveryInfo& info) {
    seen_by_other = flooded.size();
    return other.Take(m, info);
  });
  for (std::uint64_t i = 1; i <= 4000; ++i) REQUIRE(bus.Publish("flood", i).ok());
  REQUIRE(bus.Publish("other", 1).ok());
  busy.Open();
  flooded.Await(4000);
  other.Await(1);
  CHECK(seen_by_other < 4000);
  CHECK(flooded.numbers() == Range(1, 4000));
}

TEST_CASE("Unsubscribe of the slow one lets its parked publishers go") {
  Bus bus(3);
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(2), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  turnstile.AwaitArrivals(1);
  Publisher publisher(bus);
  Signal resumed;
  publisher.Post("a", 2, 4);
  publisher.PostSignal(resumed);
  while (subscription.counters().parked == 0) std::this_thread::yield();
  Signal done;
  subscription.Unsubscribe([&] { done.Set(); });
  resumed.Wait();
  turnstile.Open();
  done.Wait();
}

}  // namespace
}  // namespace virtufin::test
