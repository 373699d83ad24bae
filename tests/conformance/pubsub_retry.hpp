// The PubSub suite on failure: retries, deferred outcomes, the dead letter. On a manual clock.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
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

using Ms = std::chrono::milliseconds;
using Attempts = std::vector<std::uint32_t>;

/// Takes what comes and answers `answer` to all of it.
inline MessageHandler Answer(Inbox& inbox, Delivery answer) {
  return [&inbox, answer](const Message& message, const DeliveryInfo& info) {
    inbox.Take(message, info);
    return answer;
  };
}

// Pins PS-21, PS-22.
TEST_CASE_TEMPLATE_DEFINE("a failed event is tried after 200, 400 and 800 ms, then a dead letter",
                          Driver, pubsub_suite_retry_times) {
  Driver driver;
  Inbox inbox;
  Letters dead;
  auto failing = driver.bus().Subscribe("a", Queue(64), Answer(inbox, Delivery::kRetry)).value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  CloudEvent::Builder builder;
  builder.Id("7").Source("urn:com.virtufin:test").Type("com.virtufin.test.tick");
  builder.Subject("order/7").Extension("exchange", std::string_view("binance"));
  builder.JsonData(R"({"bid":"100.50"})");
  const Message sent("a", builder.Build().value());
  REQUIRE(driver.bus().Publish(sent).ok());
  inbox.Await(1);
  std::size_t tried = 1;
  for (const int delay : {200, 400, 800}) {
    driver.Advance(Ms(delay - 1));
    CHECK(inbox.size() == tried);
    CHECK(dead.size() == 0);
    driver.Advance(Ms(1));
    inbox.Await(++tried);
  }
  const Message letter = dead.Await(1).at(0);
  driver.Advance(Ms(60'000));
  CHECK(inbox.attempts() == Attempts{1, 2, 3, 4});
  CHECK(dead.size() == 1);
  CHECK(letter.topic() == "a-dead");
  CHECK(letter.event().ExtensionText("deadletterreason") == "the handler asked for a retry");
  CHECK(std::get<std::int32_t>(*letter.event().FindExtension("deadletterattempts")) == 4);
  CloudEvent::Builder original(letter.event());
  original.RemoveExtension("deadletterreason").RemoveExtension("deadletterattempts");
  CHECK(original.Build().value() == sent.event());
  const SubscriptionCounters counters = failing.counters();
  CHECK(counters.delivered == 4);
  CHECK(counters.failed == 4);
  CHECK(counters.retried == 3);
  CHECK(counters.dead_lettered == 1);
  CHECK(counters.dropped == 0);
}

// Pins PS-23.
TEST_CASE_TEMPLATE_DEFINE("a retried event holds up later ones until it succeeds", Driver,
                          pubsub_suite_retry_ordered) {
  Driver driver;
  Inbox inbox;
  Inbox other;
  Letters dead;
  auto subscription =
      driver.bus()
          .Subscribe("a", Queue(64),
                     [&](const Message& message, const DeliveryInfo& info) -> Delivery {
                       inbox.Take(message, info);
                       if (NumberOf(message) % 2 == 1 && info.attempt < 3) {
                         throw std::runtime_error("not yet");
                       }
                       return Delivery::kSuccess;
                     })
          .value();
  auto quick = driver.bus().Subscribe("a", Queue(64), other.Handler()).value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  other.Await(4);
  CHECK(other.numbers() == Range(1, 4));
  std::size_t expected = 1;
  for (int round = 0; round < 2; ++round) {
    inbox.Await(expected);
    driver.Advance(Ms(199));
    CHECK(inbox.size() == expected);
    driver.Advance(Ms(1));
    inbox.Await(++expected);
    driver.Advance(Ms(400));
    inbox.Await(expected += 2 + (round == 0));  // it, the even one, the next odd one
  }
  driver.Settle();
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 1, 1, 2, 3, 3, 3, 4});
  CHECK(inbox.attempts() == Attempts{1, 2, 3, 1, 1, 2, 3, 1});
  CHECK(dead.size() == 0);
  CHECK(subscription.counters().failed == 4);
  CHECK(subscription.counters().retried == 4);
}

// Pins PS-23.
TEST_CASE_TEMPLATE_DEFINE("without order, later events pass one that is retried", Driver,
                          pubsub_suite_retry_unordered) {
  Driver driver;
  Inbox inbox;
  SubscribeOptions options = Queue(64);
  options.ordered = false;
  auto subscription = driver.bus()
                          .Subscribe("a", options,
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       inbox.Take(message, info);
                                       return NumberOf(message) < 3 && info.attempt == 1
                                                  ? Delivery::kRetry
                                                  : Delivery::kSuccess;
                                     })
                          .value();
  for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(4);
  CHECK(inbox.numbers() == Range(1, 4));
  driver.Advance(Ms(200));
  inbox.Await(6);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 2, 3, 4, 1, 2});
  CHECK(inbox.attempts() == Attempts{1, 1, 1, 1, 2, 2});
  REQUIRE(driver.bus().Publish(Numbered("a", 5)).ok());
  inbox.Await(7);
}

// Pins PS-23.
TEST_CASE_TEMPLATE_DEFINE("events that wait for a retry are bounded by the capacity", Driver,
                          pubsub_suite_retry_bounded) {
  Driver driver;
  Inbox inbox;
  SubscribeOptions options = Queue(4);
  options.ordered = false;
  auto subscription = driver.bus().Subscribe("a", options, Answer(inbox, Delivery::kRetry)).value();
  for (std::uint64_t i = 1; i <= 8; ++i) {
    REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
    driver.Settle();
  }
  CHECK(inbox.numbers() == Range(1, 4));
  CHECK(subscription.counters().queued == 4);
  subscription.Unsubscribe();
  CHECK(subscription.counters().dropped == 4);  // those that waited for their retry
}

// Pins PS-22.
TEST_CASE_TEMPLATE_DEFINE("nothing from a topic of dead letters is dead-lettered again", Driver,
                          pubsub_suite_dead_again) {
  Driver driver;
  Inbox inbox;
  Letters dead;
  auto failing =
      driver.bus().Subscribe("a-dead", Queue(64), Answer(inbox, Delivery::kRetry)).value();
  auto letters = driver.bus().Subscribe("a-dead-dead", Queue(64), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a-dead", 1)).ok());
  inbox.Await(1);
  for (std::size_t tried = 2; tried <= 4; ++tried) {
    driver.Advance(Ms(800));
    inbox.Await(tried);
  }
  driver.Settle();
  CHECK(dead.size() == 0);
  CHECK(failing.counters().dropped == 1);
  CHECK(failing.counters().dead_lettered == 0);
}

// Pins PS-22.
TEST_CASE_TEMPLATE_DEFINE("a dead letter that nobody takes is an event lost", Driver,
                          pubsub_suite_dead_untaken) {
  Driver driver;
  const auto reject = [](const Message&, const DeliveryInfo&) { return Delivery::kReject; };
  auto failing = driver.bus().Subscribe("a", Queue(64), reject).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  driver.Settle();
  CHECK(failing.counters().dropped == 1);
  CHECK(failing.counters().dead_lettered == 0);

  // One that lags does not take it either.
  Turnstile turnstile;
  Inbox stuck;
  auto lagging =
      driver.bus()
          .Subscribe("a-dead", Queue(1, Overflow::kBlock, 0), stuck.HandlerBehind(turnstile))
          .value();
  for (std::uint64_t i = 2; i <= 8; ++i) static_cast<void>(driver.bus().Publish(Numbered("a", i)));
  turnstile.AwaitArrivals(1);
  while (failing.counters().dropped + failing.counters().dead_lettered < 8) {
    std::this_thread::yield();
  }
  const SubscriptionCounters counters = failing.counters();
  CHECK(counters.dropped == 1 + lagging.counters().missed_lagging);
  CHECK(lagging.counters().missed_lagging >= 1);

  Letters dead;
  auto taker = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 9)).ok());
  dead.Await(1);
  turnstile.Open();
  driver.Settle();
  CHECK(failing.counters().dead_lettered == counters.dead_lettered + 1);
}

// Pins PS-24.
TEST_CASE_TEMPLATE_DEFINE("a rejected event is a dead letter at once, with the handler's reason",
                          Driver, pubsub_suite_reject) {
  Driver driver;
  Letters dead;
  auto failing = driver.bus()
                     .Subscribe("a", Queue(64),
                                [](const Message&, const DeliveryInfo& info) {
                                  info.Explain("no such order");
                                  return Delivery::kReject;
                                })
                     .value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  const Message letter = dead.Await(1).at(0);
  CHECK(letter.event().ExtensionText("deadletterreason") == "no such order");
  CHECK(std::get<std::int32_t>(*letter.event().FindExtension("deadletterattempts")) == 1);
  driver.Settle();
  CHECK(failing.counters().retried == 0);
}

// Pins PS-22.
TEST_CASE_TEMPLATE_DEFINE("what was thrown becomes a legal reason, whatever it is", Driver,
                          pubsub_suite_odd_reason) {
  Driver driver;
  Letters dead;
  SubscribeOptions options = Queue(64);
  options.retry.retries = 0;
  auto failing = driver.bus()
                     .Subscribe("a", options,
                                [](const Message& message, const DeliveryInfo&) -> Delivery {
                                  if (NumberOf(message) == 1) throw std::runtime_error("\xff\n");
                                  if (NumberOf(message) == 2) throw std::runtime_error("");
                                  if (NumberOf(message) == 3) {
                                    throw std::runtime_error(std::string(100'000, 'x'));
                                  }
                                  throw 7;
                                })
                     .value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  std::vector<std::string> reasons;
  for (const Message& letter : dead.Await(4)) {
    reasons.emplace_back(letter.event().ExtensionText("deadletterreason"));
  }
  CHECK(reasons[0] == "??");
  CHECK(reasons[1] == "unknown");
  CHECK(reasons[2].size() == 1024);
  CHECK(reasons[3] == "the handler threw something that is no std::exception");
}

// Pins PS-21.
TEST_CASE_TEMPLATE_DEFINE("the retry policy is the subscription's", Driver,
                          pubsub_suite_retry_policy) {
  Driver driver;
  Inbox inbox;
  Letters dead;
  SubscribeOptions options = Queue(64);
  options.retry = {.retries = 1, .first_delay_ms = 5, .dead_letter = false};
  auto failing = driver.bus().Subscribe("a", options, Answer(inbox, Delivery::kRetry)).value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  inbox.Await(1);
  driver.Advance(Ms(5));
  inbox.Await(2);
  driver.Advance(Ms(60'000));
  CHECK(inbox.size() == 2);
  CHECK(dead.size() == 0);
  CHECK(failing.counters().dropped == 1);
}

// Pins PS-25.
TEST_CASE_TEMPLATE_DEFINE("a deferred outcome holds up the next event and is then like any", Driver,
                          pubsub_suite_deferred) {
  Driver driver;
  Inbox inbox;
  std::mutex mutex;
  Deferred last;
  auto subscription = driver.bus()
                          .Subscribe("a", Queue(64),
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       std::lock_guard lock(mutex);
                                       last = info.Defer();
                                       CHECK_FALSE(info.Defer());  // the second is empty
                                       inbox.Take(message, info);
                                       return Delivery::kReject;  // not looked at
                                     })
                          .value();
  Letters dead;
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  const auto settle = [&](Delivery delivery, std::string_view reason) {
    driver.Settle();
    Deferred deferred;
    {
      std::lock_guard lock(mutex);
      deferred = std::move(last);
    }
    deferred.Settle(delivery, reason);
  };
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(1);
  driver.Settle();
  CHECK(inbox.size() == 1);
  settle(Delivery::kSuccess, {});
  inbox.Await(2);
  settle(Delivery::kRetry, "worker returned 3");
  driver.Advance(Ms(200));
  inbox.Await(3);
  std::thread elsewhere([&] { settle(Delivery::kReject, "worker returned 4"); });
  elsewhere.join();
  const Message letter = dead.Await(1).at(0);
  CHECK(letter.event().id() == "2");
  CHECK(letter.event().ExtensionText("deadletterreason") == "worker returned 4");
  CHECK(std::get<std::int32_t>(*letter.event().FindExtension("deadletterattempts")) == 2);
  inbox.Await(4);
  settle(Delivery::kDrop, {});
  driver.Settle();
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 2, 2, 3});
  CHECK(inbox.attempts() == Attempts{1, 1, 2, 1});
  CHECK(subscription.counters().failed == 2);
}

// Pins PS-25.
TEST_CASE_TEMPLATE_DEFINE("a deferred outcome that stays away for 30 s is a failure", Driver,
                          pubsub_suite_deferred_late) {
  Driver driver;
  Inbox inbox;
  std::mutex mutex;
  std::vector<Deferred> kept;
  auto subscription = driver.bus()
                          .Subscribe("a", Queue(64),
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       if (info.attempt == 1) {
                                         std::lock_guard lock(mutex);
                                         kept.push_back(info.Defer());
                                       }
                                       return inbox.Take(message, info);
                                     })
                          .value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a", 2)).ok());
  inbox.Await(1);
  driver.Advance(Ms(29'999));
  CHECK(subscription.counters().failed == 0);
  driver.Advance(Ms(1));
  driver.Settle();
  CHECK(subscription.counters().failed == 1);
  driver.Advance(Ms(200));
  inbox.Await(3);
  CHECK(inbox.attempts() == Attempts{1, 2, 1});
  {
    std::lock_guard lock(mutex);
    kept.at(0).Settle(Delivery::kReject);  // too late: without effect
    kept.clear();                          // the second event's, without an outcome
  }
  driver.Settle();
  CHECK(subscription.counters().failed == 2);
  driver.Advance(Ms(200));
  inbox.Await(4);
  CHECK(inbox.numbers() == std::vector<std::uint64_t>{1, 1, 2, 2});
}

// Pins PS-33.
TEST_CASE_TEMPLATE_DEFINE("an event is counted as long as it is not done with", Driver,
                          pubsub_suite_unfinished) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  std::mutex mutex;
  Deferred kept;
  auto subscription = driver.bus()
                          .Subscribe("a", Queue(64),
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       turnstile.Pass();
                                       inbox.Take(message, info);
                                       if (info.attempt == 1) return Delivery::kRetry;
                                       const std::lock_guard lock(mutex);
                                       kept = info.Defer();
                                       return Delivery::kSuccess;
                                     })
                          .value();
  const auto counted = [&] {
    const SubscriptionCounters now = subscription.counters();
    return std::array<std::size_t, 3>{now.queued, now.retrying, now.running ? 1u : 0u};
  };
  using Counted = std::array<std::size_t, 3>;
  CHECK(counted() == Counted{0, 0, 0});
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  REQUIRE(driver.bus().Publish(Numbered("a", 2)).ok());
  CHECK(counted() == Counted{1, 0, 1});
  turnstile.Open();
  inbox.Await(1);
  driver.Settle();
  CHECK(counted() == Counted{1, 1, 0});  // the next waits for the retry
  driver.Advance(Ms(200));
  inbox.Await(2);
  driver.Settle();
  CHECK(counted() == Counted{1, 1, 0});  // for the outcome
  {
    const std::lock_guard lock(mutex);
    std::exchange(kept, {}).Settle(Delivery::kSuccess);
  }
  inbox.Await(3);
  driver.Settle();
  CHECK(counted() == Counted{0, 1, 0});
  driver.Advance(Ms(200));
  inbox.Await(4);
  {
    const std::lock_guard lock(mutex);
    kept.Settle(Delivery::kDrop);
  }
  driver.Settle();
  CHECK(counted() == Counted{0, 0, 0});
}

// Pins PS-25.
TEST_CASE_TEMPLATE_DEFINE("a deferred outcome may come while the handler runs, or after the end",
                          Driver, pubsub_suite_deferred_early) {
  Driver driver;
  Inbox inbox;
  std::mutex mutex;
  Deferred kept;
  auto subscription = driver.bus()
                          .Subscribe("a", Queue(64),
                                     [&](const Message& message, const DeliveryInfo& info) {
                                       Deferred deferred = info.Defer();
                                       inbox.Take(message, info);
                                       if (NumberOf(message) < 3) {
                                         deferred.Settle(Delivery::kSuccess);
                                         deferred.Settle(Delivery::kRetry);  // nothing any more
                                       } else {
                                         std::lock_guard lock(mutex);
                                         kept = std::move(deferred);
                                       }
                                       return Delivery::kSuccess;
                                     })
                          .value();
  for (std::uint64_t i = 1; i <= 4; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(3);
  subscription.Unsubscribe();  // does not wait for the outcome
  {
    std::lock_guard lock(mutex);
    kept.Settle(Delivery::kRetry, "too late");
  }
  CHECK(subscription.counters().failed == 1);
  CHECK(subscription.counters().dropped == 1);
  driver.Advance(Ms(60'000));
  CHECK(inbox.numbers() == Range(1, 3));
}

// Pins PS-26.
TEST_CASE_TEMPLATE_DEFINE("a subscription that ends drops and counts what waits for its retry",
                          Driver, pubsub_suite_retry_end) {
  Driver driver;
  Inbox inbox;
  Letters dead;
  auto failing = driver.bus().Subscribe("a", Queue(64), Answer(inbox, Delivery::kRetry)).value();
  auto letters = driver.bus().Subscribe("a-dead", Queue(64), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  inbox.Await(1);
  driver.Settle();
  failing.Unsubscribe();
  CHECK(failing.counters().dropped == 1);
  driver.Advance(Ms(60'000));
  CHECK(inbox.size() == 1);
  CHECK(dead.size() == 0);
}

// Pins PS-26.
TEST_CASE_TEMPLATE_DEFINE("a stopped bus drops what waits for its retry and handles the rest once",
                          Driver, pubsub_suite_retry_stop) {
  Driver driver;
  Inbox inbox;
  auto failing = driver.bus().Subscribe("a", Queue(64), Answer(inbox, Delivery::kRetry)).value();
  for (std::uint64_t i = 1; i <= 3; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(1);
  driver.Settle();
  driver.Stop();
  inbox.Await(3);
  driver.Advance(Ms(60'000));
  CHECK(inbox.numbers() == Range(1, 3));
  CHECK(failing.counters().dropped == 3);
  CHECK(failing.counters().dead_lettered == 0);
}

// Pins PS-24.
TEST_CASE_TEMPLATE_DEFINE("a failed inline event is a dead letter at once", Driver,
                          pubsub_suite_inline_dead) {
  if (!Driver::kQuirks.inline_on_publisher) return;
  Driver driver;
  Inbox inbox;
  Letters dead;
  auto failing = driver.bus().Subscribe("a", Inline(), Answer(inbox, Delivery::kRetry)).value();
  auto letters = driver.bus().Subscribe("a-dead", Inline(), dead.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  CHECK(inbox.attempts() == Attempts{1});
  REQUIRE(dead.size() == 1);
  const Message letter = dead.Await(1).at(0);
  CHECK(std::get<std::int32_t>(*letter.event().FindExtension("deadletterattempts")) == 1);
  CHECK(failing.counters().failed == 1);
  CHECK(failing.counters().dead_lettered == 1);
}

// Pins PS-21.
TEST_CASE_TEMPLATE_DEFINE("a retry policy with negative times is refused", Driver,
                          pubsub_suite_retry_invalid) {
  Driver driver;
  Inbox inbox;
  SubscribeOptions options;
  options.retry.first_delay_ms = -1;
  CHECK(driver.bus().Subscribe("a", options, inbox.Handler()).status().code() ==
        StatusCode::kInvalidArgument);
  options.retry = {.attempt_timeout_ms = -1};
  CHECK(driver.bus().Subscribe("a", options, inbox.Handler()).status().code() ==
        StatusCode::kInvalidArgument);
}

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_RETRY(driver)                    \
  namespace virtufin::test {                             \
  VIRTUFIN_INVOKE(pubsub_suite_retry_times, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_retry_ordered, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_retry_unordered, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_retry_bounded, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_dead_again, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_dead_untaken, driver);    \
  VIRTUFIN_INVOKE(pubsub_suite_reject, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_odd_reason, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_retry_policy, driver);    \
  VIRTUFIN_INVOKE(pubsub_suite_deferred, driver);        \
  VIRTUFIN_INVOKE(pubsub_suite_deferred_late, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_deferred_early, driver);  \
  VIRTUFIN_INVOKE(pubsub_suite_unfinished, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_retry_end, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_retry_stop, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_inline_dead, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_retry_invalid, driver);   \
  }                                                      \
  static_assert(true, "wants a semicolon")
