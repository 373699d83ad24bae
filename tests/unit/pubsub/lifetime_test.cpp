// Ends: handles, handlers, the broker and the executor, in every order.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

TEST_CASE("an empty handle does nothing and still runs done") {
  Subscription empty;
  empty.Unsubscribe();
  int dones = 0;
  empty.Unsubscribe([&] { ++dones; });
  CHECK(dones == 1);
  CHECK(empty.counters().delivered == 0);
  Subscription moved(std::move(empty));
  empty = std::move(moved);
}

TEST_CASE("a handle assigned over ends the subscription it held") {
  Bus bus;
  Inbox first;
  Inbox second;
  Subscription subscription = bus.Subscribe("a", Inline(), first.Handler());
  subscription = bus.Subscribe("a", Inline(), second.Handler());
  CHECK(bus.Publish("a", 1).ok());
  CHECK(first.size() == 0);
  CHECK(second.size() == 1);
  Subscription moved = std::move(subscription);
  CHECK(bus.Publish("a", 2).ok());
  CHECK(second.size() == 2);
}

TEST_CASE("a handle that was ended with done does not wait when it is destroyed") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  Signal done;
  {
    auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
    REQUIRE(bus.Publish("a", 1).ok());
    turnstile.AwaitArrivals(1);
    subscription.Unsubscribe([&] { done.Set(); });
  }
  CHECK_FALSE(done.IsSet());  // the handler still stands there
  turnstile.Open();
  done.Wait();
}

TEST_CASE("done runs on a callback thread, so it may end other subscriptions") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto other = bus.Subscribe("b", Queue(4), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("b", 1).ok());
  turnstile.AwaitArrivals(1);
  auto subscription = bus.Subscribe("a", Queue(4), inbox.Handler());
  ThreadKind kind = ThreadKind::kForeign;
  subscription.Unsubscribe([&] {
    kind = CurrentThreadKind();
    other.Unsubscribe();  // for ever, if it waited
  });
  CHECK(kind == ThreadKind::kCallback);
  turnstile.Open();
  Signal done;
  other.Unsubscribe([&] { done.Set(); });
  done.Wait();
}

TEST_CASE("a throwing done is logged and disturbs nobody") {
  Bus bus;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Inline(), inbox.Handler());
  subscription.Unsubscribe([] { throw 1; });
  CHECK(bus.log.Has("done function threw"));
}

struct OwnsItself {
  Subscription subscription;
  std::atomic<int> runs{0};
};

TEST_CASE("a handler may own its own subscription") {
  Bus bus;
  for (const SubscribeOptions& options : {Inline(), Queue(4)}) {
    std::weak_ptr<OwnsItself> watch;
    Signal ran;
    {
      auto owner = std::make_shared<OwnsItself>();
      watch = owner;
      owner->subscription =
          bus.Subscribe("a", options, [owner, &ran](const Message&, const DeliveryInfo&) {
            ++owner->runs;
            ran.Set();
            return Delivery::kSuccess;
          });
    }
    REQUIRE_FALSE(watch.expired());
    REQUIRE(bus.Publish("a", 1).ok());
    ran.Wait();
    watch.lock()->subscription.Unsubscribe();
    while (!watch.expired()) std::this_thread::yield();
  }
}

TEST_CASE("the broker's end destroys handlers that own their subscriptions") {
  std::weak_ptr<OwnsItself> watch;
  {
    Bus bus;
    auto owner = std::make_shared<OwnsItself>();
    watch = owner;
    owner->subscription = bus.Subscribe(
        "a", Inline(), [owner](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; });
  }
  CHECK(watch.expired());
}

// Pins PS-6.
TEST_CASE("the broker may end while a handler runs; its handle still waits for it") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = bus.Subscribe("a", Queue(4), inbox.HandlerBehind(turnstile));
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(bus.Publish("a", i).ok());
  turnstile.AwaitArrivals(1);
  bus.broker.reset();
  CHECK(subscription.counters().queued == 0);
  std::thread opener([&] { turnstile.Open(); });
  subscription.Unsubscribe();
  CHECK(inbox.numbers() == Range(1, 1));
  opener.join();
}

TEST_CASE("a handler that fails after its broker has ended does not touch the log") {
  LogLines log;
  Executor executor(Bus::Options(1), WallClock(), NullLog());
  REQUIRE(executor.Start().ok());
  auto borrowed = std::make_unique<LogLines>();
  auto broker = std::make_unique<InprocBroker>(Runtime{executor, WallClock(), *borrowed});
  Turnstile turnstile;
  auto subscription =
      broker->Subscribe("a", Queue(4), [&](const Message&, const DeliveryInfo&) -> Delivery {
        turnstile.Pass();
        throw 1;
      });
  REQUIRE(broker->Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  broker.reset();
  borrowed.reset();
  turnstile.Open();
  subscription->Unsubscribe();
  CHECK(subscription->counters().failed == 1);
  CHECK(executor.Stop(std::chrono::seconds(30)).ok());
}

TEST_CASE("a handler that does not return is named by Stop, and the broker ends without it") {
  Bus bus(1);
  Turnstile turnstile;
  Inbox inbox;
  SubscribeOptions options = Queue(4);
  options.name = "stuck";
  auto subscription = bus.Subscribe("a", options, inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("a", 1).ok());
  REQUIRE(bus.Publish("a", 2).ok());
  turnstile.AwaitArrivals(1);
  const Status status = bus.executor.Stop(std::chrono::milliseconds(20));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK(status.message().find("stuck") != std::string_view::npos);
  bus.broker.reset();
  turnstile.Open();
  subscription.Unsubscribe();
  CHECK(inbox.numbers() == Range(1, 1));
}

TEST_CASE("what was queued before the executor stopped is handled") {
  Bus bus(1, /*max_blocking_threads=*/0);
  Inbox inbox;
  Turnstile busy;
  auto subscription = bus.Subscribe("a", Queue(2000), inbox.Handler());
  bus.executor.Post([&] { busy.Pass(); });
  busy.AwaitArrivals(1);
  for (std::uint64_t i = 1; i <= 1500; ++i) REQUIRE(bus.Publish("a", i).ok());
  busy.Open();
  REQUIRE(bus.executor.Stop(std::chrono::seconds(30)).ok());
  CHECK(inbox.numbers() == Range(1, 1500));
}

TEST_CASE("a broker on an executor that never ran, and on one that stopped, ends cleanly") {
  Inbox inbox;
  Executor executor(Bus::Options(1), WallClock(), NullLog());
  Subscription subscription;
  {
    InprocBroker broker(Runtime{executor, WallClock(), NullLog()});
    subscription = broker.Subscribe("a", Queue(4), inbox.Handler()).value();
    REQUIRE(broker.Publish(Numbered("a", 1)).ok());
    subscription.Unsubscribe();
  }
  REQUIRE(executor.Start().ok());
  REQUIRE(executor.Stop(std::chrono::seconds(30)).ok());
  InprocBroker broker(Runtime{executor, WallClock(), NullLog()});
  auto late = broker.Subscribe("a", Queue(4), inbox.Handler());
  CHECK(broker.Publish(Numbered("a", 2)).ok());
  late->Unsubscribe();
  CHECK(inbox.size() == 0);
}

// Pins PS-5.
TEST_CASE("unsubscribing while publishers race loses no handler and runs each done once") {
  Bus bus;
  std::atomic<bool> stop{false};
  std::vector<std::thread> publishers;
  for (int i = 0; i < 2; ++i) {
    publishers.emplace_back([&] {
      for (std::uint64_t n = 1; !stop; ++n) (void)bus.Publish("a", n);
    });
  }
  std::atomic<int> dones{0};
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds; ++i) {
    auto alive = std::make_shared<std::atomic<bool>>(true);
    std::atomic<int> late{0};
    const auto handler = [alive, &late](const Message&, const DeliveryInfo&) {
      if (!*alive) ++late;
      return Delivery::kSuccess;
    };
    auto inlined = bus.Subscribe("a", Inline(), handler);
    auto queued = bus.Subscribe("a", Queue(8, Overflow::kDropOldest), handler);
    Signal done;
    inlined.Unsubscribe([&] {
      ++dones;
      done.Set();
    });
    queued.Unsubscribe();
    done.Wait();
    *alive = false;
    CHECK(alive.use_count() == 2);  // ours and the lambda's above
    CHECK(late == 0);
  }
  stop = true;
  for (auto& publisher : publishers) publisher.join();
  CHECK(dones == kRounds);
}

// Pins PS-22.
TEST_CASE("each event lost for want of a taker of its dead letter is logged by topic and id") {
  Bus bus;
  auto failing = bus.Subscribe(
      "a", Inline(), [](const Message&, const DeliveryInfo&) { return Delivery::kReject; });
  for (std::uint64_t i = 5; i <= 7; ++i) CHECK(bus.Publish("a", i).ok());
  for (const char* id : {"5", "6", "7"}) {
    CAPTURE(id);
    CHECK(bus.log.Has("failed at event " + std::string(id) +
                      " on a and dropped it: nobody subscribed its dead letter"));
  }
  CHECK(failing.counters().dropped == 3);
}

}  // namespace
}  // namespace virtufin::test
