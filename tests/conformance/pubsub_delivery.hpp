// The PubSub suite on what arrives, where, in which order.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <map>
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
TEST_CASE_TEMPLATE_DEFINE("publishing to nobody is fine, to no topic it is not", Driver,
                          pubsub_suite_nobody) {
  Driver driver;
  CHECK(driver.bus().Publish(Numbered("a", 1)).ok());
  Inbox inbox;
  SubscribeOptions options;
  options.patterns = true;
  const auto subscription = driver.bus().Subscribe("*", options, inbox.Handler());
  CHECK(driver.bus().Publish(Numbered("", 1)).code() == StatusCode::kInvalidArgument);
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
  SubscribeOptions options = Queue(64);
  options.retry.retries = 0;
  auto failing = driver.bus().Subscribe(
      "a", options, [&](const Message& message, const DeliveryInfo& info) -> Delivery {
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

// Pins PS-34.
TEST_CASE_TEMPLATE_DEFINE("shards share events by subject, each subject in order", Driver,
                          pubsub_suite_shards) {
  constexpr std::uint32_t kShards = 4;
  Driver driver;
  std::array<Letters, kShards> in;
  std::vector<Subscription> subscriptions;
  for (std::uint32_t i = 0; i < kShards; ++i) {
    const SubscribeOptions options = {.shards = kShards, .shard = i};
    subscriptions.push_back(driver.bus().Subscribe("a", options, in[i].Handler()).value());
  }
  constexpr std::uint64_t kEvents = 400;
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    const std::string subject = i % 20 == 0 ? "" : "instrument/" + std::to_string(i % 20);
    const Message message = subject.empty() ? Numbered("a", i) : NumberedAbout("a", subject, i);
    REQUIRE(driver.bus().Publish(message).ok());
  }
  while (in[0].size() + in[1].size() + in[2].size() + in[3].size() < kEvents) {
    std::this_thread::yield();
  }
  driver.Settle();
  std::map<std::string, std::pair<std::uint32_t, std::uint64_t>> last;  // shard and number
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < kShards; ++i) {
    CHECK(in[i].size() > 0);
    for (const Message& message : in[i].Await(0)) {
      ++all;
      const auto now = std::pair(i, NumberOf(message) + 1);
      auto& before = last.try_emplace(std::string(message.event().subject()), i, 0).first->second;
      CHECK(before.first == i);
      CHECK(before.second < now.second);
      before = now;
    }
  }
  CHECK(all == kEvents);
  CHECK(last.size() == 20);
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
  for (const SubscribeOptions& wrong :
       {SubscribeOptions{.shards = 0}, SubscribeOptions{.shards = 2, .shard = 2},
        SubscribeOptions{.group = "g", .shards = 2},
        SubscribeOptions{.dispatch = Dispatch::kInline, .shards = 2}}) {
    CHECK(code(topic, wrong, inbox.Handler()) == StatusCode::kInvalidArgument);
  }
  CHECK(code(topic, Queue(1), inbox.Handler()) == StatusCode::kOk);
}

// Pins PS-2.
TEST_CASE_TEMPLATE_DEFINE("topics are given as one text, as a braced list or as a container",
                          Driver, pubsub_suite_topic_lists) {
  Driver driver;
  const std::string owned = "c";
  const std::vector<std::string> container = {"d", "e"};
  const SubscribeOptions options = {.capacity = 16, .name = "lists", .ordered = false};
  Inbox one, pair, single, mixed, strings;
  auto of_one = driver.bus().Subscribe("a", options, one.Handler()).value();
  auto of_pair = driver.bus().Subscribe({"a", "b"}, options, pair.Handler()).value();
  auto of_single = driver.bus().Subscribe({"b"}, options, single.Handler()).value();
  auto of_mixed = driver.bus().Subscribe({"a", owned, "d"}, {}, mixed.Handler()).value();
  auto of_strings = driver.bus().Subscribe(container, {}, strings.Handler()).value();
  CHECK(driver.bus().Subscribe({}, {}, one.Handler()).status().code() ==
        StatusCode::kInvalidArgument);
  std::uint64_t number = 0;
  for (const char* topic : {"a", "b", "c", "d", "e"}) {
    REQUIRE(driver.bus().Publish(Numbered(topic, ++number)).ok());
  }
  one.Await(1);
  pair.Await(2);
  single.Await(1);
  mixed.Await(3);
  strings.Await(2);
  driver.Settle();
  CHECK(one.numbers() == std::vector<std::uint64_t>{1});
  CHECK(pair.numbers() == std::vector<std::uint64_t>{1, 2});
  CHECK(single.numbers() == std::vector<std::uint64_t>{2});
  CHECK(mixed.numbers() == std::vector<std::uint64_t>{1, 3, 4});
  CHECK(strings.numbers() == std::vector<std::uint64_t>{4, 5});
}

// Pins PS-60.
TEST_CASE_TEMPLATE_DEFINE("an injected event comes to one subscription, in its place", Driver,
                          pubsub_suite_inject) {
  Driver driver;
  Inbox inbox, other, member, rival, shard;
  SubscribeOptions sharded = Queue(16);
  sharded.shards = 2;
  SubscribeOptions grouped = Queue(16);
  grouped.group = "pool";
  const auto subscription = driver.bus().Subscribe("a", Queue(16), inbox.Handler()).value();
  const auto of_other = driver.bus().Subscribe("a", Queue(16), other.Handler()).value();
  const auto of_shard = driver.bus().Subscribe("s", sharded, shard.Handler()).value();
  const auto of_member = driver.bus().Subscribe("g", grouped, member.Handler()).value();
  const auto of_rival = driver.bus().Subscribe("g", grouped, rival.Handler()).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  CHECK(subscription.Inject(Numbered("elsewhere", 2)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a", 3)).ok());
  for (std::uint64_t i = 1; i <= 8; ++i) {
    CHECK(of_shard.Inject(NumberedAbout("s", std::to_string(i), i)).ok());
    CHECK(of_member.Inject(Numbered("g", i)).ok());
  }
  inbox.Await(3);
  other.Await(2);
  shard.Await(8);
  member.Await(8);
  driver.Settle();
  CHECK(inbox.numbers() == Range(1, 3));
  CHECK(other.numbers() == std::vector<std::uint64_t>{1, 3});
  CHECK(shard.numbers() == Range(1, 8));
  CHECK(member.numbers() == Range(1, 8));
  CHECK(rival.size() == 0);

  CHECK(Subscription().Inject(Numbered("a", 4)).code() == StatusCode::kUnavailable);
  SubscribeOptions inlined;
  inlined.dispatch = Dispatch::kInline;
  const auto of_inline = driver.bus().Subscribe("a", inlined, inbox.Handler()).value();
  CHECK(of_inline.Inject(Numbered("a", 4)).code() == StatusCode::kUnimplemented);
}

// Pins PS-60.
TEST_CASE_TEMPLATE_DEFINE("no policy drops or replaces an injected event", Driver,
                          pubsub_suite_inject_policies) {
  struct Case {
    Overflow overflow;
    std::vector<std::uint64_t> numbers;
  };
  const Case cases[] = {
      {Overflow::kBlock, {1, 2, 3, 100, 101, 4, 5}},
      {Overflow::kDropOldest, {1, 100, 101, 17, 18, 19, 20}},
      {Overflow::kDropNewest, {1, 2, 3, 100, 101, 4, 5}},
      {Overflow::kConflate, {1, 20, 100, 101}},
  };
  for (const Case& each : cases) {
    const Overflow overflow = each.overflow;
    CAPTURE(static_cast<int>(overflow));
    Driver driver;
    Turnstile turnstile;
    Inbox inbox;
    auto subscription =
        driver.bus().Subscribe("a", Queue(4, overflow), inbox.HandlerBehind(turnstile)).value();
    REQUIRE(driver.bus().Publish(NumberedAbout("a", "x", 1)).ok());
    turnstile.AwaitArrivals(1);
    const std::uint64_t last = overflow == Overflow::kBlock ? 5 : 20;
    for (std::uint64_t i = 2; i <= last; ++i) {
      REQUIRE(driver.bus().Publish(NumberedAbout("a", "x", i)).ok());
      if (i != 3) continue;
      CHECK(subscription.Inject(NumberedAbout("a", "x", 100)).ok());
      CHECK(subscription.Inject(NumberedAbout("a", "x", 101)).ok());
    }
    turnstile.Open();
    inbox.Await(each.numbers.size());
    driver.Settle();
    CHECK(inbox.numbers() == each.numbers);
    CHECK(subscription.counters().queued == 0);
  }
}

// Pins PS-60.
TEST_CASE_TEMPLATE_DEFINE("an injected event never waits for room", Driver,
                          pubsub_suite_inject_full) {
  Driver driver;
  Turnstile turnstile;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a", Queue(2), inbox.HandlerBehind(turnstile)).value();
  REQUIRE(driver.bus().Publish(Numbered("a", 1)).ok());
  turnstile.AwaitArrivals(1);
  Status refused;
  std::uint64_t sent = 1;
  while (refused.ok() && sent < 20) {
    refused = subscription.Inject(Numbered("a", sent + 1));
    if (refused.ok()) ++sent;
  }
  CHECK(refused.code() == StatusCode::kResourceExhausted);
  turnstile.Open();
  inbox.Await(sent);
  CHECK(inbox.numbers() == Range(1, sent));
  subscription.Unsubscribe();
  CHECK(subscription.Inject(Numbered("a", 99)).code() == StatusCode::kUnavailable);
}

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_DELIVERY(driver)                 \
  namespace virtufin::test {                             \
  VIRTUFIN_INVOKE(pubsub_suite_fan_out, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_same_event, driver);      \
  VIRTUFIN_INVOKE(pubsub_suite_nobody, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_exact, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_topics, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_topic_lists, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_order, driver);           \
  VIRTUFIN_INVOKE(pubsub_suite_failing, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_nested, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_inline, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_shards, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_inject, driver);          \
  VIRTUFIN_INVOKE(pubsub_suite_inject_policies, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_inject_full, driver);     \
  VIRTUFIN_INVOKE(pubsub_suite_invalid, driver);         \
  }                                                      \
  static_assert(true, "wants a semicolon")
