// The PubSub suite on patterns: what they match, and what is none.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conformance/pubsub_quirks.hpp"
#include "support/bus.hpp"
#include "virtufin/event/topic.hpp"
#include "virtufin/pubsub/pubsub.hpp"

namespace virtufin::test {

inline SubscribeOptions Patterns(std::size_t capacity = 4096) {
  SubscribeOptions options = Queue(capacity);
  options.patterns = true;
  return options;
}

/// Which of `topics` reach a subscription of `patterns`, by place, from 1.
template <class Driver>
std::vector<std::uint64_t> Reached(const std::vector<std::string_view>& patterns,
                                   const std::vector<std::string>& topics) {
  Driver driver;
  Inbox inbox;
  Inbox all;
  auto subscription = driver.bus().Subscribe(patterns, Patterns(), inbox.Handler()).value();
  const std::vector<std::string_view> names(topics.begin(), topics.end());
  auto everything = driver.bus().Subscribe(names, Queue(4096), all.Handler()).value();
  std::uint64_t number = 0;
  for (const std::string_view topic : names) {
    REQUIRE(driver.bus().Publish(Numbered(topic, ++number)).ok());
  }
  all.Await(names.size());
  while (subscription.counters().queued > 0) std::this_thread::yield();
  subscription.Unsubscribe();
  return inbox.numbers();
}

// Pins TOP-11.
TEST_CASE_TEMPLATE_DEFINE("a star stands for one segment, whatever it holds", Driver,
                          pubsub_suite_star) {
  if (!Driver::kQuirks.patterns) return;
  using Numbers = std::vector<std::uint64_t>;
  const std::string odd = TopicSegment("BTC.P*>%");
  const std::vector<std::string> topics = {"a.b", "a.b.c", "a", "x.b", "a." + odd, "a.*", "a.>"};
  CHECK(Reached<Driver>({"a.*"}, topics) == Numbers{1, 5, 6, 7});
  CHECK(Reached<Driver>({"*"}, topics) == Numbers{3});
  CHECK(Reached<Driver>({"*.b"}, topics) == Numbers{1, 4});
  CHECK(Reached<Driver>({"*.*.*"}, topics) == Numbers{2});
  CHECK(Reached<Driver>({"*.b.c"}, topics) == Numbers{2});
  CHECK(Reached<Driver>({"a.*.*.*"}, topics).empty());
}

// Pins TOP-12.
TEST_CASE_TEMPLATE_DEFINE("a trailing > stands for one segment or more", Driver,
                          pubsub_suite_rest) {
  if (!Driver::kQuirks.patterns) return;
  using Numbers = std::vector<std::uint64_t>;
  const std::vector<std::string> topics = {"a", "a.b", "a.b.c", "a.b.c.d", "b.a", "ab.c"};
  CHECK(Reached<Driver>({">"}, topics) == Numbers{1, 2, 3, 4, 5, 6});
  CHECK(Reached<Driver>({"a.>"}, topics) == Numbers{2, 3, 4});
  CHECK(Reached<Driver>({"*.b.>"}, topics) == Numbers{3, 4});
  CHECK(Reached<Driver>({"a.*.c.>"}, topics) == Numbers{4});
}

// Pins TOP-1, TOP-11.
TEST_CASE_TEMPLATE_DEFINE("patterns tell percent-encoded symbols apart", Driver,
                          pubsub_suite_encoded) {
  if (!Driver::kQuirks.patterns) return;
  using Numbers = std::vector<std::uint64_t>;
  std::vector<std::string> topics;
  for (const char* symbol : {"BTC.P", "BTC/P", "BTC", "*"}) {
    topics.push_back("act.exchange.x.trade.tape." + TopicSegment(symbol));
  }
  CHECK(Reached<Driver>({"act.exchange.x.trade.tape.*"}, topics) == Numbers{1, 2, 3, 4});
  CHECK(Reached<Driver>({"act.exchange.*.trade.tape.BTC%2EP"}, topics) == Numbers{1});
  CHECK(Reached<Driver>({"act.exchange.*.trade.tape.%2A"}, topics) == Numbers{4});
}

// Pins TOP-14.
TEST_CASE_TEMPLATE_DEFINE("an event that several of its topics fit comes once", Driver,
                          pubsub_suite_once) {
  if (!Driver::kQuirks.patterns) return;
  const std::vector<std::string> topics = {"a.b", "a.c", "b.b", "a.b.c"};
  CHECK(Reached<Driver>({"a.b", "a.*", "*.b", ">", "a.>", "a.b"}, topics) == Range(1, 4));
}

// Pins TOP-18.
TEST_CASE_TEMPLATE_DEFINE("no wildcard stands for the last segment of a topic of dead letters",
                          Driver, pubsub_suite_pattern_dead) {
  if (!Driver::kQuirks.patterns) return;
  using Numbers = std::vector<std::uint64_t>;
  const std::vector<std::string> topics = {"a.new", "a.new-dead", "a.new-dead.x", "b.new-dead"};
  CHECK(Reached<Driver>({"a.*"}, topics) == Numbers{1});
  CHECK(Reached<Driver>({">"}, topics) == Numbers{1, 3});
  CHECK(Reached<Driver>({"a.>"}, topics) == Numbers{1, 3});
  CHECK(Reached<Driver>({"*.new-dead"}, topics) == Numbers{2, 4});
  CHECK(Reached<Driver>({"a.*-dead"}, topics) == Numbers{2});
  CHECK(Reached<Driver>({"*-dead"}, topics) == Numbers{});
  CHECK(Reached<Driver>({">-dead"}, topics) == Numbers{2, 4});
  CHECK(Reached<Driver>({"b.>-dead"}, topics) == Numbers{4});
  CHECK(Reached<Driver>({"a.>-dead", "a.*-dead", ">"}, topics) == Range(1, 3));
}

// Pins TOP-11.
TEST_CASE_TEMPLATE_DEFINE("an exact topic with a star is no pattern", Driver,
                          pubsub_suite_literal_star) {
  Driver driver;
  Inbox literal;
  auto exact = driver.bus().Subscribe("a.*", Queue(64), literal.Handler());
  std::vector<Subscription> also;
  Inbox pattern;
  if (Driver::kQuirks.patterns) {
    also.push_back(driver.bus().Subscribe("a.*", Patterns(), pattern.Handler()).value());
  }
  REQUIRE(driver.bus().Publish(Numbered("a.b", 1)).ok());
  REQUIRE(driver.bus().Publish(Numbered("a.*", 2)).ok());
  literal.Await(1);
  if (Driver::kQuirks.patterns) {
    pattern.Await(2);
    CHECK(pattern.numbers() == Range(1, 2));
  }
  exact->Unsubscribe();
  CHECK(literal.numbers() == Range(2, 2));
}

TEST_CASE_TEMPLATE_DEFINE("patterns come and go while topics are known", Driver,
                          pubsub_suite_pattern_changes) {
  if (!Driver::kQuirks.patterns) return;
  Driver driver;
  Inbox first;
  Inbox second;
  Inbox third;
  const auto publish = [&](std::uint64_t number) {
    REQUIRE(driver.bus().Publish(Numbered("a.b", number)).ok());
  };
  auto one = driver.bus().Subscribe("a.*", Patterns(), first.Handler()).value();
  publish(1);
  first.Await(1);
  auto two = driver.bus().Subscribe("a.*", Patterns(), second.Handler()).value();
  auto three = driver.bus().Subscribe(">", Patterns(), third.Handler()).value();
  publish(2);
  first.Await(2);
  second.Await(1);
  third.Await(1);
  one.Unsubscribe();
  publish(3);
  second.Await(2);
  third.Await(2);
  two.Unsubscribe();
  publish(4);
  third.Await(3);
  three.Unsubscribe();
  publish(5);
  auto again = driver.bus().Subscribe("*.b", Patterns(), first.Handler()).value();
  publish(6);
  first.Await(3);
  again.Unsubscribe();
  CHECK(first.numbers() == std::vector<std::uint64_t>{1, 2, 6});
  CHECK(second.numbers() == Range(2, 3));
  CHECK(third.numbers() == Range(2, 4));
}

// Pins TOP-14.
TEST_CASE_TEMPLATE_DEFINE("publishing order holds over all topics of a pattern", Driver,
                          pubsub_suite_pattern_order) {
  if (!Driver::kQuirks.patterns) return;
  Driver driver;
  Inbox inbox;
  auto subscription = driver.bus().Subscribe("a.>", Patterns(64), inbox.Handler()).value();
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    REQUIRE(driver.bus().Publish(Numbered("a." + std::to_string(i % 17), i)).ok());
  }
  inbox.Await(1000);
  CHECK(inbox.numbers() == Range(1, 1000));
}

// Pins TOP-13.
TEST_CASE_TEMPLATE_DEFINE("an illegal pattern is refused with what was expected", Driver,
                          pubsub_suite_illegal_pattern) {
  Driver driver;
  Inbox inbox;
  const auto refused = [&](std::string_view pattern) {
    return driver.bus().Subscribe(pattern, Patterns(), inbox.Handler()).status();
  };
  if (!Driver::kQuirks.patterns) {
    CHECK(refused("a.*").code() == StatusCode::kUnimplemented);
    return;
  }
  std::string deep = "a";
  for (int i = 0; i < 63; ++i) deep += ".a";
  CHECK(refused(deep).ok());
  for (const std::string& pattern :
       {std::string("a..b"), std::string(".a"), std::string("a."), std::string("a*.b"),
        std::string("a.b*"), std::string("a.>.b"), std::string(">.a"), std::string("a>"),
        std::string("**"), deep + ".*"}) {
    CAPTURE(pattern);
    const Status status = refused(pattern);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().find("expected") != std::string_view::npos);
    CHECK(status.message().find("found") != std::string_view::npos);
  }
}

}  // namespace virtufin::test

/// Runs this part for `driver`; once per translation unit.
#define VIRTUFIN_PUBSUB_PATTERNS(driver)                 \
  namespace virtufin::test {                             \
  VIRTUFIN_INVOKE(pubsub_suite_star, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_rest, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_encoded, driver);         \
  VIRTUFIN_INVOKE(pubsub_suite_once, driver);            \
  VIRTUFIN_INVOKE(pubsub_suite_literal_star, driver);    \
  VIRTUFIN_INVOKE(pubsub_suite_pattern_dead, driver);    \
  VIRTUFIN_INVOKE(pubsub_suite_pattern_changes, driver); \
  VIRTUFIN_INVOKE(pubsub_suite_pattern_order, driver);   \
  VIRTUFIN_INVOKE(pubsub_suite_illegal_pattern, driver); \
  }                                                      \
  static_assert(true, "wants a semicolon")
