// The PubSub suite on groups: who competes, and what happens when members come and go.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/pubsub_quirks.hpp"
#include "support/bus.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::test {

inline SubscribeOptions Member(std::string group, std::size_t capacity = 4096) {
  SubscribeOptions options = Queue(capacity);
  options.group = std::move(group);
  return options;
}

inline std::vector<std::uint64_t> Together(std::initializer_list<const Inbox*> inboxes) {
  std::vector<std::uint64_t> all;
  for (const Inbox* inbox : inboxes) {
    const auto numbers = inbox->numbers();
    all.insert(all.end(), numbers.begin(), numbers.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

inline void AwaitTogether(std::initializer_list<const Inbox*> inboxes, std::size_t count) {
  while (Together(inboxes).size() < count) std::this_thread::yield();
}

// Pins PS-27.
TEST_CASE_TEMPLATE_DEFINE("each event goes to one member of each group and to all without group",
                          Driver, pubsub_suite_group) {
  Driver driver;
  std::array<Inbox, 5> in;
  std::vector<Subscription> subscriptions;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char* const groups[] = {"g", "g", "h", "h", ""};
    subscriptions.push_back(
        driver.bus().Subscribe("a", Member(groups[i]), in[i].Handler()).value());
  }
  for (std::uint64_t i = 1; i <= 1000; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  AwaitTogether({&in[0], &in[1]}, 1000);
  AwaitTogether({&in[2], &in[3]}, 1000);
  in[4].Await(1000);
  driver.Settle();
  CHECK(Together({&in[0], &in[1]}) == Range(1, 1000));
  CHECK(Together({&in[2], &in[3]}) == Range(1, 1000));
  CHECK(in[4].numbers() == Range(1, 1000));
}

// Pins PS-27.
TEST_CASE_TEMPLATE_DEFINE("a group of one handles everything in order", Driver,
                          pubsub_suite_group_of_one) {
  Driver driver;
  Inbox inbox;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  auto only = driver.bus().Subscribe(topics, Member("g", 16), inbox.Handler()).value();
  for (std::uint64_t i = 1; i <= 500; ++i) {
    REQUIRE(driver.bus().Publish(Numbered(topics[i % 2], i)).ok());
  }
  inbox.Await(500);
  driver.Settle();
  CHECK(inbox.numbers() == Range(1, 500));
  CHECK(only.counters().delivered == 500);
  CHECK(only.counters().missed_lagging == 0);
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("a stuck member holds one event, the others go on in order", Driver,
                          pubsub_suite_group_stuck) {
  Driver driver;
  Turnstile turnstile;
  Inbox stuck;
  Inbox well;
  auto first = driver.bus().Subscribe("a", Member("g", 8), stuck.HandlerBehind(turnstile)).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  auto second = driver.bus().Subscribe("a", Member("g", 8), well.Handler()).value();
  for (std::uint64_t i = 2; i <= 100; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  well.Await(99);
  CHECK(well.numbers() == Range(2, 100));
  turnstile.Open();
  stuck.Await(1);
  CHECK(stuck.numbers() == Range(1, 1));
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("what waits for a busy group goes to a member that comes later", Driver,
                          pubsub_suite_group_join) {
  Driver driver;
  Turnstile turnstile;
  Inbox stuck;
  Inbox late;
  auto first = driver.bus().Subscribe("a", Member("g"), stuck.HandlerBehind(turnstile)).value();
  for (std::uint64_t i = 1; i <= 50; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  turnstile.AwaitArrivals(1);
  auto second = driver.bus().Subscribe("a", Member("g"), late.Handler()).value();
  late.Await(49);
  CHECK(late.numbers() == Range(2, 50));
  turnstile.Open();
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("what a member leaves to be retried goes to another member", Driver,
                          pubsub_suite_group_retry_left) {
  Driver driver;
  Inbox failing;
  Inbox well;
  auto first = driver.bus()
                   .Subscribe("a", Member("g"),
                              [&](const Message& message, const DeliveryInfo& info) {
                                failing.Take(message, info);
                                return Delivery::kRetry;
                              })
                   .value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a", 2)).ok());
  failing.Await(1);
  driver.Settle();
  auto second = driver.bus().Subscribe("a", Member("g"), well.Handler()).value();
  well.Await(1);  // the second event, while the first one waits for its retry
  first.Unsubscribe();
  well.Await(2);
  CHECK(well.numbers() == std::vector<std::uint64_t>{2, 1});
  CHECK(well.attempts() == std::vector<std::uint32_t>{1, 2});
  CHECK(first.counters().dropped == 0);
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("an event in flight that fails after its member left is not lost", Driver,
                          pubsub_suite_group_left_in_flight) {
  Driver driver;
  Turnstile turnstile;
  Inbox failing;
  Inbox well;
  Signal left;
  auto first = driver.bus()
                   .Subscribe("a", Member("g"),
                              [&](const Message& message, const DeliveryInfo& info) {
                                turnstile.Pass();
                                failing.Take(message, info);
                                return Delivery::kRetry;
                              })
                   .value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  auto second = driver.bus().Subscribe("a", Member("g"), well.Handler()).value();
  first.Unsubscribe([&] { left.Set(); });
  CHECK(well.size() == 0);
  turnstile.Open();
  left.Wait();
  well.Await(1);
  CHECK(well.attempts() == std::vector<std::uint32_t>{2});
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("a deferred event that fails after its member left is not lost", Driver,
                          pubsub_suite_group_left_deferred) {
  Driver driver;
  Signal arrived;
  Inbox well;
  Deferred kept;
  auto first = driver.bus()
                   .Subscribe("a", Member("g"),
                              [&](const Message&, const DeliveryInfo& info) {
                                kept = info.Defer();
                                arrived.Set();
                                return Delivery::kSuccess;
                              })
                   .value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  arrived.Wait();
  auto second = driver.bus().Subscribe("a", Member("g"), well.Handler()).value();
  first.Unsubscribe();
  kept.Settle(Delivery::kRetry);
  well.Await(1);
  CHECK(well.attempts() == std::vector<std::uint32_t>{2});
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("members come and go under load without loss or doubles", Driver,
                          pubsub_suite_group_churn) {
  constexpr std::uint64_t kEvents = 4000;
  Driver driver;
  std::array<Inbox, 3> in;
  auto steady = driver.bus().Subscribe("a", Member("g", 64), in[0].Handler()).value();
  std::atomic<bool> stop{false};
  std::thread churn([&] {
    while (!stop.load()) {
      auto one = driver.bus().Subscribe("a", Member("g", 64), in[1].Handler()).value();
      auto two = driver.bus().Subscribe("a", Member("g", 64), in[2].Handler()).value();
      std::this_thread::yield();
      one.Unsubscribe([] {});
    }
  });
  for (std::uint64_t i = 1; i <= kEvents; ++i) {
    REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  }
  AwaitTogether({&in[0], &in[1], &in[2]}, kEvents);
  stop = true;
  churn.join();
  CHECK(Together({&in[0], &in[1], &in[2]}) == Range(1, kEvents));
}

// Pins PS-28.
TEST_CASE_TEMPLATE_DEFINE("a group whose last member left starts anew", Driver,
                          pubsub_suite_group_anew) {
  Driver driver;
  Turnstile turnstile;
  Inbox first_inbox;
  Inbox second_inbox;
  Signal left;
  auto first =
      driver.bus().Subscribe("a", Member("g"), first_inbox.HandlerBehind(turnstile)).value();
  for (std::uint64_t i = 1; i <= 5; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  turnstile.AwaitArrivals(1);
  first.Unsubscribe([&] { left.Set(); });
  turnstile.Open();
  left.Wait();
  REQUIRE(driver.bus().Publish(Numbered("a", 6)).ok());
  auto second = driver.bus().Subscribe("a", Member("g"), second_inbox.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 7)).ok());
  second_inbox.Await(1);
  driver.Settle();
  CHECK(first_inbox.numbers() == Range(1, 1));
  CHECK(second_inbox.numbers() == Range(7, 7));
}

// Pins PS-29.
TEST_CASE_TEMPLATE_DEFINE("members of different topics share what both want", Driver,
                          pubsub_suite_group_topics) {
  Driver driver;
  Inbox both;
  Inbox one;
  Turnstile turnstile;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  auto wide = driver.bus().Subscribe(topics, Member("g"), both.Handler()).value();
  auto narrow = driver.bus().Subscribe("a", Member("g"), one.HandlerBehind(turnstile)).value();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    REQUIRE(driver.bus().Publish(Numbered(topics[i % 2], i)).ok());
  }
  turnstile.AwaitArrivals(1);
  Signal left;
  narrow.Unsubscribe([&] { left.Set(); });
  turnstile.Open();
  left.Wait();
  AwaitTogether({&both, &one}, 100);
  driver.Settle();
  CHECK(Together({&both, &one}) == Range(1, 100));
  CHECK(one.size() == 1);
}

TEST_CASE_TEMPLATE_DEFINE("what the last member of some topics leaves goes on in order", Driver,
                          pubsub_suite_group_inherits) {
  Driver driver;
  Turnstile first_gate;
  Turnstile second_gate;
  Inbox first;
  Inbox second;
  Signal left;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  auto wide = driver.bus().Subscribe(topics, Member("g"), first.HandlerBehind(first_gate)).value();
  for (std::uint64_t i = 1; i <= 6; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  first_gate.AwaitArrivals(1);
  auto narrow = driver.bus().Subscribe("a", Member("g"), second.HandlerBehind(second_gate)).value();
  wide.Unsubscribe([&] { left.Set(); });
  first_gate.Open();
  left.Wait();
  second_gate.Open();
  second.Await(5);
  CHECK(first.numbers() == Range(1, 1));
  CHECK(second.numbers() == Range(2, 6));
}

TEST_CASE_TEMPLATE_DEFINE("an event that waits for a busy member goes on when that one leaves",
                          Driver, pubsub_suite_group_waiting_left) {
  Driver driver;
  Turnstile turnstile;
  Inbox busy;
  Inbox idle;
  Inbox heir;
  Signal left;
  const std::array<std::string_view, 2> topics = {"a", "b"};
  auto one = driver.bus().Subscribe(topics, Member("g"), busy.HandlerBehind(turnstile)).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  auto two = driver.bus().Subscribe(topics, Member("g"), idle.Handler()).value();
  two.Unsubscribe();
  REQUIRE(driver.bus().Publish(Numbered("a", 2)).ok());
  // Behind it on the thread that is left: it waits for whoever is idle when this one is handled.
  Inbox witness;
  auto other = driver.bus().Subscribe("c", Queue(4), witness.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("c", 3)).ok());
  witness.Await(1);
  CHECK(one.counters().queued == 1);
  auto three = driver.bus().Subscribe("a", Member("g"), heir.Handler()).value();
  one.Unsubscribe([&] { left.Set(); });
  turnstile.Open();
  left.Wait();
  heir.Await(1);
  CHECK(heir.numbers() == Range(2, 2));
}

// Pins PS-29.
TEST_CASE_TEMPLATE_DEFINE("members of overlapping patterns get an event once", Driver,
                          pubsub_suite_group_patterns) {
  if (!Driver::kQuirks.patterns) return;
  Driver driver;
  std::array<Inbox, 3> in;
  SubscribeOptions options = Member("g");
  auto exact = driver.bus().Subscribe("a.b", options, in[0].Handler()).value();
  options.patterns = true;
  auto star = driver.bus().Subscribe("a.*", options, in[1].Handler()).value();
  auto rest = driver.bus().Subscribe(">", options, in[2].Handler()).value();
  for (std::uint64_t i = 1; i <= 300; ++i) REQUIRE(driver.bus().Publish(Numbered("a.b", i)).ok());
  AwaitTogether({&in[0], &in[1], &in[2]}, 300);
  driver.Settle();
  CHECK(Together({&in[0], &in[1], &in[2]}) == Range(1, 300));
}

// Pins PS-29.
TEST_CASE_TEMPLATE_DEFINE("a group without room lags as one", Driver, pubsub_suite_group_lag) {
  if (!Driver::kQuirks.publisher_waits) return;
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  SubscribeOptions options = Member("strategies", 4);
  options.block_timeout_ms = 5;
  auto stuck = driver.bus().Subscribe("a", options, inbox.HandlerBehind(turnstile)).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  Status status;
  std::uint64_t last = 1;
  while (status.ok()) status = driver.bus().Publish(Numbered("a", ++last));
  CHECK(status.code() == StatusCode::kResourceExhausted);
  CHECK(status.message().find("strategies") != std::string_view::npos);
  CHECK(stuck.counters().lagging);
  CHECK(stuck.counters().missed_lagging == 1);
  turnstile.Open();
  inbox.Await(last - 1);
  CHECK(inbox.numbers() == Range(1, last - 1));
  REQUIRE(driver.bus().Publish(Numbered("a", last + 1)).ok());
  inbox.Await(last);
  CHECK(inbox.missed_in_all() == 1);
}

// Pins PS-13, PS-29.
TEST_CASE_TEMPLATE_DEFINE("a group conflates what waits for its members", Driver,
                          pubsub_suite_group_conflate) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  SubscribeOptions options = Member("g", 8);
  options.overflow = Overflow::kConflate;
  auto member = driver.bus().Subscribe("a", options, inbox.HandlerBehind(turnstile)).value();
  REQUIRE(driver.bus().Publish(NumberedAbout("a", "x", 1)).ok());
  turnstile.AwaitArrivals(1);
  for (std::uint64_t i = 2; i <= 20; ++i) {
    REQUIRE(driver.bus().Publish(NumberedAbout("a", i % 2 == 0 ? "x" : "y", i)).ok());
  }
  CHECK(member.Inject(NumberedAbout("a", "x", 21)).ok());
  turnstile.Open();
  inbox.Await(4);
  driver.Settle();
  std::vector<std::uint64_t> numbers = inbox.numbers();
  std::sort(numbers.begin(), numbers.end());
  CHECK(numbers == std::vector<std::uint64_t>{1, 19, 20, 21});
  CHECK(member.counters().conflated == 17);
}

// Pins PS-29.
TEST_CASE_TEMPLATE_DEFINE("what a group holds and lost is counted once among its members", Driver,
                          pubsub_suite_group_counted_once) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  SubscribeOptions options = Member("g", 2);
  options.overflow = Overflow::kDropOldest;
  std::vector<Subscription> members;
  const auto join = [&] {
    members.push_back(driver.bus().Subscribe("a", options, inbox.HandlerBehind(turnstile)).value());
  };
  std::uint64_t sent = 0;
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) REQUIRE(driver.bus().Publish(Numbered("a", ++sent)).ok());
  };
  const auto all = [&] {
    SubscriptionCounters sum;
    for (const Subscription& member : members) {
      sum.queued += member.counters().queued;
      sum.dropped += member.counters().dropped;
    }
    return sum;
  };
  join();
  publish(1);
  turnstile.AwaitArrivals(1);
  join();
  publish(1);
  turnstile.AwaitArrivals(2);  // both are stuck now
  publish(9);
  std::uint64_t lost = all().dropped;
  CHECK(lost >= 6);  // one may be on its way to a member
  // An event that moves meanwhile may be counted at both places.
  const auto settles = [&](std::uint64_t sum) {
    while (all().queued + all().dropped != sum) std::this_thread::yield();
  };
  settles(9);
  join();  // no thread is left for it
  publish(5);
  settles(14);
  CHECK(all().dropped > lost);
  lost = all().dropped;
  Signal left;
  members[2].Unsubscribe([&] { left.Set(); });
  CHECK(all().dropped == lost);
  publish(5);
  settles(19);
  CHECK(all().dropped > lost);
  turnstile.Open();
  left.Wait();
}

TEST_CASE_TEMPLATE_DEFINE("a member may publish to its own group", Driver,
                          pubsub_suite_group_feeds_itself) {
  Driver driver;
  Inbox inbox;
  auto member =
      driver.bus()
          .Subscribe("a", Member("g", 4),
                     [&](const Message& message, const DeliveryInfo& info) {
                       if (NumberOf(message) <= 100) {
                         (void)driver.bus().Publish(Numbered("a", NumberOf(message) + 1000));
                       }
                       return inbox.Take(message, info);
                     })
          .value();
  for (std::uint64_t i = 1; i <= 100; ++i) REQUIRE(driver.bus().Publish(Numbered("a", i)).ok());
  inbox.Await(200);
  CHECK(member.counters().missed_lagging == 0);
}

// Pins PS-27.
TEST_CASE_TEMPLATE_DEFINE("inline handlers cannot compete", Driver, pubsub_suite_group_inline) {
  Driver driver;
  Inbox inbox;
  SubscribeOptions options = Inline();
  options.group = "g";
  CHECK(driver.bus().Subscribe("a", options, inbox.Handler()).status().code() ==
        StatusCode::kInvalidArgument);
}

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_GROUPS(driver)                        \
  namespace virtufin::test {                                  \
  VIRTUFIN_INVOKE(pubsub_suite_group, driver);                \
  VIRTUFIN_INVOKE(pubsub_suite_group_of_one, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_group_stuck, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_group_join, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_group_retry_left, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_group_left_in_flight, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_group_left_deferred, driver);  \
  VIRTUFIN_INVOKE(pubsub_suite_group_churn, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_group_anew, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_group_topics, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_group_patterns, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_group_inherits, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_group_waiting_left, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_group_lag, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_group_conflate, driver);       \
  VIRTUFIN_INVOKE(pubsub_suite_group_counted_once, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_group_feeds_itself, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_group_inline, driver);         \
  }                                                           \
  static_assert(true, "wants a semicolon")
