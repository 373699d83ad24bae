// Patterns against a plain matcher, what is remembered, and changes under publishing threads.
#include "pubsub/pattern_table.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pubsub/inline_subscription.hpp"
#include "pubsub/pattern.hpp"
#include "support/bus.hpp"

namespace virtufin::test {
namespace {

using detail::BrokerCore;
using detail::InlineSubscription;
using detail::PatternTable;

std::shared_ptr<InlineSubscription> Make(const std::shared_ptr<BrokerCore>& core) {
  return std::make_shared<InlineSubscription>(
      core, "x", detail::TopicNames{{}, {"x"}},
      [](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; }, true);
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> segments(1);
  for (const char c : text) {
    if (c == '.') {
      segments.emplace_back();
    } else {
      segments.back() += c;
    }
  }
  return segments;
}

bool Fits(const std::string& pattern, const std::string& topic) {
  const auto wanted = Split(pattern);
  const auto found = Split(topic);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i >= found.size()) return false;
    if (wanted[i] == ">") return true;
    if (wanted[i] != "*" && wanted[i] != found[i]) return false;
  }
  return wanted.size() == found.size();
}

// Pins TOP-11, TOP-12.
TEST_CASE("the table finds what a plain matcher finds, while patterns come and go") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  const auto listener = Make(core);
  std::mt19937 random(5);
  const auto segment = [&](bool wild) {
    const char* const words[] = {"a", "b", "c", "", "*"};
    return std::string(words[random() % (wild ? 5 : 4)]);
  };
  PatternTable table;
  std::vector<std::string> patterns;
  int wrong = 0;
  for (int round = 0; round < 4000; ++round) {
    if (patterns.size() < 12 && random() % 3 != 0) {
      std::string pattern = segment(true);
      for (std::size_t more = random() % 4; more > 0; --more) pattern += "." + segment(true);
      if (random() % 3 == 0) pattern += ".>";
      if (!detail::CheckPattern(pattern).ok() || !detail::HasWildcard(pattern)) continue;
      if (std::find(patterns.begin(), patterns.end(), pattern) != patterns.end()) continue;
      table.Add(pattern, listener);
      patterns.push_back(pattern);
    } else if (!patterns.empty()) {
      const std::size_t at = random() % patterns.size();
      table.Remove(patterns[at], *listener);
      patterns.erase(patterns.begin() + static_cast<std::ptrdiff_t>(at));
    }
    REQUIRE(table.size() == patterns.size());
    for (int look = 0; look < 10; ++look) {
      std::string topic = segment(true);
      for (std::size_t more = random() % 4; more > 0; --more) topic += "." + segment(true);
      std::vector<std::string> found;
      for (const auto& entry : *table.Find(topic)) found.emplace_back(entry->pattern());
      std::vector<std::string> expected;
      for (const std::string& pattern : patterns) {
        if (Fits(pattern, topic)) expected.push_back(pattern);
      }
      std::sort(found.begin(), found.end());
      std::sort(expected.begin(), expected.end());
      if (found != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("what topics matched is remembered within bounds and forgotten with the last pattern") {
  const auto core = std::make_shared<BrokerCore>(NullLog());
  const auto listener = Make(core);
  PatternTable table;
  table.Add("order.*", listener);
  for (int i = 0; i < 100'000; ++i) {
    REQUIRE(table.Find("order." + std::to_string(i))->size() == 1);
  }
  CHECK(table.remembered() > 0);
  CHECK(table.remembered() <= 64 * 256);
  table.Remove("order.*", *listener);
  CHECK(table.empty());
  CHECK(table.remembered() == 0);
  CHECK(listener.use_count() == 1);
}

TEST_CASE("a remembered match does not keep an ended subscription") {
  Bus bus;
  auto owned = std::make_shared<int>(0);
  SubscribeOptions options = Inline();
  options.patterns = true;
  auto other = bus.Subscribe(
      "a.*", options, [](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; });
  auto subscription = bus.Subscribe("a.*", options, [owned](const Message&, const DeliveryInfo&) {
    ++*owned;
    return Delivery::kSuccess;
  });
  REQUIRE(bus.Publish("a.b", 1).ok());
  subscription.Unsubscribe();
  REQUIRE(bus.Publish("a.b", 2).ok());
  CHECK(*owned == 1);
  CHECK(owned.use_count() == 1);
}

TEST_CASE("a subscription made before a publish gets it, whatever other threads do") {
  Bus bus;
  SubscribeOptions options = Inline();
  options.patterns = true;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    const Message message = Numbered("a.b.c", 0);
    while (!stop.load()) (void)bus.broker->Publish(message);
  });
  threads.emplace_back([&] {
    while (!stop.load()) {
      auto other = bus.Subscribe(
          "a.>", options, [](const Message&, const DeliveryInfo&) { return Delivery::kSuccess; });
    }
  });
  int lost = 0;
  for (std::uint64_t round = 1; round <= 2000; ++round) {
    std::atomic<int> mine{0};
    auto subscription =
        bus.Subscribe("a.*.c", options, [&](const Message& message, const DeliveryInfo&) {
          if (NumberOf(message) == round) ++mine;
          return Delivery::kSuccess;
        });
    REQUIRE(bus.Publish("a.b.c", round).ok());
    if (mine != 1) ++lost;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(lost == 0);
}

TEST_CASE("patterns end with their broker, and a stopped broker calls none") {
  Bus bus;
  Inbox inbox;
  SubscribeOptions options = Inline();
  options.patterns = true;
  auto inlined = bus.Subscribe(">", options, inbox.Handler());
  options.dispatch = Dispatch::kQueued;
  auto queued = bus.Subscribe(">", options, inbox.Handler());
  REQUIRE(bus.Publish("a", 1).ok());
  inbox.Await(2);
  CHECK(bus.broker->Stop(std::chrono::seconds(30)).ok());
  CHECK(bus.Publish("a", 2).code() == StatusCode::kUnavailable);
  bus.broker.reset();
  inlined.Unsubscribe();
  queued.Unsubscribe();
  CHECK(inbox.size() == 2);
}

}  // namespace
}  // namespace virtufin::test
