// A bus over a repeatable executor: who gets what, and in which order, hangs on what is published
// alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/bus.hpp"

using namespace virtufin;
using namespace virtufin::test;
using std::chrono::milliseconds;

namespace {

struct RepeatableBus {
  RepeatableBus() { REQUIRE(executor.Start().ok()); }
  ~RepeatableBus() {
    (void)bus.Stop(std::chrono::seconds(30));
    (void)executor.Stop(std::chrono::seconds(30));
  }
  Subscription Listen(std::initializer_list<std::string_view> topics, MessageHandler handler,
                      const SubscribeOptions& options = {}) {
    return bus.Subscribe(topics, options, std::move(handler)).value();
  }

  ManualClock clock{Timestamp()};
  LogLines log;
  Executor executor{{.repeatable = true}, clock, log};
  InprocBroker bus{{executor, clock, log}};
};

void BeBusy(milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace

// Pins EX-111.
TEST_CASE("everybody gets an event before what it leads to, and Publish waits for all of that") {
  RepeatableBus test;
  std::vector<std::string> seen;  // written without a lock: one handler runs at a time
  const auto note = [&seen](const std::string& who) {
    return [&seen, who](const Message& message, const DeliveryInfo&) {
      seen.push_back(who + " " + std::string(message.topic()));
      return Delivery::kSuccess;
    };
  };
  const auto first = test.Listen({"event"}, [&](const Message&, const DeliveryInfo&) {
    CHECK(test.bus.Publish(Numbered("answer", 1)).ok());
    return Delivery::kSuccess;
  });
  std::vector<Subscription> others;
  for (const char* const who : {"b", "c"})
    others.push_back(test.Listen({"event", "answer"}, note(who)));
  const std::vector<std::string> expected = {"b event", "b answer", "c event", "c answer"};
  for (int round = 0; round < 300; ++round) {
    seen.clear();
    REQUIRE(test.bus.Publish(Numbered("event", 1)).ok());
    REQUIRE(seen == expected);
  }
}

// Pins EX-113.
TEST_CASE("a queue that waits for virtual time loses nothing, however much real time that takes") {
  RepeatableBus test;
  SubscribeOptions options;
  options.capacity = 2;
  options.block_timeout_ms = 1;
  options.retry.retries = 1;
  options.retry.first_delay_ms = 200;
  std::uint64_t handled = 0;
  std::uint64_t missed = 0;
  const auto held = test.Listen(
      {"answer"},
      [&](const Message&, const DeliveryInfo& info) {
        missed += info.missed;
        if (info.attempt == 1 && handled == 0) return Delivery::kRetry;
        ++handled;
        return Delivery::kSuccess;
      },
      options);
  const auto answers = test.Listen({"event"}, [&](const Message& message, const DeliveryInfo&) {
    CHECK(test.bus.Publish(Numbered("answer", NumberOf(message))).ok());
    return Delivery::kSuccess;
  });
  for (std::uint64_t i = 0; i < 20; ++i) CHECK(test.bus.Publish(Numbered("event", i)).ok());
  BeBusy(milliseconds(30));  // longer than the patience of the queue
  CHECK(handled == 0);
  test.clock.Advance(milliseconds(200));
  REQUIRE(test.executor.WaitIdle().ok());
  CHECK(handled == 20);
  CHECK(missed == 0);
}

// Pins EX-113.
TEST_CASE("a player that moves the clock later loses nothing at a queue that waits for a retry") {
  RepeatableBus test;
  SubscribeOptions options;
  options.capacity = 100;
  options.retry.retries = 1;
  options.retry.first_delay_ms = 1'000;
  std::vector<std::uint64_t> handled;
  std::uint64_t missed = 0;
  bool failed = false;
  const MessageHandler handler = [&](const Message& message, const DeliveryInfo& info) {
    missed += info.missed;
    if (!std::exchange(failed, true)) return Delivery::kRetry;
    handled.push_back(NumberOf(message));
    return Delivery::kSuccess;
  };
  constexpr std::uint64_t kEvents = 1'000;
  std::vector<std::uint64_t> expected(kEvents);
  std::iota(expected.begin(), expected.end(), 0);
  SUBCASE("in order") {}
  SUBCASE("in any order") { options.ordered = false; }
  SUBCASE("of a group") { options.group = "g"; }
  const auto held = test.Listen({"event"}, handler, options);
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    REQUIRE(test.bus.Publish(Numbered("event", i)).ok());  // on this thread, which has no strand
  }
  CHECK_FALSE(held.counters().lagging);
  test.clock.Advance(milliseconds(1'000));
  REQUIRE(test.executor.WaitIdle().ok());
  std::sort(handled.begin(), handled.end());
  CHECK(handled == expected);
  CHECK(missed == 0);
  CHECK(held.counters().missed_lagging == 0);
}

// Pins EX-113.
TEST_CASE("how long a handler takes does not change whose turn it is") {
  RepeatableBus test;
  std::string seen;
  const auto note = [&seen](char who, milliseconds busy) {
    return [&seen, who, busy](const Message&, const DeliveryInfo&) {
      BeBusy(busy);
      seen += who;
      return Delivery::kSuccess;
    };
  };
  const auto slow = test.Listen({"event"}, note('a', milliseconds(3)));
  const auto fast = test.Listen({"event"}, note('b', milliseconds(0)));
  test.executor.Post([&] {
    for (std::uint64_t i = 0; i < 8; ++i) CHECK(test.bus.Publish(Numbered("event", i)).ok());
  });
  REQUIRE(test.executor.WaitIdle().ok());
  CHECK(seen == "aaaaaaaabbbbbbbb");
}

// Pins EX-113.
TEST_CASE("a retry comes on the virtual clock") {
  RepeatableBus test;
  SubscribeOptions options;
  options.retry.retries = 1;
  options.retry.first_delay_ms = 200;
  std::vector<std::string> seen;
  const auto handler = test.Listen(
      {"event"},
      [&](const Message&, const DeliveryInfo& info) {
        const auto now = test.clock.Monotonic().time_since_epoch() / milliseconds(1);
        seen.push_back(std::to_string(info.attempt) + " at " + std::to_string(now));
        return info.attempt == 1 ? Delivery::kRetry : Delivery::kSuccess;
      },
      options);
  REQUIRE(test.bus.Publish(Numbered("event", 1)).ok());
  CHECK(seen == std::vector<std::string>{"1 at 0"});
  test.clock.Advance(milliseconds(500));
  CHECK(seen == std::vector<std::string>{"1 at 0", "2 at 200"});
}

// Pins EX-111.
TEST_CASE("Publish does not wait for an executor that does not run") {
  ManualClock clock((Timestamp()));
  LogLines log;
  Executor executor({.repeatable = true}, clock, log);
  InprocBroker bus({executor, clock, log});
  int handled = 0;
  const auto subscription = bus.Subscribe("event", {}, [&](const Message&, const DeliveryInfo&) {
    ++handled;
    return Delivery::kSuccess;
  });
  CHECK(bus.Publish(Numbered("event", 1)).ok());
  CHECK(handled == 0);
  REQUIRE(executor.Start().ok());
  REQUIRE(executor.WaitIdle().ok());
  CHECK(handled == 1);
  REQUIRE(bus.Stop(std::chrono::seconds(30)).ok());
  CHECK(bus.Publish(Numbered("event", 2)).code() == StatusCode::kUnavailable);
  REQUIRE(executor.Stop(std::chrono::seconds(30)).ok());
  CHECK(bus.Publish(Numbered("event", 3)).code() == StatusCode::kUnavailable);
}
