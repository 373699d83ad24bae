// Inline subscriptions: recursion, concurrency, failures, and what the publisher's thread may do.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/bus.hpp"

namespace virtufin::test {
namespace {

// Pins PS-15.
TEST_CASE("an inline handler may publish 16 deep and no deeper") {
  Bus bus;
  int runs = 0;
  std::vector<StatusCode> inner;
  Inbox queued;
  auto queue = bus.Subscribe("a", Queue(64), queued.Handler());
  SubscribeOptions options = Inline();
  options.name = "recursive";
  std::string refusal;
  std::uint64_t told = 0;
  auto subscription =
      bus.Subscribe("a", options, [&](const Message& message, const DeliveryInfo& info) {
        ++runs;
        told += info.missed;
        if (NumberOf(message) > 100) return Delivery::kSuccess;
        const Status status = bus.Publish("a", NumberOf(message) + 1);
        inner.push_back(status.code());
        if (!status.ok()) refusal = status.message();
        return Delivery::kSuccess;
      });
  CHECK(bus.Publish("a", 1).ok());
  CHECK(runs == InprocBroker::kMaxInlineDepth);
  REQUIRE(inner.size() == 16);
  CHECK(inner.front() == StatusCode::kResourceExhausted);  // the innermost
  for (std::size_t i = 1; i < inner.size(); ++i) CHECK(inner[i] == StatusCode::kOk);
  CHECK(refusal.find("recursive") != std::string::npos);
  CHECK(subscription.counters().dropped == 1);
  queued.Await(17);  // the queue got the refused one too
  CHECK(queued.numbers() == Range(1, 17));
  CHECK(told == 0);
  CHECK(bus.Publish("a", 101).ok());
  CHECK(told == 1);  // and the next delivery tells
}

// Pins PS-15.
TEST_CASE("inline handlers of two publishers run at the same time, without a lock") {
  Bus bus;
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  auto subscription = bus.Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [&] { return inside == 2; });  // for ever, if the other could not come in
    return Delivery::kSuccess;
  });
  std::thread other([&] { (void)bus.Publish("a", 1); });
  CHECK(bus.Publish("a", 2).ok());
  other.join();
  CHECK(subscription.counters().delivered == 2);
}

TEST_CASE("inline handlers run in the order of subscribing and survive a thrower") {
  Bus bus;
  std::vector<int> order;
  const auto note = [&](int which) {
    return [&order, which](const Message&, const DeliveryInfo&) {
      order.push_back(which);
      if (which == 2) throw std::runtime_error("the second one");
      return Delivery::kSuccess;
    };
  };
  auto first = bus.Subscribe("a", Inline(), note(1));
  SubscribeOptions options = Inline();
  options.name = "thrower";
  auto second = bus.Subscribe("a", options, note(2));
  auto third = bus.Subscribe("a", Inline(), note(3));
  CHECK(bus.Publish("a", 1).ok());
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(second.counters().failed == 1);
  CHECK(bus.log.Has("'thrower' failed: the second one"));
}

// Pins PS-16.
TEST_CASE("publishing from an inline handler never waits, though the thread is foreign") {
  Bus bus;
  Turnstile turnstile;
  Inbox inbox;
  auto slow = bus.Subscribe("slow", Queue(2), inbox.HandlerBehind(turnstile));
  REQUIRE(bus.Publish("slow", 1).ok());
  turnstile.AwaitArrivals(1);
  std::vector<StatusCode> codes;
  auto subscription = bus.Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
    for (std::uint64_t i = 2; i <= 6; ++i) codes.push_back(bus.Publish("slow", i).code());
    return Delivery::kSuccess;
  });
  CHECK(bus.Publish("a", 1).ok());  // returns, though the queue's handler stands still
  // Two in the queue, two in the allowance, then no more.
  CHECK(codes == std::vector<StatusCode>{StatusCode::kOk, StatusCode::kOk, StatusCode::kOk,
                                         StatusCode::kOk, StatusCode::kResourceExhausted});
  CHECK(slow.counters().parked == 0);  // there is no strand
  turnstile.Open();
  inbox.Await(5);
  CHECK(inbox.numbers() == Range(1, 5));
}

/// A foreign thread inside an inline handler that waits for a word.
struct InsideInline {
  explicit InsideInline(Bus& bus, std::string name) {
    SubscribeOptions options = Inline();
    options.name = std::move(name);
    subscription = bus.Subscribe("a", options, [this](const Message&, const DeliveryInfo&) {
      turnstile.Pass();
      ended = true;
      return Delivery::kSuccess;
    });
    publisher = std::thread([&bus] { (void)bus.Publish("a", 1); });
    turnstile.AwaitArrivals(1);
  }
  ~InsideInline() {
    turnstile.Open();
    publisher.join();
  }

  Turnstile turnstile;
  std::atomic<bool> ended{false};
  Subscription subscription;
  std::thread publisher;
};

// Pins PS-20.
TEST_CASE("Stop waits for the inline handlers that run, and none starts afterwards") {
  for (const bool unsubscribed : {false, true}) {
    Bus bus;
    InsideInline inside(bus, "slow");
    Signal done;
    if (unsubscribed) inside.subscription.Unsubscribe([&] { done.Set(); });
    std::thread opener([&] {
      while (bus.Publish("b", 1).ok()) std::this_thread::yield();  // until the stop began
      inside.turnstile.Open();
    });
    CHECK(bus.broker->Stop(std::chrono::minutes(2)).ok());
    CHECK(inside.ended);
    opener.join();
    CHECK(bus.Publish("a", 2).code() == StatusCode::kUnavailable);
    if (unsubscribed) done.Wait();
    CHECK(inside.subscription.counters().delivered == 1);
  }
}

// Pins PS-20.
TEST_CASE("Stop names the inline handlers that do not return in time") {
  Bus bus;
  InsideInline one(bus, "stuck");
  const Status status = bus.broker->Stop(std::chrono::milliseconds(1));
  CHECK(status.code() == StatusCode::kDeadlineExceeded);
  CHECK(status.message() ==
        "expected all inline handlers to return within 1 ms, still running: 'stuck'");
  CHECK_FALSE(one.ended);
  CHECK(bus.broker->Stop(std::chrono::milliseconds(0)).code() == StatusCode::kDeadlineExceeded);
  one.turnstile.Open();
  CHECK(bus.broker->Stop(std::chrono::minutes(2)).ok());
  CHECK(one.ended);
}

// Pins PS-20.
TEST_CASE("Stop inside an inline handler does not wait for it") {
  Bus bus;
  StatusCode code = StatusCode::kOk;
  auto subscription = bus.Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
    code = bus.broker->Stop(std::chrono::minutes(2)).code();
    return Delivery::kSuccess;
  });
  (void)bus.Publish("a", 1);
  CHECK(code == StatusCode::kDeadlineExceeded);
  CHECK(bus.broker->Stop(std::chrono::minutes(2)).ok());
}

// Pins PS-20.
TEST_CASE("a stop among publishers: no inline handler runs once it has returned") {
  for (int round = 0; round < 200; ++round) {
    Bus bus;
    std::atomic<bool> stopped{false};
    std::atomic<int> late{0};
    const auto handler = [&](const Message&, const DeliveryInfo&) {
      if (stopped) ++late;
      return Delivery::kSuccess;
    };
    auto early = bus.Subscribe("a", Inline(), handler);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        while (bus.Publish("a", 1).ok()) {
        }
      });
    }
    threads.emplace_back([&] {
      const std::string_view topics[] = {"a"};
      while (bus.broker->Subscribe(topics, Inline(), handler).ok()) {
      }
    });
    CHECK(bus.broker->Stop(std::chrono::minutes(2)).ok());
    stopped = true;
    for (auto& thread : threads) thread.join();
    CHECK(late == 0);
  }
}

TEST_CASE("an inline handler may unsubscribe itself and its neighbours") {
  Bus bus;
  std::vector<Subscription> all(3);
  std::vector<int> runs(3, 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = bus.Subscribe("a", Inline(), [&, i](const Message&, const DeliveryInfo&) {
      ++runs[i];
      for (Subscription& each : all) each.Unsubscribe();
      return Delivery::kSuccess;
    });
  }
  CHECK(bus.Publish("a", 1).ok());
  CHECK(bus.Publish("a", 2).ok());
  CHECK(runs == std::vector<int>{1, 0, 0});
}

}  // namespace
}  // namespace virtufin::test
