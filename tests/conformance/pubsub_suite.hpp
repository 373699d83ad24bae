// What every driver of the PubSub port must do.
//
// A driver's test includes this once and invokes the suite with a type that has
//   static constexpr virtufin::test::PubSubQuirks kQuirks;
//   virtufin::PubSub& bus();   // a fresh bus for each object of the type
//   void Stop();               // the bus answers UNAVAILABLE afterwards
//   void DestroyBus();         // handles live on
//   DOCTEST_TEST_CASE_TEMPLATE_INVOKE(pubsub_suite, MyDriver);
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/pubsub_patterns.hpp"
#include "conformance/pubsub_quirks.hpp"
#include "support/bus.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::test {

// Pins PS-1.
TEST_CASE_TEMPLATE_DEFINE("every subscriber gets every event of its topic in order", Driver,
                          pubsub_suite_fan_out) {
  Driver driver;
  std::array<Inbox, 3> inboxes;
  std::vector<Subscription> subscriptions;
  for (Inbox& inbox : inboxes) {
    subscriptions.push_back(driver.bus().Subscribe("a.b", Queue(4096), inbox.Handler()).value());
  }
  for (std::uint64_t i = 1; i <= 1000; ++i) REQUIRE(driver.bus().Publish(Numbered("a.b", i)).ok());
  for (Inbox& inbox : inboxes) {
    inbox.Await(1000);
    CHECK(inbox.numbers() == Range(1, 1000));
    CHECK(inbox.missed_in_all() == 0);
  }
}

// Pins PS-1.
TEST_CASE_TEMPLATE_DEFINE("an event arrives as it was published", Driver, pubsub_suite_same_event) {
  Driver driver;
  CloudEvent::Builder builder;
  builder.Id("42").Source("urn:com.virtufin:test").Type("com.virtufin.test.tick");
  builder.Subject("currency_pair/BTCUSDT").Extension("exchange", std::string_view("binance"));
  builder.JsonData(R"({"bid":"100.50"})");
  const Message sent("a", builder.Build().value());
  Signal arrived;
  bool same = false;
  std::string topic;
  auto subscription =
      driver.bus().Subscribe("a", {}, [&](const Message& message, const DeliveryInfo& info) {
        same = message.event() == sent.event() && info.attempt == 1;
        topic = message.topic();
        arrived.Set();
        return Delivery::kSuccess;
      });
  REQUIRE(driver.bus().Publish(sent).ok());
  arrived.Wait();
  CHECK(same);
  CHECK(topic == "a");
}

// Pins PS-1.
TEST_CASE_TEMPLATE_DEFINE("publishing to nobody is fine", Driver, pubsub_suite_nobody) {
  Driver driver;
  CHECK(driver.bus().Publish(Numbered("a", 1)).ok());
}

// Pins TOP-3, TOP-4.
TEST_CASE_TEMPLATE_DEFINE("topics are exact", Driver, pubsub_suite_exact) {
  Driver driver;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a.b", {}, inbox.Handler());
  std::uint64_t number = 0;
  for (const char* other : {"a", "a.b.c", "A.B", "a.*", "*", ">", "a.>", "a.b ", "b"}) {
    REQUIRE(driver.bus().Publish(Numbered(other, ++number)).ok());
  }
  REQUIRE(driver.bus().Publish(Numbered("a.b", 99)).ok());
  inbox.Await(1);
  CHECK(inbox.numbers() == Range(99, 99));

  Inbox star;
  auto literal = driver.bus().Subscribe("a.*", {}, star.Handler());
  REQUIRE(driver.bus().Publish(Numbered("a.b", 100)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a.*", 101)).ok());
  star.Await(1);
  CHECK(star.numbers() == Range(101, 101));
}

// Pins PS-2.
TEST_CASE_TEMPLATE_DEFINE("one queue serves several topics in publishing order", Driver,
                          pubsub_suite_topics) {
  Driver driver;
  Inbox inbox;
  const std::array<std::string_view, 4> topics = {"a", "b", "a", "c"};
  auto subscription = driver.bus().Subscribe(topics, Queue(64), inbox.Handler());
  REQUIRE(subscription.ok());
  for (std::uint64_t i = 1; i <= 30; ++i) {
    REQUIRE(driver.bus().Publish(Numbered(topics[i % topics.size()], i)).ok());
  }
  inbox.Await(30);
  subscription->Unsubscribe();
  CHECK(inbox.numbers() == Range(1, 30));
}

// Pins PS-2.
TEST_CASE_TEMPLATE_DEFINE("handlers of one queue run one at a time, in order per publisher", Driver,
                          pubsub_suite_order) {
  constexpr std::uint64_t kPublishers = 4;
  constexpr std::uint64_t kEach = 500;
  Driver driver;
  std::atomic<int> inside{0};
  std::atomic<int> overlaps{0};
  std::vector<std::uint64_t> last(kPublishers, 0);
  std::uint64_t unordered = 0;
  std::uint64_t count = 0;
  Signal all;
  auto subscription =
      driver.bus().Subscribe("a", Queue(64), [&](const Message& message, const DeliveryInfo&) {
        if (inside.fetch_add(1) != 0) ++overlaps;
        const std::uint64_t number = NumberOf(message);
        std::uint64_t& previous = last[number / 10'000];
        if (number % 10'000 != previous + 1) ++unordered;
        previous = number % 10'000;
        inside.fetch_sub(1);
        if (++count == kPublishers * kEach) all.Set();
        return Delivery::kSuccess;
      });
  std::vector<std::thread> publishers;
  for (std::uint64_t p = 0; p < kPublishers; ++p) {
    publishers.emplace_back([&, p] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        (void)driver.bus().Publish(Numbered("a", p * 10'000 + i));
      }
    });
  }
  for (auto& publisher : publishers) publisher.join();
  all.Wait();
  CHECK(overlaps == 0);
  CHECK(unordered == 0);
}

// Pins PS-3.
TEST_CASE_TEMPLATE_DEFINE("a failing handler disturbs nobody and is counted", Driver,
                          pubsub_suite_failing) {
  Driver driver;
  Inbox inbox;
  Inbox other;
  auto failing = driver.bus().Subscribe(
      "a", {}, [&](const Message& message, const DeliveryInfo& info) -> Delivery {
        inbox.Take(message, info);
        switch (NumberOf(message) % 4) {
          case 0:
            throw std::runtime_error("no");
          case 1:
            throw 7;
          case 2:
            return Delivery::kDrop;
          default:
            return Delivery::kSuccess;
        }
      });
  auto well = driver.bus().Subscribe("a", {}, other.Handler());
  for (std::uint64_t i = 1; i <= 40; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(40);
  other.Await(40);
  failing->Unsubscribe();
  CHECK(inbox.numbers() == Range(1, 40));
  CHECK(other.numbers() == Range(1, 40));
  CHECK(failing->counters().failed == 20);
  CHECK(failing->counters().delivered == 40);
}

TEST_CASE_TEMPLATE_DEFINE("a retry is redelivered or counted as failed", Driver,
                          pubsub_suite_retry) {
  Driver driver;
  Inbox inbox;
  std::atomic<int> retried{0};
  auto subscription =
      driver.bus().Subscribe("a", {}, [&](const Message& message, const DeliveryInfo& info) {
        inbox.Take(message, info);
        return NumberOf(message) == 1 && retried++ == 0 ? Delivery::kRetry : Delivery::kSuccess;
      });
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a", 2)).ok());
  const std::vector<std::uint64_t> expected =
      Driver::kQuirks.redelivers_retry ? std::vector<std::uint64_t>{1, 1, 2} : Range(1, 2);
  inbox.Await(expected.size());
  subscription->Unsubscribe();
  CHECK(inbox.numbers() == expected);
  CHECK(subscription->counters().failed == 1);
}

// Pins PS-4.
TEST_CASE_TEMPLATE_DEFINE("a handler may publish and subscribe", Driver, pubsub_suite_nested) {
  Driver driver;
  Inbox inbox;
  Subscription inner;
  auto outer = driver.bus().Subscribe("a", {}, [&](const Message& message, const DeliveryInfo&) {
    inner = driver.bus().Subscribe("b", {}, inbox.Handler()).value();
    (void)driver.bus().Publish(Numbered("b", NumberOf(message) + 1));
    return Delivery::kSuccess;
  });
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  inbox.Await(1);
  CHECK(inbox.numbers() == Range(2, 2));
  outer->Unsubscribe();
  inner.Unsubscribe();
}

// Pins PS-5.
TEST_CASE_TEMPLATE_DEFINE("no handler runs after Unsubscribe returned", Driver,
                          pubsub_suite_unsubscribe) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a", {}, inbox.HandlerBehind(turnstile));
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  turnstile.AwaitArrivals(1);
  std::thread opener([&] { turnstile.Open(); });
  subscription->Unsubscribe();
  const std::size_t seen = inbox.size();
  opener.join();
  CHECK(seen >= 1);
  REQUIRE(driver.bus().Publish(Numbered("a", 4)).ok());
  CHECK(inbox.size() == seen);
  CHECK(subscription->counters().queued == 0);
  subscription->Unsubscribe();  // once more does nothing
}

// Pins PS-4.
TEST_CASE_TEMPLATE_DEFINE("a handler may end its own subscription", Driver,
                          pubsub_suite_unsubscribe_self) {
  Driver driver;
  Inbox inbox;
  Inbox other;
  Signal subscribed;
  Subscription subscription;
  subscription = driver.bus()
                     .Subscribe("a", {},
                                [&](const Message& message, const DeliveryInfo& info) {
                                  subscribed.Wait();
                                  subscription.Unsubscribe();
                                  return inbox.Take(message, info);
                                })
                     .value();
  subscribed.Set();
  auto last = driver.bus().Subscribe("a", {}, other.Handler());
  for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  other.Await(5);
  inbox.Await(1);
  subscription.Unsubscribe();
  CHECK(inbox.numbers() == Range(1, 1));
}

// Pins PS-5.
TEST_CASE_TEMPLATE_DEFINE("done runs once, when the last handler has ended", Driver,
                          pubsub_suite_done) {
  Driver driver;
  Turnstile turnstile;
  Signal done;
  std::atomic<int> dones{0};
  std::atomic<bool> handler_ended{false};
  std::atomic<bool> in_order{false};
  auto subscription = driver.bus().Subscribe("a", {}, [&](const Message&, const DeliveryInfo&) {
    turnstile.Pass();
    handler_ended = true;
    return Delivery::kSuccess;
  });
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  subscription->Unsubscribe([&] {
    in_order = handler_ended.load();
    ++dones;
    done.Set();
  });
  CHECK(dones == 0);
  turnstile.Open();
  done.Wait();
  CHECK(in_order);
  Signal again;
  subscription->Unsubscribe([&] { again.Set(); });
  again.Wait();
  CHECK(dones == 1);
}

// Pins PS-5.
TEST_CASE_TEMPLATE_DEFINE("the handler is destroyed with the subscription", Driver,
                          pubsub_suite_handler_destroyed) {
  Driver driver;
  auto owned = std::make_shared<int>(0);
  auto subscription = driver.bus().Subscribe("a", {}, [owned](const Message&, const DeliveryInfo&) {
    ++*owned;
    return Delivery::kSuccess;
  });
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  subscription->Unsubscribe();
  CHECK(owned.use_count() == 1);
}

// Pins PS-6.
TEST_CASE_TEMPLATE_DEFINE("a handle outlives its bus", Driver, pubsub_suite_outlives) {
  auto driver = std::make_unique<Driver>();
  Inbox inbox;
  auto subscription = driver->bus().Subscribe("a", {}, inbox.Handler());
  auto other = driver->bus().Subscribe("a", {}, inbox.Handler());
  REQUIRE(driver->bus().Publish(Numbered("a", 1)).ok());
  inbox.Await(2);
  driver->DestroyBus();
  Signal done;
  other->Unsubscribe([&] { done.Set(); });
  done.Wait();
  driver.reset();
  subscription->Unsubscribe();
  CHECK(subscription->counters().delivered == 1);
}

// Pins PS-7.
TEST_CASE_TEMPLATE_DEFINE("a stopped bus answers UNAVAILABLE", Driver, pubsub_suite_stopped) {
  Driver driver;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a", {}, inbox.Handler());
  driver.Stop();
  CHECK(driver.bus().Publish(Numbered("a", 1)).code() == StatusCode::kUnavailable);
  CHECK(driver.bus().Subscribe("a", {}, inbox.Handler()).status().code() ==
        StatusCode::kUnavailable);
  subscription->Unsubscribe();
  CHECK(inbox.size() == 0);
}

// Pins PS-8, TOP-4.
TEST_CASE_TEMPLATE_DEFINE("what cannot be subscribed is refused", Driver, pubsub_suite_invalid) {
  Driver driver;
  Inbox inbox;
  const auto code = [&](std::span<const std::string_view> topics, const SubscribeOptions& options,
                        MessageHandler handler) {
    return driver.bus().Subscribe(topics, options, std::move(handler)).status().code();
  };
  const std::array<std::string_view, 2> empty_topic = {"a", ""};
  const std::array<std::string_view, 1> topic = {"a"};
  CHECK(code({}, {}, inbox.Handler()) == StatusCode::kInvalidArgument);
  CHECK(code(empty_topic, {}, inbox.Handler()) == StatusCode::kInvalidArgument);
  CHECK(code(topic, Queue(0), inbox.Handler()) == StatusCode::kInvalidArgument);
  CHECK(code(topic, Queue(PubSub::kMaxQueueCapacity + 1), inbox.Handler()) ==
        StatusCode::kInvalidArgument);
  CHECK(code(topic, Queue(1, Overflow::kBlock, -1), inbox.Handler()) ==
        StatusCode::kInvalidArgument);
  CHECK(code(topic, {}, nullptr) == StatusCode::kInvalidArgument);
  CHECK(code(topic, Queue(1), inbox.Handler()) == StatusCode::kOk);
}

// Pins PS-9.
TEST_CASE_TEMPLATE_DEFINE("a full queue loses nothing of a publisher that can wait", Driver,
                          pubsub_suite_block) {
  Driver driver;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a", Queue(4), inbox.Handler());
  for (std::uint64_t i = 1; i <= 500; ++i) {
    REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
    CHECK(subscription->counters().queued <= 4);
  }
  inbox.Await(500);
  CHECK(inbox.numbers() == Range(1, 500));
  CHECK(subscription->counters().missed_lagging == 0);
}

// Pins PS-10.
TEST_CASE_TEMPLATE_DEFINE("a subscription that lags misses events, is told, and recovers", Driver,
                          pubsub_suite_lag) {
  if (!Driver::kQuirks.publisher_waits) return;
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  Inbox other;
  SubscribeOptions options = Queue(4, Overflow::kBlock, 5);
  options.name = "the slow one";
  auto slow = driver.bus().Subscribe("a", options, inbox.HandlerBehind(turnstile));
  auto quick = driver.bus().Subscribe("a", Queue(64), other.Handler());
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 2; i <= 5; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  for (std::uint64_t i = 6; i <= 9; ++i) {
    const Status status = driver.bus().Publish(Numbered("a", i));
    CHECK(status.code() == StatusCode::kResourceExhausted);
    CHECK(status.message().find("the slow one") != std::string_view::npos);
  }
  CHECK(slow->counters().lagging);
  CHECK(slow->counters().missed_lagging == 4);
  CHECK(slow->counters().queued == 4);
  turnstile.Give(1);
  turnstile.AwaitArrivals(2);  // 3 of 4 wait
  CHECK(slow->counters().lagging);
  turnstile.Give(1);
  turnstile.AwaitArrivals(3);  // 2 of 4 wait
  CHECK_FALSE(slow->counters().lagging);
  CHECK(driver.bus().Publish(Numbered("a", 10)).ok());
  turnstile.Open();
  inbox.Await(6);
  other.Await(10);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 10});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 0, 4, 0, 0, 0});
  CHECK(other.numbers() == Range(1, 10));
}

// Pins PS-11.
TEST_CASE_TEMPLATE_DEFINE("DropOldest keeps the newest, counts and tells", Driver,
                          pubsub_suite_drop_oldest) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription =
      driver.bus().Subscribe("a", Queue(4, Overflow::kDropOldest), inbox.HandlerBehind(turnstile));
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 2; i <= 20; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  CHECK(subscription->counters().dropped == 15);
  CHECK(subscription->counters().queued == 4);
  turnstile.Open();
  inbox.Await(5);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 17, 18, 19, 20});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 15, 0, 0, 0});
}

// Pins PS-12.
TEST_CASE_TEMPLATE_DEFINE("DropNewest keeps the oldest, counts and tells", Driver,
                          pubsub_suite_drop_newest) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription =
      driver.bus().Subscribe("a", Queue(4, Overflow::kDropNewest), inbox.HandlerBehind(turnstile));
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 2; i <= 20; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  CHECK(subscription->counters().dropped == 15);
  CHECK(subscription->counters().queued == 4);
  turnstile.Give(1);
  turnstile.AwaitArrivals(2);  // 3 of 4 wait: there is room again
  REQUIRE(driver.bus().Publish(Numbered("a", 21)).ok());
  turnstile.Open();
  inbox.Await(6);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 21});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 15, 0, 0, 0, 0});
}

// Pins PS-13.
TEST_CASE_TEMPLATE_DEFINE("Conflate keeps the newest of each topic and subject, in its old place",
                          Driver, pubsub_suite_conflate) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  auto subscription =
      driver.bus().Subscribe(topics, Queue(4, Overflow::kConflate), inbox.HandlerBehind(turnstile));
  const auto publish = [&](std::string_view topic, std::string_view subject, std::uint64_t number) {
    REQUIRE(driver.bus().Publish(NumberedAbout(topic, subject, number)).ok());
  };
  publish("a", "x", 1);
  turnstile.AwaitArrivals(1);  // being handled: no later one replaces it
  publish("a", "x", 2);
  publish("a", "y", 3);
  publish("b", "x", 4);
  publish("a", "x", 5);
  publish("b", "x", 6);
  publish("a", "x", 7);
  CHECK(subscription->counters().conflated == 3);
  CHECK(subscription->counters().dropped == 0);
  CHECK(subscription->counters().queued == 3);
  turnstile.Give(1);
  turnstile.AwaitArrivals(2);
  publish("a", "x", 8);  // the other one is being handled: a new place
  turnstile.Open();
  inbox.Await(5);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 7, 3, 6, 8});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 3, 0, 0, 0});
}

// Pins PS-13.
TEST_CASE_TEMPLATE_DEFINE("Conflate with more keys than places drops the oldest", Driver,
                          pubsub_suite_conflate_full) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription =
      driver.bus().Subscribe("a", Queue(3, Overflow::kConflate), inbox.HandlerBehind(turnstile));
  REQUIRE(driver.bus().Publish(NumberedAbout("a", "0", 1)).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 2; i <= 9; ++i) {
    REQUIRE(driver.bus().Publish(NumberedAbout("a", std::to_string(i), i)).ok());
  }
  REQUIRE(driver.bus().Publish(NumberedAbout("a", "8", 10)).ok());
  CHECK(subscription->counters().dropped == 5);
  CHECK(subscription->counters().conflated == 1);
  CHECK(subscription->counters().queued == 3);
  turnstile.Open();
  inbox.Await(4);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 7, 10, 9});
  CHECK(inbox.missed() == std::vector<std::uint64_t>{0, 6, 0, 0});
}

// Pins PS-15.
TEST_CASE_TEMPLATE_DEFINE("an inline handler runs on the publisher's thread", Driver,
                          pubsub_suite_inline) {
  if (!Driver::kQuirks.inline_on_publisher) return;
  Driver driver;
  std::thread::id thread;
  ThreadKind kind = ThreadKind::kForeign;
  auto subscription =
      driver.bus().Subscribe("a", Inline(), [&](const Message&, const DeliveryInfo&) {
        thread = std::this_thread::get_id();
        kind = CurrentThreadKind();
        return Delivery::kSuccess;
      });
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  CHECK(thread == std::this_thread::get_id());
  CHECK(kind == ThreadKind::kCallback);
  CHECK(CurrentThreadKind() == ThreadKind::kForeign);
  CHECK(subscription->counters().delivered == 1);
}

}  // namespace virtufin::test

#define VIRTUFIN_INVOKE(name, driver) TEST_CASE_TEMPLATE_INVOKE(name, driver)

/// Runs the suite for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_SUITE(driver)                      \
  namespace virtufin::test {                               \
  VIRTUFIN_INVOKE(pubsub_suite_fan_out, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_same_event, driver);        \
  VIRTUFIN_INVOKE(pubsub_suite_nobody, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_exact, driver);             \
  VIRTUFIN_INVOKE(pubsub_suite_topics, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_order, driver);             \
  VIRTUFIN_INVOKE(pubsub_suite_failing, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_retry, driver);             \
  VIRTUFIN_INVOKE(pubsub_suite_nested, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_unsubscribe, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_unsubscribe_self, driver);  \
  VIRTUFIN_INVOKE(pubsub_suite_done, driver);              \
  VIRTUFIN_INVOKE(pubsub_suite_handler_destroyed, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_outlives, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_stopped, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_invalid, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_block, driver);             \
  VIRTUFIN_INVOKE(pubsub_suite_lag, driver);               \
  VIRTUFIN_INVOKE(pubsub_suite_drop_oldest, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_drop_newest, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_conflate, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_conflate_full, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_inline, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_star, driver);              \
  VIRTUFIN_INVOKE(pubsub_suite_rest, driver);              \
  VIRTUFIN_INVOKE(pubsub_suite_encoded, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_once, driver);              \
  VIRTUFIN_INVOKE(pubsub_suite_literal_star, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_pattern_changes, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_pattern_order, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_illegal_pattern, driver);   \
  }                                                        \
  static_assert(true, "wants a semicolon")
