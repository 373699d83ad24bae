// The PubSub suite on unsubscribing, handles, a bus that stops.
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

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_ENDS(driver)                       \
  namespace virtufin::test {                               \
  VIRTUFIN_INVOKE(pubsub_suite_unsubscribe, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_unsubscribe_self, driver);  \
  VIRTUFIN_INVOKE(pubsub_suite_done, driver);              \
  VIRTUFIN_INVOKE(pubsub_suite_handler_destroyed, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_outlives, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_stopped, driver);           \
  }                                                        \
  static_assert(true, "wants a semicolon")
