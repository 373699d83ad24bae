// The PubSub suite on full queues: block, lag, drop, conflate.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/pubsub_quirks.hpp"
#include "support/bus.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::test {

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

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_OVERFLOW(driver)               \
  namespace virtufin::test {                           \
  VIRTUFIN_INVOKE(pubsub_suite_block, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_lag, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_drop_oldest, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_drop_newest, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_conflate, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_conflate_full, driver); \
  }                                                    \
  static_assert(true, "wants a semicolon")
